"""Instance segmentation: the matte is the union of the people that a network detects.

Mask R-CNN: He et al., arXiv 1703.06870. Two forms, as in the Open Model Zoo's demo: one image in, boxes with their
scores, labels and masks out (instance-segmentation-person-0007 and the like); or image and its size in, boxes,
scores, classes and a mask for every class out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model_api.adapters.base import Adapter
from model_api.layouts import is_image
from model_api.mattes.instance_matte import Instance, InstanceMatte, union
from model_api.mattes.matte import Matte
from model_api.models.base import MattingModel, ModelOptions
from model_api.models.labels import person_number
from model_api.models.network_facts import NetworkFacts
from model_api.models.tickets import Answer
from model_api.preprocessing import Preprocessing
from model_api.resize import Box
from model_api.types import Binding, Floats, Frame, Signature, Size, Tensors, TensorSpec

NAMES = {
    "boxes": frozenset({"boxes"}),
    "labels": frozenset({"labels", "classes"}),
    "scores": frozenset({"scores"}),
    "masks": frozenset({"masks", "raw_masks"}),
}
NEEDED = {"boxes", "labels", "masks"}
RANKS = {1: "labels", 2: "boxes", 3: "masks"}
"""The roles of outputs by their number of dimensions, where their names do not tell."""


@dataclass(frozen=True, eq=False)
class Detection:
    """An object in the network's input.

    Attributes:
        number: its class; the background's is 0.
        score: in 0..1.
        box: in pixels of the input.
        mask: (h, w) float32, the probability that each cell of `area` belongs to it.
        area: the box that the mask covers, in pixels of the input.
    """

    number: int
    score: float
    box: Box
    mask: Floats
    area: Box


class InstanceSegmentation(MattingModel):
    """A contract whose network detects objects one by one, each with a mask."""

    detects = True

    def __init__(self, adapter: Adapter, network: NetworkFacts, options: ModelOptions) -> None:
        """See `MattingModel`.

        Raises:
            OptionError: there is no person among the labels.
        """
        super().__init__(adapter, network, options)
        self._person = person_number(options.labels)

    def detections(self, outputs: Tensors, input_wh: Size) -> list[Detection]:
        """The objects whose score exceeds the threshold.

        Args:
            outputs: of the network.
            input_wh: (width, height) of its input in pixels.
        """
        raise NotImplementedError

    def postprocess(self, answer: Answer) -> Matte:
        """The union of the people, with all objects that were detected."""
        frame = answer.frame
        fit = self._fit(frame.size)
        detections = self.detections(answer.outputs, fit.input_wh)
        people = ((item.mask, fit.undo_box(item.area)) for item in detections if item.number == self._person)
        instances = (Instance(self._name(item.number), item.score, fit.undo_box(item.box)) for item in detections)
        return InstanceMatte(frame.picture, union(people, frame.size), instances=tuple(instances))

    def _name(self, number: int) -> str:
        labels = self.options.labels
        return labels[number] if 0 <= number < len(labels) else f"class {number}"


class MaskRcnn(InstanceSegmentation):
    """Mask R-CNN, in both forms of the Open Model Zoo."""

    known_as = "Mask R-CNN (image -> boxes, labels, masks; or image, im_info -> boxes, classes, scores, raw_masks)"
    original = Preprocessing("BGR", source="as the Open Model Zoo's networks")

    @classmethod
    def match(cls, signature: Signature) -> Binding | None:
        """See `MattingModel`."""
        images = [spec for spec in signature.inputs if is_image(spec)]
        sizes = [spec for spec in signature.inputs if len(spec.shape) == 2]
        answers = _roles(signature.outputs)
        if len(images) != 1 or len(sizes) != len(signature.inputs) - 1 or len(sizes) > 1 or not answers:
            return None
        columns = signature.output(answers["boxes"]).shape[-1]
        if columns not in ((4, 5, None) if "scores" in answers else (5, None)):
            return None
        return Binding((min(images[0].names),), answers)

    def preprocess(self, frame: Frame) -> Tensors:
        """The image and, for networks that take it, its size: 1×3 float32, height and width of the frame in it, 1."""
        x, y, width, height = self._fit(frame.size).placed
        shown = np.array([[y + height, x + width, 1]], np.float32)
        sizes = (min(spec.names) for spec in self.adapter.signature.inputs if len(spec.shape) == 2)
        return {**super().preprocess(frame), **dict.fromkeys(sizes, shown)}

    def detections(self, outputs: Tensors, input_wh: Size) -> list[Detection]:
        """See `InstanceSegmentation`."""
        answers = {role: outputs[name] for role, name in self.binding.answers.items()}
        if answers["boxes"].ndim == 3:
            answers = {role: batch[0] for role, batch in answers.items()}
        boxes, masks = answers["boxes"], answers["masks"]
        scores = answers.get("scores", boxes[:, -1])
        # Networks with an output for scores count the background as class 0; those with five columns do not.
        numbers = answers["labels"].astype(int) + ("scores" not in answers)
        kept = (scores > self.options.threshold) & (boxes[:, 2:4] > boxes[:, :2]).all(axis=1)
        detections = []
        for index in np.flatnonzero(kept):
            box, number = as_box(boxes[index, :4]), int(numbers[index])
            detections.append(Detection(number, float(scores[index]), box, _mask(masks[index], number), box))
        return detections


def as_box(four: Floats) -> Box:
    """(4,) float32, left, top, right and bottom, as a box."""
    left, top, right, bottom = four.tolist()
    return left, top, right, bottom


def _roles(outputs: Iterable[TensorSpec]) -> dict[str, str]:
    """Role -> output, by the names if they tell, else by the number of dimensions. Empty if neither does."""
    named = {role: min(spec.names & names) for role, names in NAMES.items() for spec in outputs if spec.names & names}
    ranked = {
        RANKS[len(spec.shape)]: min(spec.names)
        for spec in outputs
        if len(spec.shape) in RANKS and not min(spec.names).startswith("TopK")
    }
    return next((roles for roles in (named, ranked) if roles.keys() >= NEEDED), {})


def _mask(masks: npt.NDArray[Any], number: int) -> Floats:
    """h×w, or one for every class, C×h×w, or one for all, 1×h×w."""
    plane = masks if masks.ndim == 2 else masks[number if len(masks) > 1 else 0]
    return plane.astype(np.float32, copy=False)

"""YOLACT: the mask of each object is a mixture of prototypes that all objects share.

Bolya et al., "YOLACT: Real-time Instance Segmentation", arXiv 1904.02689, in the form of the Open Model Zoo's
yolact-resnet50-fpn-pytorch, which answers boxes, not offsets from priors, and leaves the choice among them to us.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

import cv2
import numpy as np
import numpy.typing as npt

from model_api.layouts import is_image
from model_api.models.instance_segmentation import Detection, InstanceSegmentation, as_box
from model_api.preprocessing import Preprocessing
from model_api.resize import Box
from model_api.types import Binding, Floats, Signature, Size, Tensors

ANSWERS = ("boxes", "conf", "mask", "proto")
OVERLAP = 0.5
"""Of two objects of a class that share more than this part of their union, the surer one is kept."""


class Yolact(InstanceSegmentation):
    """YOLACT."""

    known_as = "YOLACT (one image -> boxes, conf, mask, proto)"
    original = Preprocessing("RGB", (123.675, 116.78, 103.94), (58.395, 57.12, 57.375), "as the published YOLACT")

    @classmethod
    def match(cls, signature: Signature) -> Binding | None:
        """See `MattingModel`."""
        if len(signature.inputs) != 1 or not is_image(signature.inputs[0]):
            return None
        if not signature.output_names.issuperset(ANSWERS):
            return None
        return Binding((min(signature.inputs[0].names),), {name: name for name in ANSWERS})

    def detections(self, outputs: Tensors, input_wh: Size) -> list[Detection]:
        """See `InstanceSegmentation`.

        The outputs are boxes, 1×N×4 in 0..1; conf, 1×N×C, of which column 0 is the background; mask, 1×N×K; and
        proto, 1×h×w×K.
        """
        boxes, conf, mixtures, prototypes = (outputs[name][0] for name in ANSWERS)
        boxes = np.clip(boxes, 0, 1)
        # One box that is not a number would spoil the choice among all of them.
        in_sight = (boxes[:, 2:] > boxes[:, :2]).all(axis=1, keepdims=True)
        rows, columns = np.nonzero((conf[:, 1:] > self.options.threshold) & in_sight)
        numbers, scores, places = columns + 1, conf[rows, columns + 1], boxes[rows]
        detections = []
        for index in _surest(places, scores, numbers):
            place = as_box(places[index])
            mask, area = _mixed(prototypes, mixtures[rows[index]], place)
            box, area = _scaled(place, input_wh), _scaled(area, input_wh)
            detections.append(Detection(int(numbers[index]), float(scores[index]), box, mask, area))
        return detections


def _surest(boxes: Floats, scores: Floats, numbers: npt.NDArray[np.int_]) -> Iterable[int]:
    """Of (N, 4) boxes those to keep, the surest first; objects of different classes do not compete."""
    corners, sizes = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    rectangles = np.hstack([corners, sizes]).tolist()
    return map(int, cv2.dnn.NMSBoxesBatched(rectangles, scores.tolist(), numbers.tolist(), 0.0, OVERLAP))


def _mixed(prototypes: Floats, mixture: Floats, place: Box) -> tuple[Floats, Box]:
    """The mask of an object, and the part of the input that it covers: a box in 0..1, as `place` is.

    It ends one cell outside of the object's box, as in the paper's own code.
    """
    left, top, right, bottom = place
    height, width = prototypes.shape[:2]
    columns, rows = _cells(left, right, width), _cells(top, bottom, height)
    # The sigmoid, by a function that does not overflow.
    mask = np.asarray(0.5 + 0.5 * np.tanh(prototypes[rows, columns] @ mixture / 2), np.float32)
    return mask, (columns.start / width, rows.start / height, columns.stop / width, rows.stop / height)


def _cells(start: float, end: float, count: int) -> slice:
    """Those of `count` cells between `start` and `end` of 0..1, and one more on either side."""
    return slice(max(ceil(start * count - 1), 0), min(ceil(end * count + 1), count))


def _scaled(box: Box, size: Size) -> Box:
    left, top, right, bottom = box
    return left * size[0], top * size[1], right * size[0], bottom * size[1]

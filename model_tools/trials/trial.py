"""Run a network on pictures in every usual way, and compare the masks with those of the bundled model `portrait`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
import openvino as ov

from model_api import AsyncPipeline, create_model
from model_api.adapters.kserve.image_conversion import to_network
from model_api.create import WHOLE, facts_of, recognize
from model_api.errors import ModelContractError, OptionError, SourceError
from model_api.graph import loading
from model_api.graph.loading import Network
from model_api.layouts import image_layout, image_shape, image_size
from model_api.models.network_facts import NetworkFacts
from model_api.models.portrait_matting import SHORT_SIDE_PX
from model_api.preprocessing import ImageInput, Override
from model_api.recognition.file_facts import completed
from model_api.recognition.known_networks import CLASSES
from model_api.recognition.outputs import MaskOutput, mask_of
from model_api.recognition.reading import FEW_CLASSES, MaskReading, activation_of, planes_of, read, reading_of
from model_api.resize import resize, rounded_size, size_of_area
from model_api.types import Alpha, Floats, Frame, Image, Size
from model_tools.reporting.quiet import quiet
from model_tools.trials.candidates import USUAL_SIZES, Candidate, preprocessings, readings

REFEREE = "portrait"
COMPARED_PX = 256
"""The long side of the masks that are compared."""
LEAST_PERSON = 0.01
"""The part of the picture that a person must cover."""
CLOSE = 0.02
"""What is not better by more than this is about as good."""
CLOSE_READING = 0.2
"""Another reading of a mask than the program's own must be better by this: the wrong one may be more decided."""
GOOD = 0.6
"""With less agreement than this, none of what was tried seems right."""
BEST_FOR_SIZES = 2
"""Preprocessings that are tried at other sizes too."""


@dataclass(frozen=True, eq=False)
class Example:
    """A picture with a person.

    Attributes:
        picture: (H, W, 3) uint8 BGR.
        referee: (h, w) float32, the referee's alpha, small.
    """

    picture: Image
    referee: Alpha


@dataclass(frozen=True, eq=False)
class Trial:
    """A network, fed and read in one way.

    Attributes:
        candidate: how it was fed.
        reading: how its mask was read.
        alphas: (h, w) float32, small, for each picture.
        agreement: with the referee: the sum of the smaller alphas by that of the larger ones, 1 for equal masks. The
            mean over the pictures, as the next one.
        decided: how far alpha is from 0.5 on average, 1 where each pixel is 0 or 1.
        is_own: whether the program would do it so.
    """

    candidate: Candidate
    reading: MaskReading
    alphas: tuple[Alpha, ...]
    agreement: float
    decided: float
    is_own: bool = False

    @property
    def score(self) -> float:
        """What trials are ordered by."""
        return self.agreement * self.decided

    @property
    def area(self) -> float:
        """The part of the pictures that the mask covers."""
        return float(np.mean([alpha.mean() for alpha in self.alphas]))


@dataclass(frozen=True, eq=False)
class Trials:
    """All ways that were tried.

    Attributes:
        examples: the pictures.
        rows: the best reading of each candidate, the best first.
        best: the first row, or one that is about as good: what the program takes, or else the most usual.
    """

    examples: Sequence[Example]
    rows: Sequence[Trial]
    best: Trial


def try_out(network: Network, override: Override, pictures: Mapping[str, Image]) -> Trials:
    """Try a network on pictures with a person.

    Args:
        network: of one image and one mask. It stays as it is.
        override: what the user, or else the file, says is not varied.
        pictures: name -> (H, W, 3) uint8 BGR.

    Raises:
        OptionError: the network follows another contract.
        ModelContractError: it does not run.
        SourceError: the referee finds no person in a picture.
    """
    override = completed(override, network.info)
    contract, binding = recognize(network.signature, network.name, override.output_name)
    if not contract.one_mask:
        raise OptionError(f"--image is for networks of one image and one mask, not for {contract.__name__}")
    examples = _examples(pictures)
    facts = facts_of(network, contract, binding, _with_classes(override, mask_of(network.signature, binding)))
    image = network.signature.input(binding.images[0])
    own = Candidate(facts.preprocessing, _size(facts, examples[0].picture))
    run = _Runner(network, facts, override, examples, own)
    usual = preprocessings(override, own.preprocessing, takes_bytes=image.dtype in WHOLE)
    rows = run.all(Candidate(one, own.size) for one in usual)
    if image_size(image) is None:
        best = sorted(rows, key=lambda row: -row.score)[:BEST_FOR_SIZES]
        sizes = [size for size in USUAL_SIZES if size != own.size]
        rows += run.all(Candidate(row.candidate.preprocessing, size) for row in best for size in sizes)
    if not rows:
        raise ModelContractError(f"{network.name} does not run on images of {own.size[0]}x{own.size[1]}")
    ordered = sorted(rows, key=lambda row: -row.score)
    close = [row for row in rows if row.score > ordered[0].score - CLOSE]
    return Trials(examples, ordered, next((row for row in close if row.is_own), close[0]))


def _with_classes(override: Override, mask: MaskOutput) -> Override:
    """Of many classes each is tried: that nothing says which is the person is no error here."""
    is_open = mask.channels > FEW_CLASSES and mask.channels not in CLASSES and override.person_class is None
    return replace(override, person_class=(1,)) if is_open else override


class _Runner:
    """A network, compiled once for each size."""

    def __init__(
        self,
        network: Network,
        facts: NetworkFacts,
        override: Override,
        examples: Sequence[Example],
        own: Candidate,
    ) -> None:
        self._network, self._examples, self._own = network, examples, own
        self._image = facts.binding.images[0]
        self._layout = image_layout(network.signature.input(self._image), override.layouts)
        reading = facts.reading or reading_of(mask_of(network.signature, facts.binding))
        certain = reading.mask.name in network.structure.probabilities
        self._readings = list(readings(reading, override, is_probability=certain))
        self._compiled: dict[Size, ov.CompiledModel] = {}

    def all(self, candidates: Iterable[Candidate]) -> list[Trial]:
        return [row for candidate in candidates if (row := self._best(candidate))]

    def _best(self, candidate: Candidate) -> Trial | None:
        """With the reading that comes out best. None where the network does not take images of this size."""
        try:
            answers = [self._answer(candidate, example.picture) for example in self._examples]
        except RuntimeError:
            return None
        trials = [self._trial(candidate, reading, answers) for reading in self._readings]
        first, best = trials[0], max(trials, key=lambda trial: trial.score)
        return first if first.score > best.score - CLOSE_READING else best

    def _trial(self, candidate: Candidate, reading: MaskReading, answers: Sequence[Floats]) -> Trial:
        see = partial(_shown, reading)
        pairs = [
            (cv2.resize(read(planes, reading, see), example.referee.shape[::-1]), example.referee)
            for planes, example in zip(answers, self._examples, strict=True)
        ]
        alphas = tuple(alpha for alpha, _ in pairs)
        agreement = float(np.mean([_agreement(*pair) for pair in pairs]))
        decided = float(np.mean([np.abs(2 * alpha - 1).mean() for alpha in alphas]))
        is_own = candidate == self._own and reading is self._readings[0]
        return Trial(candidate, reading, alphas, agreement, decided, is_own)

    def _answer(self, candidate: Candidate, picture: Image) -> Floats:
        """(C, H, W), what the network answers."""
        compiled, mask = self._for(candidate.size), self._readings[0].mask
        seen = resize(picture, candidate.size)[np.newaxis]
        dtype = compiled.inputs[0].element_type.to_dtype()
        answers = compiled(to_network(seen, ImageInput(self._layout, candidate.preprocessing), dtype))
        return np.nan_to_num(np.array(planes_of(answers[mask.name], mask)))

    def _for(self, size: Size) -> ov.CompiledModel:
        if size not in self._compiled:
            model = self._network.model.clone()
            if model.is_dynamic():
                loading.reshape(model, {self._image: image_shape(size, self._layout)}, {})
            options = {"INFERENCE_PRECISION_HINT": "f32"}
            self._compiled[size] = ov.Core().compile_model(model, "CPU", options)
        return self._compiled[size]


def _agreement(alpha: Alpha, referee: Alpha) -> float:
    return float(np.minimum(alpha, referee).sum() / max(float(np.maximum(alpha, referee).sum()), 1e-6))


def _shown(reading: MaskReading, plane: Floats) -> str:
    """What this one frame shows, where nothing else says it."""
    return reading.activation or activation_of(float(plane.min()), float(plane.max()))


def _size(facts: NetworkFacts, picture: Image) -> Size:
    """That the program would take for this picture."""
    own = image_size(facts.signature.input(facts.binding.images[0]))
    wh = (picture.shape[1], picture.shape[0])
    if own or not facts.training.base_wh:
        return own or (facts.known.made_for if facts.known else None) or rounded_size(wh, SHORT_SIDE_PX / min(wh))
    return size_of_area(wh, facts.training.base_wh)


def _examples(pictures: Mapping[str, Image]) -> list[Example]:
    """With the alphas of the bundled model, small."""
    frames = (Frame(index, picture) for index, picture in enumerate(pictures.values()))
    with quiet("model_api"), create_model(REFEREE) as model:
        examples = [
            Example(result.frame.image, _small(result.matte.alpha)) for result in AsyncPipeline(model).run(frames)
        ]
    for name, example in zip(pictures, examples, strict=True):
        if example.referee.mean() < LEAST_PERSON:
            raise SourceError(
                f"{name}: the bundled model {REFEREE} finds no person in it. Give a picture with a person"
            )
    return examples


def _small(alpha: Alpha) -> Alpha:
    height, width = (max(1, round(side * COMPARED_PX / max(alpha.shape))) for side in alpha.shape)
    return resize(alpha, (width, height))

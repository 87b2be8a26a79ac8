"""What every matting model does: turn a frame into tensors, and tensors into a matte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from types import TracebackType
from typing import Any, ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from model_api.adapters.base import Adapter, InferenceOutputs
from model_api.arrays import described, require_state
from model_api.errors import ModelContractError, OptionError, renamed
from model_api.layouts import image_size
from model_api.mattes.guided_filter import FastAlphaCoefficients
from model_api.mattes.matte import DenseMatte, GuidedAlphaMatte, Matte
from model_api.models.faults import Faults, is_finite, without_faults
from model_api.models.labels import PERSON_ALONE
from model_api.models.network_facts import NetworkFacts
from model_api.models.tickets import Answer, Ticket
from model_api.pictures.picture import Picture
from model_api.preprocessing import ZERO_TO_ONE, Preprocessing
from model_api.ranges import PROBABILITY, RATIO, require_choice, require_size
from model_api.recognition.reading import as_alpha
from model_api.resize import RESIZE_TYPES, STANDARD, Fit, size_of_area
from model_api.types import Alpha, Binding, Frame, Image, Signature, Size, Tensors


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """What a user may choose about a model.

    Attributes:
        resize_type: how a frame is laid into an input of another size: a name in `resize.RESIZE_TYPES`.
        downsample_ratio: for networks that take one. None: chosen for the frame's size.
        threshold: the score that a detection must exceed, for networks that detect objects.
        labels: the names of their classes by number, the background's first.

    Raises:
        OptionError: a value that a parameter does not take.
    """

    resize_type: str = STANDARD
    downsample_ratio: float | None = None
    threshold: float = 0.5
    labels: tuple[str, ...] = PERSON_ALONE

    def __post_init__(self) -> None:
        require_choice(RESIZE_TYPES, resize_type=self.resize_type or "")
        RATIO.require(downsample_ratio=self.downsample_ratio)
        PROBABILITY.require(threshold=self.threshold)
        if not isinstance(self.labels, tuple) or not all(isinstance(label, str) for label in self.labels):
            raise OptionError(f"{described(self.labels)}. Expected a tuple of names, a class each", "labels")


class MattingModel:
    """A contract on an adapter. It remembers no frame: state is an argument and a result."""

    known_as: ClassVar[str]
    """The contract in words, for the message when a network matches none."""

    original: ClassVar[Preprocessing] = replace(ZERO_TO_ONE, source="as the published network")
    """What the network took when it was trained."""

    needs_clean_plate: ClassVar[bool] = False
    """Whether each frame must bring a clean plate."""

    detects: ClassVar[bool] = False
    """Whether it detects objects one by one, so that threshold and labels count."""

    one_mask: ClassVar[bool] = False
    """Whether it is any network of one image and one mask: its graph and the user say how it is fed and read."""

    def __init__(self, adapter: Adapter, network: NetworkFacts, options: ModelOptions) -> None:
        """Put a contract on an adapter.

        Args:
            adapter: runs the network.
            network: what is known of it.
            options: what the user chooses.

        Raises:
            ModelContractError: options that do not go with this network.
        """
        self.adapter = adapter
        self.network = network
        self.binding = network.binding
        self.options = options
        self.faults = Faults()
        self._input_wh = image_size(adapter.signature.input(self.binding.images[0]))
        if options.downsample_ratio is not None and not self.takes_ratio:
            raise ModelContractError(
                f"{options.downsample_ratio:g}, but this network takes none: its ratio is fixed in the file. "
                "Leave it out, or use the original release's ONNX file",
                "downsample_ratio",
            )

    @classmethod
    def match(cls, signature: Signature) -> Binding | None:
        """The roles of a network's inputs and outputs, or None if it does not follow this contract."""
        raise NotImplementedError

    @property
    def recurrent(self) -> bool:
        """Whether each frame needs the state of the one before."""
        return bool(self.binding.states)

    @property
    def takes_ratio(self) -> bool:
        """Whether the network takes a downsample ratio."""
        return bool(self.binding.shape_inputs)

    def max_requests(self, tensors: Tensors) -> int:
        """How many frames of a clip may be computed at once.

        Args:
            tensors: what `preprocess` made of a frame.
        """
        return self.adapter.max_requests(tensors)

    def compile_for(self, size: Size) -> None:
        """Compile for frames of one size now, not when the first one comes.

        Args:
            size: (width, height) in pixels.

        Raises:
            OptionError: `size` is not a size, or too small for the ratio.
        """
        require_size(size=size)
        plate = np.zeros((size[1], size[0], 3), np.uint8)
        self.adapter.max_requests(self.preprocess(Frame(0, plate, clean_plate=plate)))

    def preprocess(self, frame: Frame) -> Tensors:
        """The network's image inputs, 1×H×W×3 uint8 BGR, and all others except its state."""
        fit = self._fit(frame.size)
        return {name: fit.apply(picture)[np.newaxis] for name, picture in self.pictures(frame).items()}

    def start(self, frame: Frame, state: Tensors | Ticket, tensors: Tensors | None = None) -> Ticket:
        """Begin to compute a frame, without waiting.

        Args:
            frame: the frame.
            state: of the answer to the frame before; empty to begin. Or the ticket of that frame, where `max_requests`
                allows more than one.
            tensors: what `preprocess` made of the frame, where it was called before.

        Returns:
            A ticket for `finish`.

        Raises:
            OptionError: a ticket for `state`, of a model that computes one frame of a clip at a time.
        """
        tensors = self.preprocess(frame) if tensors is None else tensors
        if isinstance(state, Ticket):
            if not self.recurrent or self.max_requests(tensors) == 1:
                raise OptionError("a ticket. Expected the state of what `finish` returned for it", "state")
            return Ticket(frame, tensors, self.adapter.start(tensors, state.request))
        return Ticket(frame, tensors, self.adapter.start({**tensors, **state}))

    def finish(self, ticket: Ticket) -> Answer:
        """Wait for what `start` began.

        After NaN or infinity a recurrent network computes the frame again, afresh. What is still none becomes 0.

        Raises:
            InferenceError: the device failed.
        """
        answered, states = self.adapter.wait(ticket.request), self.binding.states
        is_sound = self._is_sound(answered)
        if not is_sound:
            self.faults.warn(ticket.frame.index)
            answered = self.adapter.wait(self.adapter.start(ticket.tensors)) if self.recurrent else answered
            if not self._is_sound(answered):
                answered, states = without_faults(answered), {}
        state = {name: answered.tensors[output] for name, output in states.items()}
        return Answer(
            ticket.frame, ticket.tensors, answered.tensors, state, answered.inference_s, self.recurrent and not is_sound
        )

    def postprocess(self, answer: Answer) -> Matte:
        """The matte of a frame, at the frame's size."""
        fit = self._fit(answer.frame.size)
        alpha = self.alpha_of(answer.outputs[self.binding.answers["alpha"]])
        if self.network.training.guided and fit.whole and fit.scales:
            coefficients = FastAlphaCoefficients(self.seen(answer.tensors), alpha)
            return GuidedAlphaMatte(answer.frame.picture, coefficients)
        return DenseMatte(answer.frame.picture, fit.undo(alpha), self._colours(answer, fit))

    def pictures(self, frame: Frame) -> Mapping[str, Picture]:
        """The picture for each image input, at the frame's size."""
        return {self.binding.images[0]: frame.picture}

    def seen(self, tensors: Tensors) -> Image:
        """The frame as the network sees it: (H, W, 3) uint8 BGR of the input's size."""
        return tensors[self.binding.images[0]][0]

    def alpha_of(self, output: npt.NDArray[Any]) -> Alpha:
        """(H, W) float32 in [0, 1] of the network's alpha output."""
        return as_alpha(output)

    def input_size(self, frame_wh: Size) -> Size:
        """The size of the network's input for frames of one size.

        Its own where it is fixed; else the frame's aspect ratio with as many pixels as the network was trained with;
        else the size that a known network was made for; else what the contract says.

        Args:
            frame_wh: (width, height) of the frames in pixels.

        Returns:
            (width, height) in pixels.
        """
        if self._input_wh:
            return self._input_wh
        if base_wh := self.network.training.base_wh:
            return size_of_area(frame_wh, base_wh)
        known = self.network.known
        return (known.made_for if known else None) or self.free_size(frame_wh)

    def free_size(self, frame_wh: Size) -> Size:
        """The size of the input for such frames, of a network that takes any size and whose file says no more."""
        return frame_wh

    def __call__(
        self, src: Image, state: Tensors | None = None, clean_plate: Image | None = None
    ) -> tuple[Image, Alpha, Tensors]:
        """Compute one frame, and wait for it.

        `AsyncPipeline` overlaps the work of successive frames; this does not.

        Args:
            src: (H, W, 3) uint8 BGR.
            state: what the call before returned, for a frame of the same size; None to begin.
            clean_plate: (H, W, 3) uint8 BGR, the same scene without the person, for models that compare with it.

        Returns:
            The foreground, (H, W, 3) uint8 BGR; alpha, (H, W) float32 in [0, 1]; and the state for the next frame.

        Raises:
            ShapeError: `src` or `clean_plate` is not such an image, `state` is of another model or another size.
            ModelContractError: the model compares with a clean plate, and there is none.
            InferenceError: the device failed.
            OptionError: a number in the place of `clean_plate`, as RobustVideoMatting takes its ratio there.
        """
        if isinstance(clean_plate, Real):
            raise OptionError(
                f"{clean_plate} is not an image. A ratio belongs to the model: create_model(…, "
                f"options=ModelOptions(downsample_ratio={clean_plate}))",
                "clean_plate",
            )
        require_state(state or {}, set(self.binding.states))
        with renamed({"picture": "src"}):
            frame = Frame(0, src, clean_plate=clean_plate)
        answer = self.finish(self.start(frame, state or {}))
        matte = self.postprocess(answer)
        return matte.foreground, matte.alpha, answer.state

    def close(self) -> None:
        """Release the device."""
        self.adapter.close()

    def __enter__(self) -> MattingModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _is_sound(self, answered: InferenceOutputs) -> bool:
        """Whether all that is read is numbers. Detections that are none are left out one by one instead."""
        read = () if self.detects else (*self.adapter.binding.answers.values(), *self.binding.states.values())
        return all(is_finite(answered.tensors[name]) for name in read)

    def _fit(self, frame_wh: Size) -> Fit:
        return RESIZE_TYPES[self.options.resize_type](frame_wh, self.input_size(frame_wh))

    def _colours(self, answer: Answer, fit: Fit) -> Image | None:
        """Where the network sees a smaller image, only what it changed is enlarged: details stay the frame's."""
        if self.binding.foreground is None:
            return None
        colours = answer.outputs[self.binding.foreground][0]
        if colours.shape != (*fit.input_wh[::-1], 3):
            raise ModelContractError(
                f"the network answers a foreground of {described(colours)}. Expected the size of its input, "
                f"{fit.input_wh[0]}×{fit.input_wh[1]}"
            )
        if not fit.scales and fit.frame_wh == fit.input_wh:
            return colours
        change = cv2.subtract(colours, self.seen(answer.tensors), dtype=cv2.CV_16S)
        return cv2.add(answer.frame.image, fit.undo(change), dtype=cv2.CV_8U)

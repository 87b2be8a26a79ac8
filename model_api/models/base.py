"""What every matting model does: a frame into tensors, tensors into a matte."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from types import TracebackType
from typing import Any, ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from model_api.adapters.base import Adapter, Binding
from model_api.arrays import described, require_state
from model_api.errors import ModelContractError, OptionError, renamed
from model_api.mattes.guided_filter import AlphaLines
from model_api.mattes.matte import DenseMatte, GuidedAlphaMatte, Matte
from model_api.models.labels import PERSON_ALONE
from model_api.preprocessing import Preprocessing, Training
from model_api.ranges import PROBABILITY, RATIO, require_size
from model_api.resize import Fit, of_area, standard
from model_api.types import Alpha, Frame, Image, Signature, Size, Tensors, TensorSpec

MULTIPLE_PX = 32
"""Networks halve their picture five times."""


@dataclass(frozen=True)
class ModelOptions:
    """fit: how a frame is laid into an input of another size, one of `resize.RESIZE_TYPES`.
    downsample_ratio: for networks that take one, None for automatic.
    For networks that detect: threshold, the score that a detection must exceed, and labels, the names of the
    classes by their number, the background's first. Raises OptionError for other values."""

    fit: Callable[[Size, Size], Fit] = standard
    downsample_ratio: float | None = None
    threshold: float = 0.5
    labels: tuple[str, ...] = PERSON_ALONE

    def __post_init__(self) -> None:
        if not callable(self.fit):
            raise OptionError(f"{described(self.fit)}. Expected one of model_api.resize.RESIZE_TYPES' functions", "fit")
        RATIO.require(downsample_ratio=self.downsample_ratio)
        PROBABILITY.require(threshold=self.threshold)
        if not isinstance(self.labels, tuple) or not all(isinstance(label, str) for label in self.labels):
            raise OptionError(f"{described(self.labels)}. Expected a tuple of names, a class each", "labels")


class MattingModel:
    """A contract on an adapter. It remembers no frame: state is an argument and a result."""

    known_as: ClassVar[str]
    """The contract in words, for the message when a network matches none."""

    original: ClassVar[Preprocessing] = Preprocessing(
        "RGB", scale=(255.0, 255.0, 255.0), source="as the published network"
    )
    """What the network took when it was trained."""

    needs_clean_plate: ClassVar[bool] = False

    detects: ClassVar[bool] = False
    """Whether it finds objects one by one, so that a threshold and labels mean something to it."""

    def __init__(
        self,
        adapter: Adapter,
        preprocessing: Preprocessing,
        options: ModelOptions,
        training: Training = Training(),
    ) -> None:
        self.adapter = adapter
        self.binding = adapter.binding
        self.preprocessing = preprocessing
        self.options = options
        self._training = training
        self._input_wh = picture_size(adapter.signature.input(self.binding.images[0]))
        if options.downsample_ratio is not None and not self.takes_ratio:
            raise ModelContractError(
                f"{options.downsample_ratio:g}, but this network takes none, its ratio is fixed in the file. "
                "Leave it out, or use the original release's ONNX file",
                "downsample_ratio",
            )

    @classmethod
    def bind(cls, signature: Signature) -> Binding | None:
        """The roles of the inputs and outputs, or None if this is not the contract of such a network."""
        raise NotImplementedError

    @property
    def recurrent(self) -> bool:
        return bool(self.binding.states)

    @property
    def takes_ratio(self) -> bool:
        return bool(self.binding.baked)

    def depth(self, tensors: Tensors) -> int:
        """How many requests a clip may have in flight."""
        # One at most for a recurrent network: frame n+1 needs the state that frame n produces.
        return 1 if self.recurrent else self.adapter.slots(tensors)

    def prepare(self, size: Size) -> None:
        """Compile for frames of this (width, height) now, not when the first one arrives. Raises OptionError."""
        require_size(size=size)
        plate = np.zeros((size[1], size[0], 3), np.uint8)
        self.adapter.slots(self.encode(Frame(0, plate, clean_plate=plate)))

    def encode(self, frame: Frame) -> Tensors:
        """The network's image inputs, 1×H×W×3 uint8 BGR, and what else it takes beside its state."""
        fit = self._fit(frame.size)
        return {name: fit.apply(image)[np.newaxis] for name, image in self.pictures(frame).items()}

    def state(self, outputs: Tensors) -> Tensors:
        """What the network is to be given with the next frame."""
        return {name: outputs[output] for name, output in (self.binding.states or {}).items()}

    def decode(self, outputs: Tensors, tensors: Tensors, frame: Frame) -> Matte:
        """The matte at the frame's size. tensors: what `encode` gave."""
        fit = self._fit(frame.size)
        alpha = self.plane(outputs[self.binding.answers["alpha"]])
        if self._training.guided and fit.whole and fit.scales:
            return GuidedAlphaMatte(frame.image, AlphaLines(tensors[self.binding.images[0]][0], alpha))
        return DenseMatte(frame.image, fit.undo(alpha), self._colours(outputs, tensors, frame, fit))

    def pictures(self, frame: Frame) -> Mapping[str, Image]:
        """The image for each image input, at the frame's size."""
        return {self.binding.images[0]: frame.image}

    def plane(self, answer: npt.NDArray[Any]) -> Alpha:
        """(H, W) float32 in [0, 1] of the network's alpha output."""
        return as_alpha(answer)

    def input_size(self, frame_wh: Size) -> Size:
        """The size of the network's input for such frames: its own; of the frame's shape and as large as those it was
        trained with; or what its contract says."""
        base_wh = self._training.base_wh
        if self._input_wh or not base_wh:
            return self._input_wh or self.free_size(frame_wh)
        return of_area(frame_wh, base_wh, MULTIPLE_PX)

    def free_size(self, frame_wh: Size) -> Size:
        """The size of the input for such frames, of a network that takes any and says nothing more."""
        return frame_wh

    def __call__(
        self, src: Image, state: Tensors | None = None, clean_plate: Image | None = None
    ) -> tuple[Image, Alpha, Tensors]:
        """One frame, and wait for it: foreground (H, W, 3) uint8 BGR, alpha (H, W) float32, state for the next.

        For loops of one's own; `AsyncPipeline` overlaps the work of successive frames.

        Args:
            src: (H, W, 3) uint8 BGR.
            state: what the call before returned, for a frame of the same size; None to begin.
            clean_plate: (H, W, 3) uint8 BGR, the same scene without the person, for models that compare with it.

        Raises:
            ShapeError: `src` or `clean_plate` is no such image, `state` is of another model or another size.
            ModelContractError: the model compares with a clean plate, and there is none.
            InferenceError: the device failed.
        """
        if isinstance(clean_plate, Real):
            raise OptionError(
                f"{clean_plate} is no image. A ratio belongs to the model: create_model(…, "
                f"options=ModelOptions(downsample_ratio={clean_plate}))",
                "clean_plate",
            )
        require_state(state or {}, set(self.binding.states or ()))
        with renamed({"image": "src"}):
            frame = Frame(0, src, clean_plate=clean_plate)
        tensors = self.encode(frame)
        outputs = self.adapter.wait(self.adapter.start({**tensors, **(state or {})}))
        matte, state = self.decode(outputs.tensors, tensors, frame), self.state(outputs.tensors)
        return matte.foreground, matte.alpha, state

    def close(self) -> None:
        self.adapter.close()

    def __enter__(self) -> MattingModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fit(self, frame_wh: Size) -> Fit:
        return self.options.fit(frame_wh, self.input_size(frame_wh))

    def _colours(self, outputs: Tensors, tensors: Tensors, frame: Frame, fit: Fit) -> Image | None:
        """Where the network sees a smaller picture, only what it changed is enlarged: details stay the frame's."""
        if self.binding.foreground is None:
            return None
        colours = outputs[self.binding.foreground][0]
        if not fit.scales and fit.frame_wh == fit.input_wh:
            return colours
        change = cv2.subtract(colours, tensors[self.binding.images[0]][0], dtype=cv2.CV_16S)
        return cv2.add(frame.image, fit.undo(change), dtype=cv2.CV_8U)


def is_picture(spec: TensorSpec) -> bool:
    """Whether an input has four dimensions, three channels among them."""
    return len(spec.shape) == 4 and 3 in (spec.shape[1], spec.shape[3])


def picture_size(spec: TensorSpec) -> Size | None:
    """(width, height) of an image input, None if it may vary."""
    channel_axis = 1 if spec.shape[1] == 3 and spec.layout != "NHWC" else 3
    height, width = spec.shape[2:4] if channel_axis == 1 else spec.shape[1:3]
    return None if height is None or width is None else (width, height)


def as_alpha(answer: npt.NDArray[Any]) -> Alpha:
    """1×1×H×W, 1×H×W×1, 1×H×W or H×W as (H, W) float32 in [0, 1]."""
    if answer.ndim == 4:
        answer = answer[0, 0] if answer.shape[1] == 1 else answer[0, ..., 0]
    plane = answer[0] if answer.ndim == 3 else answer
    return np.clip(plane.astype(np.float32, copy=False), 0, 1)

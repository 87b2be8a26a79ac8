"""Networks with the inputs and outputs by which programs know them: what is written into an ONNX file.

Images are (1, 3, H, W) RGB in [0, 1], portrait's in [-1, 1]; alphas (1, 1, H, W) and foregrounds, RGB, in [0, 1].
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from model_api.preprocessing import MINUS_ONE_TO_ONE, Preprocessing, Training
from model_api.types import Size
from model_tools.train.networks.matting_network import STATES as SMALL_STATES
from model_tools.train.networks.matting_network import EfficientMatting
from model_tools.train.networks.robust_video_matting import MattingNetwork, downsample

GUIDED = Training(guided=True)

STATES = ("r1", "r2", "r3", "r4")


@dataclass(frozen=True)
class Contract:
    """What is written into an ONNX file.

    Attributes:
        network: Computes it.
        inputs: Name -> an example, whose size is the file's unless it is open.
        outputs: Their names.
        open: Name -> axis -> the name of what varies.
        training: What the file says about the training.
        pixels: What it says about the pixels that it takes. None: its contract says it.
    """

    network: nn.Module
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]
    open: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    training: Training = Training()
    pixels: Preprocessing | None = None


def original_release(network: MattingNetwork) -> Contract:
    """The contract of RobustVideoMatting's own release.

    Images of any size, the ratio given with each; states begin as zeros of 1×1×1×1.
    """
    before, after = ([f"{name}{end}" for name in STATES] for end in "io")
    starts = {name: torch.zeros(1, 1, 1, 1) for name in before}
    inputs = {"src": example((128, 96)), **starts, "downsample_ratio": torch.ones(1) / 2}
    pictures = {name: {0: "batch_size", 2: "height", 3: "width"} for name in ("src", "fgr", "pha")}
    states = {name: {0: "batch_size", 2: f"h{name}", 3: f"w{name}"} for name in before + after}
    channels = {name: {**states[name], 1: f"c{name}"} for name in before}
    return Contract(OriginalRelease(network), inputs, ("fgr", "pha", *after), {**pictures, **states, **channels})


def open_model_zoo(network: MattingNetwork, size: Size, ratio: float) -> Contract:
    """As the Open Model Zoo's robust-video-matting-mobilenetv3: one size, one ratio."""
    states = {name: f"r{name}" for name in STATES}
    return with_states(OpenModelZoo(network, ratio), size, states, ("pha", "fgr"))


def bundled_video(network: EfficientMatting, size: Size) -> Contract:
    """The contract of the bundled video model."""
    states = {name: f"r{name}" for name in SMALL_STATES}
    return replace(with_states(BundledVideo(network), size, states, ("pha",)), training=GUIDED)


def bundled_clean_plate(network: EfficientMatting, size: Size) -> Contract:
    """The contract of the bundled clean-plate model."""
    inputs = {"src": example(size), "bgr": example(size)}
    return Contract(BundledCleanPlate(network), inputs, ("pha",), training=GUIDED)


def bundled_portrait(network: EfficientMatting, size: Size) -> Contract:
    """The contract of MODNet, for a network that was trained for video."""
    inputs = {"input": example(size)}
    return Contract(BundledPortrait(network), inputs, ("output",), training=GUIDED, pixels=MINUS_ONE_TO_ONE)


def of_any_size(contract: Contract, base: Size) -> Contract:
    """The same for images whose sides are multiples of 32."""
    names = (*contract.inputs, *contract.outputs)
    sizes = {name: {2: f"height_{name}", 3: f"width_{name}"} for name in names}
    return replace(contract, open=sizes, training=replace(contract.training, base_wh=base))


def with_states(network: nn.Module, size: Size, states: Mapping[str, str], outputs: tuple[str, ...]) -> Contract:
    """states: input -> output. outputs: those before them. A first answer gives the states' shapes."""
    src = example(size)
    with torch.no_grad():
        first = network(src, *[None] * len(states))[len(outputs) :]
    inputs = {"src": src, **dict(zip(states, map(torch.zeros_like, first), strict=True))}
    return Contract(network, inputs, (*outputs, *states.values()))


def example(size: Size) -> Tensor:
    """An image, (1, 3, H, W) in [0, 1]."""
    width, height = size
    return torch.rand(1, 3, height, width)


class OriginalRelease(nn.Module):
    """RobustVideoMatting, with the ratio as an input."""

    def __init__(self, network: MattingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, src: Tensor, r1: Tensor, r2: Tensor, r3: Tensor, r4: Tensor, downsample_ratio: Tensor
    ) -> tuple[Tensor, ...]:
        small = DownsampleByInput.apply(src, downsample_ratio)  # type: ignore[no-untyped-call]
        hidden, states = self.network.features(small, (r1, r2, r3, r4))
        return *self.network.matte(src, small, hidden, refine=True), *states


class OpenModelZoo(nn.Module):
    """RobustVideoMatting at one ratio, alpha first."""

    def __init__(self, network: MattingNetwork, ratio: float) -> None:
        super().__init__()
        self.network = network
        self.ratio = ratio

    def forward(self, src: Tensor, *states: Tensor | None) -> tuple[Tensor, ...]:
        foreground, alpha, *after = self.network(src, *states, downsample_ratio=self.ratio)
        return alpha, foreground, *after


class BundledVideo(nn.Module):
    """Alpha and states."""

    def __init__(self, network: EfficientMatting) -> None:
        super().__init__()
        self.network = network

    def forward(self, src: Tensor, *states: Tensor | None) -> tuple[Tensor, ...]:
        logits, _, *after = self.network(src, states)
        return decided(logits), *after


class BundledCleanPlate(nn.Module):
    """Alpha of a frame and its empty scene."""

    def __init__(self, network: EfficientMatting) -> None:
        super().__init__()
        self.network = network

    def forward(self, src: Tensor, bgr: Tensor) -> Tensor:
        return decided(self.network(torch.cat([src, bgr], 1))[0])


class BundledPortrait(nn.Module):
    """Images in [-1, 1], as programs feed MODNet. A network for video takes every image for a first frame."""

    def __init__(self, network: EfficientMatting) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> Tensor:
        return decided(self.network((picture + 1) / 2)[0])


class DownsampleByInput(torch.autograd.Function):
    """`downsample` by a ratio that is an input of the file: PyTorch's own exporter would write down the example's."""

    @staticmethod
    def forward(ctx: Any, src: Tensor, ratio: Tensor) -> Tensor:
        with warnings.catch_warnings():
            # The tracer warns of the number that is taken out here; what is written is `symbolic`.
            warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
            return downsample(src, float(ratio))

    @staticmethod
    def symbolic(graph: Any, src: Any, ratio: Any) -> Any:
        unchanged = graph.op("Constant", value_t=torch.ones(2))
        scales = graph.op("Concat", unchanged, ratio, ratio, axis_i=0)
        no_region = graph.op("Constant", value_t=torch.zeros(0))
        bilinear = {"mode_s": "linear", "coordinate_transformation_mode_s": "half_pixel"}
        return graph.op("Resize", src, no_region, scales, **bilinear)


def decided(logits: Tensor) -> Tensor:
    """A sigmoid never ends: stretched a little beyond, what is nearly 0 or 1 is just that."""
    return (1.04 * torch.sigmoid(logits) - 0.02).clamp(0, 1)

"""Networks with the inputs and outputs by which programs know them: what is written into an ONNX file.

Pictures are (1, 3, H, W) RGB in [0, 1], portrait's in [-1, 1]; alphas (1, 1, H, W) and foregrounds, RGB, in [0, 1].
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from model_api.types import Size
from training.robust_video_matting import MattingNetwork, shrink
from training.small_networks import SmallMatting

STATES = ("r1", "r2", "r3", "r4")


@dataclass(frozen=True)
class Contract:
    """inputs: name -> an example, whose size is the file's unless it is open. open: name -> axis -> what varies.
    base: where sizes are open and pictures of any are to be resized first, the one to keep to."""

    network: nn.Module
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]
    open: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    base: Size | None = None


def original_release(network: MattingNetwork) -> Contract:
    """As RobustVideoMatting's own release: pictures of any size, the ratio given with each; states begin as zeros of
    1×1×1×1."""
    before, after = ([f"{name}{end}" for name in STATES] for end in "io")
    starts = {name: torch.zeros(1, 1, 1, 1) for name in before}
    inputs = {"src": example((128, 96)), **starts, "downsample_ratio": torch.ones(1) / 2}
    pictures = {name: {0: "batch_size", 2: "height", 3: "width"} for name in ("src", "fgr", "pha")}
    states = {name: {0: "batch_size", 2: f"h{name}", 3: f"w{name}"} for name in before + after}
    channels = {name: {**states[name], 1: f"c{name}"} for name in before}
    return Contract(OriginalRelease(network), inputs, ("fgr", "pha", *after), {**pictures, **states, **channels})


def open_model_zoo(network: MattingNetwork, size: Size, ratio: float) -> Contract:
    """As the Open Model Zoo's robust-video-matting-mobilenetv3: one size, one ratio."""
    return with_states(OpenModelZoo(network, ratio), size)


def small_video(network: SmallMatting, size: Size) -> Contract:
    return with_states(SmallVideo(network), size)


def small_clean_plate(network: SmallMatting, size: Size) -> Contract:
    return Contract(SmallCleanPlate(network), {"src": example(size), "bgr": example(size)}, ("pha", "fgr"))


def small_portrait(network: SmallMatting, size: Size) -> Contract:
    return Contract(SmallPortrait(network), {"input": example(size)}, ("output",))


def of_any_size(contract: Contract, base: Size) -> Contract:
    """The same for pictures whose sides are multiples of 32."""
    names = (*contract.inputs, *contract.outputs)
    return replace(contract, open={name: {2: f"height_{name}", 3: f"width_{name}"} for name in names}, base=base)


def with_states(network: nn.Module, size: Size) -> Contract:
    """The states' shapes are found by asking for a first answer."""
    src = example(size)
    with torch.no_grad():
        states = network(src, None, None, None, None)[2:]
    inputs = {"src": src, **dict(zip(STATES, map(torch.zeros_like, states), strict=True))}
    return Contract(network, inputs, ("pha", "fgr", *(f"r{name}" for name in STATES)))


def example(size: Size) -> Tensor:
    width, height = size
    return torch.rand(1, 3, height, width)


class OriginalRelease(nn.Module):
    def __init__(self, network: MattingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, src: Tensor, r1: Tensor, r2: Tensor, r3: Tensor, r4: Tensor, downsample_ratio: Tensor
    ) -> tuple[Tensor, ...]:
        small = ShrinkByInput.apply(src, downsample_ratio)  # type: ignore[no-untyped-call]
        hidden, states = self.network.look(small, (r1, r2, r3, r4))
        return *self.network.matte(src, small, hidden, refine=True), *states


class OpenModelZoo(nn.Module):
    def __init__(self, network: MattingNetwork, ratio: float) -> None:
        super().__init__()
        self.network = network
        self.ratio = ratio

    def forward(self, src: Tensor, *states: Tensor | None) -> tuple[Tensor, ...]:
        foreground, alpha, *after = self.network(src, *states, downsample_ratio=self.ratio)
        return alpha, foreground, *after


class SmallVideo(nn.Module):
    def __init__(self, network: SmallMatting) -> None:
        super().__init__()
        self.network = network

    def forward(self, src: Tensor, *states: Tensor | None) -> tuple[Tensor, ...]:
        logits, foreground, _, *after = self.network(src, states)
        return decided(logits), foreground, *after


class SmallCleanPlate(nn.Module):
    def __init__(self, network: SmallMatting) -> None:
        super().__init__()
        self.network = network

    def forward(self, src: Tensor, bgr: Tensor) -> tuple[Tensor, Tensor]:
        logits, foreground, *_ = self.network(torch.cat([src, bgr], 1))
        return decided(logits), foreground


class SmallPortrait(nn.Module):
    """Pictures in [-1, 1], as programs feed MODNet."""

    def __init__(self, network: SmallMatting) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> Tensor:
        logits, *_ = self.network((picture + 1) / 2)
        return decided(logits)


class ShrinkByInput(torch.autograd.Function):
    """`shrink` by a ratio that is an input of the file: PyTorch's own exporter would write down the example's."""

    @staticmethod
    def forward(ctx: Any, src: Tensor, ratio: Tensor) -> Tensor:
        with warnings.catch_warnings():
            # The tracer warns of the number that is taken out here; what is written is `symbolic`.
            warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
            return shrink(src, float(ratio))

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

"""Robust Video Matting: Lin et al., "Robust High-Resolution Video Matting with Temporal Guidance", arXiv 2108.11515.

The names and shapes of the weights are those of the published checkpoints, rvm_mobilenetv3.pth and rvm_resnet50.pth,
which fit as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from model_api.errors import OptionError
from model_tools.train.networks.backbones import MobileNetV3, ResNet50
from model_tools.train.networks.base import Answer, Trainable
from model_tools.train.networks.guided_filter import DeepGuidedFilter, FastGuidedFilter

Backbone = MobileNetV3 | ResNet50
States = Sequence[Tensor | None]

BACKBONES: dict[str, tuple[Callable[[], Backbone], int, tuple[int, ...]]] = {
    "mobilenetv3": (MobileNetV3, 128, (80, 40, 32, 16)),
    "resnet50": (ResNet50, 256, (128, 64, 32, 16)),
}
"""Name -> encoder, channels between encoder and decoder, channels of the decoder at 1/8, 1/4, 1/2 and 1."""

REFINERS: dict[str, Callable[[], nn.Module]] = {
    "deep_guided_filter": DeepGuidedFilter,
    "fast_guided_filter": FastGuidedFilter,
}

ALL_NEW: States = (None,) * 4


class MattingNetwork(Trainable):
    """The network as it was published: the same call, the same answers, the same weights."""

    refines = True

    def __init__(self, variant: str = "mobilenetv3", refiner: str = "deep_guided_filter") -> None:
        """variant: one of BACKBONES. refiner: one of REFINERS. Raises OptionError for others."""
        super().__init__()
        for word, known in ((variant, BACKBONES), (refiner, REFINERS)):
            if word not in known:
                raise OptionError(f'"{word}": expected {" or ".join(known)}')
        backbone, between, channels = BACKBONES[variant]
        self.backbone = backbone()
        self.aspp = Context(self.backbone.channels[-1], between)
        self.decoder = Decoder((*self.backbone.channels[:-1], between), channels)
        self.project_mat = Projection(channels[-1], 4)
        self.project_seg = Projection(channels[-1], 1)
        self.refiner = REFINERS[refiner]()

    def forward(
        self,
        src: Tensor,
        r1: Tensor | None = None,
        r2: Tensor | None = None,
        r3: Tensor | None = None,
        r4: Tensor | None = None,
        downsample_ratio: float = 1,
        segmentation_pass: bool = False,
    ) -> list[Tensor]:
        """src: (B, 3, H, W), or a clip, (B, T, 3, H, W), RGB in [0, 1]. r1..r4: the states that the frame before
        answered, (B, C, h, w), None for a first one. downsample_ratio: the network sees the picture this much smaller,
        and the refiner brings its answer back to full size.

        Returns [foreground, alpha, r1, r2, r3, r4], both in [0, 1] and shaped as src, or, of a segmentation pass,
        [logits, r1, r2, r3, r4] at the smaller size. The states are those after the last frame.
        """
        steps = src.shape[1] if src.ndim == 5 else 1
        frames = src.flatten(0, 1) if src.ndim == 5 else src
        small = shrink(frames, downsample_ratio)
        hidden, states = self.look(small, (r1, r2, r3, r4), steps)
        if segmentation_pass:
            answers = [self.project_seg(hidden)]
        else:
            answers = [*self.matte(frames, small, hidden, refine=downsample_ratio != 1)]
        return [torch.unflatten(answer, 0, src.shape[:2]) if src.ndim == 5 else answer for answer in answers] + states

    def unroll(self, src: Tensor, plate: Tensor, downsample_ratio: float) -> Answer:
        frames = src.flatten(0, 1)
        small = shrink(frames, downsample_ratio)
        hidden, _ = self.look(small, ALL_NEW, src.shape[1])
        foreground, alpha = self.matte(frames, small, hidden, refine=downsample_ratio != 1)
        answers = (alpha, foreground, self.project_seg(hidden))
        return Answer(*(torch.unflatten(answer, 0, src.shape[:2]) for answer in answers))

    def look(self, small: Tensor, states: States, steps: int = 1) -> tuple[Tensor, list[Tensor]]:
        """What the network makes of pictures (B·T, 3, h, w), T steps of each clip in a row: hidden features (B·T, 16,
        h, w) and the four states after the last step."""
        *features, deepest = self.backbone(small)
        return self.decoder(small, [*features, self.aspp(deepest)], states, steps)

    def matte(self, src: Tensor, small: Tensor, hidden: Tensor, refine: bool) -> tuple[Tensor, Tensor]:
        """Foreground (N, 3, H, W) and alpha (N, 1, H, W). refine: small is smaller than src."""
        answer = self.project_mat(hidden)
        if refine:
            answer = self.refiner(src, small, answer, hidden)
        residual, alpha = answer.split([3, 1], 1)
        return (src + residual).clamp(0, 1), alpha.clamp(0, 1)


class Context(nn.Module):
    """What the whole picture says about each place (LR-ASPP, arXiv 1905.02244)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.aspp1 = nn.Sequential(nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())
        self.aspp2 = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(before, after, 1, bias=False), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return self.aspp1(x) * self.aspp2(x)


class Decoder(nn.Module):
    """From the deepest features up to the picture, with what the encoder and the picture itself show at each size."""

    def __init__(self, features: tuple[int, ...], channels: tuple[int, ...]) -> None:
        super().__init__()
        self.shrink = nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False)
        self.decode4 = Deepest(features[3])
        self.decode3 = Up(features[3], features[2], channels[0])
        self.decode2 = Up(channels[0], features[1], channels[1])
        self.decode1 = Up(channels[1], features[0], channels[2])
        self.decode0 = Finish(channels[2], channels[3])

    def forward(
        self, picture: Tensor, features: list[Tensor], states: States, steps: int
    ) -> tuple[Tensor, list[Tensor]]:
        half = self.shrink(picture)
        quarter = self.shrink(half)
        eighth = self.shrink(quarter)
        x, state4 = self.decode4(features[3], states[3], steps)
        x, state3 = self.decode3(x, features[2], eighth, states[2], steps)
        x, state2 = self.decode2(x, features[1], quarter, states[1], steps)
        x, state1 = self.decode1(x, features[0], half, states[0], steps)
        return self.decode0(x, picture), [state1, state2, state3, state4]


class Deepest(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gru = Memory(channels)

    def forward(self, x: Tensor, state: Tensor | None, steps: int) -> tuple[Tensor, Tensor]:
        return self.gru(x, state, steps)


class Up(nn.Module):
    """Twice as large, together with what encoder and picture show at that size, and a memory."""

    def __init__(self, before: int, skip: int, after: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(*convolved(before + skip + 3, after))
        self.gru = Memory(after)

    def forward(
        self, x: Tensor, skip: Tensor, picture: Tensor, state: Tensor | None, steps: int
    ) -> tuple[Tensor, Tensor]:
        return self.gru(self.conv(torch.cat([doubled(x, picture), skip, picture], 1)), state, steps)


class Finish(nn.Module):
    """At the picture's own size, without a memory."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(*convolved(before + 3, after), *convolved(after, after))

    def forward(self, x: Tensor, picture: Tensor) -> Tensor:
        return self.conv(torch.cat([doubled(x, picture), picture], 1))


class Memory(nn.Module):
    """A convolutional GRU (Ballas et al., arXiv 1511.06432) on the second half of the channels.

    The frames of a clip go through it one by one, through all other layers at once.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.halves = [half, half]
        self.ih = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.Sigmoid())
        self.hh = nn.Sequential(nn.Conv2d(channels, half, 3, padding=1), nn.Tanh())

    def forward(self, x: Tensor, state: Tensor | None, steps: int) -> tuple[Tensor, Tensor]:
        """x: (B·T, C, h, w). state: (B, C/2, h, w), or what can be broadcast to it. Returns x with what is remembered
        in its second half, and the state after the last step."""
        kept, current = torch.split(x, self.halves, 1)
        if steps == 1:
            after = self._step(current, state)
            return torch.cat([kept, after], 1), after
        states: list[Tensor] = []
        for now in torch.unflatten(current, 0, (-1, steps)).unbind(1):
            state = self._step(now, state)
            states.append(state)
        return torch.cat([kept, torch.stack(states, 1).flatten(0, 1)], 1), states[-1]

    def _step(self, current: Tensor, state: Tensor | None) -> Tensor:
        before = torch.zeros_like(current) if state is None else state.expand_as(current)
        reset, update = self.ih(torch.cat([current, before], 1)).split(self.halves, 1)
        candidate = self.hh(torch.cat([current, reset * before], 1))
        return (1 - update) * before + update * candidate


class Projection(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def convolved(before: int, after: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]


def doubled(x: Tensor, like: Tensor) -> Tensor:
    """Sizes that were odd before they were halved are one too large when they are doubled."""
    large = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    return large[:, :, : like.shape[2], : like.shape[3]]


def shrink(picture: Tensor, ratio: float) -> Tensor:
    if ratio == 1:
        return picture
    # By the ratio itself, not by that of the whole sizes: the published networks sample their pictures so.
    return functional.interpolate(
        picture, scale_factor=ratio, mode="bilinear", align_corners=False, recompute_scale_factor=False
    )

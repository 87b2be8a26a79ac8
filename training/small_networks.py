"""Small networks of our own, for CPUs and 8-bit arithmetic: video, clean plate and portrait share all but the ends.

An encoder of inverted residuals (Sandler et al., arXiv 1801.04381) with plain ReLUs, a decoder that carries its memory
in convolutional GRUs on half of the channels as Robust Video Matting does (Lin et al., arXiv 2108.11515), but from a
quarter of the picture's size downwards only, where memory is cheap and meaning lives.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.trainable import Answer, Trainable

WIDTHS = (16, 24, 40, 80, 144)
"""Channels of the encoder at 1/2, 1/4, 1/8, 1/16 and 1/32 of the picture's size."""

DEPTHS = (1, 2, 5, 3)
"""Further blocks at 1/4, 1/8, 1/16 and 1/32."""

EXPANSION = 4
DECODER = (16, 24, 40, 72, 112)
"""Channels of the decoder at the same sizes."""

STATES = ("r1", "r2", "r3", "r4")
"""At 1/4, 1/8, 1/16 and 1/32, half as wide as the decoder there."""

SMALLEST = 32
"""Sides of pictures are multiples of this."""


class SmallMatting(Trainable):
    """Pictures into alpha, foreground and, for video, the states for the next frame.

    pictures: how many RGB pictures the network sees, 1 for the frame alone, 2 for frame and clean plate.
    recurrent: whether it carries states.
    """

    def __init__(self, pictures: int = 1, recurrent: bool = True) -> None:
        super().__init__()
        self.pictures = pictures
        self.recurrent = recurrent
        channels = 3 * pictures
        self.encoder = Encoder(channels)
        self.context = Context(WIDTHS[-1], DECODER[-1])
        self.memory4 = Memory(DECODER[4], recurrent)
        self.up4 = Up(DECODER[4], WIDTHS[3], DECODER[3])
        self.memory3 = Memory(DECODER[3], recurrent)
        self.up3 = Up(DECODER[3], WIDTHS[2], DECODER[2])
        self.memory2 = Memory(DECODER[2], recurrent)
        self.up2 = Up(DECODER[2], WIDTHS[1], DECODER[1])
        self.memory1 = Memory(DECODER[1], recurrent)
        self.up1 = Up(DECODER[1], WIDTHS[0] + channels, DECODER[0])
        self.answer = nn.Conv2d(DECODER[0], 4 * 4, 3, padding=1)
        self.segmentation = nn.Conv2d(DECODER[1], 1, 1)

    def forward(self, src: Tensor, states: tuple[Tensor | None, ...] = (None,) * 4) -> tuple[Tensor, ...]:
        """src: (B, 3·pictures, H, W) RGB in [0, 1]. Returns alpha logits (B, 1, H, W), foreground (B, 3, H, W),
        segmentation logits (B, 1, H/4, W/4), and the four states."""
        features = self.encoder(src * 2 - 1)
        deep, state4 = self.memory4(self.context(features[4]), states[3])
        deep, state3 = self.memory3(self.up4(deep, features[3]), states[2])
        deep, state2 = self.memory2(self.up3(deep, features[2]), states[1])
        deep, state1 = self.memory1(self.up2(deep, features[1]), states[0])
        half = functional.avg_pool2d(src, 2)
        fine = self.up1(deep, torch.cat([features[0], half], 1))
        answer = functional.pixel_shuffle(self.answer(fine), 2)
        foreground = (src[:, :3] + answer[:, 1:]).clamp(0, 1)
        return answer[:, :1], foreground, self.segmentation(deep), state1, state2, state3, state4

    def unroll(self, src: Tensor, plate: Tensor, downsample_ratio: float) -> Answer:
        pictures = torch.cat([src, plate], 2) if self.pictures == 2 else src
        states: tuple[Tensor | None, ...] = (None,) * 4
        answers = []
        for frame in pictures.unbind(1):
            logits, foreground, segmentation, *after = self(frame, states)
            states = tuple(after)
            answers.append((torch.sigmoid(logits), foreground, segmentation))
        return Answer(*(torch.stack(values, 1) for values in zip(*answers, strict=True)))


class Encoder(nn.Module):
    """Five features, each half as large as the one before."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = WIDTHS[:2]
        # Expanded channels at half the picture's size would cost more than all the rest.
        self.stages = nn.ModuleList(
            [
                nn.Sequential(block(channels, first, 3, stride=2), block(first, first, 3, groups=first)),
                nn.Sequential(block(first, second, 3, stride=2), *repeated(second, DEPTHS[0])),
            ]
        )
        for (before, after), depth in zip(pairwise(WIDTHS[1:]), DEPTHS[1:], strict=True):
            self.stages.append(nn.Sequential(InvertedResidual(before, after, 2), *repeated(after, depth)))

    def forward(self, src: Tensor) -> list[Tensor]:
        features = [src]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return features[1:]


class InvertedResidual(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        wide = before * EXPANSION
        self.keeps_shape = stride == 1 and before == after
        self.layers = nn.Sequential(
            block(before, wide, 1),
            block(wide, wide, 3, stride=stride, groups=wide),
            nn.Conv2d(wide, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.keeps_shape else self.layers(x)


class Context(nn.Module):
    """What the whole picture says about each place (the pooling branch of LR-ASPP, arXiv 1905.02244)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.features = block(before, after, 1)
        self.gate = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x) * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))


class Memory(nn.Module):
    """A convolutional GRU over the second half of the channels; without one, nothing."""

    def __init__(self, channels: int, recurrent: bool) -> None:
        super().__init__()
        half = channels // 2
        if recurrent:
            self.gates = nn.Conv2d(2 * half, 2 * half, 3, padding=1)
            self.candidate = nn.Conv2d(2 * half, half, 3, padding=1)
        self.recurrent = recurrent

    def forward(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        kept, current = x.chunk(2, 1)
        if not self.recurrent:
            return x, current
        before = torch.zeros_like(current) if state is None else state
        reset, update = torch.sigmoid(self.gates(torch.cat([current, before], 1))).chunk(2, 1)
        candidate = torch.tanh(self.candidate(torch.cat([current, reset * before], 1)))
        after = before + update * (candidate - before)
        return torch.cat([kept, after], 1), after


class Up(nn.Module):
    """Twice as large, together with what the encoder saw at that size."""

    def __init__(self, before: int, skip: int, after: int) -> None:
        super().__init__()
        self.mix = block(before + skip, after, 1)
        self.look = nn.Sequential(block(after, after, 3, groups=after), block(after, after, 1))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        mixed = self.mix(torch.cat([double(x), skip], 1))
        return mixed + self.look(mixed)


def block(before: int, after: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


def repeated(channels: int, depth: int) -> list[nn.Module]:
    return [InvertedResidual(channels, channels, 1) for _ in range(depth)]


def double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)

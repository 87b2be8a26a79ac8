"""The bundled networks: EfficientNet-Lite0 looks, a small decoder says where people are, and the picture itself says
where their edges run.

Alpha only: the program estimates colours at soft edges itself. The decoder pools the whole picture for context (LR-
ASPP, arXiv 1905.02244) and carries its memory in convolutional GRUs on a part of its channels, as Robust Video
Matting does (arXiv 2108.11515), at a quarter of the picture's size and below, where memory is cheap. Alpha is
brought to the size of larger pictures by the fast guided filter, and the network learns through it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from model_tools.train.networks.base import Answer, Trainable
from model_tools.train.networks.efficientnet import EfficientNetLite0, folded_weights
from model_tools.train.networks.guided_filter import guided_alpha

CHANNELS = (16, 32, 64, 96)
"""Of the decoder at 1/2, 1/4, 1/8 and 1/16 of the picture's size."""

CONTEXT = 128
"""Channels at 1/32."""

REMEMBERED = (8, 16, 32)
"""How many of them carry memory at 1/4, 1/8 and 1/16."""

STATES = ("r1", "r2", "r3")
"""At 1/4, 1/8 and 1/16."""

LARGE = 5
"""Side of the depthwise filters whose gradients PyTorch computes slowly."""

SMALLEST = 32
"""Sides of pictures are multiples of this."""

States = tuple[Tensor | None, ...]


class EfficientMatting(Trainable):
    """Pictures into alpha and, for video, the states for the next frame.

    pictures: how many RGB pictures the network sees: 1, the frame alone, or 2, frame and clean plate, and then their
    difference too. recurrent: whether it carries states.
    """

    refines = True
    answers_foreground = False

    def __init__(self, pictures: int = 1, recurrent: bool = True) -> None:
        super().__init__()
        self.pictures = pictures
        self.recurrent = recurrent
        seen = 3 if pictures == 2 else 1
        self.encoder = EfficientNetLite0(seen)
        half, quarter, eighth, sixteenth, deepest = self.encoder.channels
        self.context = Context(deepest, CONTEXT)
        self.up4 = Up(CONTEXT, sixteenth, CHANNELS[3])
        self.memory3 = Memory(CHANNELS[3], REMEMBERED[2], recurrent)
        self.up3 = Up(CHANNELS[3], eighth, CHANNELS[2])
        self.memory2 = Memory(CHANNELS[2], REMEMBERED[1], recurrent)
        self.up2 = Up(CHANNELS[2], quarter, CHANNELS[1])
        self.memory1 = Memory(CHANNELS[1], REMEMBERED[0], recurrent)
        self.up1 = Up(CHANNELS[1], half + 3 * seen, CHANNELS[0])
        self.alpha = nn.Conv2d(CHANNELS[0], 4, 3, padding=1)
        self.presence = nn.Conv2d(CHANNELS[3], 1, 1)

    @property
    def takes_plate(self) -> bool:
        return self.pictures == 2

    def forward(self, src: Tensor, states: States = (None,) * 3, steps: int = 1) -> tuple[Tensor, ...]:
        """src: (B·T, 3·pictures, H, W) RGB in [0, 1], T = steps frames of a clip after one another.

        Returns alpha logits (B·T, 1, H, W), presence logits (B·T, 1, H/16, W/16), and the three states.
        """
        if self.pictures == 2:
            frame, plate = src.chunk(2, 1)
            src = torch.cat([frame, plate, (frame - plate).abs()], 1)
        half, quarter, eighth, sixteenth, deepest = self.encoder(src)
        deep, state3 = self.memory3(self.up4(self.context(deepest), sixteenth), states[2], steps)
        presence = self.presence(deep)
        deep, state2 = self.memory2(self.up3(deep, eighth), states[1], steps)
        deep, state1 = self.memory1(self.up2(deep, quarter), states[0], steps)
        fine = self.up1(deep, torch.cat([half, functional.avg_pool2d(src, 2)], 1))
        return functional.pixel_shuffle(self.alpha(fine), 2), presence, state1, state2, state3

    def unroll(self, src: Tensor, plate: Tensor, downsample_ratio: float) -> Answer:
        batch, steps = src.shape[:2]
        pictures = (torch.cat([src, plate], 2) if self.pictures == 2 else src).flatten(0, 1)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        small = pictures
        if downsample_ratio != 1:
            small = functional.interpolate(pictures, scale_factor=downsample_ratio, mode="area")
        logits, presence, *_ = self(small, steps=steps)
        alpha = torch.sigmoid(logits.float())
        fine = guided_alpha(pictures[:, :3], small[:, :3], alpha) if downsample_ratio != 1 else alpha
        coarse = torch.unflatten(alpha, 0, (batch, steps)) if downsample_ratio != 1 else None
        parts = (torch.unflatten(part, 0, (batch, steps)) for part in (fine, presence))
        return Answer(next(parts), None, next(parts), coarse)

    def freeze(self, depth: int, filters: bool) -> None:
        """Keep what the encoder knows: its stem and first `depth` blocks as they are, and, with filters, the depthwise
        convolutions of 5×5 throughout, whose gradients are most of what a step costs on a CPU."""
        self.requires_grad_(True)
        encoder = self.encoder
        if depth:
            for part in (encoder._conv_stem, encoder._bn0, *encoder._blocks[:depth]):
                part.requires_grad_(False)
        for block in encoder.blocks if filters else ():
            if block._depthwise_conv.kernel_size[0] == LARGE:
                block._depthwise_conv.requires_grad_(False)
                block._bn1.requires_grad_(False)


class Context(nn.Module):
    """What the whole picture says about each place (the pooling branch of LR-ASPP, arXiv 1905.02244)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.features = block(before, after, 1)
        self.gate = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x) * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))


class Memory(nn.Module):
    """A convolutional GRU (Ballas et al., arXiv 1511.06432) over the last `remembered` channels; without one, nothing.

    The frames of a clip go through it one by one, through all other layers at once.
    """

    def __init__(self, channels: int, remembered: int, recurrent: bool) -> None:
        super().__init__()
        if recurrent:
            self.gates = nn.Conv2d(2 * remembered, 2 * remembered, 3, padding=1)
            self.candidate = nn.Conv2d(2 * remembered, remembered, 3, padding=1)
        self.split = [channels - remembered, remembered]
        self.recurrent = recurrent

    def forward(self, x: Tensor, state: Tensor | None, steps: int) -> tuple[Tensor, Tensor | None]:
        """x: (B·T, C, h, w). state: (B, remembered, h, w), None for none. Returns x with what is remembered in its last
        channels, and the state after the last step."""
        if not self.recurrent:
            return x, None
        kept, current = torch.split(x, self.split, 1)
        if steps == 1:
            after = self._step(current, state)
            return torch.cat([kept, after], 1), after
        states: list[Tensor] = []
        for now in torch.unflatten(current, 0, (-1, steps)).unbind(1):
            state = self._step(now, state)
            states.append(state)
        return torch.cat([kept, torch.stack(states, 1).flatten(0, 1)], 1), states[-1]

    def _step(self, current: Tensor, state: Tensor | None) -> Tensor:
        before = torch.zeros_like(current) if state is None else state
        reset, update = torch.sigmoid(self.gates(torch.cat([current, before], 1))).chunk(2, 1)
        candidate = torch.tanh(self.candidate(torch.cat([current, reset * before], 1)))
        return before + update * (candidate - before)


class Up(nn.Module):
    """Twice as large, together with what the encoder saw at that size.

    The 1×1 convolution of both, one after the other, is taken apart: that of the small one is done before it is
    enlarged, which gives the same numbers for a quarter of the work.
    """

    def __init__(self, before: int, skip: int, after: int) -> None:
        super().__init__()
        self.mix = block(before + skip, after, 1)
        self.look = nn.Sequential(block(after, after, 3, groups=after), block(after, after, 1))
        self.small = before

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        conv, norm, activation = self.mix
        assert isinstance(conv, nn.Conv2d)
        weight: Tensor = conv.weight
        bias: Tensor | None = None
        if not self.training:
            weight, bias = folded_weights(conv, norm)
        of_small, of_skip = weight[:, : self.small], weight[:, self.small :]
        small = functional.conv2d(x, of_small)
        large = functional.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)
        both = large + functional.conv2d(skip, of_skip, bias)
        mixed = activation(norm(both) if self.training else both)
        return mixed + self.look(mixed)


def block(before: int, after: int, size: int, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, padding=size // 2, groups=groups, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )

"""The bundled networks: an EfficientNet-Lite0 encoder, a small recurrent decoder, and a guided filter for the edges.

They answer alpha only; the program itself estimates the colours at soft edges. The decoder pools the whole image for
context (LR-ASPP, arXiv 1905.02244) and carries its state in convolutional GRUs on a part of its channels, as Robust
Video Matting does (arXiv 2108.11515), at a quarter of the image's size and below, where it is cheap. The fast guided
filter brings alpha to the size of larger images, and the network learns through it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from model_tools.train.networks.base import Answer, Trainable
from model_tools.train.networks.conv_gru import conv_gru
from model_tools.train.networks.efficientnet import EfficientNetLite0, folded_weights
from model_tools.train.networks.guided_filter import guided_alpha

CHANNELS = (16, 32, 64, 96)
"""Of the decoder at 1/2, 1/4, 1/8 and 1/16 of the image's size."""

CONTEXT = 128
"""Channels at 1/32."""

REMEMBERED = (8, 16, 32)
"""How many of them carry memory at 1/4, 1/8 and 1/16."""

STATES = ("r1", "r2", "r3")
"""At 1/4, 1/8 and 1/16."""

LARGE = 5
"""Side of the depthwise filters whose gradients PyTorch computes slowly."""

SMALLEST = 32
"""Sides of images are multiples of this."""

States = tuple[Tensor | None, ...]


class EfficientMatting(Trainable):
    """Images to alpha and, for video, the states for the next frame.

    Args:
        pictures: How many RGB images the network sees: 1, the frame, or 2, frame and clean plate, and then their
            difference too.
        recurrent: Whether it carries states.
    """

    refines = True
    answers_foreground = False

    def __init__(self, pictures: int = 1, *, recurrent: bool = True) -> None:
        super().__init__()
        self.pictures = pictures
        self.recurrent = recurrent
        seen = 3 if pictures == 2 else 1
        self.encoder = EfficientNetLite0(seen)
        half, quarter, eighth, sixteenth, deepest = self.encoder.channels
        self.context = LRASPP(deepest, CONTEXT)
        self.up4 = UpsamplingBlock(CONTEXT, sixteenth, CHANNELS[3])
        self.memory3 = PartialConvGRU(CHANNELS[3], REMEMBERED[2], recurrent=recurrent)
        self.up3 = UpsamplingBlock(CHANNELS[3], eighth, CHANNELS[2])
        self.memory2 = PartialConvGRU(CHANNELS[2], REMEMBERED[1], recurrent=recurrent)
        self.up2 = UpsamplingBlock(CHANNELS[2], quarter, CHANNELS[1])
        self.memory1 = PartialConvGRU(CHANNELS[1], REMEMBERED[0], recurrent=recurrent)
        self.up1 = UpsamplingBlock(CHANNELS[1], half + 3 * seen, CHANNELS[0])
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

    def freeze(self, depth: int, *, filters: bool) -> None:
        """Freeze parts of the encoder.

        Args:
            depth: How many of its first blocks, with the stem.
            filters: Whether its depthwise convolutions of 5×5 too, whose gradients are most of a step's time on a CPU.
        """
        self.requires_grad_(requires_grad=True)
        encoder = self.encoder
        if depth:
            for part in (encoder._conv_stem, encoder._bn0, *encoder._blocks[:depth]):
                part.requires_grad_(requires_grad=False)
        for block in encoder.blocks if filters else ():
            if block._depthwise_conv.kernel_size[0] == LARGE:
                block._depthwise_conv.requires_grad_(requires_grad=False)
                block._bn1.requires_grad_(requires_grad=False)


class LRASPP(nn.Module):
    """The pooling branch of Lite R-ASPP (Howard et al., arXiv 1905.02244, section 6.4)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.features = conv_bn_relu(in_channels, out_channels, 1)
        self.gate = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x) * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))


class PartialConvGRU(nn.Module):
    """A GRU over the last `remembered` channels; nothing in a network that is not recurrent."""

    def __init__(self, channels: int, remembered: int, *, recurrent: bool) -> None:
        super().__init__()
        if recurrent:
            self.gates = nn.Conv2d(2 * remembered, 2 * remembered, 3, padding=1)
            self.candidate = nn.Conv2d(2 * remembered, remembered, 3, padding=1)
        self.split = [channels - remembered, remembered]
        self.recurrent = recurrent

    def forward(self, x: Tensor, state: Tensor | None, steps: int) -> tuple[Tensor, Tensor | None]:
        """x, its last channels replaced by the state after each frame, and the last state. See `conv_gru`."""
        if not self.recurrent:
            return x, None
        kept, current = torch.split(x, self.split, 1)
        remembered, state = conv_gru(
            current, state, steps, lambda x: self.gates(x).sigmoid(), lambda x: self.candidate(x).tanh()
        )
        return torch.cat([kept, remembered], 1), state


class UpsamplingBlock(nn.Module):
    """Twice as large, together with what the encoder saw at that size.

    The 1×1 convolution of both, one after the other, is taken apart: that of the small one is done before it is
    enlarged, which gives the same numbers for a quarter of the work.
    """

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        self.mix = conv_bn_relu(in_channels + skip_channels, out_channels, 1)
        self.look = nn.Sequential(
            conv_bn_relu(out_channels, out_channels, 3, groups=out_channels),
            conv_bn_relu(out_channels, out_channels, 1),
        )
        self.small = in_channels

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


def conv_bn_relu(in_channels: int, out_channels: int, kernel: int, groups: int = 1) -> nn.Sequential:
    """Convolution, batch norm and ReLU, without a change of size."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )

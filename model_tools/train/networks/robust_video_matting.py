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
from model_tools.train.networks.conv_gru import conv_gru
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
        self.aspp = LRASPP(self.backbone.channels[-1], between)
        self.decoder = RecurrentDecoder((*self.backbone.channels[:-1], between), channels)
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
        *,
        segmentation_pass: bool = False,
    ) -> list[Tensor]:
        """Call the network as its authors do.

        Args:
            src: (B, 3, H, W), or clips, (B, T, 3, H, W), RGB in [0, 1].
            r1: (B, C, h, w), the state after the frame before. None for a first one.
            r2: The same.
            r3: The same.
            r4: The same.
            downsample_ratio: The network sees the image this much smaller, and the refiner brings its answer back to
                full size.
            segmentation_pass: Answer where people are, instead of a matte.

        Returns:
            [foreground, alpha, r1, r2, r3, r4], the first two in [0, 1] and shaped as src; of a segmentation pass
            [logits, r1, r2, r3, r4], at the smaller size. The states are those after the last frame.
        """
        steps = src.shape[1] if src.ndim == 5 else 1
        frames = src.flatten(0, 1) if src.ndim == 5 else src
        small = downsample(frames, downsample_ratio)
        hidden, states = self.features(small, (r1, r2, r3, r4), steps)
        if segmentation_pass:
            answers = [self.project_seg(hidden)]
        else:
            answers = [*self.matte(frames, small, hidden, refine=downsample_ratio != 1)]
        return [torch.unflatten(answer, 0, src.shape[:2]) if src.ndim == 5 else answer for answer in answers] + states

    def unroll(self, src: Tensor, plate: Tensor, downsample_ratio: float) -> Answer:
        frames = src.flatten(0, 1)
        small = downsample(frames, downsample_ratio)
        hidden, _ = self.features(small, ALL_NEW, src.shape[1])
        foreground, alpha = self.matte(frames, small, hidden, refine=downsample_ratio != 1)
        answers = (alpha, foreground, self.project_seg(hidden))
        return Answer(*(torch.unflatten(answer, 0, src.shape[:2]) for answer in answers))

    def features(self, small: Tensor, states: States, steps: int = 1) -> tuple[Tensor, list[Tensor]]:
        """Hidden features (B·T, 16, h, w) of images (B·T, 3, h, w), and the four states after the last of T steps."""
        *features, deepest = self.backbone(small)
        return self.decoder(small, [*features, self.aspp(deepest)], states, steps)

    def matte(self, src: Tensor, small: Tensor, hidden: Tensor, *, refine: bool) -> tuple[Tensor, Tensor]:
        """Foreground (N, 3, H, W) and alpha (N, 1, H, W). refine: small is smaller than src."""
        answer = self.project_mat(hidden)
        if refine:
            answer = self.refiner(src, small, answer, hidden)
        residual, alpha = answer.split([3, 1], 1)
        return (src + residual).clamp(0, 1), alpha.clamp(0, 1)


class LRASPP(nn.Module):
    """Lite R-ASPP: features weighted by what the whole image shows (Howard et al., arXiv 1905.02244, section 6.4)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.aspp1 = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU()
        )
        self.aspp2 = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.aspp1(x) * self.aspp2(x)


class RecurrentDecoder(nn.Module):
    """From the deepest features up to the image, with the encoder's features and the image itself at each size."""

    def __init__(self, features: tuple[int, ...], channels: tuple[int, ...]) -> None:
        super().__init__()
        self.avgpool = nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False)
        self.decode4 = BottleneckBlock(features[3])
        self.decode3 = UpsamplingBlock(features[3], features[2], channels[0])
        self.decode2 = UpsamplingBlock(channels[0], features[1], channels[1])
        self.decode1 = UpsamplingBlock(channels[1], features[0], channels[2])
        self.decode0 = OutputBlock(channels[2], channels[3])

    def forward(self, image: Tensor, features: list[Tensor], states: States, steps: int) -> tuple[Tensor, list[Tensor]]:
        half = self.avgpool(image)
        quarter = self.avgpool(half)
        eighth = self.avgpool(quarter)
        x, state4 = self.decode4(features[3], states[3], steps)
        x, state3 = self.decode3(x, features[2], eighth, states[2], steps)
        x, state2 = self.decode2(x, features[1], quarter, states[1], steps)
        x, state1 = self.decode1(x, features[0], half, states[0], steps)
        return self.decode0(x, image), [state1, state2, state3, state4]


class BottleneckBlock(nn.Module):
    """A GRU over the second half of the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gru = ConvGRU(channels // 2)

    def forward(self, x: Tensor, state: Tensor | None, steps: int) -> tuple[Tensor, Tensor]:
        return remember_half(self.gru, x, state, steps)


class UpsamplingBlock(nn.Module):
    """Twice as large, with the encoder's features and the image at that size, and a GRU over half of the channels."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(*conv_bn_relu(in_channels + skip_channels + 3, out_channels))
        self.gru = ConvGRU(out_channels // 2)

    def forward(
        self, x: Tensor, skip: Tensor, image: Tensor, state: Tensor | None, steps: int
    ) -> tuple[Tensor, Tensor]:
        return remember_half(self.gru, self.conv(torch.cat([upsampled(x, image), skip, image], 1)), state, steps)


class OutputBlock(nn.Module):
    """At the image's own size, without a GRU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            *conv_bn_relu(in_channels + 3, out_channels), *conv_bn_relu(out_channels, out_channels)
        )

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        return self.conv(torch.cat([upsampled(x, image), image], 1))


class ConvGRU(nn.Module):
    """ih: the gates. hh: the candidate."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ih = nn.Sequential(nn.Conv2d(2 * channels, 2 * channels, 3, padding=1), nn.Sigmoid())
        self.hh = nn.Sequential(nn.Conv2d(2 * channels, channels, 3, padding=1), nn.Tanh())

    def forward(self, x: Tensor, state: Tensor | None, steps: int) -> tuple[Tensor, Tensor]:
        """As `conv_gru`. state: may also be what broadcasts to its shape, as the zeros of 1×1×1×1 of a first frame."""
        if state is not None:
            state = state.expand_as(x if steps == 1 else x[: x.shape[0] // steps])
        return conv_gru(x, state, steps, self.ih, self.hh)


class Projection(nn.Module):
    """A 1×1 convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def remember_half(gru: ConvGRU, x: Tensor, state: Tensor | None, steps: int) -> tuple[Tensor, Tensor]:
    """Features with their second half of channels replaced by the GRU's state after each frame, and the last state."""
    kept, current = x.chunk(2, 1)
    remembered, state = gru(current, state, steps)
    return torch.cat([kept, remembered], 1), state


def conv_bn_relu(in_channels: int, out_channels: int) -> list[nn.Module]:
    """Convolution of 3×3, batch norm and ReLU."""
    return [
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    ]


def upsampled(x: Tensor, like: Tensor) -> Tensor:
    """Twice as large, cut to the size of `like`: an odd size was rounded up before it was halved."""
    large = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    return large[:, :, : like.shape[2], : like.shape[3]]


def downsample(image: Tensor, ratio: float) -> Tensor:
    """The image at this share of its size."""
    if ratio == 1:
        return image
    # By the ratio itself, not by that of the whole sizes: the published networks sample their images so.
    return functional.interpolate(
        image, scale_factor=ratio, mode="bilinear", align_corners=False, recompute_scale_factor=False
    )

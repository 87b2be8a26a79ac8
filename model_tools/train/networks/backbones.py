"""The encoders of the published networks, by the names of their published weights, without their classifiers.

MobileNetV3-Large: Howard et al., arXiv 1905.02244, table 1. ResNet-50: He et al., arXiv 1512.03385, with the stride of
a block at its 3×3 convolution. Both end at a sixteenth of the image's size: where the classifier would halve it once
more, the convolutions are dilated instead (Chen et al., arXiv 1706.05587).

Each takes images (N, 3, H, W), RGB in [0, 1], and answers four features, at 1/2, 1/4, 1/8 and 1/16 of their size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
SQUEEZE = 4


@dataclass(frozen=True)
class Bottleneck:
    """A row of the paper's table 1.

    Attributes:
        kernel: Side of the depthwise filter.
        in_channels: Before.
        expanded: Inside.
        out_channels: After.
        squeeze: With squeeze and excitation.
        hard_swish: Its activation, else ReLU.
        stride: Of the depthwise filter.
        dilation: Of the depthwise filter.
    """

    kernel: int
    in_channels: int
    expanded: int
    out_channels: int
    squeeze: bool = False
    hard_swish: bool = False
    stride: int = 1
    dilation: int = 1


MOBILENET_ROWS = (
    Bottleneck(3, 16, 16, 16),
    Bottleneck(3, 16, 64, 24, stride=2),
    Bottleneck(3, 24, 72, 24),
    Bottleneck(5, 24, 72, 40, squeeze=True, stride=2),
    Bottleneck(5, 40, 120, 40, squeeze=True),
    Bottleneck(5, 40, 120, 40, squeeze=True),
    Bottleneck(3, 40, 240, 80, hard_swish=True, stride=2),
    Bottleneck(3, 80, 200, 80, hard_swish=True),
    Bottleneck(3, 80, 184, 80, hard_swish=True),
    Bottleneck(3, 80, 184, 80, hard_swish=True),
    Bottleneck(3, 80, 480, 112, squeeze=True, hard_swish=True),
    Bottleneck(3, 112, 672, 112, squeeze=True, hard_swish=True),
    Bottleneck(5, 112, 672, 160, squeeze=True, hard_swish=True, dilation=2),
    Bottleneck(5, 160, 960, 160, squeeze=True, hard_swish=True, dilation=2),
    Bottleneck(5, 160, 960, 160, squeeze=True, hard_swish=True, dilation=2),
)


class MobileNetV3(nn.Module):
    """MobileNetV3-Large. It takes images (N, 3, H, W), RGB in [0, 1]."""

    channels: ClassVar[tuple[int, ...]] = (16, 24, 40, 960)
    ends: ClassVar[tuple[int, ...]] = (1, 3, 6, 16)
    """The last layer at each size."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        first, last = MOBILENET_ROWS[0].in_channels, MOBILENET_ROWS[-1].out_channels
        self.features = nn.Sequential(
            conv_bn_act(3, first, 3, nn.Hardswish(), stride=2),
            *map(InvertedResidual, MOBILENET_ROWS),
            conv_bn_act(last, self.channels[-1], 1, nn.Hardswish()),
        )
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(IMAGENET_DEVIATION).view(1, 3, 1, 1), persistent=False)

    def forward(self, src: Tensor) -> list[Tensor]:
        feature = (src - self.mean) / self.deviation
        features = []
        for number, layer in enumerate(self.features):
            feature = layer(feature)
            if number in self.ends:
                features.append(feature)
        return features


class InvertedResidual(nn.Module):
    """Expansion, depthwise filter and projection, added to the input where the shapes agree."""

    def __init__(self, row: Bottleneck) -> None:
        super().__init__()
        self.keeps_shape = row.stride == 1 and row.in_channels == row.out_channels
        after_each = nn.Hardswish if row.hard_swish else nn.ReLU
        layers: list[nn.Module] = []
        if row.expanded != row.in_channels:
            layers.append(conv_bn_act(row.in_channels, row.expanded, 1, after_each()))
        layers.append(
            conv_bn_act(
                row.expanded, row.expanded, row.kernel, after_each(), row.stride, row.dilation, groups=row.expanded
            )
        )
        if row.squeeze:
            layers.append(SqueezeExcitation(row.expanded))
        layers.append(conv_bn_act(row.expanded, row.out_channels, 1))
        self.block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) if self.keeps_shape else self.block(x)


class SqueezeExcitation(nn.Module):
    """Hu et al., arXiv 1709.01507, with MobileNetV3's hard sigmoid."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced = make_divisible(channels / SQUEEZE)
        self.fc1 = nn.Conv2d(channels, reduced, 1)
        self.fc2 = nn.Conv2d(reduced, channels, 1)
        self.relu, self.gate = nn.ReLU(), nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.fc2(self.relu(self.fc1(nn.functional.adaptive_avg_pool2d(x, 1)))))


class ResNet50(nn.Module):
    """It takes its images as they are: the published matting network was trained without ImageNet's mean."""

    channels: ClassVar[tuple[int, ...]] = (64, 256, 512, 2048)

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = nn.Sequential(Residual(64, 64, fits=False), *repeated(256, 64, 2))
        self.layer2 = nn.Sequential(Residual(256, 128, fits=False, stride=2), *repeated(512, 128, 3))
        self.layer3 = nn.Sequential(Residual(512, 256, fits=False, stride=2), *repeated(1024, 256, 5))
        # Dilated from its second block on: the first one still sees a grid that nothing was left out of.
        self.layer4 = nn.Sequential(Residual(1024, 512, fits=False), *repeated(2048, 512, 2, dilation=2))

    def forward(self, src: Tensor) -> list[Tensor]:
        half = self.relu(self.bn1(self.conv1(src)))
        quarter = self.layer1(self.maxpool(half))
        eighth = self.layer2(quarter)
        return [half, quarter, eighth, self.layer4(self.layer3(eighth))]


class Residual(nn.Module):
    """fits: whether input and output are of one shape, so that they can be added as they are."""

    def __init__(self, before: int, inside: int, *, fits: bool = True, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        after = 4 * inside
        self.conv1 = nn.Conv2d(before, inside, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv2 = nn.Conv2d(inside, inside, 3, stride, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(inside)
        self.conv3 = nn.Conv2d(inside, after, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU()
        shortcut = (nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        self.downsample = None if fits else nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        inside = self.relu(self.bn1(self.conv1(x)))
        inside = self.relu(self.bn2(self.conv2(inside)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.bn3(self.conv3(inside)) + shortcut)


def repeated(channels: int, inside: int, times: int, dilation: int = 1) -> list[nn.Module]:
    """Blocks whose input and output have one shape."""
    return [Residual(channels, inside, dilation=dilation) for _ in range(times)]


def conv_bn_act(
    in_channels: int,
    out_channels: int,
    kernel: int,
    activation: nn.Module | None = None,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    """Convolution, batch norm and activation as MobileNetV3 has them; only the stride changes the size."""
    padding = kernel // 2 * dilation
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, groups, bias=False),
        nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01),
    ]
    return nn.Sequential(*layers, *([activation] if activation else []))


def make_divisible(channels: float) -> int:
    """The nearest multiple of eight that is at least 0.9 times as large (the rule of the MobileNets)."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8

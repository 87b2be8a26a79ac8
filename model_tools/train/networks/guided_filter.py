"""Guided filters: bring what a network answers for a small image to the size of the whole one, along its edges.

In each small window the answer is a linear function of the image, answer = a · image + b (He et al., "Guided Image
Filtering"). The coefficients a and b are computed at the small size and enlarged (He and Sun, "Fast Guided Filter",
arXiv 1505.00996). In the deep guided filter a small network computes a (Wu et al., arXiv 1803.05619).

Both take src (N, 3, H, W) and small (N, 3, h, w), RGB in [0, 1], answer (N, 4, h, w), foreground residual and alpha,
and hidden (N, 16, h, w), and return the answer at the size of src, (N, 4, H, W).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

PLANES = 4
"""Red, green, blue for the foreground, grey for the alpha."""

FLAT = 1e-5
"""Where the variance is much smaller than this, a is zero."""


class FastGuidedFilter(nn.Module):
    """It has no weights."""

    third: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("third", torch.full((PLANES, 1, 1, 3), 1 / 3), persistent=False)

    def forward(self, src: Tensor, small: Tensor, answer: Tensor, hidden: Tensor) -> Tensor:
        measured = measure(self._mean, with_grey(small), answer)
        return carry_over(src, measured.covariance / (measured.variance + FLAT), measured)

    def _mean(self, planes: Tensor) -> Tensor:
        across = functional.conv2d(planes, self.third, padding=(0, 1), groups=PLANES)
        return functional.conv2d(across, self.third.transpose(2, 3), padding=(1, 0), groups=PLANES)


class DeepGuidedFilter(nn.Module):
    """The window's weights are learned too."""

    def __init__(self, hidden_channels: int = 16) -> None:
        super().__init__()
        self.box_filter = nn.Conv2d(PLANES, PLANES, 3, padding=1, bias=False, groups=PLANES)
        nn.init.constant_(self.box_filter.weight, 1 / 9)
        self.conv = nn.Sequential(
            nn.Conv2d(2 * PLANES + hidden_channels, hidden_channels, 1, bias=False),
            nn.BatchNorm2d(hidden_channels),
            nn.ReLU(),
            nn.Conv2d(hidden_channels, hidden_channels, 1, bias=False),
            nn.BatchNorm2d(hidden_channels),
            nn.ReLU(),
            nn.Conv2d(hidden_channels, PLANES, 1),
        )

    def forward(self, src: Tensor, small: Tensor, answer: Tensor, hidden: Tensor) -> Tensor:
        measured = measure(self.box_filter, with_grey(small), answer)
        a = self.conv(torch.cat([measured.covariance, measured.variance, hidden], 1))
        return carry_over(src, a, measured)


@dataclass(frozen=True)
class WindowStatistics:
    """Of the window about each pixel: the means of image and answer, their covariance, the image's variance."""

    image: Tensor
    answer: Tensor
    covariance: Tensor
    variance: Tensor


def measure(mean: Callable[[Tensor], Tensor], image: Tensor, answer: Tensor) -> WindowStatistics:
    """Measure the window about each pixel. mean: averages each window."""
    image_mean, answer_mean = mean(image), mean(answer)
    return WindowStatistics(
        image_mean,
        answer_mean,
        mean(image * answer) - image_mean * answer_mean,
        mean(image * image) - image_mean * image_mean,
    )


def carry_over(src: Tensor, a: Tensor, measured: WindowStatistics) -> Tensor:
    """The answer at the size of `src`, from the coefficients at the small size."""
    b = measured.answer - a * measured.image
    return enlarged(a, src) * with_grey(src) + enlarged(b, src)


def with_grey(image: Tensor) -> Tensor:
    """(N, 3, H, W) RGB -> (N, 4, H, W), its mean as a fourth channel."""
    return torch.cat([image, image.mean(1, keepdim=True)], 1)


def enlarged(planes: Tensor, like: Tensor) -> Tensor:
    """Planes at the size of `like`."""
    return functional.interpolate(planes, like.shape[2:], mode="bilinear", align_corners=False)


def guided_alpha(src: Tensor, small: Tensor, alpha: Tensor) -> Tensor:
    """The fast guided filter for an alpha alone, as `model_api.mattes.guided_filter` computes it when the program runs.

    src: (N, 3, H, W), small: (N, 3, h, w), RGB in [0, 1]. alpha: (N, 1, h, w). Returns (N, 1, H, W) in [0, 1].
    """
    image = small.mean(1, keepdim=True)
    measured = measure(lambda planes: functional.avg_pool2d(planes, 3, 1, 1), image, alpha)
    a = measured.covariance / (measured.variance + FLAT)
    b = measured.answer - a * measured.image
    return (enlarged(a, src) * src.mean(1, keepdim=True) + enlarged(b, src)).clamp(0, 1)

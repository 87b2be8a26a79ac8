"""The losses of Robust Video Matting (Lin et al., arXiv 2108.11515, section 4.3 and its supplement).

alpha: (B, T, 1, H, W), foreground: (B, T, 3, H, W), all in [0, 1].
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

PYRAMID_LEVELS = 5
KERNEL = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16


def alpha_losses(alpha: Tensor, true_alpha: Tensor) -> dict[str, Tensor]:
    """Each by its name, weighted as in the paper; their sum is to be made small."""
    losses = {
        "alpha_l1": functional.l1_loss(alpha, true_alpha),
        "alpha_laplacian": laplacian_loss(alpha.flatten(0, 1), true_alpha.flatten(0, 1)),
    }
    if alpha.shape[1] > 1:
        losses["alpha_coherence"] = 5 * coherence_loss(alpha, true_alpha)
    return losses


def foreground_losses(foreground: Tensor, true_foreground: Tensor, true_alpha: Tensor) -> dict[str, Tensor]:
    """Where the person is, and nowhere else."""
    inside = (true_alpha > 0).to(foreground.dtype)
    shown, true_shown = foreground * inside, true_foreground * inside
    losses = {"foreground_l1": functional.l1_loss(shown, true_shown)}
    if foreground.shape[1] > 1:
        losses["foreground_coherence"] = 5 * coherence_loss(shown, true_shown)
    return losses


def presence_losses(logits: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Binary cross entropy, and Dice (Milletari et al., "V-Net", arXiv 1606.04797), of where people are.

    Each image counts for itself, so that a small person counts as much as a large one.

    Args:
        logits: (N, 1, h, w).
        mask: (N, 1, H, W) in [0, 1].
    """
    smaller = functional.adaptive_avg_pool2d(mask, (logits.shape[2], logits.shape[3]))
    there = torch.sigmoid(logits)
    common, both = (there * smaller).sum((1, 2, 3)), (there.square() + smaller.square()).sum((1, 2, 3))
    dice = 1 - (2 * common + 1) / (both + 1)
    return {
        "presence_entropy": functional.binary_cross_entropy_with_logits(logits, smaller),
        "presence_dice": dice.mean(),
    }


def coherence_loss(predicted: Tensor, true: Tensor) -> Tensor:
    """The squared difference of what changes from a frame to the next."""
    return functional.mse_loss(predicted[:, 1:] - predicted[:, :-1], true[:, 1:] - true[:, :-1])


def laplacian_loss(predicted: Tensor, true: Tensor) -> Tensor:
    """L1 over a Laplacian pyramid; level l counts 2^l, divided by the number of levels. (N, 1, H, W) each."""
    total = predicted.new_zeros(())
    # Differences are linear: one pyramid of the difference is the difference of two pyramids.
    error = predicted - true
    levels = min(PYRAMID_LEVELS, int(min(error.shape[2:])).bit_length() - 3)
    for level in range(levels):
        (down_y, up_y), (down_x, up_x) = (_resampling(side, error.device) for side in error.shape[2:])
        smaller = down_y @ error @ down_x.T
        total = total + 2**level * (error - up_y @ smaller @ up_x.T).abs().mean() / PYRAMID_LEVELS
        error = smaller
    return total


@lru_cache(maxsize=64)
def _resampling(side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Matrices that blur and halve `side` pixels, and that enlarge and blur the half to the whole again.

    Products of matrices take a tenth of the time that PyTorch takes to convolve one channel on a CPU.
    """
    blur = _blurring(side)
    return blur[::2].contiguous().to(device), (2 * blur[:, ::2]).contiguous().to(device)


def _blurring(side: int) -> Tensor:
    """(side, side): each row a kernel about its pixel, mirrored at the borders."""
    mirrored = functional.pad(torch.eye(side)[None], (2, 2), mode="reflect")
    return functional.conv1d(mirrored.transpose(0, 1), KERNEL.view(1, 1, 5))[:, 0].T

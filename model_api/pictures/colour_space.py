"""What the numbers of a video's pixels mean: ITU-R BT.601, BT.709, BT.2020 and BT.2100."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_api.arrays import Floats
from model_api.ranges import require_choice

LUMA_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
"""Matrix -> the shares of red and of blue in luma."""

TRANSFERS = ("sdr", "pq", "hlg")


@dataclass(frozen=True)
class ColourSpace:
    """What a picture's Y'CbCr stands for.

    Attributes:
        matrix: a name in LUMA_WEIGHTS.
        full_range: whether levels go over all codes, as in JPEG; else 16..235 and 16..240 of 8 bits.
        depth: bits of a sample: 8, 10 or 12, in the low bits.
        transfer: one of TRANSFERS. "sdr" stands for BT.1886 and sRGB alike.

    Raises:
        OptionError: a value that a parameter does not take.
    """

    matrix: str = "bt709"
    full_range: bool = False
    depth: int = 8
    transfer: str = "sdr"

    def __post_init__(self) -> None:
        require_choice(LUMA_WEIGHTS, matrix=self.matrix)
        require_choice(TRANSFERS, transfer=self.transfer)

    @property
    def to_bgr(self) -> Floats:
        """(3, 4) float32: from Y, Cb, Cr and 1, as codes, to blue, green and red of 0..255."""
        red, blue = LUMA_WEIGHTS[self.matrix]
        green = 1 - red - blue
        unit = 1 << (self.depth - 8)
        black, luma, chroma = (0, 255 * unit, 255 * unit) if self.full_range else (16 * unit, 219 * unit, 224 * unit)
        if self.full_range:
            luma = chroma = (1 << self.depth) - 1
        to_blue, to_red = 2 * (1 - blue), 2 * (1 - red)
        rows = np.array(
            [[1, to_blue, 0], [1, -blue * to_blue / green, -red * to_red / green], [1, 0, to_red]], np.float64
        )
        scaled = rows * (255 / np.array([luma, chroma, chroma]))
        offset = scaled @ np.array([black, 128 * unit, 128 * unit], np.float64)
        return np.column_stack([scaled, -offset]).astype(np.float32)

    @property
    def from_bgr(self) -> Floats:
        """(3, 4) float32: the inverse of `to_bgr`."""
        matrix = self.to_bgr.astype(np.float64)
        inverse = np.linalg.inv(matrix[:, :3])
        return np.column_stack([inverse, -inverse @ matrix[:, 3]]).astype(np.float32)

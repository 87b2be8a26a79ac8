"""What the numbers of a video's pixels mean: ITU-R BT.601, BT.709, BT.2020 and BT.2100."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from model_api.arrays import Floats
from model_api.ranges import require_choice

LUMA_WEIGHTS = {
    "bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593),
    "fcc": (0.30, 0.11), "smpte240m": (0.212, 0.087),
}  # fmt: skip
"""Matrix -> the shares of red and of blue in luma (ITU-T H.273, table 4)."""

TRANSFERS = ("sdr", "pq", "hlg")

WHITE_POINT = (0.3127, 0.3290)
"""D65, which all PRIMARIES share."""

PRIMARIES = {
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""Chromaticities x, y of red, green and blue (ITU-T H.273, table 2). Those of BT.601 are so near to BT.709's that they
pass for them."""


@dataclass(frozen=True)
class ColourSpace:
    """What a picture's Y'CbCr stands for.

    Attributes:
        matrix: a name in LUMA_WEIGHTS.
        full_range: whether levels go over all codes, as in JPEG; else 16..235 and 16..240 of 8 bits.
        depth: bits of a sample: 8 to 16, in the low bits.
        transfer: one of TRANSFERS. "sdr" stands for BT.1886 and sRGB alike.
        primaries: a name in PRIMARIES.

    Raises:
        OptionError: a value that a parameter does not take.
    """

    matrix: str = "bt709"
    full_range: bool = False
    depth: int = 8
    transfer: str = "sdr"
    primaries: str = "bt709"

    def __post_init__(self) -> None:
        require_choice(LUMA_WEIGHTS, matrix=self.matrix)
        require_choice(TRANSFERS, transfer=self.transfer)
        require_choice(PRIMARIES, primaries=self.primaries)

    @property
    def hdr(self) -> bool:
        """Whether levels above 203 nits are brighter than white."""
        return self.transfer != "sdr"

    @property
    def plain(self) -> bool:
        """Whether `to_bgr` is all that an SDR screen needs. Else see `screen.screen_bgr`."""
        return not self.hdr and self.primaries == "bt709"

    def converts_exactly(self, other: ColourSpace) -> bool:
        """Whether only bits and range differ, so that each plane is converted for itself."""
        same = (self.matrix, self.transfer, self.primaries)
        return same == (other.matrix, other.transfer, other.primaries)

    @property
    def black(self) -> int:
        """The code of black in luma."""
        return 0 if self.full_range else 16 << (self.depth - 8)

    @property
    def neutral(self) -> int:
        """The code of no colour in chroma."""
        return 128 << (self.depth - 8)

    @property
    def spans(self) -> tuple[int, int]:
        """Codes from black to white in luma, and from one end to the other in chroma."""
        if self.full_range:
            return (1 << self.depth) - 1, (1 << self.depth) - 1
        return 219 << (self.depth - 8), 224 << (self.depth - 8)

    @property
    def to_bgr(self) -> Floats:
        """(3, 4) float32: from Y, Cb, Cr and 1, as codes, to blue, green and red of 0..255."""
        return _to_bgr(self)

    @property
    def from_bgr(self) -> Floats:
        """(3, 4) float32: the inverse of `to_bgr`."""
        return _from_bgr(self)


@cache
def _to_bgr(space: ColourSpace) -> Floats:
    red, blue = LUMA_WEIGHTS[space.matrix]
    green = 1 - red - blue
    luma, chroma = space.spans
    to_blue, to_red = 2 * (1 - blue), 2 * (1 - red)
    rows = np.array([[1, to_blue, 0], [1, -blue * to_blue / green, -red * to_red / green], [1, 0, to_red]], np.float64)
    scaled = rows * (255 / np.array([luma, chroma, chroma]))
    offset = scaled @ np.array([space.black, space.neutral, space.neutral], np.float64)
    return _constant(np.column_stack([scaled, -offset]))


@cache
def _from_bgr(space: ColourSpace) -> Floats:
    matrix = space.to_bgr.astype(np.float64)
    inverse = np.linalg.inv(matrix[:, :3])
    return _constant(np.column_stack([inverse, -inverse @ matrix[:, 3]]))


def _constant(matrix: npt.NDArray[np.float64]) -> Floats:
    rounded = matrix.astype(np.float32)
    rounded.flags.writeable = False
    return rounded


def between_primaries(source: str, target: str) -> Floats:
    """(3, 3) float32: linear blue, green, red of `source` as those of `target`, both in PRIMARIES (SMPTE RP 177)."""
    matrix = np.linalg.inv(_to_xyz(target)) @ _to_xyz(source)
    return matrix[::-1, ::-1].astype(np.float32)


def _to_xyz(primaries: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(3, 3): linear red, green, blue as CIE XYZ."""
    columns = np.array([_xyz(point) for point in PRIMARIES[primaries]]).T
    scaled: np.ndarray[tuple[int, int], np.dtype[np.float64]] = columns * np.linalg.solve(columns, _xyz(WHITE_POINT))
    return scaled


def _xyz(chromaticity: tuple[float, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Of luminance 1."""
    x, y = chromaticity
    return np.array([x / y, 1, (1 - x - y) / y])

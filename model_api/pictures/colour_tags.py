"""What a file says about its colours, and what is assumed where it says nothing: ITU-T H.273."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from model_api.arrays import Size
from model_api.pictures.colour_space import ColourSpace

UNKNOWN = 2
BT709, BT601, BT2020 = 1, 6, 9
LIMITED, FULL = 1, 2
"""FFmpeg's numbers of ranges, 0 for unknown."""

MATRICES: Mapping[int, str] = {
    1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020",
}  # fmt: skip
"""H.273's matrix coefficients -> `colour_space.LUMA_WEIGHTS`."""
CONSTANT_LUMINANCE = 10
"""BT.2020's whose luma is made of light and not of signals. It passes for 9, which shows greys alike, not colours."""
TRANSFERS: Mapping[int, str] = {16: "pq", 18: "hlg"}
"""H.273's transfer characteristics -> `colour_space.TRANSFERS`. All others are SDR."""
PRIMARIES: Mapping[int, str] = {9: "bt2020", 11: "p3", 12: "p3"}
"""H.273's colour primaries -> `colour_space.PRIMARIES`. All others are BT.709's or near."""
CODE_OF = {
    "bt709": BT709, "bt601": BT601, "bt2020": BT2020, "fcc": 4, "smpte240m": 7, "p3": 12, "pq": 16, "hlg": 18,
}  # fmt: skip
"""The numbers to write, the other way round."""

HD_WIDTH_PX, SD_HEIGHT_PX = 1280, 576
"""Untagged videos as wide as this, or higher than this, are BT.709, others BT.601. So mpv (mp_csp_guess_colorspace in
video/csputils.c) and libplacebo (pl_color_system_guess_ycbcr) decide."""


@dataclass(frozen=True)
class ColourTags:
    """What a file says about its colours, as H.273's numbers: 2 where it says nothing.

    Attributes:
        matrix: from RGB to Y'CbCr.
        primaries: which red, green and blue.
        transfer: from light to signal.
        range: LIMITED or FULL, 0 where the file says nothing.
    """

    matrix: int = UNKNOWN
    primaries: int = UNKNOWN
    transfer: int = UNKNOWN
    range: int = 0

    def space(self, size: Size, depth: int = 8) -> ColourSpace:
        """What pixels stand for that are tagged so.

        Args:
            size: (width, height) as they are coded, before they are turned upright.
            depth: bits of a sample.
        """
        transfer = TRANSFERS.get(self.transfer, "sdr")
        assumed = "bt2020" if transfer != "sdr" else None
        primaries = PRIMARIES.get(self.primaries, "bt709")
        if self.primaries == UNKNOWN and (assumed or MATRICES.get(self.matrix) == "bt2020"):
            primaries = "bt2020"
        matrix = MATRICES.get(self.matrix) or assumed or assumed_matrix(size)
        return ColourSpace(matrix, self.range == FULL, depth, transfer, primaries)

    @property
    def complete(self) -> bool:
        """Whether the matrix is known, so that players assume nothing."""
        return self.matrix in MATRICES

    @property
    def understood(self) -> bool:
        """Whether the pixels can be converted as the file says."""
        return (self.matrix in MATRICES or self.matrix in (0, UNKNOWN)) and self.matrix != CONSTANT_LUMINANCE


UNTAGGED = ColourTags()


def assumed_matrix(size: Size) -> str:
    """What players assume of a video of this (width, height) that says nothing."""
    width, height = size
    return "bt709" if width >= HD_WIDTH_PX or height > SD_HEIGHT_PX else "bt601"


def tags_of(space: ColourSpace) -> ColourTags:
    """Name a colour space."""
    transfer = CODE_OF[space.transfer] if space.hdr else (BT709 if space.matrix != "bt601" else BT601)
    primaries = (
        CODE_OF[space.primaries] if space.primaries != "bt709" else (BT601 if space.matrix == "bt601" else BT709)
    )
    return ColourTags(CODE_OF[space.matrix], primaries, transfer, FULL if space.full_range else LIMITED)


def written_tags(tags: ColourTags, space: ColourSpace, size: Size) -> ColourTags:
    """The tags of a file that holds the source's own pixels.

    What the source does not say stays unsaid, if players assume the same of the file that is written.

    Args:
        tags: the source's.
        space: what its pixels stand for.
        size: (width, height) of the file.
    """
    if tags.complete or (tags.matrix == UNKNOWN and not space.hdr and assumed_matrix(size) == space.matrix):
        return tags
    return replace(tags, matrix=CODE_OF[space.matrix])

"""Colours for curves and bars that stand side by side."""

from __future__ import annotations

PALETTE = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5")
"""Observable's categorical colours, without its brown and grey (https://observablehq.com/blog/crafting-data-colors)."""


def colour_of(number: int) -> str:
    """The colour of the curve of this number, counted from 0. After the last colour the first one follows."""
    return PALETTE[number % len(PALETTE)]

"""Tables for a terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def aligned(rows: Sequence[Sequence[str]], words: Collection[int] | None = None) -> list[str]:
    """Align the columns of a table with blanks.

    Args:
        rows: The cells of each row, all rows of one length.
        words: The columns that stand to the left; numbers stand to the right. Default: all.

    Returns:
        A line for each row.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = range(len(widths)) if words is None else words
    return [
        "  ".join(
            cell.ljust(width) if number in left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]

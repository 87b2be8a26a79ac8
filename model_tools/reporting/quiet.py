"""What a library says while it works is not always for the reader of a tool's own lines."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet(name: str, least: int = logging.WARNING) -> Iterator[None]:
    """Keep what a logger says below a level from being printed.

    Args:
        name: The logger's.
        least: The first level that is printed, of `logging`.
    """
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(least)
    try:
        yield
    finally:
        logger.setLevel(before)

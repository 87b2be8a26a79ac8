"""Text from elsewhere, as a terminal may show it: names of files, tags in them, what servers answer.

A terminal obeys control characters: escape sequences recolour it, retitle it or type for the user, and characters that
turn the direction of writing make one name look like another.
"""

from __future__ import annotations

import logging
import reprlib

LONGEST = 200
KEPT = frozenset("\n\t\u200c\u200d\u3000\u00a0")
"""Shown as they are: lines and columns of our own, joiners that some scripts need, and wide blanks."""


def printable(text: str) -> str:
    r"""Text without anything that a terminal obeys: such characters become escapes, "\x1b" for one.

    Line breaks and tabs stay. So use it where text leaves the program, and `one_line` for each foreign part of it.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in KEPT else ascii(letter)[1:-1] for letter in text)


def one_line(text: object, longest: int = LONGEST) -> str:
    """Foreign text as a part of one line of ours.

    Args:
        text: a text or an error, or another value, of which the beginning is shown.
        longest: characters that are kept.
    """
    words = str(text) if isinstance(text, (str, BaseException)) else reprlib.repr(text)
    start = words[: longest * 4]
    return printable(" ".join(start.split()))[:longest]


def error_line(error: BaseException) -> str:
    """All that an error says, in one line; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


class PrintableFormatter(logging.Formatter):
    """Log lines that a terminal may show, whatever names and messages are in them."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        return printable(super().format(record))


def log_printable() -> None:
    """Make what the root logger writes to streams printable, without another change to its format."""
    for handler in logging.getLogger().handlers:
        if type(handler) is logging.StreamHandler:
            handler.setFormatter(PrintableFormatter(handler.formatter._fmt if handler.formatter else None))

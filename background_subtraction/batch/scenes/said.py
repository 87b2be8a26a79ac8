"""What is to be said of a film is said once, and not by each of its scenes."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from background_subtraction.batch.scenes.film import DIGITS

NUMBER = re.compile(rf"-\d{{{DIGITS}}}\b")
"""Behind the film's name, that of a scene."""
OF_BATCH = "background_subtraction.batch"
"""The loggers that tell of each scene how far it is."""


class Said(logging.Filter):
    """Passes each message once, whichever scene it names."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """As `logging.Filter` has it."""
        text = NUMBER.sub("", record.getMessage())
        is_new = text not in self._texts
        self._texts.add(text)
        return is_new or record.name.startswith(OF_BATCH)


@contextmanager
def said_once() -> Iterator[None]:
    """Let scenes that are converted within repeat nothing."""
    filters = [(handler, Said()) for handler in logging.getLogger().handlers]
    for handler, said in filters:
        handler.addFilter(said)
    try:
        yield
    finally:
        for handler, said in filters:
            handler.removeFilter(said)

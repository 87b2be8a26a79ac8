"""Inputs of a run that cannot be read: the others are done all the same."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from model_api.errors import SourceError

log = logging.getLogger(__name__)


class Unreadable:
    """Counts the inputs of a run that could not be read."""

    def __init__(self, inputs: int) -> None:
        """inputs: how many the run has. The error of the only one ends the run."""
        self._inputs = inputs
        self._errors: list[str] = []

    @contextmanager
    def passed_over(self) -> Iterator[None]:
        """Take note of an input's error within, if there are others."""
        try:
            yield
        except SourceError as error:
            if self._inputs == 1:
                raise
            self._errors.append(str(error))
            log.warning("%s. The other inputs are done", str(error).rstrip("."))

    def require_none(self) -> None:
        """Raise SourceError that names all of them, if there are any."""
        if self._errors:
            raise SourceError(f"{len(self._errors)} of {self._inputs} inputs failed: {'; '.join(self._errors)}")

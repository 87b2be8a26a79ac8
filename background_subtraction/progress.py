"""The progress bar of a run: one for all its clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tqdm import tqdm

from background_subtraction.sinks.outputs import Outputs
from model_api.terminal.foreign_text import one_line

NAMES_LENGTH = 30


class Progress:
    """A progress bar, as a context manager. It may be updated from several threads."""

    def __init__(self, totals: Sequence[int | None], *, show: bool | None) -> None:
        """Show an empty bar.

        Args:
            totals: the frames of each clip, None where this is unknown.
            show: None for where there is a terminal.
        """
        total = None if None in totals else sum(filter(None, totals))
        self._bar = tqdm(total=total, unit="frame", disable=None if show is None else not show)
        self._clips = len(totals)
        self._started = 0
        self._names: list[str] = []

    @contextmanager
    def clip(self, name: str) -> Iterator[None]:
        """Show the clip's name, if there are several."""
        self._started += 1
        name = one_line(name)
        self._names.append(name)
        self._describe()
        yield
        self._names.remove(name)
        self._describe()

    def update(self, outputs: Outputs) -> None:
        """One more frame is finished."""
        self._bar.update()
        if not self._bar.disable:
            self._bar.set_postfix_str(outputs.size, refresh=False)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def _describe(self) -> None:
        if self._clips > 1 and self._names:
            names = ", ".join(self._names)[:NAMES_LENGTH]
            self._bar.set_description_str(f"{names} ({self._started}/{self._clips})")

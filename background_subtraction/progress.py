"""The progress bar of a run or a batch: one for all its clips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import NoReturn, Protocol

from tqdm import tqdm

from background_subtraction.sinks.outputs import Outputs
from model_api.terminal.foreign_text import one_line

NAMES_LENGTH = 30


class ClipProgress(Protocol):
    """What a clip tells while it is converted."""

    def begin(self, name: str) -> None:
        """A clip of this name begins."""

    def update(self, outputs: Outputs) -> None:
        """One more frame is finished."""


class Progress:
    """The bar of clips that are converted one after another. A context manager."""

    def __init__(self, totals: Sequence[int | None], *, show: bool | None) -> None:
        """Show an empty bar.

        Args:
            totals: the frames of each clip, None where this is unknown.
            show: None for where there is a terminal.
        """
        total = None if None in totals else sum(filter(None, totals))
        self._bar = _bar(total, show=show)
        self._clips = len(totals)
        self._begun = 0

    def begin(self, name: str) -> None:
        """Show the clip's name, if there are several."""
        self._begun += 1
        if self._clips > 1:
            self._bar.set_description_str(f"{one_line(name)[:NAMES_LENGTH]} ({self._begun}/{self._clips})")

    def update(self, outputs: Outputs) -> None:
        """One more frame is finished."""
        self._bar.update()
        if not self._bar.disable:
            self._bar.set_postfix_str(outputs.size, refresh=False)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()


class BatchProgress:
    """The bar of a batch, whose clips may run in other threads, processes or machines. A context manager.

    Its total is that of all clips, once they have been counted; what a clip really had takes the place of its count.
    """

    def __init__(self, clips: int, *, show: bool | None) -> None:
        """Show an empty bar.

        Args:
            clips: how many there are.
            show: None for where there is a terminal.
        """
        self._bar = _bar(None, show=show)
        self._clips = clips
        self._ended = 0
        self._expected: dict[str, int | None] = {}
        self._frames: dict[str, int] = {}
        self._actual: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._lock = Lock()

    @property
    def shown(self) -> bool:
        """Whether there is a bar, and so no need for a line about each clip."""
        return not self._bar.disable

    def expect(self, frames: Mapping[str, int | None]) -> None:
        """Set the total. frames: of each clip by its address, None where this is unknown."""
        with self._lock:
            self._expected = dict(frames)
            self._show_total()

    def begin(self, address: str, name: str) -> None:
        """A clip begins, and shows its name."""
        with self._lock:
            self._names[address] = one_line(name)
            self._describe()

    def advance(self, address: str, frames: int = 1) -> None:
        """So many more frames of a clip are finished."""
        with self._lock:
            self._frames[address] = self._frames.get(address, 0) + frames
            self._bar.update(frames)

    def end(self, address: str, frames: int, *, again: bool = False) -> None:
        """A clip has ended.

        Args:
            address: of the clip.
            frames: how many of them count.
            again: whether it is tried once more: then none count.
        """
        with self._lock:
            self._names.pop(address, None)
            self._bar.update((0 if again else frames) - self._frames.pop(address, 0))
            if not again:
                self._ended += 1
                self._actual[address] = frames
                self._show_total()
            self._describe()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Lines that are printed within do not run into the bar."""
        with tqdm.external_write_mode():
            yield

    def __enter__(self) -> BatchProgress:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def _show_total(self) -> None:
        counts = {**self._expected, **self._actual}.values()
        known = len(counts) == self._clips and None not in counts
        self._bar.total = sum(filter(None, counts)) if known else None
        self._bar.refresh()

    def _describe(self) -> None:
        self._bar.set_description_str(f"{_joined(self._names.values())} ({self._ended}/{self._clips})".lstrip())


@contextmanager
def counted(name: str, total: int | None, *, show: bool | None) -> Iterator[Callable[[int], object]]:
    """Show a bar of frames that are read. Yields what is called with each frame's number."""
    with _bar(total, show=show) as bar:
        bar.set_description_str(one_line(name)[:NAMES_LENGTH])
        yield lambda number: bar.update(number + 1 - bar.n)


def _bar(total: int | None, *, show: bool | None) -> tqdm[NoReturn]:
    return tqdm(total=total, unit="frame", disable=None if show is None else not show)


def _joined(names: Iterable[str]) -> str:
    return ", ".join(names)[:NAMES_LENGTH]

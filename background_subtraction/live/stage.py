"""The settings of one clip, with the background and the model that they need: what its next frame gets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from threading import Lock
from types import TracebackType

from background_subtraction.compositing.backgrounds import Background, open_background, with_blur
from background_subtraction.live.plans import Ready
from background_subtraction.live.settings import Settings
from model_api import MattingModel


@dataclass(frozen=True, eq=False)
class Prepared:
    """Settings that may be used at once. opened: the background that must be closed when no frame needs it."""

    ready: Ready
    opened: Background


class Stage:
    """Hands each frame one whole value, and closes what no frame needs any more. See `Session.stage`."""

    def __init__(
        self,
        settings: Settings,
        model: MattingModel,
        *,
        live: bool,
        pixel_aspect: Fraction,
        elapsed_s: Fraction,
        delivered: Callable[[], None],
        left: Callable[[Stage], None],
    ) -> None:
        """Open the background.

        Args:
            settings: the first ones.
            model: that of `settings.model`.
            live: see `open_background`.
            pixel_aspect: see `open_background`.
            elapsed_s: see `open_background`.
            delivered: called after each frame.
            left: called at the end.

        Raises:
            OptionError: no such background.
            SourceError: the background cannot be read.
        """
        self._live = live
        self._pixel_aspect = pixel_aspect
        self._elapsed_s = elapsed_s
        self._after_delivery = delivered
        self._left = left
        self._lock = Lock()
        self._newest = self._opened(settings, model)
        self._in_use: deque[Prepared] = deque([self._newest])

    def current(self) -> Ready:
        """What the next frame gets. Frames must be delivered in the order in which they got theirs."""
        with self._lock:
            if self._in_use[-1] is not self._newest:
                self._in_use.append(self._newest)
            return self._newest.ready

    def prepared(self, settings: Settings, model: MattingModel) -> Prepared:
        """Make other settings ready, and change nothing yet. Raises OptionError or SourceError."""
        newest = self._newest
        before = newest.ready.settings
        if settings.target_bgr != before.target_bgr:
            return self._opened(settings, model)
        background = newest.ready.background
        if settings.blur_bgr != before.blur_bgr:
            background = with_blur(newest.opened, settings.target_bgr, settings.blur_bgr)
        return Prepared(Ready(settings, background, model), newest.opened)

    def use(self, prepared: Prepared) -> None:
        """Use them from the next frame on."""
        with self._lock:
            before, self._newest = self._newest, prepared
            unused = [] if any(before.opened is other.opened for other in self._needed()) else [before.opened]
        _close(unused)

    def discard(self, prepared: Prepared) -> None:
        """Do not use them after all."""
        if prepared.opened is not self._newest.opened:
            _close([prepared.opened])

    def delivered(self, ready: Ready) -> None:
        """Note that a frame with these settings was delivered, and so all frames before it."""
        with self._lock:
            behind: list[Prepared] = []
            while self._in_use[0].ready is not ready and len(self._in_use) > 1:
                behind.append(self._in_use.popleft())
            unused = {id(old.opened): old.opened for old in behind}
            for needed in self._needed():
                unused.pop(id(needed.opened), None)
        _close(list(unused.values()))
        self._after_delivery()

    @property
    def models(self) -> list[MattingModel]:
        """Those that some frame may still need."""
        with self._lock:
            return [needed.ready.model for needed in self._needed()]

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left(self)
        _close(list({id(needed.opened): needed.opened for needed in self._needed()}.values()))

    def _opened(self, settings: Settings, model: MattingModel) -> Prepared:
        background = open_background(
            settings.target_bgr, settings.blur_bgr, self._pixel_aspect, live=self._live, elapsed_s=self._elapsed_s
        )
        background.__enter__()
        return Prepared(Ready(settings, background, model), background)

    def _needed(self) -> list[Prepared]:
        return [*self._in_use, self._newest]


def _close(backgrounds: list[Background]) -> None:
    for background in backgrounds:
        background.__exit__(None, None, None)

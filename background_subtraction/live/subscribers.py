"""Finished frames for those who watch a run: a page, a stream, a recorder."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Condition
from types import TracebackType

from background_subtraction.live.plans import Plan
from background_subtraction.live.settings import Settings
from model_api.pictures.picture import Picture


@dataclass(frozen=True, eq=False)
class Delivered:
    """A frame that was delivered.

    Attributes:
        composite: what was shown: (H, W, 3) uint8 BGR, or planes as the source has them. It is shared: do not write
            to it. `bgr_of` makes BGR of both.
        plan: the frame as it came (`plan.source`), and the settings that it was submitted with.
        latency_s: from its arrival to its delivery.
    """

    composite: Picture
    plan: Plan
    latency_s: float

    @property
    def index(self) -> int:
        """The number of the frame in the run."""
        return self.plan.frame.index

    @property
    def settings(self) -> Settings:
        """The settings that it was submitted with."""
        return self.plan.ready.settings


class Subscription:
    """The newest delivered frame, for one who watches: a context manager, to be used from any thread.

    It never holds the run back: who is slow misses frames.

    Attributes:
        viewers: how many watch through it.
    """

    def __init__(self, subscribers: Subscribers, every_s: float) -> None:
        """Made by `Subscribers.subscribe`."""
        self.viewers = 1
        self._subscribers = subscribers
        self._every_s = every_s
        self._due_s = 0.0
        self._changed = Condition()
        self._newest: Delivered | None = None
        self._ended = False

    def next(self, timeout_s: float | None = None) -> Delivered | None:
        """Wait for a frame that this call has not returned before.

        Args:
            timeout_s: the longest wait. None: until there is one.

        Returns:
            The newest frame. None: the time is over, or the run.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._ended, timeout_s)
            newest, self._newest = self._newest, None
            return newest

    @property
    def ended(self) -> bool:
        """Whether the run is over, and the last frame was taken."""
        with self._changed:
            return self._ended and self._newest is None

    def is_due(self, now_s: float) -> bool:
        """Asked by the run: whether a frame is wanted at this time of `perf_counter`."""
        return now_s >= self._due_s

    def put(self, delivered: Delivered, now_s: float) -> None:
        """Called by the run: a frame takes the place of the one before."""
        with self._changed:
            self._newest = delivered
            # A frame that was late is no reason to leave out the next one, which is in time.
            self._due_s = max(self._due_s, now_s - self._every_s) + self._every_s
            self._changed.notify_all()

    def end(self) -> None:
        """Called by the run: nothing comes any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._subscribers.leave(self)


class Subscribers:
    """All who watch a run."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._watching: tuple[Subscription, ...] = ()
        self._changing = Condition()
        self._ended = False

    def subscribe(self, every_s: float = 0.0) -> Subscription:
        """Begin to watch. every_s: if frames come faster on average, some are left out."""
        subscription = Subscription(self, every_s)
        with self._changing:
            self._watching = (*self._watching, subscription)
            if self._ended:
                subscription.end()
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """End to watch."""
        with self._changing:
            self._watching = tuple(other for other in self._watching if other is not subscription)

    def __len__(self) -> int:
        return sum(subscription.viewers for subscription in self._watching)

    def is_due(self, now_s: float) -> bool:
        """Whether somebody wants a frame at this time of `perf_counter`."""
        return any(subscription.is_due(now_s) for subscription in self._watching)

    def put(self, delivered: Delivered, now_s: float) -> None:
        """Hand a frame to everybody who wants one at this time."""
        for subscription in self._watching:
            if subscription.is_due(now_s):
                subscription.put(delivered, now_s)

    def end(self) -> None:
        """The run is over."""
        with self._changing:
            self._ended = True
            for subscription in self._watching:
                subscription.end()

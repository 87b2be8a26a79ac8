"""A run in a thread, with the web server beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from background_subtraction.live.session import Session
from background_subtraction.options import Options
from background_subtraction.report import Report
from background_subtraction.run import prepare
from background_subtraction.web.access.options import WebOptions
from background_subtraction.web.serving import listening, serving

END_S = 20


@contextmanager
def served_run(options: Options, stop: Callable[[], None]) -> Iterator[tuple[str, Session]]:
    """Yields the page's address, and the run's session. stop: ends the input."""
    with listening(WebOptions(port=0)) as taken, prepare(options, Report()) as run, serving(taken, run.session):
        thread = Thread(target=run, name="run")
        thread.start()
        try:
            yield taken.url, run.session
        finally:
            stop()
            thread.join(END_S)
            assert not thread.is_alive()


@contextmanager
def served() -> Iterator[str]:
    """A server without a run. Yields the page's address."""
    with listening(WebOptions(port=0)) as taken, serving(taken):
        yield taken.url

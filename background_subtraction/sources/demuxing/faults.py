"""What FFmpeg and the system say when something fails, as errors of this program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import av

from model_api.errors import BackgroundSubtractionError


def reason_of(error: BaseException) -> str:
    """What is wrong, without the file's name, which may hold a password."""
    if isinstance(error, av.error.ExitError):  # PyAV's timeout broke it off
        return "nothing came in time"
    return getattr(error, "strerror", None) or str(error)


@contextmanager
def raised_as(kind: type[BackgroundSubtractionError], what: str, advice: str = "") -> Iterator[None]:
    """Raise the errors of FFmpeg and of the system as `kind`.

    Args:
        kind: the error.
        what: what failed, with the file's name.
        advice: what was expected.
    """
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        raise kind(f"{what} ({reason_of(error)}){advice and '. '}{advice}") from error

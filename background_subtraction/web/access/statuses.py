"""Which status of HTTP an error of the program is. Needs none of the extra `web`: the worker asks too."""

from __future__ import annotations

from model_api.errors import BackgroundSubtractionError, OptionError, SourceError

OF_THE_SERVER = 500
STATUS_OF: tuple[tuple[type[BackgroundSubtractionError], int], ...] = (
    (OptionError, 422), (SourceError, 422), (BackgroundSubtractionError, OF_THE_SERVER),
)  # fmt: skip


def status_of(error: BackgroundSubtractionError) -> int:
    """4… where the request is to blame, else OF_THE_SERVER."""
    return next(status for kind, status in STATUS_OF if isinstance(error, kind))

"""What goes wrong between us and a server, before it is known what that means for the caller."""

from __future__ import annotations

from model_api.terminal.foreign_text import one_line


class ServerError(Exception):
    """The server's reason, as one line that a terminal can show."""

    def __init__(self, reason: object) -> None:
        super().__init__(one_line(reason or "it names no reason").rstrip("."))


class LostError(ServerError):
    """There is no connection."""


class LateError(ServerError):
    """No answer in time."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"no answer within {timeout_s:g} s")


class DeniedError(ServerError):
    """The server wants to know who asks, or does not allow it."""


class WrongAnswerError(ServerError):
    """An answer that is not what was asked for, or not one of KServe's protocol."""

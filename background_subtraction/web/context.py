"""What all routes of a server share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from background_subtraction.live.session import Session
from background_subtraction.web.access.errors import RequestError
from background_subtraction.web.access.limits import Limits
from model_api.bundled import names


@dataclass(frozen=True, eq=False)
class Context:
    """What all routes of a server share.

    Attributes:
        folder: a private one, for files of this server. It is deleted when the server ends.
        session: the run beside the server. None: it has none.
        limits: how much the server takes.
        device: where pictures and videos of visitors are computed.
        models: the names that may be chosen. A visitor names no file of this machine.
    """

    folder: Path
    session: Session | None = None
    limits: Limits = field(default_factory=Limits)
    device: str = "CPU"
    models: tuple[str, ...] = field(default_factory=lambda: tuple(names()))

    def require_session(self) -> Session:
        """The run beside the server. Raises RequestError if there is none."""
        if self.session is None:
            raise RequestError(409, "This server has no camera of its own. Start it with -i, as in: -i 0 --web 8080")
        return self.session

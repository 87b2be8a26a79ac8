"""What all routes of a server share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from background_subtraction.live import presets
from background_subtraction.live.session import Session
from background_subtraction.web.access.errors import RequestError
from background_subtraction.web.access.limits import Limits
from background_subtraction.web.keeping.backgrounds import Backgrounds
from background_subtraction.web.keeping.jobs import Jobs
from background_subtraction.web.keeping.pictures import Pictures
from background_subtraction.web.keeping.storage import Storage
from model_api.bundled import names

OWN_CHOICE = ""
"""A model's name: the program chooses."""


def bundled_models() -> dict[str, str]:
    """Name -> what `Settings.model` has for it."""
    return {OWN_CHOICE: OWN_CHOICE, **{name: name for name in names()}}


@dataclass(frozen=True, eq=False)
class Context:
    """What all routes of a server share. It must be closed.

    Attributes:
        folder: a private one, for files that come and go.
        backgrounds_folder: where uploaded backgrounds stay.
        session: the run beside the server. None: it has none.
        limits: how much the server takes.
        device: where pictures and videos of visitors are computed.
        models: the names that may be chosen -> what they stand for. A visitor names no file of this machine.
    """

    folder: Path
    backgrounds_folder: Path = field(default_factory=lambda: presets.folder().with_name("backgrounds"))
    session: Session | None = None
    limits: Limits = field(default_factory=Limits)
    device: str = "CPU"
    models: Mapping[str, str] = field(default_factory=bundled_models)
    storage: Storage = field(init=False)
    backgrounds: Backgrounds = field(init=False)
    pictures: Pictures = field(init=False)
    jobs: Jobs = field(init=False)

    def __post_init__(self) -> None:
        made = {
            "storage": Storage(self.folder, self.limits),
            "backgrounds": Backgrounds(self.backgrounds_folder, self.limits),
            "pictures": Pictures(self.limits),
            "jobs": Jobs(self.limits),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def name_of_model(self, model: str, otherwise: str) -> str:
        """The name that visitors know a model by. otherwise: where it is none of those that may be chosen."""
        return next((name for name, own in self.models.items() if own == model), otherwise)

    def require_session(self) -> Session:
        """The run beside the server. Raises RequestError if there is none."""
        if self.session is None:
            raise RequestError(409, "This server has no camera of its own. Start it with -i, as in: -i 0 --web 8080")
        return self.session

    def close(self) -> None:
        """End what runs for visitors."""
        self.pictures.close()
        self.jobs.close()

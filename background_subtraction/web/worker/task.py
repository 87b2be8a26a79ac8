"""What a worker is asked for, and what it answers: lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

PICTURE, VIDEO, BACKGROUND = "picture", "video", "background"
UPLOAD = "upload"
"""The file that came, in the folder of its task."""
RESULT = "result"
"""The file that is made, without its ending."""
THUMBNAIL = "thumbnail.jpg"
VIEWS = ("composite", "transparent", "alpha", "foreground")
"""What may be made of a picture or a video."""
ENDINGS = {"transparent": ".webm"}
"""View of a video -> the ending of the file that holds it."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a worker is to do with the file UPLOAD in a folder.

    Attributes:
        kind: PICTURE and VIDEO make RESULT. BACKGROUND makes a file that can be trusted of a picture, and THUMBNAIL.
        folder: its own, absolute.
        model: a name or a file.
        device: where it runs.
        view: one of VIEWS.
        settings: changes of `Settings`, as `changed` takes them. A file is one of this server's own, absolute.
        paper: a picture is put on this red, green, blue and alpha, 0 to 255 each. None: on nothing.
    """

    kind: str
    folder: str
    model: str = ""
    device: str = "CPU"
    view: str = "transparent"
    settings: Mapping[str, Any] = field(default_factory=dict)
    paper: tuple[int, int, int, int] | None = None

    @property
    def result(self) -> str:
        """The name of the file that is made."""
        return RESULT + (".png" if self.kind != VIDEO else ENDINGS.get(self.view, ".mp4"))

    @property
    def line(self) -> str:
        """One line of JSON, which `task_of` reads."""
        return json.dumps(asdict(self))


def task_of(line: str) -> Task:
    """Read what `Task.line` wrote."""
    values: dict[str, Any] = json.loads(line)
    if values["paper"] is not None:
        values["paper"] = tuple(values["paper"])
    return Task(**values)

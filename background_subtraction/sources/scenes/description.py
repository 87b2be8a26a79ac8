"""A scene of a film: which frames of it, and how they are recognized."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from background_subtraction.sources.selection import Selection
from model_api.errors import SourceError
from model_api.pictures.yuv_image import YuvImage
from model_api.types import Frame

SUFFIX = ".scene"
ROW_STEP = 4
"""Every 4th row is looked at: what a decoder gets wrong is a block, and the smallest ones have 4 rows."""


@dataclass(frozen=True)
class Scene:
    """Some frames of a film that follow each other.

    Args:
        film: its file, an absolute path.
        selection: which part of the film the frames are counted in.
        first: the number of the first frame in that part.
        times_s: when each is shown, in seconds from the part's first frame.
        checksums: of each, as `checksum_of` gives it.
    """

    film: str
    selection: Selection
    first: int
    times_s: tuple[Fraction, ...]
    checksums: tuple[int, ...]

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return len(self.times_s)


def checksum_of(frame: Frame) -> int:
    """What tells a frame from one that was decoded otherwise: CRC-32 of every fourth row of its planes."""
    picture = frame.picture
    planes = list(picture.planes) if isinstance(picture, YuvImage) else [picture]
    if frame.opacity is not None:
        planes.append(frame.opacity)
    checksum = 0
    for plane in planes:
        checksum = zlib.crc32(np.ascontiguousarray(plane[::ROW_STEP]).data, checksum)
    return checksum


def write_scene(scene: Scene, path: Path) -> None:
    """Write its description, as JSON. Raises OSError."""
    selection = scene.selection
    text = json.dumps({
        "film": scene.film,
        "start_s": str(selection.start_s),
        "end_s": None if selection.end_s is None else str(selection.end_s),
        "skip": selection.skip,
        "rate": None if selection.rate is None else str(selection.rate),
        "size": selection.size,
        "first": scene.first,
        "times_s": [str(time_s) for time_s in scene.times_s],
        "checksums": scene.checksums,
    })  # fmt: skip
    path.write_text(text, encoding="utf-8")


def read_scene(path: Path) -> Scene:
    """Read a description. Raises SourceError where it is none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        selection = Selection(
            Fraction(values["start_s"]),
            None if values["end_s"] is None else Fraction(values["end_s"]),
            values["skip"],
            None if values["rate"] is None else Fraction(values["rate"]),
        )
        times_s = tuple(map(Fraction, values["times_s"]))
        scene = Scene(values["film"], selection, values["first"], times_s, tuple(values["checksums"]))
        size = values["size"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SourceError(f"{path}: is no scene. Expected what --split scenes writes beside its output") from error
    return scene if size is None else replace(scene, selection=replace(selection, size=(size[0], size[1])))

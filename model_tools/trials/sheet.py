"""The trials for people: a table, the options that ask for the best one, and a picture of all masks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from model_api.bundled import FOLDER
from model_api.errors import OptionError, SinkError
from model_api.resize import scaled_inside
from model_api.types import Alpha, Image
from model_tools.reporting.files import replacing, require_folders
from model_tools.reporting.tables import aligned
from model_tools.trials.candidates import options_of, override_of
from model_tools.trials.trial import GOOD, REFEREE, Trial, Trials

SHOWN = 15
"""Rows of the table and of the sheet."""
COLUMNS = 4
TILE_PX = 320
LINE_PX = 18
GREEN = (80, 180, 60)
OUTPUTS = "--output_name"
HOLDS = {"none": "probabilities", "sigmoid": "logits", "levels": "levels", None: "as its numbers say"}
TITLES = ("", "pixels", "size", "mask", "agrees", "decided", "covers")


def table(trials: Trials) -> list[str]:
    """The best rows, and what each figure means.

    Args:
        trials: what was tried.
    """
    rows = [(_mark(trials, row), *_cells(row)) for row in _shown(trials)]
    best = trials.best
    poor = [f"None agrees well: perhaps another output is the mask ({OUTPUTS}), or {REFEREE} is wrong: see the sheet"]
    return [
        *aligned([TITLES, *rows], words=(0, 1, 2, 3)),
        f"{len(trials.rows)} were tried. agrees: with the mask of the bundled model {REFEREE}, 1 for the same; "
        "decided: 1 where each pixel is in or out; covers: of the pictures. > the best, * by itself",
        *(poor if best.agreement < GOOD else ()),
        f"Options for the best: {options_of(override_of(best.candidate.preprocessing, best.reading))}",
    ]


def as_json(trials: Trials) -> dict[str, Any]:
    """The same for programs: `trials`, the best first, and `best`."""
    rows = [
        {
            "preprocessing": asdict(row.candidate.preprocessing),
            "size": row.candidate.size,
            "person_class": row.reading.person,
            "activation": row.reading.activation,
            "agreement": row.agreement,
            "decided": row.decided,
            "area": row.area,
            "is_own": row.is_own,
        }
        for row in trials.rows
    ]
    return {"trials": rows, "best": rows[list(trials.rows).index(trials.best)]}


def sheet_file(asked: Path | None, model: Path) -> Path:
    """Where the sheet goes: never where something is.

    Args:
        asked: what the user says. None: beside the model, where one can write there, else in the current folder.
        model: the model's file.

    Raises:
        OptionError: `asked` is there, or cannot be.
    """
    if asked is not None:
        if asked.suffix.lower() != ".png":
            raise OptionError(f"--sheet {asked}: expected a name that ends in .png")
        if asked.exists():
            raise OptionError(f"--sheet {asked} is there already. Give another name")
        require_folders([asked])
        return asked
    is_beside = model.resolve().parent != FOLDER and os.access(model.resolve().parent, os.W_OK)
    folder = model.parent if is_beside else Path()
    names = (folder / f"{model.stem}_trials{'' if number == 1 else f'_{number}'}.png" for number in count(1))
    return next(path for path in names if not path.exists())


def write_sheet(path: Path, trials: Trials) -> None:
    """Write a PNG: the pictures, the referee's cut-outs, and those of the best rows.

    Raises:
        SinkError: it cannot be written.
    """
    examples = trials.examples
    shown = [(_caption(trials, row), row.alphas) for row in _shown(trials)]
    whole = [np.ones_like(example.referee) for example in examples]
    referee = [example.referee for example in examples]
    all_of_them = [(["the picture"], whole), ([f"by {REFEREE}"], referee), *shown]
    tiles = [_tile([example.picture for example in examples], alphas, text) for text, alphas in all_of_them]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    done, data = cv2.imencode(".png", np.vstack(rows))
    assert done
    try:
        with replacing(path) as part:
            data.tofile(part)
    except OSError as error:
        raise SinkError(f"{path}: cannot be written ({error.strerror})") from error


def _shown(trials: Trials) -> list[Trial]:
    """The best rows, and what the program takes."""
    return [row for number, row in enumerate(trials.rows) if number < SHOWN or row.is_own]


def _mark(trials: Trials, row: Trial) -> str:
    return ("> " if row is trials.best else "  ") + ("*" if row.is_own else " ")


def _cells(row: Trial) -> tuple[str, ...]:
    width, height = row.candidate.size
    figures = (f"{row.agreement:.3f}", f"{row.decided:.3f}", f"{row.area:.0%}")
    return row.candidate.preprocessing.pixels, f"{width}x{height}", _reading(row), *figures


def _reading(row: Trial) -> str:
    reading = row.reading
    return f"class {' '.join(map(str, reading.person))}" if reading.person else HOLDS[reading.activation]


def _caption(trials: Trials, row: Trial) -> list[str]:
    pixels, size, reading, agreement, decided, area = _cells(row)
    return [f"{_mark(trials, row).strip()} {pixels}", f"{size}, {reading}, {agreement} {decided} {area}"]


def _tile(pictures: Sequence[Image], alphas: Sequence[Alpha], caption: list[str]) -> Image:
    """Cut-outs over green above their caption, TILE_PX wide."""
    shown = [_cut_out(picture, alpha) for picture, alpha in zip(pictures, alphas, strict=True)]
    label = np.full((2 * LINE_PX + 6, TILE_PX, 3), 255, np.uint8)
    for number, line in enumerate(caption):
        place = (4, (number + 1) * LINE_PX - 4)
        cv2.putText(label, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([*shown, label])


def _cut_out(picture: Image, alpha: Alpha) -> Image:
    """Within a square of TILE_PX, on white."""
    width, height = scaled_inside((picture.shape[1], picture.shape[0]), (TILE_PX, TILE_PX))
    image = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    part = cv2.resize(alpha, (width, height))[..., np.newaxis]
    shown = np.rint(image * part + np.array(GREEN, np.float32) * (1 - part)).astype(np.uint8)
    return cv2.copyMakeBorder(shown, 0, 0, 0, TILE_PX - width, cv2.BORDER_CONSTANT, value=(255, 255, 255))

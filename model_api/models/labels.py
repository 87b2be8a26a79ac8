"""The names of the classes that a detecting network tells apart, and which of them is the person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from model_api.errors import OptionError

PERSON = "person"
PERSON_ALONE = ("background", PERSON)
"""Without a file, as in the Open Model Zoo's demo: class 1 is the person. So it is in COCO, too."""

BACKGROUNDS = frozenset({"background", "bg", "none", "void", "unlabeled", "n/a", ""})


def read_labels(path: str | Path) -> tuple[str, ...]:
    """The names by class number, from a file with a name a line. Raises OptionError.

    Class 0 is the background. A file that does not begin with it, as lists of 80 or 91 COCO classes do in one of
    their two forms, is taken to begin with class 1.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise OptionError(f"{path} cannot be read ({reason}). Expected a text file, a name a line", "labels") from None
    if not text.strip():
        raise OptionError(f'{path} is empty. Expected a name a line, "{PERSON}" among them', "labels")
    names = tuple(line.strip() for line in text.rstrip().splitlines())
    labels = names if names[0].strip("_").lower() in BACKGROUNDS else ("background", *names)
    if PERSON not in map(str.lower, labels):
        shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        raise OptionError(f'{path}: no class is named "{PERSON}", of {len(names)}: {shown}', "labels")
    return labels


def person_number(labels: Sequence[str]) -> int:
    """Raises OptionError if there is no person among them."""
    try:
        return [name.lower() for name in labels].index(PERSON)
    except ValueError:
        raise OptionError(f'{", ".join(labels)}: no class is named "{PERSON}"', "labels") from None

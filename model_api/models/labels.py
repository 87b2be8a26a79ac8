"""The names of the classes of a detecting network, and which of them is the person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from model_api.errors import OptionError

PERSON = "person"
PERSON_ALONE = ("background", PERSON)
"""Default: class 1 is the person, as in the Open Model Zoo's demo and in COCO."""

BACKGROUNDS = frozenset({"background", "bg", "none", "void", "unlabeled", "n/a", ""})


def read_labels(path: str | Path) -> tuple[str, ...]:
    """Read the names of the classes from a text file with one name per line.

    Class 0 is the background. A file that does not begin with it, as some lists of the 80 or 91 COCO classes, is taken
    to begin with class 1.

    Args:
        path: the file.

    Returns:
        The names by class number.

    Raises:
        OptionError: the file cannot be read, is empty, or has no class "person".
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise OptionError(
            f"{path} cannot be read ({reason}). Expected a text file, a name per line", "labels"
        ) from None
    if not text.strip():
        raise OptionError(f'{path} is empty. Expected a name per line, "{PERSON}" among them', "labels")
    names = tuple(line.strip() for line in text.rstrip().splitlines())
    labels = names if names[0].strip("_").lower() in BACKGROUNDS else ("background", *names)
    if PERSON not in map(str.lower, labels):
        shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        raise OptionError(f'{path}: no class is named "{PERSON}", of {len(names)}: {shown}', "labels")
    return labels


def person_number(labels: Sequence[str]) -> int:
    """The number of the class "person".

    Raises:
        OptionError: there is no such class.
    """
    try:
        return [name.lower() for name in labels].index(PERSON)
    except ValueError:
        raise OptionError(f'{", ".join(labels)}: no class is named "{PERSON}"', "labels") from None

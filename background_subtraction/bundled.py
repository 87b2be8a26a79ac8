"""The models that come with the program, by the names that -m gives them."""

from __future__ import annotations

from pathlib import Path

from model_api.errors import OptionError

FOLDER = Path(__file__).resolve().parent.parent / "models"


def find_model(model: str | None, has_clean_plate: bool = False) -> str:
    """The file of a bundled model by its name, or `model` as it is, a file or an address.

    None: the one for video, or, where a clean plate is given, the one that compares with it.
    Raises OptionError for a name that is neither of a file nor of a bundled model.
    """
    name = model or ("clean_plate" if has_clean_plate else "video")
    if name in names() and not Path(name).is_file():
        return str(FOLDER / f"{name}.xml")
    if not Path(name).suffix and "/" not in name and not Path(name).exists():
        raise OptionError(
            f"{name}: no such model. Expected a file, .xml (IR) or .onnx, or one of {', '.join(names())}", "model"
        )
    return name


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.xml"))

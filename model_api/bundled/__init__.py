"""The models that come with the program, by name. Their files and cards lie beside this one."""

from __future__ import annotations

from pathlib import Path

from model_api.errors import OptionError

FOLDER = Path(__file__).resolve().parent


def find_model(model: str | Path | None, *, has_clean_plate: bool = False) -> str:
    """The file of a bundled model by its name, or `model` as it is, a file or an address.

    A file in the current folder comes before a bundled model of the same name.

    Args:
        model: None for the bundled model for video, or, with a clean plate, the one that compares with it.
        has_clean_plate: whether a picture of the empty scene is given.

    Raises:
        OptionError: a name that is neither that of a file nor of a bundled model.
    """
    name = str(model or ("clean_plate" if has_clean_plate else "video"))
    if name in names() and not Path(name).is_file():
        return str(FOLDER / f"{name}.xml")
    if Path(name).name == name and not Path(name).suffix and not Path(name).exists():
        raise OptionError(
            f"{name}: no such model. Expected a file, .xml (IR) or .onnx, or one of {', '.join(names())}", "model"
        )
    return name


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.xml"))

"""The models that come with the program, by name. Their files and cards lie beside this one."""

from __future__ import annotations

from pathlib import Path

from model_api.errors import OptionError

FOLDER = Path(__file__).resolve().parent


def find_model(model: str | Path | None, *, has_clean_plate: bool = False) -> str:
    """Find the file of a bundled model.

    A file in the current folder comes before a bundled model of the same name.

    Args:
        model: a name, a file or an address. None: "video", or "clean_plate" where there is a clean plate.
        has_clean_plate: whether there is an image of the empty scene.

    Returns:
        The file of the bundled model of that name, or `model` itself.

    Raises:
        OptionError: there is neither a file nor a bundled model of that name.
    """
    name = str(model or ("clean_plate" if has_clean_plate else "video"))
    if name in names() and not Path(name).is_file():
        return str(FOLDER / f"{name}.xml")
    if Path(name).name == name and not Path(name).suffix and not Path(name).exists():
        raise OptionError(
            f"{name}: no such model. Expected a file, .xml (IR) or .onnx, or one of {', '.join(names())}", "model"
        )
    return name


def name_of(model: Path) -> str:
    """What `find_model` finds a file by: the name of a bundled model, or the path of any other file."""
    is_bundled = model.stem in names() and find_model(model.stem) == str(model)
    return model.stem if is_bundled else str(model)


def names() -> list[str]:
    """The names of the bundled models."""
    return sorted(path.stem for path in FOLDER.glob("*.xml"))

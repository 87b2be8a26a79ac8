"""What a user may change between two frames, as one frozen value that checks itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar

from background_subtraction.compositing.masks import MaskOptions
from model_api.arrays import described
from model_api.errors import OptionError
from model_api.ranges import NATURAL, POSITIVE, ZOOM, require_text

AnyOptions = TypeVar("AnyOptions", "Settings", MaskOptions)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What may change between two frames. Files are made with one constant value of these.

    Args:
        target_bgr: the background, as `open_background` takes it. "none": the camera as it is.
        blur_bgr: the width in pixels of a box that blurs the background like it, 0 for no blur.
        model: a file, or the name of a bundled model. "": the program's own choice.
        mask: how the mask is changed.
        mirror: whether left and right of the camera change places. The background stays as it is.
        framing: whether the person is kept in the middle.
        zoom_limit: how far `framing` may zoom in, 1 to 4.
        hold: whether the camera's picture stands still.
        effect: off, the camera's picture passes as it is and nothing is computed, unless `framing` needs it.
        mask_every: compute every n-th frame. The others show the last one that was computed.
        skip_similar: frames in which nothing moved show the last one that was computed.

    Raises:
        OptionError: another value.
    """

    target_bgr: str | None = None
    blur_bgr: int = 0
    model: str = ""
    mask: MaskOptions = MaskOptions()
    mirror: bool = False
    framing: bool = False
    zoom_limit: float = 2.0
    hold: bool = False
    effect: bool = True
    mask_every: int = 1
    skip_similar: bool = False

    def __post_init__(self) -> None:
        require_text(target_bgr=self.target_bgr, model=self.model)
        NATURAL.require(blur_bgr=self.blur_bgr)
        POSITIVE.require(mask_every=self.mask_every)
        ZOOM.require(zoom_limit=self.zoom_limit)
        if not isinstance(self.model, str):
            raise OptionError(f"{described(self.model)}. Expected text", "model")
        if not isinstance(self.mask, MaskOptions):
            raise OptionError(f"{described(self.mask)}. Expected MaskOptions", "mask")
        _require_switches(self)

    @property
    def needs_matte(self) -> bool:
        """Whether anything of a frame has to be computed."""
        return self.effect or self.framing

    @property
    def zoom(self) -> float:
        """How far a frame may be zoomed into; 1 where framing is off."""
        return self.zoom_limit if self.framing else 1.0


def as_mapping(settings: Settings) -> dict[str, Any]:
    """Every setting by its name, those of the mask in a mapping of their own: plain values, as JSON and TOML have."""
    return asdict(settings)


def changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Change some settings.

    Args:
        settings: those that others are kept of.
        changes: name -> value, in the form of `as_mapping`. What is left out stays.

    Raises:
        OptionError: a name that no setting has, or a value that it does not take.
    """
    return _changed(settings, changes)


def _changed(options: AnyOptions, changes: Mapping[str, Any], prefix: str = "") -> AnyOptions:
    known = [field.name for field in fields(options)]
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in known:
            raise OptionError(f"no such setting. Expected {', '.join(prefix + name for name in known)}", prefix + name)
        before = getattr(options, name)
        values[name] = _changed(before, value, f"{name}.") if _is_group(before, value, prefix + name) else value
    return replace(options, **values)


def _is_group(before: object, value: object, name: str) -> bool:
    """Whether `value` has settings by their names. Raises OptionError if it should, and does not."""
    if not isinstance(before, MaskOptions) or isinstance(value, MaskOptions):
        return False
    if not isinstance(value, Mapping):
        raise OptionError(f"{described(value)}. Expected settings by their names", name)
    return True


def _require_switches(settings: Settings) -> None:
    for name in ("mirror", "framing", "hold", "effect", "skip_similar"):
        if not isinstance(getattr(settings, name), bool):
            raise OptionError(f"{described(getattr(settings, name))}. Expected True or False", name)

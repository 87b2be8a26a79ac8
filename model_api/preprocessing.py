"""The numbers that a network takes in place of uint8 BGR pixels, and where that is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from model_api.errors import ModelFileError, OptionError
from model_api.ranges import SCALE, Range, require_choice, require_each
from model_api.types import Size

ANY = Range("numbers, such as 127.5", -1e6, 1e6)

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocessing:
    """The network takes (pixel - mean) / scale, with pixels of 0..255.

    Attributes:
        channels: "RGB" or "BGR", the network's channel order.
        mean: one number per channel, in that order.
        scale: the same.
        source: where this was found, for messages.

    Raises:
        OptionError: a value that a parameter does not take.
    """

    channels: str = "RGB"
    mean: Triple = (0.0, 0.0, 0.0)
    scale: Triple = (1.0, 1.0, 1.0)
    source: str = ""

    def __post_init__(self) -> None:
        require_choice(("RGB", "BGR"), channels=self.channels)
        require_each(ANY, 3, mean=self.mean)
        require_each(SCALE, 3, scale=self.scale)

    @property
    def is_none(self) -> bool:
        """Whether the network takes the pixels as they are."""
        return self.channels == "BGR" and not any(self.mean) and self.scale == (1.0, 1.0, 1.0)

    def __str__(self) -> str:
        parts = [self.channels]
        parts += [f"mean {_spell(self.mean)}"] if any(self.mean) else []
        parts += [f"scale {_spell(self.scale)}"] if self.scale != (1.0, 1.0, 1.0) else []
        return f"{', '.join(parts)} ({self.source})"


@dataclass(frozen=True)
class ImageInput:
    """How a network takes an image, which the program gives as uint8 NHWC BGR.

    Attributes:
        layout: the network's own, "NCHW" or "NHWC".
        preprocessing: the numbers that it takes.
    """

    layout: str
    preprocessing: Preprocessing


OPEN_MODEL_ZOO = Preprocessing("BGR", source="an IR with no record: as the Open Model Zoo converts")
BYTES = Preprocessing("BGR", source="bytes, as its input takes them")

GUIDED_FILTER = "fast_guided_filter"


@dataclass(frozen=True, kw_only=True)
class Override:
    """What the user knows better than the file. None: the file decides.

    Attributes:
        reverse_input_channels: True for a network that takes RGB.
        mean_values: one number per channel, in the network's order.
        scale_values: the same.
        layouts: input name -> "NCHW" or "NHWC". The name "" stands for every image input.

    Raises:
        OptionError: a value that a parameter does not take.
    """

    reverse_input_channels: bool | None = None
    mean_values: Triple | None = None
    scale_values: Triple | None = None
    layouts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_each(ANY, 3, mean_values=self.mean_values)
        require_each(SCALE, 3, scale_values=self.scale_values)
        for name, layout in self.layouts.items():
            if not re.fullmatch("[NCHW]{1,4}", layout):
                raise OptionError(f'"{layout}" for input "{name}". Expected NCHW or NHWC', "layouts")


def find_preprocessing(
    override: Override, info: Mapping[str, Mapping[str, str]], *, is_ir: bool, default: Preprocessing
) -> Preprocessing:
    """The first that is known: the user's, model_info, conversion_parameters, the contract's.

    The two sections mean opposite things by `reverse_input_channels`. model_info (Model API) asks the program to
    reverse; conversion_parameters (Model Optimizer) says that the network reverses already, so that it takes BGR.

    Args:
        override: what the user says.
        info: the sections of the file's rt_info, as text.
        is_ir: whether the file is OpenVINO's own format.
        default: the contract's.
    """
    if "model_info" in info:
        preprocessing = _from_model_info(info["model_info"], default)
    elif "conversion_parameters" in info:
        preprocessing = _from_conversion(info["conversion_parameters"], default)
    else:
        preprocessing = OPEN_MODEL_ZOO if is_ir else default
    return _overridden(preprocessing, override)


def triple(values: tuple[float, ...]) -> Triple:
    """One or three numbers as three.

    Raises:
        ValueError: any other count.
    """
    if len(values) not in (1, 3):
        raise ValueError(f"{len(values)} values, expected 1 or 3")
    first, second, third = values * 3 if len(values) == 1 else values
    return first, second, third


@dataclass(frozen=True)
class Training:
    """What a file says about how its network was trained.

    Attributes:
        base_wh: (width, height) of the images, for a network that takes any size.
        guided: whether alpha was enlarged by the fast guided filter (arXiv 1505.00996).
    """

    base_wh: Size | None = None
    guided: bool = False

    def as_info(self) -> dict[str, str]:
        """The same as files have it: keys of model_info, or of an ONNX file's metadata."""
        base = {"base_size": f"{self.base_wh[0]}x{self.base_wh[1]}"} if self.base_wh else {}
        return {**base, **({"alpha_refiner": GUIDED_FILTER} if self.guided else {})}


def find_training(info: Mapping[str, Mapping[str, str]]) -> Training:
    """Read how a network was trained.

    Args:
        info: the sections of the file's rt_info, as text. `base_size`, such as "384x224", and `alpha_refiner`,
            "fast_guided_filter", are in model_info or, of an ONNX file, in its metadata.

    Raises:
        ModelFileError: `base_size` is not a size.
    """
    facts = {**info.get("framework", {}), **info.get("model_info", {})}
    guided = facts.get("alpha_refiner") == GUIDED_FILTER
    if "base_size" not in facts:
        return Training(None, guided)
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", facts["base_size"])
    if not match:
        raise ModelFileError(f'base_size in the file is "{facts["base_size"]}": expected WIDTHxHEIGHT, such as 384x224')
    return Training((int(match[1]), int(match[2])), guided)


def _overridden(preprocessing: Preprocessing, override: Override) -> Preprocessing:
    asked = (override.reverse_input_channels, override.mean_values, override.scale_values)
    if asked == (None, None, None):
        return preprocessing
    channels = {None: preprocessing.channels, True: "RGB", False: "BGR"}[override.reverse_input_channels]
    return Preprocessing(
        channels,
        preprocessing.mean if override.mean_values is None else override.mean_values,
        preprocessing.scale if override.scale_values is None else override.scale_values,
        source="as asked" if None not in asked else f"as asked; the rest: {preprocessing.source}",
    )


def _from_model_info(section: Mapping[str, str], default: Preprocessing) -> Preprocessing:
    if not section.keys() & {"reverse_input_channels", "mean_values", "scale_values"}:
        return default
    return Preprocessing(
        "RGB" if _is_true(section.get("reverse_input_channels", "")) else "BGR",
        _numbers(section.get("mean_values", ""), 0.0),
        _numbers(section.get("scale_values", ""), 1.0),
        source="model_info in the file",
    )


def _from_conversion(section: Mapping[str, str], default: Preprocessing) -> Preprocessing:
    """What the Model Optimizer put into the network is not done again; the rest is the original's."""
    embedded = {key for key in ("mean_values", "scale_values", "scale") if re.search(r"\d", section.get(key, ""))}
    return Preprocessing(
        "BGR" if _is_true(section.get("reverse_input_channels", "")) else default.channels,
        (0.0, 0.0, 0.0) if embedded else default.mean,
        (1.0, 1.0, 1.0) if embedded else default.scale,
        source="conversion_parameters in the file",
    )


def _is_true(text: str) -> bool:
    return text.strip().lower() in ("true", "yes", "1")


def _numbers(text: str, default: float) -> Triple:
    numbers = tuple(float(number) for number in re.findall(r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?", text))
    return triple(numbers or (default,))


def _spell(values: Triple) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else " ".join(f"{value:g}" for value in values)

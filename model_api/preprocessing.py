"""The numbers that a network takes in place of uint8 BGR pixels, and where that is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from model_api.errors import ModelFileError, OptionError, renamed
from model_api.ranges import SCALE, Range, require_choice, require_each, require_text
from model_api.types import Size

ANY = Range("numbers, such as 127.5", -1e6, 1e6)
CLASS = Range("numbers of classes, from 0", 0, 9999, whole=True)
ACTIVATIONS = ("none", "sigmoid", "levels")
"""What one channel may hold: probabilities, logits, or levels of 0..255."""

Triple = tuple[float, float, float]

REVERSE, MEAN, SCALE_VALUES = PREPROCESSING_KEYS = ("reverse_input_channels", "mean_values", "scale_values")
"""Keys of model_info, and of an ONNX file's metadata."""
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0", "")


@dataclass(frozen=True)
class Preprocessing:
    """The network takes (pixel - mean) / scale, with pixels of 0..255.

    Attributes:
        channels: "RGB" or "BGR", the network's channel order.
        mean: one number per channel, in that order.
        scale: the same.
        source: where this was found, for messages.
        guessed: whether nothing said it.

    Raises:
        OptionError: a value that a parameter does not take.
    """

    channels: str = "RGB"
    mean: Triple = (0.0, 0.0, 0.0)
    scale: Triple = (1.0, 1.0, 1.0)
    source: str = ""
    guessed: bool = False

    def __post_init__(self) -> None:
        require_choice(("RGB", "BGR"), channels=self.channels)
        require_each(ANY, 3, mean=self.mean)
        require_each(SCALE, 3, scale=self.scale)

    @property
    def is_none(self) -> bool:
        """Whether the network takes the pixels as they are."""
        return self.channels == "BGR" and self.is_plain

    @property
    def is_plain(self) -> bool:
        """Whether it takes numbers of 0..255, in either order."""
        return not any(self.mean) and self.scale == (1.0, 1.0, 1.0)

    @property
    def pixels(self) -> str:
        """What it takes, without where that was found."""
        parts = [self.channels]
        parts += [f"mean {_spell(self.mean)}"] if any(self.mean) else []
        parts += [f"scale {_spell(self.scale)}"] if self.scale != (1.0, 1.0, 1.0) else []
        return ", ".join(parts)

    def as_info(self) -> dict[str, str]:
        """The same as files have it: keys of model_info, or of an ONNX file's metadata."""
        words = ("YES" if self.channels == "RGB" else "NO", _listed(self.mean), _listed(self.scale))
        return dict(zip(PREPROCESSING_KEYS, words, strict=True))

    @classmethod
    def of_info(cls, section: Mapping[str, str], source: str, *, guessed: bool = False) -> Preprocessing:
        """Read what `as_info` writes. A key that is missing stands for BGR, 0 or 1.

        Args:
            section: model_info, or an ONNX file's metadata.
            source: what the section is called, for messages.
            guessed: whether the file says that this was a guess.

        Raises:
            ModelFileError: a value is no such thing.
        """
        channels = "RGB" if _is_true(section, REVERSE) else "BGR"
        mean, scale = _numbers(section, MEAN, 0.0), _numbers(section, SCALE_VALUES, 1.0)
        with _faults_of_the_file():
            return cls(channels, mean, scale, source, guessed)

    def __str__(self) -> str:
        return f"{self.pixels} ({self.source})"


@dataclass(frozen=True)
class ImageInput:
    """How a network takes an image, which the program gives as uint8 NHWC BGR.

    Attributes:
        layout: the network's own, "NCHW" or "NHWC".
        preprocessing: the numbers that it takes.
    """

    layout: str
    preprocessing: Preprocessing


ZERO_TO_255 = Preprocessing("RGB")
ZERO_TO_ONE = Preprocessing("RGB", scale=(255.0, 255.0, 255.0))
MINUS_ONE_TO_ONE = Preprocessing("RGB", (127.5, 127.5, 127.5), (127.5, 127.5, 127.5))

AS_THEY_ARE = Preprocessing("BGR", source="inside the network")
BYTES = replace(ZERO_TO_255, source="bytes, as its input takes them")
SIGNED_BYTES = Preprocessing("RGB", (128.0, 128.0, 128.0), source="bytes from -128, as its input takes them")
GUESS = replace(ZERO_TO_ONE, source="a guess", guessed=True)
"""The most frequent of all. Networks made for -1..1 still answer something like their mask to 0..1."""

GUIDED_FILTER = "fast_guided_filter"


@dataclass(frozen=True, kw_only=True)
class Override:
    """What the user knows better than the file. None: the file decides.

    Attributes:
        reverse_input_channels: True for a network that takes RGB.
        mean_values: one number per channel, in the network's order.
        scale_values: the same.
        layouts: input name -> "NCHW" or "NHWC". The name "" stands for every image input.
        output_name: the output that is the mask, of a network of one image.
        person_class: the classes that are the person, counted from 0, of a network that answers several.
        activation: what a mask of one channel holds: "none", probabilities; "sigmoid", logits; "levels", 0..255.

    Raises:
        OptionError: a value that a parameter does not take.
    """

    reverse_input_channels: bool | None = None
    mean_values: Triple | None = None
    scale_values: Triple | None = None
    layouts: Mapping[str, str] = field(default_factory=dict)
    output_name: str | None = None
    person_class: tuple[int, ...] | None = None
    activation: str | None = None

    def __post_init__(self) -> None:
        require_text(output_name=self.output_name)
        require_choice(ACTIVATIONS, activation=self.activation)
        require_each(CLASS, None, person_class=self.person_class)
        require_each(ANY, 3, mean_values=self.mean_values)
        require_each(SCALE, 3, scale_values=self.scale_values)
        for name, layout in self.layouts.items():
            if not re.fullmatch("[NCHW]{1,4}", layout):
                raise OptionError(f'"{layout}" for input "{name}". Expected NCHW or NHWC', "layouts")


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


@contextmanager
def _faults_of_the_file() -> Iterator[None]:
    """What no parameter takes is, in a file, a fault of the file."""
    try:
        with renamed({"mean": f"{MEAN} in the file", "scale": f"{SCALE_VALUES} in the file"}):
            yield
    except OptionError as error:
        raise ModelFileError(str(error)) from error


def _is_true(section: Mapping[str, str], key: str) -> bool:
    word = section.get(key, "").strip().lower()
    if word not in (*TRUE, *FALSE):
        raise ModelFileError(f'{key} in the file is "{section[key]}": expected YES or NO')
    return word in TRUE


def _numbers(section: Mapping[str, str], key: str, default: float) -> Triple:
    """One number or three, with spaces or commas between them, in brackets or not, as Model API writes them."""
    words = re.split(r"[\s,]+", section.get(key, "").strip("[]() \t\n")) if section.get(key, "").strip("[]() ") else []
    try:
        return triple(tuple(map(float, words)) or (default,))
    except ValueError:
        raise ModelFileError(
            f'{key} in the file is "{section[key][:60]}": expected one number or three, such as 123.675 116.28 103.53'
        ) from None


def _listed(values: Triple) -> str:
    """As files have them, no digit less: "0 127.5 16047.8946"."""
    return " ".join(repr(float(value)).removesuffix(".0") for value in values)


def _spell(values: Triple) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else " ".join(f"{value:g}" for value in values)

"""What unknown networks usually take: pixels, sizes, and what their masks hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from model_api.preprocessing import (
    ACTIVATIONS,
    MINUS_ONE_TO_ONE,
    ZERO_TO_255,
    ZERO_TO_ONE,
    Override,
    Preprocessing,
    Triple,
)
from model_api.recognition.known_networks import IMAGE_NET_MEAN, IMAGE_NET_SCALE, KNOWN_NETWORKS
from model_api.recognition.outputs import MaskOutput
from model_api.recognition.reading import AS_IT_IS, MaskReading
from model_api.types import Size

USUAL = (
    ZERO_TO_ONE,
    MINUS_ONE_TO_ONE,
    Preprocessing("RGB", IMAGE_NET_MEAN, IMAGE_NET_SCALE),
    ZERO_TO_255,
    Preprocessing("RGB", MINUS_ONE_TO_ONE.mean, ZERO_TO_ONE.scale),
    Preprocessing("RGB", IMAGE_NET_MEAN),
)
"""0..1, -1..1, ImageNet's mean and deviation, 0..255, -0.5..0.5, ImageNet's mean alone."""

USUAL_SIZES: tuple[Size, ...] = ((192, 192), (256, 144), (256, 256), (320, 320), (512, 512))
"""(width, height) of networks for portraits, for those that take any."""


@dataclass(frozen=True)
class Candidate:
    """One way to feed a network.

    Attributes:
        preprocessing: the pixels that it is given.
        size: (width, height) of its image in pixels.
    """

    preprocessing: Preprocessing
    size: Size


def preprocessings(override: Override, own: Preprocessing, *, takes_bytes: bool) -> list[Preprocessing]:
    """What to try, each once, the most usual first.

    Args:
        override: what the user says stays as it is.
        own: what the program would take.
        takes_bytes: whether the network takes bytes, which have no mean and scale.
    """
    known = () if takes_bytes else (row.takes for row in KNOWN_NETWORKS)
    tried = (own,) if takes_bytes else (*USUAL, *known)
    both = [turned for one in tried for turned in (one, _turned(one))]
    distinct: dict[Preprocessing, Preprocessing] = {}
    for one in both:
        distinct.setdefault(_plain(one), one)
    distinct[_plain(own)] = own
    return [one for one in distinct.values() if one is own or _agrees(one, override)]


def readings(reading: MaskReading, override: Override, *, is_probability: bool) -> Iterator[MaskReading]:
    """The ways to read a mask.

    Args:
        reading: how the program would.
        override: what the user says stays as it is.
        is_probability: whether the graph says that the mask holds probabilities.
    """
    yield reading
    mask = reading.mask
    if mask.channels == 1 and not mask.numbers_classes:
        if not (override.activation or is_probability):
            yield from (replace(reading, activation=activation) for activation in ACTIVATIONS)
    elif override.person_class is None:
        classes = ((number,) for number in range(_classes(mask)))
        yield from (replace(reading, person=person, origin="") for person in classes if person != reading.person)


def override_of(preprocessing: Preprocessing, reading: MaskReading) -> Override:
    """What asks for exactly this."""
    is_usual = (reading.mask.channels, reading.person) == (2, (1,))
    auto = reading.mask.channels > 1 or reading.mask.numbers_classes or reading.activation == AS_IT_IS
    return Override(
        reverse_input_channels=preprocessing.channels == "RGB",
        mean_values=preprocessing.mean,
        scale_values=preprocessing.scale,
        person_class=None if is_usual else reading.person or None,
        activation=None if auto else reading.activation,
    )


def options_of(override: Override) -> str:
    """The same as options of the command."""
    words = ["--reverse_input_channels" if override.reverse_input_channels else "--no-reverse_input_channels"]
    words += [f"--mean_values {_listed(override.mean_values or (0.0, 0.0, 0.0))}"]
    words += [f"--scale_values {_listed(override.scale_values or (1.0, 1.0, 1.0))}"]
    words += [f"--person_class {','.join(map(str, override.person_class))}"] if override.person_class else []
    words += [f"--activation {override.activation}"] if override.activation else []
    return " ".join(words)


def _plain(one: Preprocessing) -> Preprocessing:
    """Without what it is called."""
    return Preprocessing(one.channels, one.mean, one.scale)


def _turned(one: Preprocessing) -> Preprocessing:
    """The same numbers for the same colours, in the other order."""
    red, green, blue = one.mean
    first, second, third = one.scale
    return Preprocessing("BGR" if one.channels == "RGB" else "RGB", (blue, green, red), (third, second, first))


def _agrees(one: Preprocessing, override: Override) -> bool:
    asked = (override.reverse_input_channels, override.mean_values, override.scale_values)
    has = (one.channels == "RGB", one.mean, one.scale)
    return all(wanted in (None, own) for wanted, own in zip(asked, has, strict=True))


def _classes(mask: MaskOutput) -> int:
    """Of a mask that numbers them, the first few."""
    return mask.channels if mask.channels > 1 else 3


def _listed(values: Triple) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else ",".join(f"{value:g}" for value in values)

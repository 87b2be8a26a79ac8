"""What a model file says of itself: the pixels that its network takes, how it was trained, how its mask is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from model_api.errors import ModelFileError, OptionError
from model_api.preprocessing import (
    CLASS,
    GUIDED_FILTER,
    MINUS_ONE_TO_ONE,
    PREPROCESSING_KEYS,
    REVERSE,
    TRUE,
    ZERO_TO_255,
    ZERO_TO_ONE,
    Override,
    Preprocessing,
    Training,
)
from model_api.terminal.foreign_text import one_line

Info = Mapping[str, Mapping[str, str]]
"""The sections of a file's rt_info, as text."""

OPEN_MODEL_ZOO = Preprocessing("BGR", source="an IR with no record: as the Open Model Zoo converts")
SILENT_IR = "silent_ir"
"""The section of a file's facts that stands for an IR that was saved without a word about where it comes from."""
ORIGIN = "preprocessing_origin"
"""The key of model_info that says that the preprocessing in a file is somebody's choice or a guess, and whose."""
GUESSED = "a guess"
OUTPUT_NAME, PERSON_CLASS, ACTIVATION = "output_name", "person_class", "output_activation"
"""Keys of model_info about the mask."""
SECTIONS = {"model_info": "model_info in the file", "framework": "metadata in the file"}
"""Sections of rt_info with the same keys -> what they are called. The second is what an ONNX file says of itself."""
PIXEL_FORMATS = {"Rgb8": "RGB", "Bgr8": "BGR"}
PIXEL_RANGES = {
    "NominalRange_0_255": ZERO_TO_255, "Normalized_0_1": ZERO_TO_ONE, "Normalized_1_1": MINUS_ONE_TO_ONE,
}  # fmt: skip
"""ONNX's name of a range -> what it means."""
LARGEST_BASE_PX = 8192
"""No network sees larger images. A larger number in a file is a fault."""


def find_preprocessing(
    override: Override, info: Info, *, by_model_optimizer: bool, default: Preprocessing
) -> Preprocessing:
    """The first that is known: the user's, model_info, conversion_parameters, the ONNX file's metadata, the default.

    The two sections mean opposite things by `reverse_input_channels`. model_info (Model API) asks the program to
    reverse; conversion_parameters (Model Optimizer) says that the network reverses already, so that it takes BGR.

    Args:
        override: what the user says.
        info: the sections of the file's rt_info, as text.
        by_model_optimizer: whether it counts as an IR of the Model Optimizer, with which the Open Model Zoo converted.
        default: what the network itself tells, or the contract.

    Raises:
        ModelFileError: what the file says is no preprocessing.
    """
    own = _from_section("framework", info.get("framework", {}), default)
    if "model_info" in info:
        preprocessing = _from_section("model_info", info["model_info"], own)
    elif "conversion_parameters" in info:
        preprocessing = _from_conversion(info["conversion_parameters"], own)
    elif SILENT_IR in info:
        known_as = "" if own.guessed else f": {own.source}"
        preprocessing = replace(own, source=f"a guess, for an IR that says nothing{known_as}", guessed=True)
    else:
        preprocessing = OPEN_MODEL_ZOO if by_model_optimizer and own is default else own
    return _overridden(preprocessing, override)


def completed(override: Override, info: Info) -> Override:
    """Fill in what the user leaves to the file about the mask: its output, its classes, what its numbers are.

    Args:
        override: what the user says.
        info: `output_name`, `person_class` and `output_activation` are in model_info, as `convert` writes them.

    Raises:
        ModelFileError: what the file says is no such thing.
    """
    section = info.get("model_info", {})
    try:
        own = Override(
            output_name=section.get(OUTPUT_NAME),
            person_class=tuple(map(int, section[PERSON_CLASS].split())) if section.get(PERSON_CLASS) else None,
            activation=section.get(ACTIVATION),
        )
    except OptionError as error:
        raise ModelFileError(f"model_info in the file: {error}") from error
    except ValueError:
        raise ModelFileError(
            f'model_info in the file: {PERSON_CLASS}: "{section[PERSON_CLASS][:60]}". Expected {CLASS.words}'
        ) from None
    return replace(
        override,
        output_name=override.output_name or own.output_name,
        person_class=own.person_class if override.person_class is None else override.person_class,
        activation=override.activation or own.activation,
    )


def as_info(override: Override) -> dict[str, str]:
    """What `completed` reads, as files have it: keys of model_info."""
    facts = {
        OUTPUT_NAME: override.output_name,
        PERSON_CLASS: " ".join(map(str, override.person_class)) if override.person_class is not None else None,
        ACTIVATION: override.activation,
    }
    return {key: value for key, value in facts.items() if value is not None}


def find_training(info: Info) -> Training:
    """Read how a network was trained.

    Args:
        info: the sections of the file's rt_info, as text. `base_size`, such as "384x224", and `alpha_refiner`,
            "fast_guided_filter", are in model_info or, of an ONNX file, in its metadata.

    Raises:
        ModelFileError: `base_size` is not a size that a network is trained with.
    """
    facts = {**info.get("framework", {}), **info.get("model_info", {})}
    guided = facts.get("alpha_refiner") == GUIDED_FILTER
    if "base_size" not in facts:
        return Training(None, guided)
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", facts["base_size"])
    if not match or max(map(int, match.groups())) > LARGEST_BASE_PX:
        raise ModelFileError(
            f'base_size in the file is "{facts["base_size"][:60]}": expected WIDTHxHEIGHT, such as 384x224, '
            f"{LARGEST_BASE_PX} at most each"
        )
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
        guessed=preprocessing.guessed and None in asked,
    )


def _from_section(name: str, section: Mapping[str, str], default: Preprocessing) -> Preprocessing:
    """What model_info says, or an ONNX file's metadata by the same keys or by those of ONNX's own specification."""
    if section.keys().isdisjoint(PREPROCESSING_KEYS):
        return _from_pixel_format(section, default)
    origin = one_line(section.get(ORIGIN, ""))
    source = f"{SECTIONS[name]}, {origin}" if origin else SECTIONS[name]
    return Preprocessing.of_info(section, source, guessed=origin.startswith(GUESSED))


def _from_pixel_format(section: Mapping[str, str], default: Preprocessing) -> Preprocessing:
    """ONNX's "Image category definition": https://github.com/onnx/onnx/blob/main/docs/MetadataProps.md."""
    channels = PIXEL_FORMATS.get(section.get("Image.BitmapPixelFormat", ""))
    numbers = PIXEL_RANGES.get(section.get("Image.NominalPixelRange", ""))
    if channels is None and numbers is None:
        return default
    return replace(
        numbers or default,
        channels=channels or default.channels,
        source=SECTIONS["framework"],
        guessed=default.guessed and (channels is None or numbers is None),
    )


def _from_conversion(section: Mapping[str, str], default: Preprocessing) -> Preprocessing:
    """What the Model Optimizer put into the network is not done again; the rest is the original's."""
    embedded = {key for key in ("mean_values", "scale_values", "scale") if re.search(r"\d", section.get(key, ""))}
    reversed_inside = section.get(REVERSE, "").strip().lower() in TRUE
    rest = "" if embedded and reversed_inside else f"; the rest: {default.source}"
    return Preprocessing(
        "BGR" if reversed_inside else default.channels,
        (0.0, 0.0, 0.0) if embedded else default.mean,
        (1.0, 1.0, 1.0) if embedded else default.scale,
        source="conversion_parameters in the file" + (rest if default.guessed else ""),
        guessed=default.guessed and bool(rest),
    )

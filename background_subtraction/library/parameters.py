"""From the parameters of the library's calls to `Options`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from background_subtraction.live.settings import Settings
from background_subtraction.options import BatchOptions, Options, composite_view
from background_subtraction.sinks.base import OUTPUT_TYPES, Encoding, Output, Quality
from background_subtraction.sources.selection import Selection
from model_api import MattingModel, ModelOptions
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.arrays import described
from model_api.bundled import find_model
from model_api.errors import OptionError
from model_api.ranges import NATURAL, require_choice

PARAMETER_OF = {
    "inputs": "input_source", "size": "input_resize", "requests": "seq_chunk", "target_bgr": "background",
    "mbps": "output_video_mbps", "type": "output_type", "outputs": "output_composition",
}  # fmt: skip
"""Parameter of what is below -> what it is called here."""

PRECISION_OF = {"float32": "f32", "float": "f32", "float16": "f16", "half": "f16", "bfloat16": "bf16"}
"""PyTorch's name of a type -> `InferenceOptions.precision`."""

AnyPath = str | os.PathLike[str]
AnyOptions = TypeVar("AnyOptions", InferenceOptions, ModelOptions, Selection, Encoding, Settings)


def settings_in(parameters: dict[str, Any]) -> dict[str, Any]:
    """Those of `convert_video` that say how, not what."""
    return {name: value for name, value in parameters.items() if name not in ("model", "input_source", "report")}


def options_of(
    *,
    model: AnyPath | MattingModel,
    inputs: AnyPath | Sequence[AnyPath],
    batch: BatchOptions = BatchOptions(),
    **given: Any,
) -> tuple[Options, MattingModel | None]:
    """What the parameters of `convert_video` become, and the model if it is loaded."""
    NATURAL.require(num_workers=given["num_workers"])
    require_choice(OUTPUT_TYPES, output_type=given["output_type"])
    loaded = model if isinstance(model, MattingModel) else None
    ours = _computing(given)
    if loaded:
        _require_defaults(ours)
    crf, mbps = given["crf"], given["output_video_mbps"]
    quality = None if (crf, mbps) == (None, None) else Quality(crf, mbps)
    encoding: Encoding = _combined(
        given["encoding"], "encoding", type=given["output_type"], codec=given["codec"], quality=quality
    )
    target = None if given["background"] is None else str(given["background"])
    NATURAL.require(blur_bgr=given["blur_bgr"])
    settings: Settings = _combined(given["settings"], "settings", target_bgr=target, blur_bgr=given["blur_bgr"] or None)
    options = Options(
        **ours,
        model="" if loaded else _model_file(model),
        inputs=_addresses(inputs),
        settings=settings,
        clean_plate=None if given["clean_plate"] is None else str(given["clean_plate"]),
        loop=given["loop"],
        selection=_combined(given["selection"], "selection", size=given["input_resize"]),
        outputs=_outputs(given, composite_view(settings.target_bgr, settings.blur_bgr, encoding)),
        devices=given["devices"],
        encoding=replace(encoding, sound=encoding.sound and given["audio"]),
        window=given["window"],
        scene_cuts=given["scene_cuts"],
        jobs=given["jobs"],
        ahead=max(1, given["num_workers"]),
        progress=None if given["progress"] else False,
        batch=batch,
    )
    return options, loaded


def _computing(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of Options that tell how a model is loaded."""
    device = given["device"]
    return {
        "device": device if device is None else str(device),  # a torch.device too
        "adapter": given["adapter"],
        "override": given["override"],
        "inference": _combined(
            given["inference"], "inference", requests=given["seq_chunk"], precision=_precision(given["dtype"])
        ),
        "model_options": _combined(given["model_options"], "model_options", downsample_ratio=given["downsample_ratio"]),
    }


def _outputs(given: dict[str, Any], composite: str) -> tuple[Output, ...]:
    """Raises OptionError where there is neither a file nor a device nor a window."""
    views = {
        "output_composition": composite,
        "output_alpha": "alpha",
        "output_foreground": "foreground",
        "output_transparent": "transparent",
    }
    files = tuple(Output.named(given[name], view) for name, view in views.items() if given[name] is not None)
    if not files and not given["devices"] and given["window"] is None:
        raise OptionError(f"No output: give {', '.join(list(views)[:-1])} or {list(views)[-1]}")
    return files


def _combined(options: AnyOptions, name: str, **fields: Any) -> AnyOptions:
    """`options` with those of `fields` that are not None. Raises OptionError if `options` says something else."""
    changes = {field: value for field, value in fields.items() if value is not None}
    for field, value in changes.items():
        if getattr(options, field) not in (getattr(type(options)(), field), value):
            own = described(getattr(options, field))
            raise OptionError(f"{described(value)}, but {name}.{field} is {own}. Give one of them", field)
    return replace(options, **changes)


def _require_defaults(ours: dict[str, Any]) -> None:
    defaults = Options(model="", inputs=("",))
    if any(value != getattr(defaults, field) for field, value in ours.items()):
        raise OptionError(
            "seq_chunk, downsample_ratio, dtype, device, adapter, inference, override and model_options belong to "
            "create_model when the model is loaded"
        )


def _precision(dtype: object) -> str | None:
    """dtype: a torch.dtype, or its name."""
    if dtype is None:
        return None
    name = str(dtype).removeprefix("torch.")
    if name not in PRECISION_OF:
        known = ", ".join(PRECISION_OF)
        raise OptionError(f"{dtype}. Expected {known}; or inference=InferenceOptions(precision=…)", "dtype")
    return PRECISION_OF[name]


def _model_file(model: object) -> str:
    if not isinstance(model, (str, os.PathLike)):
        remedy = ". Export a PyTorch module first: python -m model_tools export -h"
        raise OptionError(
            f"{described(model)}. Expected a file, the name of a bundled model, or what create_model returned"
            f"{remedy if hasattr(model, 'state_dict') else ''}",
            "model",
        )
    return find_model(os.fspath(model))


def _addresses(source: AnyPath | Sequence[AnyPath]) -> tuple[str, ...]:
    if isinstance(source, (str, os.PathLike)):
        return (str(source),)
    return tuple(str(address) for address in source)

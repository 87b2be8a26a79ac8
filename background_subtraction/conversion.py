"""The library call: a whole video into files, with the parameters that RobustVideoMatting's users know."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from background_subtraction.live.settings import Settings
from background_subtraction.options import Options, composite_view
from background_subtraction.preview.window import WindowOptions
from background_subtraction.report import Report
from background_subtraction.run import run
from background_subtraction.sinks.base import OUTPUT_TYPES, DeviceOutput, Encoding, Output, Quality
from background_subtraction.sources.selection import Selection
from model_api import MattingModel, ModelOptions, Override
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.arrays import described
from model_api.bundled import find_model
from model_api.errors import OptionError, renamed
from model_api.ranges import NATURAL, require_choice
from model_api.types import Size

PARAMETER_OF = {
    "inputs": "input_source", "size": "input_resize", "requests": "seq_chunk", "target_bgr": "background",
    "mbps": "output_video_mbps", "type": "output_type", "outputs": "output_composition",
}  # fmt: skip
"""Parameter of what is below -> what it is called here."""

PRECISION_OF = {"float32": "f32", "float": "f32", "float16": "f16", "half": "f16", "bfloat16": "bf16"}
"""PyTorch's name of a type -> `InferenceOptions.precision`."""

AnyPath = str | os.PathLike[str]
AnyOptions = TypeVar("AnyOptions", InferenceOptions, ModelOptions, Selection, Encoding, Settings)


def convert_video(
    model: AnyPath | MattingModel,
    input_source: AnyPath | Sequence[AnyPath],
    *,
    input_resize: Size | None = None,
    downsample_ratio: float | None = None,
    output_type: str | None = None,
    output_composition: AnyPath | None = None,
    output_alpha: AnyPath | None = None,
    output_foreground: AnyPath | None = None,
    output_transparent: AnyPath | None = None,
    output_video_mbps: float | None = None,
    seq_chunk: int | None = None,
    num_workers: int = 4,
    progress: bool = True,
    device: object = "CPU",
    dtype: object = None,
    background: AnyPath | None = None,
    blur_bgr: int = 0,
    clean_plate: AnyPath | None = None,
    codec: str | None = None,
    crf: int | None = None,
    audio: bool = True,
    scene_cuts: bool = True,
    loop: bool = False,
    jobs: int = 1,
    adapter: str = "openvino",
    inference: InferenceOptions = InferenceOptions(),
    override: Override = Override(),
    model_options: ModelOptions = ModelOptions(),
    selection: Selection = Selection(),
    encoding: Encoding = Encoding(),
    devices: tuple[DeviceOutput, ...] = (),
    window: WindowOptions | None = None,
    settings: Settings = Settings(),
) -> Report:
    """Convert a video, a folder of images, or several inputs.

    The first parameters are those of RobustVideoMatting's `convert_video`; docs/porting.md compares them. What one of
    them and an option value both say is an error if they differ from the default both.

    Args:
        model: a file, the name of a bundled model such as "video", or what `create_model` returned. In the last case
            `device`, `dtype`, `seq_chunk`, `downsample_ratio`, `adapter`, `inference`, `override` and `model_options`
            must be left out: the model was made with its own.
        input_source: an image, a folder, a pattern, a video, or another input of the command; or several of them, and
            then outputs are folders.
        input_resize: resize frames to this (width, height) first. The same as `selection.size`.
        downsample_ratio: for networks that have this input, above 0 and at most 1. None: automatic. The same as
            `model_options.downsample_ratio`.
        output_type: "video" or "png_sequence"; outputs are then files or folders. None: the name of the output decides.
        output_composition: the person over `background`. In a png_sequence without `background` and `blur_bgr`: RGBA.
        output_alpha: the alpha.
        output_foreground: the person over black.
        output_transparent: the person alone, with transparency.
        output_video_mbps: a bit rate instead of constant quality. The same as `encoding.quality.mbps`.
        seq_chunk: inference requests at the same time. A recurrent model computes its frames one after another anyway,
            so results never depend on it. None: the device decides. The same as `inference.requests`.
        num_workers: frames that are decoded ahead, in a thread of its own.
        progress: whether to show a progress bar where there is a terminal.
        device: "CPU", "GPU", "NPU", "AUTO", "HETERO:GPU,CPU", …
        dtype: PyTorch's name of a type, such as torch.float16. The same as `inference.precision`.
        background: the new background: a colour, an image, a video, or "transparent". None: green.
        blur_bgr: the width in pixels of a box that blurs the background like it. 0: no blur.
        clean_plate: an image or a video of the scene without the person, for models that compare with it.
        codec: one of `sinks.formats.CODECS`. None: the container's default. The same as `encoding.codec`.
        crf: constant quality on the codec's own scale, lower is better. The same as `encoding.quality.crf`.
        audio: whether composites get the input's sound.
        scene_cuts: whether a recurrent model starts afresh at scene cuts.
        loop: at the end of the input, start again. `encoding.limit` ends it.
        jobs: inputs that are processed at the same time.
        adapter: "openvino", or "ovms" for a model on a server.
        inference: precision, threads, streams, cache folder, …
        override: colour order, mean, scale and layouts, where the model file does not say them.
        model_options: resize type; threshold and labels of instance segmentation.
        selection: which part of the input: start, end, skip; its frame rate.
        encoding: type, codec, quality, limit of frames, resolution.
        devices: such as virtual cameras.
        window: show a window. None: show none.
        settings: mask, mirror, framing and more of `live.settings.Settings`. `model` is the one above.

    Returns:
        The report of the run: frames, rate, latency, stages.

    Raises:
        OptionError: a value that a parameter does not take, two that contradict each other, or no output.
        BackgroundSubtractionError: something cannot be read, computed or written.
    """
    NATURAL.require(num_workers=num_workers)
    require_choice(OUTPUT_TYPES, output_type=output_type)
    device = device if device is None else str(device)  # a torch.device too
    loaded = model if isinstance(model, MattingModel) else None
    ours: dict[str, Any] = {"device": device, "adapter": adapter, "override": override}
    with renamed(PARAMETER_OF):
        ours["inference"] = _combined(inference, "inference", requests=seq_chunk, precision=_precision(dtype))
        ours["model_options"] = _combined(model_options, "model_options", downsample_ratio=downsample_ratio)
        if loaded:
            _require_defaults(ours)
        quality = None if (crf, output_video_mbps) == (None, None) else Quality(crf, output_video_mbps)
        encoding = _combined(encoding, "encoding", type=output_type, codec=codec, quality=quality)
        target = None if background is None else str(background)
        NATURAL.require(blur_bgr=blur_bgr)
        settings = _combined(settings, "settings", target_bgr=target, blur_bgr=blur_bgr or None)
        composite = composite_view(settings.target_bgr, settings.blur_bgr, encoding)
        outputs = {
            "output_composition": (output_composition, composite),
            "output_alpha": (output_alpha, "alpha"),
            "output_foreground": (output_foreground, "foreground"),
            "output_transparent": (output_transparent, "transparent"),
        }
        files = tuple(Output.named(path, view) for path, view in outputs.values() if path is not None)
        if not files and not devices and window is None:
            raise OptionError(f"No output: give {', '.join(list(outputs)[:-1])} or {list(outputs)[-1]}")
        options = Options(
            **ours,
            model="" if loaded else _model_file(model),
            inputs=_addresses(input_source),
            settings=settings,
            clean_plate=None if clean_plate is None else str(clean_plate),
            loop=loop,
            selection=_combined(selection, "selection", size=input_resize),
            outputs=files,
            devices=devices,
            encoding=replace(encoding, sound=encoding.sound and audio),
            window=window,
            scene_cuts=scene_cuts,
            jobs=jobs,
            ahead=max(1, num_workers),
            progress=None if progress else False,
        )
        report = Report()
        run(options, report, loaded)
    return report


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

"""From the command line to `Options`. Nothing below looks at the command line."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from background_subtraction.cli import argument_types as values
from background_subtraction.cli.arguments import OPTION_OF, build_parser
from background_subtraction.cli.groups.batch_arguments import batch_options_of, inputs_of
from background_subtraction.cli.groups.live_arguments import first_settings, settings_of
from background_subtraction.cli.groups.web_arguments import web_options_of
from background_subtraction.cli.model_arguments import override_of
from background_subtraction.compositing.backgrounds import open_background
from background_subtraction.live import presets
from background_subtraction.live.settings import Settings
from background_subtraction.options import Options, composite_view, outputs_of
from background_subtraction.preview.window import WindowOptions
from background_subtraction.sinks.base import DeviceOutput, Encoding, Output, Quality
from background_subtraction.sinks.open import DEVICES
from background_subtraction.sources.selection import Selection
from background_subtraction.web.access.options import WebOptions
from model_api.adapters.kserve.address import ADDRESS_FORMS
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.bundled import find_model
from model_api.errors import OptionError, renamed
from model_api.models.base import ModelOptions
from model_api.models.labels import read_labels

DETECTION = {"threshold": "-t", "labels": "--labels"}
"""Fields of ModelOptions that only models that detect objects use -> their options."""
ADDRESSES = {"ovms": ADDRESS_FORMS}
"""Adapters for which -m is an address -> its forms."""

log = logging.getLogger(__name__)


def parse_options(arguments: Sequence[str] | None = None, program: str = "background_subtraction_demo.py") -> Options:
    """Read a command line. See `parse_command`."""
    return parse_command(sys.argv[1:] if arguments is None else arguments, program)[0]


def parse_command(arguments: Sequence[str], program: str) -> tuple[Options, WebOptions | None]:
    """Read a command line: the run, and the web server beside it, if there is to be one.

    -h, --version and --print_completion print something and end the process. --save_preset writes a preset, and ends
    the process where there is no input.

    Args:
        arguments: the words.
        program: its name in messages.

    Raises:
        OptionError: invalid usage.
        SinkError: the preset cannot be written.
        SourceError: the background of a preset cannot be read.
    """
    words = values.with_underscores(arguments)
    with renamed(OPTION_OF):
        parser = build_parser(program)
        preset = first_settings(parser, words)
        args = parser.parse_args(words)
        settings = settings_of(args, preset)
        has_input = bool(args.input) or args.input_list is not None
        if args.save_preset is not None and not has_input:
            with open_background(settings.target_bgr, settings.blur_bgr):
                """It can be read."""
            _save(args.save_preset, settings)
            parser.exit()
        if not has_input:
            parser.error("the following arguments are required: -i/--input/--input_source")
        options = _options(args, settings)
        if args.save_preset is not None:
            _save(args.save_preset, settings)
        return options, web_options_of(args, os.environ)


def _save(name: str, settings: Settings) -> None:
    path = presets.save(name, settings)
    log.info("Preset %s: %s. Use it with --preset", name, path)


def _options(args: argparse.Namespace, settings: Settings) -> Options:
    if args.jobs > 1 and not args.no_show:
        raise OptionError("several inputs at the same time run without a window. Add --no_show", "jobs")
    _require_no_checkpoint(args)
    preview = "side by side" if args.show_with_original_frame else "composite"
    encoding = _encoding(args)
    return Options(
        model=_model(args),
        inputs=inputs_of(args),
        device=args.device,
        adapter=args.adapter,
        inference=_inference_options(args),
        override=override_of(args),
        model_options=_model_options(args),
        settings=settings,
        clean_plate=args.background,
        loop=args.loop,
        selection=_selection(args),
        outputs=_outputs(args, composite_view(settings.target_bgr, settings.blur_bgr, encoding, preview)),
        devices=tuple(
            DeviceOutput(kind, name) for kind, name in vars(args).items() if kind in DEVICES and name is not None
        ),
        encoding=encoding,
        window=None if args.no_show else WindowOptions(preview, args.output_resolution),
        monitors=args.utilization_monitors,
        raw_output=args.raw_output_message,
        scene_cuts=not args.no_scene_cuts,
        jobs=args.jobs,
        ahead=max(1, args.num_workers),
        progress=False if args.disable_progress else None,
        also_read=() if args.labels is None else (args.labels,),
        batch=batch_options_of(args),
        for_detection=tuple(option for name, option in DETECTION.items() if getattr(args, name) is not None),
    )


def _require_no_checkpoint(args: argparse.Namespace) -> None:
    """RobustVideoMatting's two options for its network get an answer that says what to do."""
    if args.checkpoint is not None:
        network = f"rvm_{args.variant or 'mobilenetv3'}"
        raise OptionError(
            f"{args.checkpoint} is read by PyTorch, not here. Convert it once: python -m model_tools export "
            f"--network {network} --weights {args.checkpoint} --output {network}.onnx; then use -m {network}.onnx",
            "--checkpoint",
        )
    if args.variant is not None:
        raise OptionError("not needed, the file of -m says what network it is. Leave it out", "--variant")


def _model(args: argparse.Namespace) -> str:
    if args.adapter not in ADDRESSES:
        return find_model(args.model, has_clean_plate=args.background is not None)
    if args.model is None:
        raise OptionError(f"where is the model? Expected {ADDRESSES[args.adapter]}", "model")
    return str(args.model)


def _selection(args: argparse.Namespace) -> Selection:
    return Selection(
        start_s=args.start,
        end_s=args.end,
        skip=args.skip,
        rate=args.fps,
        size=args.input_resize,
        raw_size=args.raw_size,
        camera_size=args.camera_size,
        camera_format=args.camera_format,
    )


def _outputs(args: argparse.Namespace, composite: str) -> tuple[Output, ...]:
    """composite: the view that -o holds."""
    return (
        *outputs_of(composite, args.output),
        *outputs_of("alpha", args.output_alpha),
        *outputs_of("foreground", args.output_foreground),
        *outputs_of("transparent", args.output_transparent),
    )


def _encoding(args: argparse.Namespace) -> Encoding:
    quality = Quality(args.crf, args.output_video_mbps)
    return Encoding(args.output_type, args.codec, quality, args.output_limit, not args.no_audio, args.output_resolution)


def _inference_options(args: argparse.Namespace) -> InferenceOptions:
    return InferenceOptions(
        requests=args.num_infer_requests or args.seq_chunk,
        streams=args.num_streams,
        threads=args.num_threads,
        cache_dir=args.cache_dir,
        clips=args.jobs,
        timeout_s=args.server_timeout,
        server_ca=args.server_ca,
        server_token=args.server_token,
        refiner_outside=args.refiner == "outside",
        precision=args.infer_precision,
    )


def _model_options(args: argparse.Namespace) -> ModelOptions:
    return ModelOptions(
        resize_type=args.resize_type or "standard",
        downsample_ratio=args.downsample_ratio,
        **_detection_settings(args),
    )


def _detection_settings(args: argparse.Namespace) -> dict[str, Any]:
    """The options of DETECTION that the user gave."""
    given = {name: value for name, value in vars(args).items() if name in DETECTION and value is not None}
    return given if args.labels is None else {**given, "labels": read_labels(args.labels)}

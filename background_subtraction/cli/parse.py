"""From the command line to `Options`. Nothing below looks at the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from background_subtraction.cli import argument_types as values
from background_subtraction.cli.arguments import OPTION_OF, build_parser
from background_subtraction.options import Options, composite_view, outputs_of
from background_subtraction.preview.window import WindowOptions
from background_subtraction.sinks.base import Encoding, Quality
from background_subtraction.sources.selection import Selection
from model_api.adapters.kserve.address import ADDRESS_FORMS
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.bundled import find_model
from model_api.errors import OptionError, renamed
from model_api.models.base import ModelOptions
from model_api.preprocessing import Override

DETECTION = {"threshold": "-t", "labels": "--labels"}
"""Fields of ModelOptions that models without detections have no use for, and how they are asked for."""


def parse_options(arguments: Sequence[str] | None = None, program: str = "background_subtraction_demo.py") -> Options:
    """Raises OptionError; argparse itself ends the program with exit code 2 and a line about what it got."""
    words = values.with_underscores(sys.argv[1:] if arguments is None else arguments)
    with renamed(OPTION_OF):
        return _options(build_parser(program).parse_args(words))


def _options(args: argparse.Namespace) -> Options:
    if args.jobs > 1 and not args.no_show:
        raise OptionError("several clips at once run without a window: add --no_show", "jobs")
    if args.adapter == "ovms" and args.model is None:
        raise OptionError(f"where is the model? Expected {ADDRESS_FORMS}", "model")
    preview = "side by side" if args.show_with_original_frame else "composite"
    return Options(
        model=args.model
        if args.adapter == "ovms"
        else find_model(args.model, has_clean_plate=args.background is not None),
        inputs=tuple(args.input),
        device=args.device,
        adapter=args.adapter,
        inference=_inference_options(args),
        override=Override(
            reverse_input_channels=args.reverse_input_channels,
            mean_values=args.mean_values,
            scale_values=args.scale_values,
            layouts=args.layout,
        ),
        model_options=_model_options(args),
        target_bgr=args.target_bgr,
        blur_bgr=args.blur_bgr,
        clean_plate=args.background,
        loop=args.loop,
        selection=Selection(args.start, args.end, args.skip, args.fps, args.input_resize, args.raw_size),
        outputs=(
            *outputs_of(composite_view(args.target_bgr, preview), args.output),
            *outputs_of("alpha", args.output_alpha),
            *outputs_of("foreground", args.output_foreground),
            *outputs_of("transparent", args.output_transparent),
        ),
        encoding=_encoding(args),
        virtual_camera=args.virtual_camera,
        window=None if args.no_show else WindowOptions(preview, args.output_resolution, args.utilization_monitors),
        raw_output=args.raw_output_message,
        scene_cuts=not args.no_scene_cuts,
        jobs=args.jobs,
        ahead=args.num_workers,
        for_detection=tuple(DETECTION[name] for name in _given(args)),
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
        refiner_outside=args.refiner == "outside",
        precision=args.infer_precision,
    )


def _model_options(args: argparse.Namespace) -> ModelOptions:
    return ModelOptions(
        resize_type=args.resize_type or "standard", downsample_ratio=args.downsample_ratio, **_given(args)
    )


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """Those of the options of DETECTION that were given."""
    return {name: value for name, value in vars(args).items() if name in DETECTION and value is not None}

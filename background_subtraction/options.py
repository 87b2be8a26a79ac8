"""What the command line asks for, as frozen values. Nothing below looks at the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from background_subtraction import values
from background_subtraction.arguments import OPTION_OF, build_parser
from background_subtraction.backgrounds import TRANSPARENT
from background_subtraction.cut import Cut
from background_subtraction.sinks import Encoding, Output
from background_subtraction.video_sink import Quality
from background_subtraction.window import WindowOptions
from model_api.adapters.kserve_address import ADDRESS_FORMS
from model_api.adapters.networks import ADAPTERS
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.arrays import described
from model_api.bundled import find_model
from model_api.errors import OptionError, renamed
from model_api.models.model import ModelOptions
from model_api.preprocessing import Override
from model_api.ranges import NATURAL, POSITIVE, require_choice, require_text
from model_api.resize import RESIZE_TYPES

DETECTION = {"threshold": "-t", "labels": "--labels"}
"""Fields of ModelOptions that models without detections have no use for, and how they are asked for."""


@dataclass(frozen=True)
class Options:
    """One run, checked: raises OptionError for other values. window: None to show none. scene_cuts: whether a recurrent
    model starts afresh at cuts. jobs: clips at once. ahead: frames decoded beforehand.
    progress: whether to show a bar, None for where there is a terminal. for_detection: the options that were given
    and say something to a model that detects objects only."""

    model: str
    inputs: tuple[str, ...]
    device: str = "CPU"
    adapter: str = "openvino"
    inference: InferenceOptions = InferenceOptions()
    override: Override = Override()
    model_options: ModelOptions = ModelOptions()
    target_bgr: str | None = None
    blur_bgr: int = 0
    clean_plate: str | None = None
    loop: bool = False
    cut: Cut = Cut()
    outputs: tuple[Output, ...] = ()
    encoding: Encoding = Encoding()
    virtual_camera: str | None = None
    window: WindowOptions | None = field(default_factory=WindowOptions)
    raw_output: bool = False
    scene_cuts: bool = True
    jobs: int = 1
    ahead: int = 4
    progress: bool | None = None
    for_detection: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_text(model=self.model, target_bgr=self.target_bgr, clean_plate=self.clean_plate)
        if not self.inputs or not all(isinstance(address, str) for address in self.inputs):
            raise OptionError(f"{described(self.inputs)}. Expected addresses, one at least", "inputs")
        require_choice(ADAPTERS, adapter=self.adapter)
        NATURAL.require(blur_bgr=self.blur_bgr)
        POSITIVE.require(jobs=self.jobs, ahead=self.ahead)
        if self.jobs > 1 and self.window is not None:
            raise OptionError(f"{self.jobs}, and a window. Expected 1, or no window", "jobs")


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
        model=args.model if args.adapter == "ovms" else find_model(args.model, args.background is not None),
        inputs=tuple(args.input),
        device=args.device,
        adapter=args.adapter,
        inference=_inference_options(args),
        override=Override(args.reverse_input_channels, args.mean_values, args.scale_values, args.layout),
        model_options=_model_options(args),
        target_bgr=args.target_bgr,
        blur_bgr=args.blur_bgr,
        clean_plate=args.background,
        loop=args.loop,
        cut=Cut(args.start, args.end, args.skip, args.fps, args.input_resize, args.raw_size),
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


def outputs_of(view: str, paths: Sequence[Path]) -> tuple[Output, ...]:
    return tuple(Output(path, view) for path in paths)


def composite_view(target: str | None, preview: str = "composite") -> str:
    """A composite over a transparent background is transparent."""
    return "transparent" if target == TRANSPARENT else preview


def _encoding(args: argparse.Namespace) -> Encoding:
    quality = Quality(args.crf, args.output_video_mbps)
    return Encoding(args.output_type, args.codec, quality, args.output_limit, not args.no_audio, args.output_resolution)


def _inference_options(args: argparse.Namespace) -> InferenceOptions:
    requests = args.num_infer_requests or args.seq_chunk
    return InferenceOptions(
        requests,
        args.num_streams,
        args.num_threads,
        args.cache_dir,
        args.jobs,
        args.server_timeout,
        args.refiner == "outside",
        args.infer_precision,
    )


def _model_options(args: argparse.Namespace) -> ModelOptions:
    return ModelOptions(RESIZE_TYPES[args.resize_type or "standard"], args.downsample_ratio, **_given(args))


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """Those of the options of DETECTION that were given."""
    return {name: value for name, value in vars(args).items() if name in DETECTION and value is not None}

"""The library call: a whole video into files, in the shape that RobustVideoMatting's users know."""

from __future__ import annotations

from pathlib import Path

from background_subtraction.options import Options, composite_view
from background_subtraction.report import Report
from background_subtraction.run import run
from background_subtraction.sinks.base import OUTPUT_TYPES, Encoding, Output, Quality
from background_subtraction.sources.selection import Selection
from model_api import InferenceOptions, MattingModel, ModelOptions
from model_api.bundled import find_model
from model_api.errors import OptionError, renamed
from model_api.ranges import NATURAL, require_choice
from model_api.types import Size

PARAMETER_OF = {
    "inputs": "input_source", "size": "input_resize", "requests": "seq_chunk", "target_bgr": "background",
    "mbps": "output_video_mbps", "type": "output_type", "outputs": "output_composition",
}  # fmt: skip
"""Parameter of what is below -> what it is called here."""


def convert_video(
    model: str | Path | MattingModel,
    input_source: str | Path,
    input_resize: Size | None = None,
    downsample_ratio: float | None = None,
    output_type: str = "video",
    output_composition: str | Path | None = None,
    output_alpha: str | Path | None = None,
    output_foreground: str | Path | None = None,
    output_video_mbps: float | None = None,
    seq_chunk: int | None = None,
    num_workers: int = 4,
    progress: bool = True,
    background: str | Path | None = None,
    device: str = "CPU",
    clean_plate: str | Path | None = None,
    codec: str | None = None,
    crf: int | None = None,
    audio: bool = True,
    scene_cuts: bool = True,
) -> Report:
    """Convert a video, or a folder of images, and return the report of the run.

    model: a path, the name of a bundled model ("video"), or what `create_model` gave (`device`,
    `seq_chunk` and `downsample_ratio` are then what it was made with, and must be left out). input_resize: (width,
    height). output_type: "video" or "png_sequence", the outputs being files or folders. background: as --target_bgr,
    "transparent" too; None for green.
    output_video_mbps: None for constant quality, `crf` in the codec's scale.
    seq_chunk: frames in flight on the device. Networks without a state gain by it; one with a state computes its
    frames one after another whatever is asked, so that no chunk's end shows. None: what the device wants.
    scene_cuts: whether a model with a state starts afresh at cuts in the film.
    num_workers: frames decoded ahead, by a thread of its own.
    Raises BackgroundSubtractionError: OptionError for a value that a parameter does not take, or where no output is
    named, and what reading, computing and writing may raise.
    """
    NATURAL.require(num_workers=num_workers)
    require_choice(OUTPUT_TYPES, output_type=output_type)
    loaded = model if isinstance(model, MattingModel) else None
    if loaded and (seq_chunk, downsample_ratio, device) != (None, None, "CPU"):
        raise OptionError("seq_chunk, downsample_ratio and device belong to create_model when the model is loaded")
    target = None if background is None else str(background)
    named = {
        composite_view(target): output_composition,
        "alpha": output_alpha,
        "foreground": output_foreground,
    }
    if all(path is None for path in named.values()):
        raise OptionError("No output: give output_composition, output_alpha or output_foreground")
    report = Report()
    with renamed(PARAMETER_OF):
        options = Options(
            model="" if loaded else find_model(str(model)),
            inputs=(str(input_source),),
            device=device,
            inference=InferenceOptions(requests=seq_chunk),
            model_options=ModelOptions(downsample_ratio=downsample_ratio),
            target_bgr=target,
            clean_plate=None if clean_plate is None else str(clean_plate),
            selection=Selection(size=input_resize),
            outputs=tuple(Output(Path(path), view) for view, path in named.items() if path is not None),
            encoding=Encoding(output_type, codec, Quality(crf, output_video_mbps), sound=audio),
            ahead=max(1, num_workers),
            scene_cuts=scene_cuts,
            progress=None if progress else False,
            window=None,
        )
        run(options, report, loaded)
    return report

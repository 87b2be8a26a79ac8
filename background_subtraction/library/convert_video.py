"""The library call for a whole video into files, with the parameters that RobustVideoMatting's users know."""

from __future__ import annotations

from collections.abc import Sequence

from background_subtraction.batch.session import prepare_run
from background_subtraction.library.parameters import PARAMETER_OF, AnyPath, options_of, settings_in
from background_subtraction.live.settings import Settings
from background_subtraction.preview.window import WindowOptions
from background_subtraction.report import Report
from background_subtraction.sinks.base import DeviceOutput, Encoding
from background_subtraction.sources.selection import Selection
from model_api import MattingModel, ModelOptions, Override
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.errors import renamed
from model_api.types import Size


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
    report = Report()
    with renamed(PARAMETER_OF):
        options, loaded = options_of(model=model, inputs=input_source, **settings_in(locals()))
        with prepare_run(options, report, loaded) as start:
            start()
    return report

"""One run, as a frozen value that checks itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from background_subtraction.compositing.backgrounds import TRANSPARENT
from background_subtraction.live.settings import Settings
from background_subtraction.preview.window import WindowOptions
from background_subtraction.sinks.base import DeviceOutput, Encoding, Output
from background_subtraction.sources.selection import Selection
from model_api.adapters.factory import ADAPTERS
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.arrays import described
from model_api.errors import OptionError
from model_api.models.base import ModelOptions
from model_api.preprocessing import Override
from model_api.ranges import NATURAL, POSITIVE, require_choice, require_text

SPLITS = ("", "scenes")


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """How several clips are converted, checked.

    Args:
        recursive: whether folders within an input folder count too. Outputs lie in the same folders.
        listed: whether the inputs come from a list: then outputs are folders, however many inputs there are.
        resume: leave out what the manifest says is done: the same input, with the same options.
        overwrite: do all of it, and replace outputs that exist.
        manifest: the file that says what was done, None for one in the folder of the first output.
        shard: (which part, of how many) of the clips, the first part is 0. None: all.
        workers: processes, each with its model and its share of the cores; 0 for none. On Ray: actors.
        cluster: the address of a cluster, such as dask://host:8786.
        attempts: how often a clip is tried that fails.
        split: "scenes" to cut each film at its cuts, and to convert its scenes like clips; "" for whole films.

    Raises:
        OptionError: another value, or two that contradict each other.
    """

    recursive: bool = False
    listed: bool = False
    resume: bool = False
    overwrite: bool = False
    manifest: str | None = None
    shard: tuple[int, int] | None = None
    workers: int = 0
    cluster: str | None = None
    attempts: int = 2
    split: str = ""

    def __post_init__(self) -> None:
        NATURAL.require(workers=self.workers)
        POSITIVE.require(attempts=self.attempts)
        require_choice(SPLITS, split=self.split)
        require_text(manifest=self.manifest, cluster=self.cluster)
        if self.resume and self.overwrite:
            raise OptionError("and overwrite. Expected one of them: what is done is left out, or done again", "resume")
        if self.shard is not None and not 0 <= self.shard[0] < self.shard[1]:
            part, parts = self.shard
            raise OptionError(f"{part}/{parts}. Expected 0/{max(1, parts)} to {max(0, parts - 1)}/{parts}", "shard")


@dataclass(frozen=True, kw_only=True)
class Options:
    """One run, checked.

    Args:
        model: a file, or an address on a model server; "" where a loaded model is passed along.
        inputs: addresses as `open_source` and `jobs.plan` take them.
        device: as `create_model` takes it.
        adapter: as `create_model` takes it.
        inference: as `create_model` takes it.
        override: as `create_model` takes it.
        model_options: as `create_model` takes it.
        settings: what may change between two frames; a file's frames have these.
        clean_plate: an image or a video of the scene without the person.
        loop: start again at the end of the input.
        selection: which part of the input.
        outputs: files.
        devices: such as virtual cameras.
        encoding: how files are written.
        window: None for no window.
        monitors: graphs to show, and to report the means of, some of "cdm".
        raw_output: log what the model answers.
        scene_cuts: whether a recurrent model starts afresh at scene cuts.
        jobs: inputs that are processed at the same time.
        ahead: frames that are decoded ahead.
        progress: whether to show a progress bar, None for where there is a terminal.
        also_read: files that were read for these values, such as a list of labels: no output may overwrite them.
        batch: how several clips are converted.
        for_detection: names of settings that were made and that only models that detect objects use.

    Raises:
        OptionError: another value.
    """

    model: str
    inputs: tuple[str, ...]
    device: str = "CPU"
    adapter: str = "openvino"
    inference: InferenceOptions = InferenceOptions()
    override: Override = Override()
    model_options: ModelOptions = ModelOptions()
    settings: Settings = Settings()
    clean_plate: str | None = None
    loop: bool = False
    selection: Selection = Selection()
    outputs: tuple[Output, ...] = ()
    devices: tuple[DeviceOutput, ...] = ()
    encoding: Encoding = Encoding()
    window: WindowOptions | None = field(default_factory=WindowOptions)
    monitors: str = ""
    raw_output: bool = False
    scene_cuts: bool = True
    jobs: int = 1
    ahead: int = 4
    progress: bool | None = None
    also_read: tuple[str, ...] = ()
    for_detection: tuple[str, ...] = ()
    batch: BatchOptions = BatchOptions()

    def __post_init__(self) -> None:
        require_text(model=self.model, clean_plate=self.clean_plate)
        if not isinstance(self.settings, Settings):
            raise OptionError(f"{described(self.settings)}. Expected Settings", "settings")
        if not self.inputs or not all(isinstance(address, str) for address in self.inputs):
            raise OptionError(f"{described(self.inputs)}. Expected at least one address", "inputs")
        require_choice(ADAPTERS, adapter=self.adapter)
        if not isinstance(self.monitors, str) or not set(self.monitors) <= set("cdm"):
            raise OptionError(f"{described(self.monitors)}. Expected some of the letters c, d, m", "monitors")
        POSITIVE.require(jobs=self.jobs, ahead=self.ahead)
        if self.jobs > 1 and self.window is not None:
            raise OptionError(f"{self.jobs}, and a window. Expected 1, or no window", "jobs")
        if self.jobs > 1 and (self.batch.workers or self.batch.cluster):
            raise OptionError(f"{self.jobs}, and workers or a cluster. Expected one of them", "jobs")


def outputs_of(view: str, paths: Sequence[str]) -> tuple[Output, ...]:
    """One output of this view for each path."""
    return tuple(Output.named(path, view) for path in paths)


def composite_view(target: str | None, blur_bgr: int, encoding: Encoding, preview: str = "composite") -> str:
    """The view that composites are written in.

    Over a transparent background they are transparent. So are those of a png_sequence for which no background is
    named, as in RobustVideoMatting.
    """
    no_background = target is None and not blur_bgr and preview == "composite"
    is_transparent = target == TRANSPARENT or (no_background and encoding.type == "png_sequence")
    return "transparent" if is_transparent else preview

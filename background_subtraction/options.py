"""One run, as a frozen value that checks itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from background_subtraction.compositing.backgrounds import TRANSPARENT
from background_subtraction.preview.window import WindowOptions
from background_subtraction.sinks.base import Encoding, Output
from background_subtraction.sources.selection import Selection
from model_api.adapters.factory import ADAPTERS
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.arrays import described
from model_api.errors import OptionError
from model_api.models.base import ModelOptions
from model_api.preprocessing import Override
from model_api.ranges import NATURAL, POSITIVE, require_choice, require_text


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
    selection: Selection = Selection()
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


def outputs_of(view: str, paths: Sequence[Path]) -> tuple[Output, ...]:
    return tuple(Output(path, view) for path in paths)


def composite_view(target: str | None, preview: str = "composite") -> str:
    """A composite over a transparent background is transparent."""
    return "transparent" if target == TRANSPARENT else preview

"""What a run keeps in memory: no frame longer than it is needed."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import ReferenceType, ref

import pytest

from background_subtraction import convert_video
from background_subtraction.compositing.backgrounds import open_background
from background_subtraction.compositing.clean_plate import CleanPlate
from background_subtraction.live.frames import finished_frames
from background_subtraction.live.plans import Ready, plans
from background_subtraction.live.settings import Settings
from model_api import Frame, create_model
from model_api.types import Image
from tests.support.media import indexed, write_video

FRAMES = 12
OF_FRAMES = {"VideoFrame", "SideDataContainer", "YuvImage", "Frame", "Result", "CompositeFrame", "ForegroundEstimate"}
"""Types of which there is one for each frame; mattes end in "Matte"."""


@pytest.mark.parametrize(
    ("model", "background"), [("red.onnx", "blue"), ("counting.onnx", "transparent"), ("video", None)]
)
def test_frames_are_freed_without_a_collection(
    models: Path, tmp_path: Path, model: str, background: str | None
) -> None:
    """Python frees at once what no circle of references holds: circles of frames would stay for hundreds of frames."""
    clip = write_video(tmp_path / "clip.mp4", map(indexed, range(FRAMES)))
    network = models / model if model.endswith(".onnx") else model
    outputs: dict[str, Any] = {f"output_{view}": tmp_path / f"{view}.mp4" for view in ("alpha", "foreground")}
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        report = convert_video(
            network, input_source=clip, output_composition=tmp_path / "out.mov", background=background, **outputs
        )
        gc.collect()
        kept = Counter(type(each).__name__ for each in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert report.frames == FRAMES
    assert {name: count for name, count in kept.items() if name in OF_FRAMES or name.endswith("Matte")} == {}


def test_no_more_frames_are_kept_than_are_at_work(models: Path) -> None:
    """Frames that are done are freed before the next ones come, in every number of them."""
    pictures: list[ReferenceType[Image]] = []
    most = 0

    def frames() -> Iterator[Frame]:
        for index in range(4 * FRAMES):
            picture = indexed(index)
            pictures.append(ref(picture))
            yield Frame(index, picture)

    with create_model(str(models / "red.onnx")) as model, open_background("blue") as background:
        ready = Ready(Settings(), background, model)
        for _ in finished_frames(plans(frames(), lambda: ready, CleanPlate(needed=False))):
            most = max(most, sum(picture() is not None for picture in pictures))
    assert len(pictures) == 4 * FRAMES
    assert most <= FRAMES

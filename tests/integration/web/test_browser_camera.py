"""The browser's camera without a browser: frames come as aiortc gives them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest

from background_subtraction.web.viewing.browser_camera import BrowserCamera
from tests.support.networks_recurrent import summing_video_matting

WIDTH, HEIGHT = 128, 96
TIMEOUT_S = 60


@pytest.fixture
def camera() -> Iterator[BrowserCamera]:
    with closing(BrowserCamera("CPU")) as opened:
        yield opened


def test_no_model_of_a_live_run_is_cut_into_stages(camera: BrowserCamera, tmp_path: Path) -> None:
    """Each frame is wanted at once. Stages would wait for each other, with a part of the cores each."""
    path = str(summing_video_matting(tmp_path / "summing.onnx", HEIGHT, WIDTH))
    with camera.session.frames.subscribe() as frames:
        camera.session.change({"model": path})
        used = ""
        while used != path:
            assert not camera.session.statistics().problem
            camera.put(av.VideoFrame.from_ndarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8), "bgr24"))
            delivered = frames.next(TIMEOUT_S)
            assert delivered is not None
            used = delivered.settings.model
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("stage ")]

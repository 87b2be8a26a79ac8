from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from background_subtraction.web.access.limits import Limits
from background_subtraction.web.access.options import WebOptions
from background_subtraction.web.serving import listening, serving
from tests.support.media import indexed

LIMITS = Limits(
    image_bytes=1 << 20,
    video_bytes=1 << 20,
    pixels=1_000_000,
    waiting_images=2,
    waiting_videos=1,
    image_s=20,
    stall_s=5,
)


def png(width: int = 64, height: int = 48) -> bytes:
    return cv2.imencode(".png", indexed(100, width, height))[1].tobytes()


def picture_of(data: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return image


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, models: Path) -> dict[str, Any]:
    return {
        "backgrounds_folder": tmp_path_factory.mktemp("backgrounds"),
        "models": {"": str(models / "red_dynamic.onnx"), "red": str(models / "red_dynamic.onnx")},
    }


@pytest.fixture(scope="module")
def client(places: dict[str, Any]) -> Iterator[httpx.Client]:
    """Of a server with small limits and no token. Its models take red for the person."""
    with (
        listening(WebOptions(port=0, limits=LIMITS)) as taken,
        serving(taken, **places),
        httpx.Client(base_url=taken.url, timeout=60) as client,
    ):
        yield client

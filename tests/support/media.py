"""Pictures and clips whose frames carry their index, so that order and loss are seen."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from model_api.types import Alpha, Frame, Image

WIDTH, HEIGHT = 64, 48
BITS = 10


def indexed(index: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Blue is the index. Red, which `networks.red_is_alpha` takes for the person, is full in the left third,
    the index in the middle and none in the right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = index % 256
    image[:, : width // 3, 2] = 255
    image[:, width // 3 : 2 * width // 3, 2] = index % 256
    return image


def indexed_frames(count: int, **size: int) -> Iterable[Frame]:
    return (Frame(index, indexed(index, **size), Fraction(index, 30)) for index in range(count))


def write_images(folder: Path, images: Iterable[Image]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        assert cv2.imwrite(str(folder / f"frame {index}.png"), image)
    return folder


def barcode(index: int, width: int = 320, height: int = 240) -> Image:
    """The index as black and white bars that survive a lossy codec; `read_barcode` reads it."""
    image = np.full((height, width, 3), 255, np.uint8)
    for bit in range(BITS):
        if index >> bit & 1:
            image[:, bit * width // BITS : (bit + 1) * width // BITS] = 0
    return image


def read_barcode(image: Image) -> int:
    height, width = image.shape[:2]
    row = image[height // 4 : height // 2].mean(axis=(0, 2))
    return sum(1 << bit for bit in range(BITS) if row[round((bit + 0.5) * width / BITS)] < 128)


def write_video(
    path: Path, images: Iterable[Image], rate: Fraction = Fraction(30), codec: str = "libx264", rotation: int = 0
) -> Path:
    with av.open(str(path), "w") as container:
        stream = None
        for image in images:
            if stream is None:
                stream = container.add_stream(codec, rate=rate)
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        assert stream is not None
        container.mux(stream.encode())
    return path


def read_video(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def read_levels(path: Path) -> Alpha:
    """A grey image as (H, W) float32, 0..255."""
    levels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert levels is not None, path
    return levels.astype(np.float32)

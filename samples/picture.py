"""Makes the README's image: a frame of the sample, over galaxies, and with its own scene blurred.

    python samples/picture.py

Run it again when the bundled model has changed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

HERE = Path(__file__).resolve().parent
CLIP = HERE / "astronaut.mp4"
FRAME = 5
SIZE = (512, 288)
GAP_PX = 6


def main() -> None:
    with TemporaryDirectory() as folder:
        stars, blurred = (Path(folder) / name for name in ("stars.mp4", "blurred.mp4"))
        demo("--target_bgr", HERE / "stars.jpg", "-o", stars)
        demo("--blur_bgr", 40, "-o", blurred)
        frames = [cv2.resize(frame_of(path), SIZE, interpolation=cv2.INTER_AREA) for path in (CLIP, stars, blurred)]
    gap = np.full((SIZE[1], GAP_PX, 3), 255, np.uint8)
    picture = np.hstack([frames[0], gap, frames[1], gap, frames[2]])
    cv2.imwrite(str(HERE.parent / "docs/astronaut.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])


def demo(*arguments: object) -> None:
    command = [sys.executable, HERE.parent / "background_subtraction_demo.py", "-i", CLIP, "--no_show", *arguments]
    subprocess.run([str(word) for word in command], check=True)


def frame_of(clip: Path) -> Image:
    with av.open(str(clip)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)][FRAME]


if __name__ == "__main__":
    main()

"""Makes the sample: an astronaut, cut out of her portrait, sways before a launch pad that the camera pans over.

    pip install -r requirements.txt "scikit-image>=0.22,<0.27" "pymatting>=1.1.12,<2"
    python samples/make.py

All three pictures come with scikit-image: `astronaut` and `hubble_deep_field` are NASA's, in the public domain;
`rocket` is SpaceX's, CC0. The alpha is closed-form matting (Levin et al., 2008) within a band along an outline drawn by
hand: no network had a part in it.
"""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from pymatting import estimate_alpha_cf, estimate_foreground_ml
from skimage import data

Image = npt.NDArray[np.uint8]
HERE = Path(__file__).resolve().parent

WIDTH, HEIGHT = 640, 360
FRAMES, FPS = 75, 25
CUT_BELOW = 338
"""The helmet in her hands begins further down; frames end above it."""

# fmt: off
HAIR = [(182, 149), (180, 128), (163, 114), (153, 92), (153, 70), (163, 50), (185, 34), (212, 19), (240, 15), (265, 24),
        (287, 47), (300, 78), (299, 105), (286, 120), (274, 134), (268, 156), (262, 174)]
BODY = [(285, 193), (300, 217), (305, 236), (328, 251), (346, 278), (356, 305), (361, 345), (30, 345), (37, 310),
        (48, 278), (68, 242), (96, 220), (117, 208), (115, 190), (125, 170), (143, 155), (163, 150)]
# fmt: on
HAIR_BAND_PX, BODY_BAND_PX = 9, 4
"""How far to either side of its outline alpha is not known."""


def main() -> None:
    colours, alpha = cut_out(data.astronaut())
    scene = cv2.resize(data.rocket(), (840, 560), interpolation=cv2.INTER_CUBIC)
    scene = cv2.GaussianBlur(scene, (0, 0), 1.2)
    frames = [frame_at(number / FRAMES, colours, alpha, scene) for number in range(FRAMES)]
    write(frames, HERE / "astronaut.mp4")
    stars = cv2.resize(data.hubble_deep_field()[:563], (1280, 720), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(HERE / "stars.jpg"), stars[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])


def cut_out(portrait: Image) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(H, W, 3) RGB of her alone, and alpha, both in [0, 1]."""
    outline = np.zeros(portrait.shape[:2], np.uint8)
    cv2.fillPoly(outline, [np.array(HAIR + BODY)], 255)
    band = np.zeros_like(outline)
    cv2.polylines(band, [np.array(HAIR)], False, 255, 2 * HAIR_BAND_PX)
    cv2.polylines(band, [np.array([HAIR[-1], *BODY, HAIR[0]])], False, 255, 2 * BODY_BAND_PX)
    trimap = np.where(band > 0, 0.5, outline / 255)[:CUT_BELOW]
    picture = portrait[:CUT_BELOW] / 255
    alpha = estimate_alpha_cf(picture, trimap)
    return estimate_foreground_ml(picture, alpha), alpha


def frame_at(time: float, colours: npt.NDArray[np.float64], alpha: npt.NDArray[np.float64], scene: Image) -> Image:
    """time: 0 to 1. (HEIGHT, WIDTH, 3) uint8 RGB."""
    turn = 2 * np.pi * time
    person = cv2.getRotationMatrix2D((195, CUT_BELOW), 2.2 * np.sin(turn), 1.02 + 0.03 * np.sin(turn + 1))
    # Her lower edge stays below the frame's, however she sways.
    person[:, 2] += (WIDTH * 0.7 - 195 + 26 * np.sin(turn), HEIGHT - CUT_BELOW + 12)
    camera = np.array([[1, 0, -172 + 26 * np.cos(turn)], [0, 1, -166 + 6 * np.sin(2 * turn)]])
    back = cv2.warpAffine(scene, camera, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC) / 255
    cover = cv2.warpAffine(alpha, person, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)[..., None]
    front = cv2.warpAffine(colours, person, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(front * cover + back * (1 - cover), 0, 1) * 255 + 0.5, np.uint8)


def write(frames: list[Image], path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", FPS, options={"crf": "20", "preset": "veryslow"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())


if __name__ == "__main__":
    main()

"""Whole files to damage: small ones of every kind that the program opens, made here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import PIL.Image

from background_subtraction.thread_budget import same_scheduling
from model_api import bundled
from model_tools.convert.command import convert
from tests.support import networks
from tests.support.media import barcode

SIZE = 64, 48
FRAMES = 6
VIDEOS: Mapping[str, tuple[str, str, str]] = {
    "h264.mp4": ("libx264", "yuv420p", "aac"),
    "hevc.mp4": ("libx265", "yuv420p10le", ""),
    "prores.mov": ("prores_ks", "yuva444p10le", "pcm_s16le"),
    "qtrle.mov": ("qtrle", "argb", ""),
    "h264.mkv": ("libx264", "yuv444p", "flac"),
    "ffv1.mkv": ("ffv1", "bgra", "pcm_s16le"),
    "vp9.webm": ("libvpx-vp9", "yuva420p", "libopus"),
    "vp8.webm": ("libvpx", "yuv420p", ""),
    "av1.webm": ("libsvtav1", "yuv420p", ""),
    "mpeg4.avi": ("mpeg4", "yuv420p", "libmp3lame"),
    "mjpeg.avi": ("mjpeg", "yuvj422p", ""),
    "raw.avi": ("rawvideo", "bgr24", ""),
    "huffyuv.avi": ("huffyuv", "yuv422p", ""),
    "mpeg2.ts": ("mpeg2video", "yuv420p", "mp2"),
    "h264.ts": ("libx264", "yuv420p", "aac"),
    "flv1.flv": ("flv", "yuv420p", ""),
    "wmv2.wmv": ("wmv2", "yuv420p", ""),
    "mpeg2.mxf": ("mpeg2video", "yuv420p", ""),
    "raw.y4m": ("rawvideo", "yuv420p", ""),
    "palette.gif": ("gif", "rgb8", ""),
    "frames.apng": ("apng", "rgba", ""),
}
"""Name -> encoder, pixel format, sound."""
QUIET = {"libx265": {"x265-params": "log-level=error"}}
PICTURES: Mapping[str, tuple[str, list[int]]] = {
    "colour.png": ("bgr", []),
    "alpha.png": ("bgra", []),
    "deep.png": ("bgr16", []),
    "colour.jpg": ("bgr", []),
    "progressive.jpg": ("bgr", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
    "colour.webp": ("bgr", []),
    "alpha.webp": ("bgra", [cv2.IMWRITE_WEBP_QUALITY, 101]),
    "lzw.tif": ("bgra", [cv2.IMWRITE_TIFF_COMPRESSION, 5]),
    "deflate.tif": ("bgr16", [cv2.IMWRITE_TIFF_COMPRESSION, 8]),
    "colour.bmp": ("bgr", []),
    "colour.ppm": ("bgr", []),
    "colour.jp2": ("bgr", []),
}
"""Name -> what its pixels are, OpenCV's parameters."""
LABELS = "background\nperson\ncat\n"
CONFIG = """network = "portrait"
seed = 3
start = "nothing.pt"
save_every = 250
[data]
backgrounds = ["nothing"]
backgrounds_range = [-1, 480]
largest_px = 512
[[data.people]]
folder = "nothing"
numbers = [0, 1900]
share = 0.45
[[stages]]
name = "small pictures"
steps = 900
frames = 1
batch = 24
sizes = [[256, 160], [192, 256]]
rate = 1.5e-3
"""


def write_seeds(folder: Path) -> dict[str, list[Path]]:
    """Make the files. Returns them by kind: "video", "picture", "onnx", "ir", "text". Those of a codec that this FFmpeg
    or this OpenCV lacks are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 prints errors alone
    return {kind: [path for path in write(folder) if path.is_file()] for kind, write in KINDS.items()}


def _videos(folder: Path) -> list[Path]:
    return [_video(folder / name, *how) for name, how in VIDEOS.items() if how[0] in av.codecs_available]


def _video(path: Path, codec: str, pixel_format: str, sound: str) -> Path:
    with same_scheduling(), av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=QUIET.get(codec, {}))
        stream.width, stream.height = SIZE if path.suffix != ".mxf" else (352, 288)
        stream.pix_fmt = pixel_format
        if codec == "mjpeg":
            stream.codec_context.color_range = 2
        audio = container.add_stream(sound, rate=48000, layout="stereo") if sound else None
        for n in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(barcode(n, stream.width, stream.height), format="bgr24")
            frame.pts, frame.time_base = n, Fraction(1, 25)
            container.mux(stream.encode(frame.reformat(format=pixel_format)))
            if audio:
                container.mux(_sound(audio, n))
        container.mux(stream.encode())
        if audio:
            container.mux(audio.encode())
    return path


def _sound(stream: av.audio.stream.AudioStream, n: int) -> list[av.Packet]:
    levels = np.full((1, 2 * 1920), n * 1000, np.int16)
    frame = av.AudioFrame.from_ndarray(levels, format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48000, n * 1920, Fraction(1, 48000)
    return list(stream.encode(frame))


def _pictures(folder: Path) -> list[Path]:
    return [
        *(_picture(folder / name, *how) for name, how in PICTURES.items()),
        _animation(folder / "frames.webp"),
        _photograph(folder / "turned.jpg"),
        _palette(folder / "palette.png"),
    ]


def _picture(path: Path, pixels: str, parameters: list[int]) -> Path:
    image = barcode(5, *SIZE)
    if "a" in pixels:
        image = np.dstack([image, image[..., 0]])
    cv2.imwrite(str(path), image.astype(np.uint16) * 257 if "16" in pixels else image, parameters)
    return path


def _animation(path: Path) -> Path:
    animation = cv2.Animation()
    animation.frames = [barcode(n, *SIZE) for n in range(4)]
    animation.durations = [100] * 4
    cv2.imwriteanimation(str(path), animation)
    return path


def _photograph(path: Path) -> Path:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # orientation
    PIL.Image.fromarray(barcode(5, *SIZE)).save(path, exif=exif)
    return path


def _palette(path: Path) -> Path:
    PIL.Image.fromarray(barcode(5, *SIZE)).quantize(16).save(path, transparency=0)
    return path


def _onnx(folder: Path) -> list[Path]:
    return [
        networks.counting_video_matting(folder / "counting.onnx"),
        networks.counting_dynamic_matting(folder / "counting_dynamic.onnx"),
        networks.red_is_alpha(folder / "red.onnx"),
        networks.red_is_alpha(folder / "red_dynamic.onnx", "h", "w", answer="logits"),
        networks.smoothing_video_matting(folder / "smoothing.onnx"),
        networks.amplifying_matting(folder / "amplifying.onnx"),
    ]


def _irs(folder: Path) -> list[Path]:
    """The `.xml` of each; its `.bin` lies beside it. The last is a network that comes with the program."""
    made = [path.with_suffix(".xml") for path in _onnx(folder)]
    for path in made:
        convert(path.with_suffix(".onnx"), path)
    model = Path(bundled.find_model("portrait"))
    for suffix in (".xml", ".bin"):
        (folder / f"portrait{suffix}").write_bytes(model.with_suffix(suffix).read_bytes())
    return [*made, folder / "portrait.xml"]


def _texts(folder: Path) -> list[Path]:
    for name, text in {"labels.txt": LABELS, "training.toml": CONFIG}.items():
        (folder / name).write_text(text)
    return [folder / "labels.txt", folder / "training.toml"]


KINDS: Mapping[str, Callable[[Path], list[Path]]] = {
    "video": _videos, "picture": _pictures, "onnx": _onnx, "ir": _irs, "text": _texts,
}  # fmt: skip
"""Kind of file -> what makes some."""

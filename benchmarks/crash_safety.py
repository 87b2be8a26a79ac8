"""What plays of a video whose run was killed: python benchmarks/crash_safety.py [--rate 5] [SUFFIX/CODEC ...].

Encodes 30 seconds in each container and codec with the real command, kills it with SIGKILL at second 20, and decodes
what is left. Needs a system with SIGKILL.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from background_subtraction.sinks.formats import CODECS, CONTAINERS  # noqa: E402

SECONDS, KILLED_AT_S = 30, 20
WIDTH, HEIGHT = 320, 240


def main() -> None:
    """Print a line for each container and codec."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wanted", nargs="*", metavar="SUFFIX/CODEC", help="such as .mp4/hevc; default: all")
    parser.add_argument("--rate", type=int, default=30, help="frames per second, a divisor of 240. Default: 30")
    arguments = parser.parse_args()
    wanted, rate = arguments.wanted, arguments.rate
    print("| container | codec | seconds written | seconds that play |\n|---|---|---:|---:|")
    with TemporaryDirectory() as folder:
        clip = _clip(Path(folder) / "in.mp4", rate)
        for suffix, codec in _formats():
            if not wanted or f"{suffix}/{codec}" in wanted:
                written_s, plays_s = _killed(clip, Path(folder) / f"out{suffix}", codec, rate)
                print(f"| {suffix} | {codec} | {written_s:.2f} | {plays_s:.2f} |", flush=True)


def _formats() -> Iterator[tuple[str, str]]:
    for suffix, container in CONTAINERS.items():
        yield from ((suffix, codec) for codec in container.codecs if not CODECS[codec].remedy)  # without hardware's


def _clip(path: Path, rate: int) -> Path:
    """Coloured squares that wander, with a tone."""
    squares = np.random.default_rng(0).integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    image = squares.repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=rate, options={"preset": "superfast"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream("aac", rate=48_000, layout="mono")
        for index in range(SECONDS * rate):
            picture = np.ascontiguousarray(np.roll(image, 3 * index, axis=1))
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            step = 48_000 // rate
            times = (np.arange(step) + step * index) / 48_000
            tone = av.AudioFrame.from_ndarray(np.sin(2765 * times, dtype=np.float32)[None] * 0.2, "fltp", "mono")
            tone.sample_rate, tone.pts, tone.time_base = 48_000, step * index, Fraction(1, 48_000)
            container.mux(sound.encode(tone))
        container.mux([*video.encode(), *sound.encode()])
    return path


def _killed(clip: Path, output: Path, codec: str, rate: int) -> tuple[float, float]:
    """Seconds that were handed over for writing, and seconds that play."""
    output.unlink(missing_ok=True)
    command = [sys.executable, str(ROOT / "background_subtraction_demo.py"), "-m", "portrait", "-i", str(clip)]
    settings = ["-o", str(output), "--codec", codec, "--no_show", "-r"]
    process = subprocess.Popen(
        [*command, *settings], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    last = KILLED_AT_S * rate
    frames = next((last for line in process.stdout if f"Frame {last}:" in line), 0)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return frames / rate, _playing_s(output, rate)


def _playing_s(path: Path, rate: int) -> float:
    time_s = 0.0
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                time_s = float(frame.time or 0) + 1 / rate
    except (av.error.FFmpegError, OSError) as error:
        print(f"{path.name}: {error}", file=sys.stderr)
    return time_s


if __name__ == "__main__":
    main()

"""A film of several shots: where the cuts are is known, and each frame carries its number."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import cv2
import numpy as np

from model_api.types import Image
from tests.support.media import barcode

SHOTS = (18, 23, 16, 21, 17)
"""Frames of each shot."""
BORDERS = (0, *accumulate(SHOTS))
FRAMES = BORDERS[-1]
WIDTH, HEIGHT = 160, 96
RATE = Fraction(25)
SOUND_RATE = 48_000
BEEP_S = 0.2
BEEPS_AT_S = tuple(float(first / RATE) + 0.1 for first in BORDERS[:-1])
"""A tenth of a second behind the beginning of each shot."""


def room(seed: int) -> Image:
    """A wall of one colour with boxes of others."""
    random = np.random.default_rng(seed)
    hue = seed * 67 % 180
    picture = np.full((HEIGHT, WIDTH, 3), (hue, 200, 170), np.uint8)
    for _ in range(14):
        x, y = random.integers(0, WIDTH - 20), random.integers(0, HEIGHT - 10)
        width, height = random.integers(12, 70, 2)
        shade, light = random.integers(120, 255), random.integers(40, 255)
        colour = (int((hue + random.integers(-15, 16)) % 180), int(shade), int(light))
        cv2.rectangle(picture, (int(x), int(y)), (int(x + width), int(y + height)), colour, -1)
    return cv2.cvtColor(picture, cv2.COLOR_HSV2BGR)


def frame_of(number: int) -> Image:
    """A frame of the film. `media.read_barcode` reads its number; a box moves through the shot."""
    shot = next(place for place, end in enumerate(BORDERS[1:]) if number < end)
    picture = room(shot + 1)
    rows = slice(HEIGHT // 4, HEIGHT // 2)
    picture[rows] = barcode(number, WIDTH, HEIGHT)[rows]
    x = 10 + 2 * (number - BORDERS[shot])
    cv2.rectangle(picture, (x, HEIGHT - 40), (x + 24, HEIGHT), (90, 140, 220), -1)
    return picture


def times_s(uneven: bool = False) -> list[Fraction]:
    """When each frame is shown. uneven: some come late, and one has a long pause behind it."""
    late = [Fraction(1, 100) if uneven and number % 7 == 3 else Fraction(0) for number in range(FRAMES)]
    return [(number + 12 * (uneven and number > 45)) / RATE + late[number] for number in range(FRAMES)]


def write_film(
    path: Path,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    *,
    numbers: Sequence[int] = range(FRAMES),
    uneven: bool = False,
    pixel_format: str = "yuv420p",
    sound: bool = False,
) -> Path:
    """Write some frames of the film.

    Args:
        path: the file.
        codec: FFmpeg's name.
        options: of the encoder.
        numbers: which frames.
        uneven: see `times_s`.
        pixel_format: FFmpeg's name.
        sound: whether there is a beep in each shot.
    """
    times = times_s(uneven)
    tick_s = Fraction(1, 1000) if uneven else 1 / RATE
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, options=options or {})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixel_format
        stream.codec_context.time_base = stream.time_base = tick_s
        track = container.add_stream("aac", rate=SOUND_RATE, layout="mono") if sound else None
        for number in numbers:
            frame = av.VideoFrame.from_ndarray(frame_of(number), format="bgr24")
            frame.pts, frame.time_base = round((times[number] - times[numbers[0]]) / tick_s), tick_s
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if track is not None:
            _write_beeps(container, track)
    return path


def beeps() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Samples of the sound: silence, and the beeps."""
    samples = np.zeros(round(FRAMES / RATE * SOUND_RATE), np.float32)
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(round(BEEP_S * SOUND_RATE)) / SOUND_RATE)
    for at_s in BEEPS_AT_S:
        begin = round(at_s * SOUND_RATE)
        samples[begin : begin + len(tone)] = tone
    return samples


def beeps_begin_s(path: Path) -> list[float]:
    """When beeps begin in a file, in seconds from the first frame's time."""
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        parts = [(float(frame.time), frame.to_ndarray()[0]) for frame in container.decode(audio=0)]
    begin_s = parts[0][0]
    loud = np.abs(np.concatenate([samples for _, samples in parts])) > 0.1
    places = np.flatnonzero(loud)
    behind_silence = np.diff(places, prepend=-rate) > rate * BEEP_S / 2
    return [begin_s + float(place) / rate for place in places[behind_silence]]


def _write_beeps(container: av.container.OutputContainer, track: av.AudioStream) -> None:
    samples = beeps()
    for begin in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis, begin : begin + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, begin, Fraction(1, SOUND_RATE)
        container.mux(track.encode(frame))
    container.mux(track.encode())

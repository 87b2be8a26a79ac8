"""Sound, subtitles, chapters and tags that go along: what other programs find of them in the output."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from background_subtraction.sinks.formats import CONTAINERS
from tests.conftest import RunDemo
from tests.support.media import read_video

RATE = 30
BEEP_S = 1.0
OUTPUTS = [suffix for suffix, container in CONTAINERS.items() if container.sound]


def flash_and_beep(
    path: Path,
    *,
    codec: str = "aac",
    layout: str = "stereo",
    rate: int = 48_000,
    seconds: int = 2,
    begin_s: int = 0,
    video: str = "libx264",
    tracks: int = 1,
) -> Path:
    """A grey clip that is white, and beeps, from 1.0 to 1.1 s."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream(video, rate=RATE, options={"g": "15", "bf": "0"})
        picture.width, picture.height = 64, 48
        picture.pix_fmt = "yuvj420p" if video == "mjpeg" else "yuv420p"
        sounds = [container.add_stream(codec, rate=rate, layout=layout) for _ in range(tracks)]
        for sound in sounds:
            sound.bit_rate = 128_000  # the encoder of WMA needs one
        for index, image in enumerate(_pictures(seconds)):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = index + begin_s * RATE, Fraction(1, RATE)
            container.mux(picture.encode(frame))
            for sound in sounds:
                container.mux(sound.encode(_beep(index, rate, layout, begin_s)))
        for stream in (picture, *sounds):
            container.mux(stream.encode(None))
    return path


def _pictures(seconds: int) -> Iterator[Any]:
    for index in range(seconds * RATE):
        yield np.full((48, 64, 3), 255 if 1 <= index / RATE < 1.1 else 100, np.uint8)


def _beep(index: int, rate: int, layout: str, begin_s: int) -> av.AudioFrame:
    step = rate // RATE
    times_s = (np.arange(step) + index * step) / rate
    wave = np.where((times_s >= 1) & (times_s < 1.1), 0.8 * np.sin(2 * np.pi * 1000 * times_s), 0)
    channels = av.AudioLayout(layout).nb_channels
    samples = np.repeat((wave * 32767).astype(np.int16), channels)[np.newaxis]
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), index * step + begin_s * rate
    return frame


def beep_s(path: Path, track: int = 0, after_s: float = 0) -> float:
    """When a sound track is loud for the first time after this second."""
    with av.open(str(path)) as container:
        for frame in (part for whole in container.decode(audio=track) for part in _mono(whole)):
            loud = np.abs(frame.to_ndarray()[0].astype(int)) > 6000
            times_s = float(frame.pts * frame.time_base) + np.arange(len(loud)) / frame.sample_rate
            hits = np.flatnonzero(loud & (times_s >= after_s))
            if len(hits):
                return float(times_s[hits[0]])
    return -1.0


def _mono(frame: av.AudioFrame) -> list[av.AudioFrame]:
    """Rate and layout may change from frame to frame."""
    resampler = av.AudioResampler("s16", "mono", frame.sample_rate)
    return [*resampler.resample(frame), *resampler.resample(None)]


def flash_s(path: Path, after_s: float = 0) -> float:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            time_s = float(frame.pts * frame.time_base)
            if time_s >= after_s and frame.to_ndarray(format="bgr24").mean() > 200:
                return time_s
    return -1.0


def everything_is_person(models: Path, run_demo: RunDemo, source: Path, output: str, *options: object) -> str:
    """White background: the flash, which is white, stays bright whatever the matte is."""
    done = run_demo("-m", models / "red.onnx", "-i", source, "-o", output, "--blur_bgr", 3, *options)
    assert (done.returncode, done.stderr) == (0, "")
    return str(done.stdout)


def damaged_in_sound(source: Path, target: Path, numbers: set[int]) -> Path:
    """Packets of the sound are replaced by zeros."""
    with av.open(str(source)) as clip, av.open(str(target), "w") as container:
        lanes = {stream.index: container.add_stream_from_template(stream) for stream in clip.streams}
        count = -1
        for packet in clip.demux():
            if packet.dts is None:
                continue
            count += packet.stream.type == "audio"
            lane = lanes[packet.stream.index]
            if packet.stream.type == "audio" and count in numbers:
                broken = av.Packet(b"\xff" * packet.size)
                broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
                broken.duration = packet.duration
                packet = broken
            packet.stream = lane
            container.mux(packet)
    return target


SOURCES = {
    "aac in ts": ("in.ts", {}),
    "aac in mts": ("in.mts", {}),
    "pcm in avi": ("in.avi", {"codec": "pcm_s16le", "video": "mjpeg"}),
    "wma": ("in.wmv", {"codec": "wmav2", "video": "wmv2"}),
    "192 kHz": ("in.mkv", {"codec": "flac", "rate": 192_000}),
    "mp3 of 8 kHz": ("in.mkv", {"codec": "libmp3lame", "rate": 8000, "layout": "mono"}),
    "5.1(side)": ("in.mkv", {"codec": "ac3", "layout": "5.1(side)"}),
    "7.1": ("in.mkv", {"codec": "flac", "layout": "7.1"}),
    "quad": ("in.mkv", {"codec": "flac", "layout": "quad"}),
}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("suffix", OUTPUTS)
def test_every_sound_goes_into_every_container_in_step(
    models: Path, tmp_path: Path, run_demo: RunDemo, name: str, suffix: str
) -> None:
    file, settings = SOURCES[name]
    source = flash_and_beep(tmp_path / file, **settings)  # type: ignore[arg-type]
    everything_is_person(models, run_demo, source, f"out{suffix}")
    output = tmp_path / f"out{suffix}"
    assert flash_s(output) == pytest.approx(BEEP_S, abs=0.05)
    # A beep is smeared over one frame of the codec; .wmv and .mkv have times in milliseconds.
    assert beep_s(output) == pytest.approx(BEEP_S, abs=0.05)


@pytest.mark.parametrize("suffix", OUTPUTS)
def test_a_part_begins_with_its_own_sound(models: Path, tmp_path: Path, run_demo: RunDemo, suffix: str) -> None:
    """The flash, and the beep, are 0.5 s after the part's beginning."""
    source = flash_and_beep(tmp_path / "in.mkv", codec="flac")
    everything_is_person(models, run_demo, source, f"out{suffix}", "--start", 0.5, "--end", 1.5)
    output = tmp_path / f"out{suffix}"
    assert beep_s(output) == pytest.approx(0.5, abs=0.05)
    with av.open(str(output)) as container:
        assert container.duration / 1e6 == pytest.approx(1.0, abs=0.1)


def test_a_track_without_a_decoder_is_left_out(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """As an iPhone's spatial sound, which no FFmpeg knows: the sample entry's name is changed to one of nobody."""
    data = bytearray(flash_and_beep(tmp_path / "in.mov", tracks=2).read_bytes())
    entry = data.find(b"mp4a", data.rfind(b"stsd"))
    data[entry : entry + 4] = b"apac"
    end = data.find(b"stts", entry)
    data[entry:end] = data[entry:end].replace(b"esds", b"free").replace(b"mp4a", b"zzzz")
    (tmp_path / "apac.mov").write_bytes(data)
    said = everything_is_person(models, run_demo, tmp_path / "apac.mov", "out.mp4")
    assert "is left out: there is no decoder for it" in said
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [stream.codec_context.name for stream in container.streams.audio] == ["aac"]
    assert len(read_video(tmp_path / "out.mp4")) == 60


@pytest.mark.parametrize("jump_s", [-60, 0, 3600])
def test_recordings_joined_end_to_end_stay_in_step(
    models: Path, tmp_path: Path, run_demo: RunDemo, jump_s: int
) -> None:
    """Flash and beep of the second recording are at 1 s after its beginning, whatever its clock said."""
    parts = [
        flash_and_beep(tmp_path / "a.ts", codec="mp2", begin_s=60),
        flash_and_beep(tmp_path / "b.ts", codec="mp2", begin_s=60 + jump_s),
    ]
    (tmp_path / "in.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    everything_is_person(models, run_demo, tmp_path / "in.ts", "out.mkv")
    first, second = beep_s(tmp_path / "out.mkv"), beep_s(tmp_path / "out.mkv", after_s=2)
    assert first == pytest.approx(1, abs=0.05)
    assert second == pytest.approx(3, abs=0.05)


@pytest.mark.parametrize("suffix", [".webm", ".mp4"])
def test_damaged_sound_never_costs_the_picture(models: Path, tmp_path: Path, run_demo: RunDemo, suffix: str) -> None:
    """The beep is after the damage, and still in step."""
    whole = flash_and_beep(tmp_path / "whole.mkv", codec="ac3")
    source = damaged_in_sound(whole, tmp_path / "in.mkv", {10, 11, 12})
    said = everything_is_person(models, run_demo, source, f"out{suffix}")
    assert said.count("3 damaged packets of the input's sound track 1 (ac3) were skipped") == 1
    assert len(read_video(tmp_path / f"out{suffix}")) == 60
    assert beep_s(tmp_path / f"out{suffix}") == pytest.approx(BEEP_S, abs=0.05)


@pytest.mark.parametrize("codec", ["aac", "ac3"])
@pytest.mark.parametrize("suffix", OUTPUTS)
def test_rate_and_speakers_may_change_midway(
    models: Path, tmp_path: Path, run_demo: RunDemo, suffix: str, codec: str
) -> None:
    """As on television, where a film in 5.1 follows on news in stereo. Both beep after one second."""
    parts = [
        flash_and_beep(tmp_path / "a.ts", codec=codec, layout="stereo", rate=44_100),
        flash_and_beep(tmp_path / "b.ts", codec=codec, layout="5.1", rate=48_000),
    ]
    (tmp_path / "in.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    everything_is_person(models, run_demo, tmp_path / "in.ts", f"out{suffix}")
    output = tmp_path / f"out{suffix}"
    assert [flash_s(output), flash_s(output, after_s=2)] == pytest.approx([1, 3], abs=0.05)
    assert [beep_s(output), beep_s(output, after_s=2)] == pytest.approx([1, 3], abs=0.05)


def test_sound_that_begins_behind_the_picture_s_end(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """FFmpeg closes no .mp4 in which a track of AC-3 is empty."""
    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        picture = container.add_stream("libx264", rate=RATE)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("ac3", rate=48_000, layout="stereo")
        for image in _pictures(1):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(picture.encode(None))
        for index in range(RATE):
            container.mux(sound.encode(_beep(index, 48_000, "stereo", begin_s=30)))
        container.mux(sound.encode(None))
    everything_is_person(models, run_demo, tmp_path / "in.mkv", "out.mp4")
    assert len(read_video(tmp_path / "out.mp4")) == RATE


def test_ac3_is_copied_into_mp4(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    source = flash_and_beep(tmp_path / "in.mkv", codec="ac3")
    everything_is_person(models, run_demo, source, "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "ac3"

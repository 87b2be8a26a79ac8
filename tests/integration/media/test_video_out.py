"""Video in, video out: what other programs find in the files."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from background_subtraction import convert_video
from background_subtraction.image_files import read_image
from background_subtraction.sinks.base import Quality
from background_subtraction.sinks.formats import CODECS, CONTAINERS, video_format
from background_subtraction.sinks.video import VideoSink
from background_subtraction.sources.base import SourceInfo
from model_api import create_model
from model_api.errors import OptionError, SinkError
from model_api.types import Alpha, Image
from tests.conftest import COMMAND, RunDemo, one_line
from tests.support.media import barcode, indexed, read_barcode, write_images, write_video

SOUND_RATE = 48_000
NTSC = Fraction(30000, 1001)


@dataclass(frozen=True)
class Probe:
    """What a file says, counted by decoding it."""

    codec: str
    tag: str
    size: tuple[int, int]
    rate: Fraction
    times: list[Fraction]
    sound: str
    sound_s: float
    sound_begin_s: float


def probe(path: Path) -> Probe:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        times = [frame.pts * frame.time_base for frame in container.decode(video)]
        context = video.codec_context
        tag, size, rate = context.codec_tag.strip("\0 "), (video.width, video.height), video.average_rate
    with av.open(str(path)) as container:
        sound, seconds, begin_s = "", 0.0, 0.0
        if container.streams.audio:
            stream = container.streams.audio[0]
            packets = [packet for packet in container.demux(stream) if packet.pts is not None]
            sound = stream.codec_context.name
            begin_s = float(packets[0].pts * packets[0].time_base)
            seconds = float((packets[-1].pts + packets[-1].duration) * packets[-1].time_base) - begin_s
    return Probe(context.name, tag, size, rate, times, sound, seconds, begin_s)


def tone(seconds: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * SOUND_RATE)) / SOUND_RATE)).astype(np.float32)


def with_sound(
    path: Path, times: list[Fraction], sound_s: float, codec: str = "aac", size: tuple[int, int] = (320, 240)
) -> Path:
    """A clip of barcodes at these times, with a tone, a title, and English as the sound's language."""
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "A walk"
        video = container.add_stream("libx264", rate=30, options={"bf": "0"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.codec_context.time_base = Fraction(1, 30_000)
        sound = container.add_stream(codec, rate=SOUND_RATE, layout="mono")
        sound.metadata["language"] = "eng"
        for index, time_s in enumerate(times):
            frame = av.VideoFrame.from_ndarray(barcode(index, *size), format="bgr24")
            frame.pts, frame.time_base = round(time_s * 30_000), Fraction(1, 30_000)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        samples = tone(sound_s)
        step = sound.codec_context.frame_size or 1024
        kind = sound.codec_context.format.name
        for begin in range(0, len(samples), step):
            part = samples[np.newaxis, begin : begin + step]
            data = part if kind == "fltp" else (part * 32767).astype(np.int16)
            chunk = av.AudioFrame.from_ndarray(data, format=kind, layout="mono")
            chunk.sample_rate, chunk.pts, chunk.time_base = SOUND_RATE, begin, Fraction(1, SOUND_RATE)
            container.mux(sound.encode(chunk))
        container.mux(sound.encode())
    return path


def even(count: int, rate: Fraction = Fraction(30)) -> list[Fraction]:
    return [n / rate for n in range(count)]


# Sound ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [("out.mp4", "aac"), ("out.mov", "aac"), ("out.mkv", "aac"), ("out.webm", "opus"), ("out.avi", "pcm_s16le")],
)
def test_sound_goes_along(models: Path, tmp_path: Path, run_demo: RunDemo, name: str, expected: str) -> None:
    """Copied where the container holds it, else encoded anew; as long as it was, and at its time."""
    clip = with_sound(tmp_path / "in.mp4", even(60), 2.0)
    done = run_demo("-m", models / "red.onnx", "-i", clip, "-o", name)
    assert (done.returncode, done.stderr) == (0, "")
    found = probe(tmp_path / name)
    assert found.sound == expected
    assert found.sound_s == pytest.approx(2.0, abs=1 / 30)
    assert found.sound_begin_s == pytest.approx(0, abs=1 / 30)
    assert len(found.times) == 60


def test_copied_sound_is_the_same_to_the_byte(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    clip = with_sound(tmp_path / "in.mp4", even(30), 1.0)
    run_demo("-m", models / "red.onnx", "-i", clip, "-o", "out.mp4")
    assert sound_bytes(clip) == sound_bytes(tmp_path / "out.mp4") != b""


def sound_bytes(path: Path) -> bytes:
    with av.open(str(path)) as container:
        return b"".join(bytes(packet) for packet in container.demux(container.streams.audio[0]))


def test_titles_and_languages_go_along(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    clip = with_sound(tmp_path / "in.mp4", even(10), 0.4)
    run_demo("-m", models / "red.onnx", "-i", clip, "-o", "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["title"] == "A walk"
        assert container.streams.audio[0].metadata["language"] == "eng"


def test_sound_may_be_left_out(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    clip = with_sound(tmp_path / "in.mp4", even(10), 0.4)
    run_demo("-m", models / "red.onnx", "-i", clip, "-o", "out.mp4", "--no_audio")
    assert probe(tmp_path / "out.mp4").sound == ""


@pytest.mark.parametrize(("frames", "sound_s"), [(30, 2.0), (60, 1.0)])
def test_sound_longer_or_shorter_than_the_picture(
    models: Path, tmp_path: Path, run_demo: RunDemo, frames: int, sound_s: float
) -> None:
    clip = with_sound(tmp_path / "in.mp4", even(frames), sound_s)
    run_demo("-m", models / "red.onnx", "-i", clip, "-o", "out.mp4")
    found = probe(tmp_path / "out.mp4")
    assert len(found.times) == frames
    assert found.sound_s == pytest.approx(sound_s, abs=1 / 30)


def test_a_part_has_its_own_sound(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """Frames 30 to 59 of 90, and the second of sound that belongs to them."""
    clip = with_sound(tmp_path / "in.mp4", even(90), 3.0)
    run_demo("-m", models / "red.onnx", "-i", clip, "-o", "out.mp4", "--start", 1, "--end", 2)
    found = probe(tmp_path / "out.mp4")
    assert found.times == even(30)
    assert found.sound_s == pytest.approx(1.0, abs=1 / 20)
    assert found.sound_begin_s == pytest.approx(0, abs=1 / 30)


# Time ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv", "out.webm"])
@pytest.mark.parametrize("rate", [NTSC, Fraction(24000, 1001), Fraction(25)])
def test_even_rates_stay_exact(tmp_path: Path, models: Path, run_demo: RunDemo, name: str, rate: Fraction) -> None:
    clip = write_video(tmp_path / "in.mp4", (barcode(n) for n in range(20)), rate)
    run_demo("-m", models / "red.onnx", "-i", clip, "-o", name)
    found = probe(tmp_path / name)
    tolerance = Fraction(1, 1000) if name.endswith(("mkv", "webm")) else 0  # whole milliseconds in Matroska
    assert max(abs(a - b) for a, b in zip(found.times, even(20, rate), strict=True)) <= tolerance
    if not tolerance:
        assert found.rate == rate


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.webm"])
def test_uneven_times_are_kept(tmp_path: Path, models: Path, run_demo: RunDemo, name: str) -> None:
    steps = itertools.cycle([Fraction(1, 30), Fraction(1, 24), Fraction(1, 10), Fraction(11, 700)])
    times = list(itertools.accumulate(itertools.islice(steps, 29), initial=Fraction(0)))
    clip = with_sound(tmp_path / "in.mp4", times, float(times[-1]))
    run_demo("-m", models / "red.onnx", "-i", clip, "-o", name)
    found = probe(tmp_path / name)
    assert len(found.times) == 30
    assert max(abs(a - b) for a, b in zip(found.times, times, strict=True)) <= Fraction(1, 500)
    assert found.sound_s == pytest.approx(float(times[-1]), abs=1 / 30)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (["--skip", 5], range(5, 30)),
        (["--start", "0.5"], range(15, 30)),
        (["--end", "0.5"], range(15)),
        (["--start", "1/3", "--end", "2/3", "--skip", 2], range(12, 20)),
        (["--start", "0.5", "-limit", 3], range(15, 18)),
    ],
)
def test_parts(tmp_path: Path, models: Path, run_demo: RunDemo, part: list[object], expected: range) -> None:
    clip = write_video(tmp_path / "in.mp4", (barcode(n) for n in range(30)))
    done = run_demo("-m", models / "red.onnx", "-i", clip, "-o", "o_%02d.png", "--target_bgr", "black", *part)
    assert (done.returncode, done.stderr) == (0, "")
    shown = [read_barcode(read_image(path)) for path in sorted(tmp_path.glob("o_*.png"))]
    assert shown == list(expected)


def test_a_part_beyond_the_end_is_told(tmp_path: Path, models: Path, run_demo: RunDemo) -> None:
    clip = write_video(tmp_path / "in.mp4", (barcode(n) for n in range(5)))
    done = run_demo("-m", models / "red.onnx", "-i", clip, "-o", "out.mp4", "--start", 60)
    assert "without a single frame in this part" in one_line(done)


# Transparency --------------------------------------------------------------------------------------------------


def soft_disc(index: int, size: tuple[int, int] = (320, 240)) -> Image:
    """BGRA: a coloured disc with a soft edge that wanders."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    alpha = np.clip((70 - np.hypot(rows - 120, columns - 130 - index)) / 15 + 0.5, 0, 1)
    image = np.zeros((size[1], size[0], 4), np.uint8)
    image[..., 0], image[..., 1], image[..., 2] = columns % 256, rows % 256, 200
    image[..., 3] = np.rint(alpha * 255)
    image[image[..., 3] == 0] = 0
    return image


TRANSPARENT = [
    (suffix, codec)
    for suffix, container in CONTAINERS.items()
    if container.transparent
    for codec in container.codecs
    if CODECS[codec].alpha_format
]
LOSSLESS = {"png", "qtrle", "ffv1"}
ALPHA_BOUND = {"vp9": (16, 0.6), "prores": (2, 0.2), "gif": (128, 8.0)}  # largest, mean; a GIF has 0 or 255 only


@pytest.mark.parametrize(("suffix", "codec"), TRANSPARENT)
def test_transparency_comes_back(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"out{suffix}"
    source = SourceInfo("test", (320, 240), Fraction(30), 10)
    with VideoSink(path, video_format(path, codec, alpha=True), source) as sink:
        for index in range(10):
            sink.write(soft_disc(index), index, Fraction(index, 30))
    frames = read_transparent(path)
    assert len(frames) == 10
    errors = np.abs(np.stack(frames).astype(int) - np.stack([soft_disc(n) for n in range(10)]))[..., 3]
    print(f"{suffix} {codec}: alpha differs by {errors.max()} at most, {errors.mean():.3f} on average")
    largest, mean = (0, 0.0) if codec in LOSSLESS else ALPHA_BOUND[codec]
    assert errors.max() <= largest
    assert errors.mean() <= mean


def read_transparent(path: Path) -> list[Image]:
    """FFmpeg's own VP9 decoder knows no alpha: libvpx's does."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if stream.codec_context.name != "vp9":
            return [frame.to_ndarray(format="bgra") for frame in container.decode(stream)]
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        return [
            frame.to_ndarray(format="bgra") for packet in container.demux(stream) for frame in decoder.decode(packet)
        ]


def test_nothing_of_the_room_is_left_under_the_transparency(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_images(tmp_path / "in", [indexed(90)] * 3)
    run_demo("-m", models / "red.onnx", "-i", tmp_path / "in", "-o", "out.mkv", "--target_bgr", "transparent")
    image = read_transparent(tmp_path / "out.mkv")[1]
    assert tuple(image[0, -1]) == (0, 0, 0, 0)  # the room was blue 90
    assert tuple(image[0, 0]) == (90, 0, 255, 255)


def test_transparent_images(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """A folder as RobustVideoMatting writes it, straight alpha."""
    import cv2

    write_images(tmp_path / "in", [indexed(90)] * 3)
    run_demo(
        "-m", models / "red.onnx", "-i", tmp_path / "in", "-o", "com", "--output_type", "png_sequence",
        "--target_bgr", "transparent",
    )  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "com").iterdir()) == ["0000.png", "0001.png", "0002.png"]
    image = cv2.imread(str(tmp_path / "com" / "0001.png"), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert [tuple(image[0, x]) for x in (0, -1)] == [(90, 0, 255, 255), (0, 0, 0, 0)]
    assert image[0, 32, 3] == 90


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "out.mp4", "--target_bgr", "transparent"], "h264 in .mp4 holds no transparency. Expected .mov (prores"),
        (["-o", "out.webm", "--codec", "av1", "--target_bgr", "transparent"], "av1 in .webm holds no transparency"),
        (["-o", "out_%d.jpg", "--target_bgr", "transparent"], "hold no transparency. Expected .png"),
        (["-o", "out.webm", "--codec", "h264"], ".webm does not hold h264. Expected vp9, av1"),
        (["-o", "out.mp4", "--codec", "h264_qsv"], "Intel Quick Sync is not on this machine"),
        (["-o", "out.mkv", "--crf", "20"], "ffv1 takes none"),
    ],
)
def test_formats_that_cannot_be_are_told(
    models: Path, tmp_path: Path, run_demo: RunDemo, arguments: list[object], message: str
) -> None:
    write_images(tmp_path / "in", [indexed(1)] * 2)
    assert message in one_line(run_demo("-m", models / "red.onnx", "-i", tmp_path / "in", *arguments))


# Codecs and several outputs ------------------------------------------------------------------------------------

OPAQUE = [
    (suffix, codec)
    for suffix, container in CONTAINERS.items()
    for codec in container.codecs
    if codec != "h264_qsv"  # Intel's hardware only
]


@pytest.mark.parametrize(("suffix", "codec"), OPAQUE)
def test_every_codec_in_every_container(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"out{suffix}"
    source = SourceInfo("test", (320, 240), Fraction(30), 12)
    with VideoSink(path, video_format(path, codec), source) as sink:
        for index in range(12):
            sink.write(barcode(index), index, Fraction(index, 30))
    with av.open(str(path)) as container:
        shown = [read_barcode(frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]
    assert shown == list(range(12))
    if codec == "hevc" and suffix in (".mp4", ".mov"):
        assert probe(path).tag == "hvc1"


def test_a_bit_rate_is_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sizes = {}
    for mbps in (0.5, 4.0):
        path = tmp_path / f"{mbps}.mp4"
        with VideoSink(
            path, video_format(path), SourceInfo("t", (320, 240), Fraction(30), 180), Quality(mbps=mbps)
        ) as sink:
            for index in range(180):
                sink.write(rng.integers(0, 255, (240, 320, 3), np.uint8), index, Fraction(index, 30))
        sizes[mbps] = path.stat().st_size * 8 / 6 / 1e6
    assert sizes[0.5] == pytest.approx(0.5, rel=0.5)
    assert sizes[4.0] == pytest.approx(4.0, rel=0.5)


def test_all_outputs_in_one_pass(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    clip = with_sound(tmp_path / "in put é.mp4", even(30, NTSC), 1.0)
    done = run_demo(
        "-m", models / "red.onnx", "-i", clip, "-o", "com posite.mp4", "--output_alpha", "pha.mp4",
        "--output_foreground", "fgr_%02d.png", "--output_transparent", "t.webm", "rgba_%02d.png",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(read_transparent(tmp_path / "t.webm")) == len(list(tmp_path.glob("rgba_*.png"))) == 30
    assert probe(tmp_path / "com posite.mp4").sound == "aac"
    assert probe(tmp_path / "pha.mp4").sound == ""
    assert len(list(tmp_path.glob("fgr_*.png"))) == 30
    assert len(probe(tmp_path / "com posite.mp4").times) == len(probe(tmp_path / "pha.mp4").times) == 30


# Several inputs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_several_inputs_each_with_its_own_state_and_output(
    models: Path, tmp_path: Path, run_demo: RunDemo, jobs: int
) -> None:
    """The counting model's alpha is the number of frames that its state has seen."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for number in (1, 2, 10):
        write_video(folder / f"clip {number}.mp4", (indexed(n) for n in range(10 + number)))
    done = run_demo(
        "-m", models / "counting.onnx", "-i", folder, "-o", "out", "--output_type", "png_sequence", "--jobs", jobs,
        "--target_bgr", "transparent",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "Frames: 43" in done.stdout
    for number in (1, 2, 10):
        alphas = [alpha_of(path) for path in sorted((tmp_path / "out" / f"clip {number}").iterdir())]
        assert alphas == [round(255 * n / 1024) for n in range(10 + number)]


def alpha_of(path: Path) -> int:
    import cv2

    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return int(image[0, 0, 3])


def test_an_error_in_one_of_several_jobs_ends_the_run(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_video(tmp_path / "a.mp4", (indexed(n) for n in range(10)))
    (tmp_path / "b.mp4").write_text("hello")
    done = run_demo("-m", models / "red.onnx", "-i", "a.mp4", "b.mp4", "-o", "out", "--jobs", 2)
    assert "b.mp4: cannot be decoded" in one_line(done)


# A pipe --------------------------------------------------------------------------------------------------------


def test_raw_frames_through_a_pipe(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    data = b"".join(indexed(n).tobytes() for n in range(12))
    (tmp_path / "raw").write_bytes(data)
    with (tmp_path / "raw").open("rb") as pipe:
        done = run_demo(
            "-m", models / "red.onnx", "-i", "-", "--raw_size", "64x48", "--fps", "12", "-o", "o_%02d.png", stdin=pipe
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert [int(read_image(tmp_path / f"o_{n:02d}.png")[0, 0, 0]) for n in range(12)] == list(range(12))


def test_y4m_through_a_pipe(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    clip = write_video(tmp_path / "in.y4m", (barcode(n) for n in range(12)), Fraction(25), "wrapped_avframe")
    with clip.open("rb") as pipe:
        done = run_demo("-m", models / "red.onnx", "-i", "-", "-o", "out.mp4", stdin=pipe)
    assert (done.returncode, done.stderr) == (0, "")
    assert probe(tmp_path / "out.mp4").times == even(12, Fraction(25))


# The library ---------------------------------------------------------------------------------------------------


def test_convert_video_with_a_path_and_with_a_loaded_model(models: Path, tmp_path: Path) -> None:
    clip = with_sound(tmp_path / "in.mp4", even(20), 0.6)
    report = convert_video(
        models / "red.onnx", clip, input_resize=(64, 48), output_composition=tmp_path / "com.mp4",
        output_alpha=tmp_path / "pha.mp4", output_video_mbps=1, seq_chunk=4, progress=False, background="#ff0000",
    )  # fmt: skip
    assert report.frames == 20
    assert probe(tmp_path / "com.mp4").size == (64, 48)
    with create_model(models / "red.onnx") as model:
        for name in ("one", "two"):
            convert_video(model, clip, output_type="png_sequence", output_foreground=tmp_path / name, progress=False)
            assert len(list((tmp_path / name).iterdir())) == 20


def test_convert_video_refuses_what_contradicts(models: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="video or png_sequence"):
        convert_video(models / "red.onnx", "in.mp4", output_type="gif")
    with create_model(models / "red.onnx") as model, pytest.raises(OptionError, match="belong to create_model"):
        convert_video(model, "in.mp4", downsample_ratio=0.5)
    clip = write_video(tmp_path / "in.mp4", [indexed(1)])
    with pytest.raises(SinkError, match="is not a folder"):
        convert_video(models / "red.onnx", clip, output_alpha=clip / "pha.mp4", progress=False)


def test_a_loop_of_one_s_own(models: Path) -> None:
    counts: list[float] = []
    alpha: Alpha
    with create_model(models / "counting.onnx") as model:
        state = None
        for index in range(5):
            _, alpha, state = model(indexed(index), state)
            counts.append(float(alpha[0, 0]) * 1024)
    assert counts == [0, 1, 2, 3, 4]


def test_subtitles_go_along_where_the_container_holds_them(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    (tmp_path / "words.srt").write_text("1\n00:00:00,200 --> 00:00:00,900\nGood morning\n\n", encoding="utf-8")
    clip = write_video(tmp_path / "plain.mp4", (barcode(n) for n in range(40)))
    mux(tmp_path / "in.mkv", clip, tmp_path / "words.srt")
    done = run_demo("-m", models / "red.onnx", "-i", "in.mkv", "-o", "out.mkv")
    assert (done.returncode, done.stderr) == (0, "")
    assert spoken(tmp_path / "out.mkv") == spoken(tmp_path / "in.mkv") == [(Fraction(1, 5), b"Good morning")]
    done = run_demo("-m", models / "red.onnx", "-i", "in.mkv", "-o", "out.webm")
    assert "subtitle track 1 (subrip): it becomes webvtt: .webm does not hold it" in done.stdout
    assert spoken(tmp_path / "out.webm") == [(Fraction(1, 5), b"Good morning")]
    assert len(probe(tmp_path / "out.webm").times) == 40


def mux(path: Path, *parts: Path) -> None:
    """The parts' streams in one file."""
    with av.open(str(path), "w") as container:
        inputs = [av.open(str(part)) for part in parts]
        streams = [container.add_stream_from_template(part.streams[0]) for part in inputs]
        for part, stream in zip(inputs, streams, strict=True):
            for packet in part.demux(part.streams[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    container.mux(packet)
            part.close()


def spoken(path: Path) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(container.streams.subtitles[0]) if packet.size]
    return [(packet.pts * packet.time_base, bytes(packet)) for packet in packets]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_batch_leaves_playable_files(
    models: Path, tmp_path: Path, demo_environment: dict[str, str], jobs: int
) -> None:
    for name in ("a", "b"):
        write_video(tmp_path / f"{name}.mp4", (barcode(n) for n in range(900)))
    command = [sys.executable, str(COMMAND), "-m", str(models / "red.onnx"), "-i", "a.mp4", "b.mp4", "-o", "out"]
    process = subprocess.Popen(
        [*command, "--no_show", "--jobs", str(jobs), "-r"], cwd=tmp_path, env=demo_environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    next(line for line in process.stdout if "Frame 40:" in line)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    assert stderr.startswith("background_subtraction_demo.py: error: interrupted after ")
    files = sorted((tmp_path / "out").glob("*.mp4"))
    assert [path.name for path in files] == ["a.part.mp4", "b.part.mp4"][:jobs]
    assert sum(len(probe(path).times) for path in files) == int(stderr.split("after ")[1].split()[0])

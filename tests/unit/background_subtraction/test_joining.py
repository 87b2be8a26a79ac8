"""Videos of scenes as one: the file that one encoder would have written, but for where its key frames are."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from background_subtraction.sinks.base import Quality
from background_subtraction.sinks.formats import VideoFormat, video_format
from background_subtraction.sinks.joining.packets import parameters_of
from background_subtraction.sinks.joining.video import Whole, join_videos
from background_subtraction.sinks.video import VideoSink
from background_subtraction.sources.base import SourceInfo
from background_subtraction.sources.pictures import LightLevels, PictureForm
from model_api.errors import SinkError
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.colour_tags import tags_of
from model_api.pictures.yuv_image import YuvFormat, yuv_of
from tests.support.media import barcode, read_barcode

FRAMES = 70
BORDERS = (0, 20, 21, 50, FRAMES)
"""One scene has a single frame."""
COUNTS = [end - first for first, end in pairwise(BORDERS)]
FORMATS = [
    (".mp4", "h264", False), (".mp4", "hevc", False), (".mp4", "av1", False),
    (".mov", "prores", True), (".mov", "qtrle", True), (".mov", "png", True), (".mov", "mjpeg", False),
    (".webm", "vp9", False), (".webm", "vp9", True), (".webm", "av1", False),
    (".mkv", "ffv1", True), (".mkv", "h264", False), (".mkv", "hevc", False),
]  # fmt: skip
HDR = ColourSpace("bt2020", depth=10, transfer="pq", primaries="bt2020")
LIGHT = LightLevels((0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329), (0.005, 1000.0), (900, 400))


def uneven_times(rate: Fraction) -> list[Fraction]:
    """Some frames come late, and a pause is in the last scene but one."""
    return [(n + Fraction(n % 7 == 3, 3) + 3 * (n > 40)) / rate for n in range(FRAMES)]


def write(
    path: Path,
    format_: VideoFormat,
    source: SourceInfo,
    numbers: Sequence[int],
    times_s: list[Fraction],
    quality: Quality = Quality(),
) -> Path:
    space = source.form.space
    with VideoSink(path, format_, source, quality) as sink:
        for number in numbers:
            image = barcode(number, 64, 48)
            picture = image if space is None else yuv_of(image, YuvFormat(space, "420"))
            if format_.pixel_format == format_.codec.alpha_format:
                picture = np.dstack([image, np.full((48, 64), number * 3, np.uint8)])
            sink.write(picture, number, times_s[number] - times_s[numbers[0]])
    return path


def facts_of(path: Path) -> dict[str, Any]:
    """What players go by."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        packets = [packet for packet in container.demux(stream) if packet.size]
        return {
            "codec": (context.name, context.codec_tag, context.profile, context.extradata),
            "size": (stream.width, stream.height, context.pix_fmt, stream.sample_aspect_ratio),
            "colours": (context.colorspace, context.color_range, context.color_primaries, context.color_trc),
            "rate": (stream.time_base, stream.average_rate, stream.guessed_rate),
            "length": (stream.start_time, stream.duration, container.duration),
            "tags": dict(stream.metadata),
            "shown": sorted(packet.pts for packet in packets),
            "last": max(packets, key=lambda packet: packet.pts).duration,
        }


def numbers_at(path: Path) -> list[tuple[int, int]]:
    """Each frame's number, and when it is shown."""
    with av.open(str(path)) as container:
        return [(read_barcode(frame.to_ndarray(format="bgr24")), frame.pts) for frame in container.decode(video=0)]


def joined_and_whole(folder: Path, format_: VideoFormat, source: SourceInfo, suffix: str) -> tuple[Path, Path]:
    times_s = uneven_times(source.rate)
    whole = write(folder / f"whole{suffix}", format_, source, range(FRAMES), times_s)
    scenes = [
        write(folder / f"{first}{suffix}", format_, source, range(first, end), times_s)
        for first, end in pairwise(BORDERS)
    ]
    path = folder / f"joined{suffix}"
    join_videos(scenes, path, format_, Whole(source, times_s, COUNTS, to_end=True), sound=False)
    return path, whole


@pytest.mark.parametrize(("suffix", "codec", "alpha"), FORMATS, ids=lambda value: str(value))
def test_a_joined_video_is_what_one_encoder_writes(tmp_path: Path, suffix: str, codec: str, alpha: bool) -> None:
    format_ = video_format(Path(f"any{suffix}"), codec, alpha=alpha)
    source = SourceInfo("film", (64, 48), Fraction(30000, 1001))
    joined, whole = joined_and_whole(tmp_path, format_, source, suffix)
    assert facts_of(joined) == facts_of(whole)
    assert numbers_at(joined) == numbers_at(whole)
    assert [number for number, _ in numbers_at(joined)] == [*range(FRAMES)]


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "h264"), (".mp4", "hevc"), (".mov", "h264")])
def test_packets_are_decoded_in_order(tmp_path: Path, suffix: str, codec: str) -> None:
    """Times of decoding grow, and none is behind the time at which the frame is shown: ISO/IEC 14496-12, 8.6.1."""
    source = SourceInfo("film", (64, 48), Fraction(25))
    joined, _ = joined_and_whole(tmp_path, video_format(Path(f"any{suffix}"), codec), source, suffix)
    with av.open(str(joined)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert all(before.dts < after.dts for before, after in pairwise(packets))
    assert all(packet.dts <= packet.pts for packet in packets)
    keys = {packet.pts * packet.time_base for packet in packets if packet.is_keyframe}
    assert {round(uneven_times(Fraction(25))[first], 3) for first in BORDERS[:-1]} <= {round(time, 3) for time in keys}


@pytest.mark.parametrize("codec", ["hevc", "av1"])
def test_hdr_stays(tmp_path: Path, codec: str) -> None:
    source = SourceInfo("film", (64, 48), Fraction(25), form=PictureForm(tags_of(HDR), HDR, "420", light=LIGHT))
    joined, whole = joined_and_whole(tmp_path, video_format(Path("any.mp4"), codec), source, ".mp4")
    facts = facts_of(joined)
    assert facts == facts_of(whole)
    assert facts["size"][2] == "yuv420p10le"


def test_scenes_of_different_encoders_are_not_joined(tmp_path: Path) -> None:
    """Bytes behind the header of the first one could not be decoded."""
    format_, source = video_format(Path("any.mp4"), "h264"), SourceInfo("film", (64, 48), Fraction(25))
    times_s = uneven_times(source.rate)
    other = write(tmp_path / "b.mp4", format_, source, range(5, 9), times_s, Quality(crf=40))
    scenes = [write(tmp_path / "a.mp4", format_, source, range(5), times_s), other]
    with pytest.raises(SinkError, match=r"b\.mp4: its encoder had other parameters than that of a\.mp4"):
        join_videos(scenes, tmp_path / "c.mp4", format_, Whole(source, times_s[:9], [5, 4], to_end=True), sound=False)


def test_what_x265_says_of_the_machine_is_no_parameter() -> None:
    """An HEVCDecoderConfigurationRecord: 22 bytes, the number of arrays, and arrays of a type and of units."""

    def record(*arrays: tuple[int, bytes]) -> bytes:
        units = b"".join(bytes([0x80 | kind, 0, 1]) + len(data).to_bytes(2, "big") + data for kind, data in arrays)
        return bytes([1, *range(21), len(arrays)]) + units

    sets = (32, b"video"), (33, b"sequence"), (34, b"picture")
    told = [parameters_of("hevc", record(*sets, (39, b"x265 on " + name))) for name in (b"one", b"another machine")]
    assert told[0] == told[1]
    assert told[0] != parameters_of("hevc", record(*sets[:2], (34, b"other"), (39, b"x265 on one")))
    assert parameters_of("h264", b"\1abc") == b"\1abc"


def test_a_scene_that_lost_frames_is_not_joined(tmp_path: Path) -> None:
    format_, source = video_format(Path("any.mp4"), "h264"), SourceInfo("film", (64, 48), Fraction(25))
    times_s = uneven_times(source.rate)
    scenes = [write(tmp_path / "a.mp4", format_, source, range(5), times_s)]
    with pytest.raises(SinkError, match=r"a\.mp4: has 5 frames\. Expected the 6 of its scene"):
        join_videos(scenes, tmp_path / "c.mp4", format_, Whole(source, times_s[:6], [6], to_end=True), sound=False)

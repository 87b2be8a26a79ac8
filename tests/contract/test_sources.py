"""What every source promises."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from threading import Event

import av
import cv2
import numpy as np
import pytest

from background_subtraction.sources.base import Source
from background_subtraction.sources.open import open_source
from background_subtraction.sources.reader_thread import Newest, Prefetched
from model_api.errors import SourceError
from model_api.types import Frame
from tests.support.media import barcode, indexed, read_barcode, write_images, write_video

FRAMES = 12


def a_video(folder: Path) -> Path:
    return write_video(folder / "clip.mp4", (barcode(n) for n in range(FRAMES)))


def a_folder(folder: Path) -> Path:
    return write_images(folder / "images", (barcode(n) for n in range(FRAMES)))


def an_image(folder: Path) -> Path:
    path = folder / "barcode.png"
    assert cv2.imwrite(str(path), barcode(0))
    return path


FILES: dict[str, tuple[Callable[[Path], Path], int]] = {
    "video": (a_video, FRAMES),
    "folder": (a_folder, FRAMES),
    "image": (an_image, 1),
}


@pytest.mark.parametrize("kind", FILES)
def test_frames_come_once_in_order_at_their_time(tmp_path: Path, kind: str) -> None:
    make, count = FILES[kind]
    with open_source(str(make(tmp_path))) as source:
        frames = list(source)
    assert source.info.frames == count
    assert source.info.size == (320, 240) == frames[0].size
    assert [read_barcode(frame.image) for frame in frames] == list(range(count))
    assert [frame.index for frame in frames] == list(range(count))
    assert [frame.timestamp_s for frame in frames] == [n / source.info.rate for n in range(count)]
    assert {frame.clip for frame in frames} == {0}
    assert all(frame.image.dtype == np.uint8 and frame.image.flags.c_contiguous for frame in frames)


@pytest.mark.parametrize("kind", FILES)
def test_a_loop_begins_again_as_a_new_clip_while_time_goes_on(tmp_path: Path, kind: str) -> None:
    make, count = FILES[kind]
    with open_source(str(make(tmp_path)), loop=True) as source:
        frames = list(islice(source, 3 * count))
    assert source.info.frames is None
    assert [read_barcode(frame.image) for frame in frames] == list(range(count)) * 3
    assert [frame.clip for frame in frames] == [n // count for n in range(3 * count)]
    assert [frame.timestamp_s for frame in frames] == [n / source.info.rate for n in range(3 * count)]


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24), Fraction(10)])
def test_rates_are_exact(tmp_path: Path, rate: Fraction) -> None:
    clip = write_video(tmp_path / "clip.mp4", (barcode(n) for n in range(5)), rate)
    with open_source(str(clip)) as source:
        assert source.info.rate == rate


def test_natural_order_puts_2_before_10(tmp_path: Path) -> None:
    for name in ("frame 10.png", "frame 2.png", "Frame 1.png", "frame 02b.png"):
        assert cv2.imwrite(str(tmp_path / name), barcode(int("".join(c for c in name if c.isdigit()))))
    with open_source(str(tmp_path)) as source:
        assert [read_barcode(frame.image) for frame in source] == [1, 2, 2, 10]


@pytest.mark.parametrize(("degrees", "size"), [(0, (320, 240)), (90, (240, 320)), (-90, (240, 320)), (180, (320, 240))])
def test_a_phone_video_is_turned_upright(tmp_path: Path, degrees: int, size: tuple[int, int]) -> None:
    """Written lying, with the turn in the metadata, as phones do."""
    upright = cv2.resize(indexed(7), size)
    turns = {0: 0, 90: 1, -90: 3, 180: 2}[degrees]
    lying = np.ascontiguousarray(np.rot90(upright, -turns))
    plain = write_video(tmp_path / "plain.mp4", [lying] * 3)
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(with_rotation(plain.read_bytes(), degrees))
    with open_source(str(turned)) as source:
        frame = next(iter(source))
    assert source.info.size == frame.size == size
    assert np.abs(frame.image.astype(int) - upright).mean() < 6


def with_rotation(mp4: bytes, degrees: int) -> bytes:
    """The display matrix of an mp4's track header (ISO 14496-12, 8.3.2) set to a turn counterclockwise."""
    cos, sin = {0: (1, 0), 90: (0, 1), 180: (-1, 0), -90: (0, -1)}[degrees]
    one = 1 << 16
    matrix = [cos * one, -sin * one, 0, sin * one, cos * one, 0, 0, 0, 1 << 30]
    start = mp4.index(b"tkhd") + 4 + 40
    return mp4[:start] + b"".join(n.to_bytes(4, "big", signed=True) for n in matrix) + mp4[start + 36 :]


def test_real_clips_open_with_what_their_headers_say(shared: Path) -> None:
    expected = {
        "asl_book.mkv": ((640, 480), Fraction(30), 109),
        "juggle_720p.mp4": ((1280, 720), Fraction(24), 247),
        "squats_portrait.mp4": ((720, 1280), Fraction(5), 65),
    }
    for name, (size, rate, count) in expected.items():
        with open_source(str(shared / "media" / name)) as source:
            assert (source.info.size, source.info.rate) == (size, rate)
            assert sum(1 for _ in source) == count == source.info.frames


def test_full_range_video_keeps_its_levels(shared: Path) -> None:
    """The ASL clips are full range and BT.601: luma is what the standard says of red, green and blue."""
    path = str(shared / "media" / "asl_book.mkv")
    with av.open(path) as container:
        luma = next(container.decode(video=0)).to_ndarray(format="gray")
    with open_source(path) as source:
        image = next(iter(source)).image
    inside = (image.min(axis=2) > 0) & (image.max(axis=2) < 255)  # elsewhere it was clipped
    assert np.abs(image @ np.array([0.114, 0.587, 0.299]) - luma)[inside].max() <= 1


def test_reading_ahead_keeps_order_and_ends(tmp_path: Path) -> None:
    with open_source(str(a_video(tmp_path))) as source, Prefetched(source, ahead=2) as frames:
        assert [frame.index for frame in frames] == list(range(FRAMES))
    assert "decoding" not in [thread.name for thread in threading.enumerate()]


def test_reading_ahead_stops_with_who_reads(tmp_path: Path) -> None:
    with open_source(str(a_video(tmp_path)), loop=True) as source, Prefetched(source, ahead=2) as frames:
        assert next(iter(frames)).index == 0
    assert "decoding" not in [thread.name for thread in threading.enumerate()]


def test_an_error_while_reading_ahead_reaches_who_reads(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    (folder / "frame 5.png").write_bytes(b"broken")
    seen: list[int] = []

    def read() -> None:
        with open_source(str(folder)) as source, Prefetched(source) as frames:
            seen.extend(frame.index for frame in frames)

    with pytest.raises(SourceError, match=r"frame 5\.png: not a whole image"):
        read()
    assert seen == [0, 1, 2, 3, 4]


def test_a_stream_over_a_socket(tmp_path: Path) -> None:
    """A real server on loopback sends an MPEG transport stream."""
    import socket

    clip = tmp_path / "clip.ts"
    write_video(clip, (barcode(n) for n in range(FRAMES)))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(clip.read_bytes())

        thread = threading.Thread(target=serve)
        thread.start()
        source: Source
        with open_source(f"tcp://127.0.0.1:{server.getsockname()[1]}") as source:
            assert source.info.live
            assert [read_barcode(frame.image) for frame in source] == list(range(FRAMES))
        thread.join()


def test_what_pyav_decodes_is_a_source(tmp_path: Path) -> None:
    """An animated GIF, whose frames PyAV decodes as video."""
    path = tmp_path / "moving.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "rgb8"
        for n in range(5):
            frame = av.VideoFrame.from_ndarray(barcode(n), format="bgr24").reformat(format="rgb8")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with open_source(str(path)) as source:
        assert [read_barcode(frame.image) for frame in source] == list(range(5))


def test_only_the_newest_frame_of_what_goes_on_by_itself() -> None:
    """While nobody asks, frames replace each other; the last one of all is not lost, and numbers have no gaps."""
    asked, gone = Event(), Event()

    def going_on() -> Iterator[Frame]:
        for index in range(10):
            yield Frame(index, indexed(index), Fraction(index))
        gone.set()
        assert asked.wait(10)
        yield Frame(10, indexed(10), Fraction(10))

    with Newest(going_on()) as frames:
        assert gone.wait(10)
        coming = iter(frames)
        first = next(coming)
        asked.set()
        last = next(coming)
        assert [(frame.index, int(frame.timestamp_s)) for frame in (first, last)] == [(0, 9), (1, 10)]
        assert frames.dropped == 9
        assert list(coming) == []


def test_the_error_of_what_goes_on_by_itself_comes_after_its_last_frame() -> None:
    def broken() -> Iterator[Frame]:
        yield Frame(0, indexed(0))
        raise SourceError("unplugged")

    with Newest(broken()) as frames:
        coming = iter(frames)
        assert next(coming).index == 0
        with pytest.raises(SourceError, match="unplugged"):
            next(coming)

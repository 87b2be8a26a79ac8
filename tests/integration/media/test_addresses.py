"""Names and addresses of inputs: web servers, folders, colons, passwords, and batches with a broken file."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from socket import socket

import av
import cv2
import pytest

from background_subtraction.jobs import VIDEO_SUFFIXES, Clip, expand
from background_subtraction.sinks.sound.reader import timed_packets
from background_subtraction.sinks.sound.tags import open_beside
from background_subtraction.sources.demuxing import container
from background_subtraction.sources.demuxing.addresses import local_path, without_password
from background_subtraction.sources.open import open_source
from model_api.errors import SourceError
from tests.conftest import RunDemo, one_line
from tests.integration.media.test_side_tracks import flash_and_beep
from tests.support.media import barcode, read_barcode, read_video, write_images, write_video
from tests.support.web import answering, server_that_breaks_off

FRAMES = 30
PART_EVERY_S = 0.01


@contextmanager
def web_server(data: bytes, *, length: bool, multipart: bool = False) -> Iterator[str]:
    """Sends a file, with its length or without."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if length:
                self.send_header("Content-Length", str(len(data)))
            if multipart:
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=--part")
            self.end_headers()
            if multipart:
                self._send_parts()
            else:
                self.wfile.write(data)

        def _send_parts(self) -> None:
            for n in range(FRAMES):
                image = cv2.imencode(".jpg", barcode(n))[1].tobytes()
                head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n"
                self.wfile.write(head.encode() + image + b"\r\n")
                time.sleep(PART_EVERY_S)  # as a camera does

        def log_message(self, *_: object) -> None: ...

    with answering(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield f"{address.replace('//', '//user:geheim@')}/clip"


@pytest.mark.parametrize("length", [True, False], ids=["length", "no length"])
@pytest.mark.parametrize("ending", ["ts", "webm"])
def test_a_file_on_a_web_server_is_a_file(tmp_path: Path, ending: str, length: bool) -> None:
    codec = {"ts": "libx264", "webm": "libvpx"}[ending]
    clip = write_video(tmp_path / f"clip.{ending}", (barcode(n) for n in range(FRAMES)), codec=codec)
    with web_server(clip.read_bytes(), length=length) as address, open_source(address) as source:
        assert not source.info.live
        assert not source.info.drops
        assert source.info.sound == address
        assert "geheim" not in source.info.name
        assert [read_barcode(frame.image) for frame in islice(source, 3 * FRAMES)] == list(range(FRAMES))


def test_sound_of_a_server_that_breaks_off_is_taken_up_again(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """As the picture is: both are whole."""
    data = flash_and_beep(tmp_path / "in.ts", seconds=3, codec="mp2").read_bytes()
    with server_that_breaks_off(data, len(data) // 3) as address:
        done = run_demo("-m", models / "red.onnx", "-i", address, "-o", "out.mkv")
    assert (done.returncode, done.stderr) == (0, "")
    assert "WARNING" not in done.stdout
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == pytest.approx(3 * 48_000, abs=2400)
    assert len(read_video(tmp_path / "out.mkv")) == 90


def test_sound_of_a_server_that_falls_silent_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The picture may have come: it is not kept waiting for ever. What came of the sound before is there."""
    monkeypatch.setattr("background_subtraction.sources.demuxing.container.STREAM_TIMEOUT_S", 1.0)
    data = flash_and_beep(tmp_path / "in.mkv", seconds=10, codec="flac").read_bytes()
    with server_that_breaks_off(data, len(data) // 3, silent=True) as address, open_beside(address) as container:
        times_s = [time_s for _, time_s in timed_packets(container, list(container.streams.audio))]
    assert 0.5 < times_s[-1] < 9
    assert [message for message in caplog.messages if "cannot be read" in message]


def test_multipart_jpeg_is_live_and_ends(tmp_path: Path) -> None:
    with web_server(b"", length=False, multipart=True) as address, open_source(address) as source:
        assert source.info.live
        frames = list(islice(source, 2 * FRAMES))
    assert [read_barcode(frame.image) for frame in frames] == list(range(FRAMES))
    times_s = [frame.timestamp_s for frame in frames]
    assert times_s == sorted(set(times_s))
    # As they arrived. Those that came while FFmpeg looked for the format are the first.
    assert times_s[-1] > (FRAMES // 2) * PART_EVERY_S


def test_a_file_address_is_a_file(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "a clip #1.mp4", (barcode(n) for n in range(5)))
    for address in (clip.as_uri(), f"file://{clip}"):
        with open_source(address) as source:
            assert (source.info.live, source.info.sound) == (False, f"file:{clip}")
            assert len(list(source)) == 5


@pytest.mark.parametrize("name", ["12:30.mp4", "2024-05-01T12:30:00.mp4", "http:x.mp4"])
def test_names_with_a_colon(models: Path, tmp_path: Path, run_demo: RunDemo, name: str) -> None:
    write_video(tmp_path / name, (barcode(n) for n in range(5)))
    done = run_demo("-m", models / "red.onnx", "-i", name, "-o", "out.mp4")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(read_video(tmp_path / "out.mp4")) == 5


def test_folders_without_hidden_files(tmp_path: Path) -> None:
    endings = sorted(VIDEO_SUFFIXES)
    assert {".mts", ".m2ts", ".3gp", ".flv", ".dv", ".ogv", ".vob", ".m2v", ".mxf", ".asf", ".wmv"} <= VIDEO_SUFFIXES
    for ending in endings:
        for name in ("a", "._a", ".b"):
            (tmp_path / f"{name}{ending}").touch()
    assert expand([str(tmp_path)]) == sorted(str(tmp_path / f"a{ending}") for ending in endings)
    images = write_images(tmp_path / "images", [barcode(0)])
    (images / "._frame 0.png").write_bytes(b"\0\5\26\7")
    with open_source(str(images)) as source:
        assert source.info.frames == 1


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://user:geheim@10.0.0.7/live", "rtsp://user:***@10.0.0.7/live"),
        ("rtsp://user:ge@heim@10.0.0.7:554/live", "rtsp://user:***@10.0.0.7:554/live"),
        ("http://10.0.0.7/video?user=u&pwd=geheim&fps=5", "http://10.0.0.7/video?user=u&pwd=***&fps=5"),
        ("http://10.0.0.7/a@b.mp4", "http://10.0.0.7/a@b.mp4"),
        ("12:30@home.mp4", "12:30@home.mp4"),
    ],
)
def test_passwords_are_not_shown(address: str, shown: str) -> None:
    assert without_password(address) == shown
    assert "geheim" not in Clip(address, ()).name


def test_passwords_are_not_in_errors() -> None:
    with pytest.raises(SourceError, match=r"rtsp://user:\*\*\*@127\.0\.0\.1:9/x: was not reached"):
        open_source("rtsp://user:geheim@127.0.0.1:9/x")


def test_local_path() -> None:
    assert local_path("file:///home/a%20b.mp4") == "/home/a b.mp4"
    assert local_path("file:///C:/a.mp4") == "C:/a.mp4"
    assert local_path("rtsp://host/a%20b") == "rtsp://host/a%20b"


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("broken", ["1", "2"])
def test_a_broken_file_does_not_keep_a_batch(
    models: Path, tmp_path: Path, run_demo: RunDemo, broken: str, jobs: int
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("1", "2", "3"):
        write_video(folder / f"{name}.mp4", (barcode(n) for n in range(5)))
    path = folder / f"{broken}.mp4"
    path.write_bytes(path.read_bytes()[:200])
    done = run_demo("-m", models / "red.onnx", "-i", folder, "-o", "out", "--jobs", jobs)
    assert f"1 of 3 inputs failed: {path}: cannot be decoded" in one_line(done)
    assert done.returncode == 1
    videos = sorted((tmp_path / "out").glob("*.mp4"))
    assert [file.stem for file in videos] == sorted({"1", "2", "3"} - {broken})
    assert all(len(read_video(file)) == 5 for file in videos)


def test_a_batch_of_broken_files_is_refused(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    for name in ("1.mp4", "2.mp4"):
        (tmp_path / name).write_text("no video")
    done = run_demo("-m", models / "red.onnx", "-i", "1.mp4", "2.mp4", "-o", "out/")
    assert "2 of 2 inputs failed: 1.mp4: " in one_line(done)
    shutil.rmtree(tmp_path / "out", ignore_errors=True)


def test_an_address_that_is_not_reached_is_no_damaged_video() -> None:
    with socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(SourceError, match=r"/cam: was not reached \(Connection refused\)\. Check the address"):
            open_source(f"rtsp://127.0.0.1:{unused.getsockname()[1]}/cam")


def test_a_server_that_does_not_give_a_video_is_named_so() -> None:
    """This one answers 501 to every request."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    refused = pytest.raises(SourceError, match=r"/clip: its server does not give it \(Server returned 5XX")
    with answering(server) as address, refused:
        open_source(f"{address}/clip")


def test_a_server_that_says_nothing_is_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "STREAM_TIMEOUT_S", 0.3)
    with socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(SourceError, match=r"/clip: was not reached \(nothing came in time\)\. Check the address"):
            open_source(f"http://127.0.0.1:{silent.getsockname()[1]}/clip")

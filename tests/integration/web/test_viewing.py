"""What viewers of a run get without a browser: pictures, recordings, WebRTC. The server is a real one on a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import av
import cv2
import httpx
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from background_subtraction.live.session import Session
from background_subtraction.live.settings import Settings
from background_subtraction.options import Options
from model_api.types import Image
from tests.support import networks
from tests.support.media import write_video
from tests.support.playing import played
from tests.support.web_runs import served, served_run

WIDTH, HEIGHT = 160, 96
COLOUR = (40, 90, 200)
"""Red, green, blue of the background."""
PERSON, ROOM = (WIDTH // 4, HEIGHT // 2), (WIDTH * 3 // 4, HEIGHT // 2)
TOLERANCE = 14
"""Levels, after two lossy codecs."""
TIMEOUT_S = 30
Run = tuple[str, Session]


def scene() -> Image:
    """The left half is red: for the network `red_is_alpha` the person. The right half is grey-green."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, : WIDTH // 2] = (0, 0, 255)
    image[:, WIDTH // 2 :] = (60, 100, 0)
    return image


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("viewing")
    clip = write_video(folder / "clip.mp4", [scene()] * 4)
    model = networks.red_is_alpha(folder / "red.onnx")
    settings = Settings(target_bgr=",".join(map(str, COLOUR)))
    with pytest.MonkeyPatch.context() as patch, played(clip, folder / "camera") as camera:
        patch.setenv("HOME", str(folder))
        patch.delenv("XDG_DATA_HOME", raising=False)
        options = Options(model=str(model), inputs=(camera.address,), settings=settings, window=None, progress=False)
        with served_run(options, camera.stop) as started:
            yield started


def test_the_snapshot_is_the_next_frame(run: Run) -> None:
    answer = asked(run, "GET", "/api/snapshot.png")
    assert answer.headers["content-type"] == "image/png"
    image = decoded(answer.content)
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert_composite(image)


def test_mjpeg_is_one_picture_after_another(run: Run) -> None:
    """Parts as RFC 2046, section 5.1, has them: the length of each is told, and each is a whole JPEG."""
    with httpx.stream("GET", f"{run[0]}api/preview.mjpeg", timeout=TIMEOUT_S) as answer:
        assert answer.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
        data = b""
        for piece in answer.iter_bytes():
            data += piece
            if data.count(b"--frame") > 3:
                break
    parts = data.split(b"--frame\r\n")[1:4]
    for part in parts:
        head, _, body = part.partition(b"\r\n\r\n")
        length = int(head.rpartition(b": ")[2])
        assert len(body) == length + 2
        assert_composite(decoded(body[:length]))


def test_the_latency_of_a_pipe_is_told(run: Run) -> None:
    until(lambda: run[1].statistics().frames > 1)
    figures = asked(run, "GET", "/api/session").json()
    assert 0 < figures["median_ms"] <= figures["p99_ms"]
    assert figures["dropped"] == 0
    assert "_latency_seconds_count 0\n" not in asked(run, "GET", "/metrics").text


def test_a_viewer_that_leaves_is_noticed(run: Run) -> None:
    _, session = run
    with httpx.stream("GET", f"{run[0]}api/preview.mjpeg", timeout=TIMEOUT_S) as answer:
        pieces = answer.iter_bytes()
        next(pieces)
        assert len(session.frames) == 1
    until(lambda: len(session.frames) == 0)


def test_a_recording_holds_what_was_shown(run: Run, tmp_path: Path) -> None:
    started = asked(run, "POST", "/api/recording", 201).json()
    assert started["recording"]
    assert "is being recorded" in asked(run, "POST", "/api/recording", 409).json()["error"]
    until(lambda: asked(run, "GET", "/api/recording").json()["frames"] >= 5)
    ended = asked(run, "DELETE", "/api/recording").json()
    assert (ended["recording"], ended["problem"]) == (False, "")
    file = tmp_path / "recorded.mp4"
    file.write_bytes(asked(run, "GET", f"/api/recordings/{ended['name']}").content)
    with av.open(str(file)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == ended["frames"]
    assert frames[-1].time == pytest.approx(ended["seconds"], abs=0.1)
    for frame in frames:
        assert_composite(frame.to_ndarray(format="bgr24"))


@pytest.mark.parametrize("name", ["nothing.mp4", "..%2f..%2fetc%2fpasswd", "recording-1.mp4", "%2e%2e"])
def test_no_other_file_is_given_out(run: Run, name: str) -> None:
    assert httpx.get(f"{run[0]}api/recordings/{name}").status_code == 404


def test_the_preview_by_webrtc(run: Run) -> None:
    frames = asyncio.run(previewed(run[0], 3))
    for frame in frames:
        assert_composite(frame.to_ndarray(format="bgr24"))
    until(lambda: len(run[1].frames) == 0)


async def previewed(url: str, count: int) -> list[Any]:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("video", direction="recvonly")
    tracks: asyncio.Queue[MediaStreamTrack] = asyncio.Queue()
    connection.on("track", tracks.put_nowait)
    await connected(connection, url, "preview")
    track = await tracks.get()
    frames = [await asyncio.wait_for(track.recv(), TIMEOUT_S) for _ in range(count)]
    await connection.close()
    return frames


async def connected(connection: RTCPeerConnection, url: str, source: str) -> None:
    await connection.setLocalDescription(await connection.createOffer())
    offer = {"sdp": connection.localDescription.sdp, "type": "offer", "source": source}
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
        answer = await client.post(f"{url}api/offer", json=offer)
    assert answer.status_code == 200, answer.text
    await connection.setRemoteDescription(RTCSessionDescription(answer.json()["sdp"], "answer"))


class Changing(MediaStreamTrack):
    """A camera whose picture gets smaller, as a browser's does when the network is slow."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._number = 0

    async def recv(self) -> Any:
        await asyncio.sleep(1 / 15)
        width = WIDTH * 2 if self._number < 20 else WIDTH
        frame = av.VideoFrame.from_ndarray(cv2.resize(scene(), (width, width * HEIGHT // WIDTH)), format="bgr24")
        frame.pts, frame.time_base = self._number * 6000, Fraction(1, 90_000)
        self._number += 1
        return frame


def test_the_own_camera_there_and_back() -> None:
    """Without a run: the frames come back, the settings travel beside them, and wrong ones are refused."""
    with served() as url:
        sizes, answers = asyncio.run(there_and_back(url))
    assert sizes == {WIDTH * 2, WIDTH}
    first, second, third, fourth = answers
    assert first["settings"]["effect"] is False
    assert (second["parameter"], "settings" in second) == ("zoom_limit", False)
    assert third["parameter"] == "target_bgr"
    assert "/etc" not in json.dumps(fourth.get("settings", {}))
    assert fourth["parameter"] == "change"


async def there_and_back(url: str) -> tuple[set[int], list[dict[str, Any]]]:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    channel = connection.createDataChannel("settings")
    answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    is_open = asyncio.Event()
    channel.on("open", is_open.set)

    def take(text: str) -> None:
        message = json.loads(text)
        if "id" in message:
            answers.put_nowait(message)

    channel.on("message", take)
    connection.addTrack(Changing())
    tracks: asyncio.Queue[MediaStreamTrack] = asyncio.Queue()
    connection.on("track", tracks.put_nowait)
    await connected(connection, url, "camera")
    await asyncio.wait_for(is_open.wait(), TIMEOUT_S)
    asked_for = [{"effect": False, "mirror": True}, {"zoom_limit": 9}, {"target_bgr": "/etc/passwd"}, 3]
    told = []
    for number, change in enumerate(asked_for):
        channel.send(json.dumps({"id": number, "change": change}))
        told.append(await asyncio.wait_for(answers.get(), TIMEOUT_S))
    track = await tracks.get()
    sizes: set[int] = set()
    while len(sizes) < 2:
        frame: Any = await asyncio.wait_for(track.recv(), TIMEOUT_S)
        sizes.add(frame.width)
        image = frame.to_ndarray(format="bgr24")
        left, right = (image[frame.height // 2, frame.width * part // 4] for part in (1, 3))
        if frame.width == WIDTH:  # the change was made long ago: the mirror shows
            assert right[2] > 200 > 100 > left[2]
    await connection.close()
    return sizes, told


@pytest.mark.parametrize(
    ("offer", "status"),
    [
        ({"sdp": "nonsense", "source": "preview"}, 422),
        ({"sdp": "v=0", "source": "elsewhere"}, 422),
        ({"source": "preview"}, 422),
        ({"sdp": "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n" + "a=x\r\n" * 100, "source": "preview"}, 422),
    ],
    ids=["nonsense", "another source", "nothing", "half an offer"],
)
def test_what_is_no_offer_is_refused(run: Run, offer: dict[str, str], status: int) -> None:
    answer = httpx.post(f"{run[0]}api/offer", json=offer, timeout=TIMEOUT_S)
    assert answer.status_code == status
    assert len(answer.json()["error"].splitlines()) == 1
    until(lambda: len(run[1].frames) == 0)


def test_without_a_run_there_is_nothing_to_see() -> None:
    with served() as url, closing(httpx.Client(base_url=url)) as client:
        for path in ("/api/snapshot.png", "/api/preview.mjpeg", "/api/recording"):
            answer = client.get(path)
            assert answer.status_code == 409
            assert "no camera of its own" in answer.json()["error"]


def asked(run: Run, method: str, path: str, status: int = 200) -> httpx.Response:
    answer = httpx.request(method, run[0].rstrip("/") + path, timeout=TIMEOUT_S)
    assert answer.status_code == status, answer.text
    return answer


def decoded(data: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


def assert_composite(image: Image) -> None:
    """The person as she is, and the colour instead of the room."""
    np.testing.assert_allclose(image[PERSON[::-1]], (0, 0, 255), atol=TOLERANCE)
    np.testing.assert_allclose(image[ROOM[::-1]], COLOUR[::-1], atol=TOLERANCE)


def until(holds: Callable[[], bool]) -> None:
    end_s = monotonic() + TIMEOUT_S
    while not holds():
        assert monotonic() < end_s
        sleep(0.02)

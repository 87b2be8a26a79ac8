"""What is too slow, too much or too old: through a real server with small limits."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from select import select
from time import monotonic, sleep
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from background_subtraction.web.access.limits import Limits
from background_subtraction.web.access.options import WebOptions
from background_subtraction.web.serving import listening, serving
from model_api.errors import OptionError
from tests.conftest import ROOT
from tests.integration.web.conftest import LIMITS, png
from tests.support.long_videos import long_video
from tests.support.media import barcode, write_video

TIMEOUT_S = 60
PARTS = "multipart/form-data; boundary=x"
BEGUN = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
TLS = ROOT / "tests" / "data" / "tls"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the server keeps its files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def served(places: dict[str, Any], limits: Limits = LIMITS, **options: Any) -> Iterator[httpx.Client]:
    with (
        listening(WebOptions(port=0, limits=limits, **options)) as taken,
        serving(taken, **places),
        httpx.Client(base_url=taken.url, timeout=TIMEOUT_S) as client,
    ):
        yield client


def uploads_in(folder: Path) -> list[Path]:
    """The folders of uploads that the server of this test has."""
    return list(folder.glob("background-subtraction-*/*"))


def until(holds: Callable[[], bool]) -> None:
    end_s = monotonic() + TIMEOUT_S
    while not holds():
        assert monotonic() < end_s
        sleep(0.02)


def state_of(client: httpx.Client, job: str) -> dict[str, Any]:
    return dict(client.get(f"/api/jobs/{job}").json())


def begun(client: httpx.Client, video: Path) -> str:
    answer = client.post("/api/videos", files={"file": video.read_bytes()}, data={"output": "alpha"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def error_of(answer: httpx.Response) -> str:
    text = str(answer.json()["error"])
    assert len(text.splitlines()) == 1
    return text


@pytest.mark.parametrize(
    ("limits", "pause_s", "words"),
    [
        ({"stall_s": 0.3}, None, "Nothing came for 0.3 s"),
        ({"stall_s": 5, "upload_s": 0.5}, 0.05, "longer than the 0.5 s that are allowed"),
    ],
    ids=["silent", "a byte at a time"],
)
def test_a_slow_body(
    places: dict[str, Any], folders: Path, limits: dict[str, Any], pause_s: float | None, words: str
) -> None:
    with served(places, replace(LIMITS, **limits)) as client:
        with socket.create_connection((client.base_url.host, client.base_url.port), TIMEOUT_S) as connection:
            head = f"POST /api/remove HTTP/1.1\r\nHost: localhost\r\nContent-Type: {PARTS}\r\nContent-Length: 90000\r\n"
            connection.sendall(f"{head}\r\n".encode() + BEGUN)
            while not select([connection], [], [], pause_s)[0]:
                connection.sendall(b"x")
            answer = b""
            while b"}" not in answer:
                answer += connection.recv(1 << 16)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert words in json.loads(answer[answer.index(b"{") :])["error"]
        until(lambda: not uploads_in(folders))


def test_no_room_for_an_upload(places: dict[str, Any], folders: Path) -> None:
    """It is refused before it comes, and nothing of it stays."""
    with served(places, replace(LIMITS, kept_bytes=200)) as client:
        for path in ("/api/remove", "/api/videos", "/api/backgrounds"):
            answer = client.post(path, files={"file": bytes(1000)})
            assert answer.status_code == 507
            assert "There is no room" in error_of(answer)
            assert int(answer.headers["retry-after"]) > 0
        assert not uploads_in(folders)


def test_a_full_disk_keeps_no_half_background(places: dict[str, Any], folders: Path) -> None:
    """A limit of this process stands for the disk (setrlimit(2), RLIMIT_FSIZE): its file is larger than its upload."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    other_disk = Path("/dev/shm")
    if not other_disk.is_dir() or other_disk.stat().st_dev == folders.stat().st_dev:
        pytest.skip("there is no second disk: files are moved without being written")
    noise = np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8)
    upload = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 30])[1].tobytes()
    kept = Path(tempfile.mkdtemp(dir=other_disk))
    try:
        with served({**places, "backgrounds_folder": kept}) as client:
            first = client.post("/api/backgrounds", files={"file": png()}).json()["id"]  # the worker has started
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            assert len(upload) < 100_000
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
            try:
                answer = client.post("/api/backgrounds", files={"file": upload})
                too_large = client.post("/api/backgrounds", files={"file": bytes(200_000)})
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
            assert (answer.status_code, too_large.status_code) == (507, 507)
            assert "The background cannot be kept (File too large)" in error_of(answer)
            assert "The upload cannot be kept (File too large)" in error_of(too_large)
            assert [path.name for path in kept.iterdir()] == [first]
            assert not uploads_in(folders)
            assert [card["id"] for card in client.get("/api/backgrounds").json()["backgrounds"]] == [first]
    finally:
        shutil.rmtree(kept)


def test_a_result_that_is_too_large(places: dict[str, Any], tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", map(barcode, range(40)))
    with served(places, replace(LIMITS, result_bytes=600)) as client:
        job = begun(client, video)
        until(lambda: state_of(client, job)["state"] == "failed")
        answer = client.get(f"/api/jobs/{job}/result")
        assert answer.status_code == 409
        assert "cannot be written" in error_of(answer)
        assert error_of(answer) == state_of(client, job)["error"]


def test_results_are_deleted_after_a_while(places: dict[str, Any], folders: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", map(barcode, range(3)))
    with served(places, replace(LIMITS, keep_s=2.0)) as client:
        job = begun(client, video)
        until(lambda: state_of(client, job).get("state") == "done")
        result = client.get(f"/api/jobs/{job}/result")
        assert result.status_code == 200
        assert uploads_in(folders)
        until(lambda: client.get(f"/api/jobs/{job}").status_code == 404)
        assert client.get(f"/api/jobs/{job}/result").status_code == 404
        until(lambda: not uploads_in(folders))


def test_the_queue_is_short_and_jobs_are_broken_off(places: dict[str, Any], folders: Path, tmp_path: Path) -> None:
    """One runs, one waits, a third one is refused until one of them is deleted."""
    long, short = long_video(tmp_path / "long.avi", 20_000), write_video(tmp_path / "a.mp4", map(barcode, range(3)))
    with served(places, replace(LIMITS, video_bytes=64 << 20)) as client:
        running = begun(client, long)
        until(lambda: state_of(client, running)["frames"] > 0)
        waiting = begun(client, short)
        assert {name: state_of(client, waiting)[name] for name in ("state", "before")} == {
            "state": "waiting",
            "before": 1,
        }
        refused = client.post("/api/videos", files={"file": short.read_bytes()})
        assert refused.status_code == 429
        assert "1 videos wait already" in error_of(refused)
        assert 5 <= int(refused.headers["retry-after"]) <= 600
        assert len(uploads_in(folders)) == 2

        assert client.delete(f"/api/jobs/{running}").status_code == 204
        assert client.delete(f"/api/jobs/{running}").status_code == 404
        assert client.get(f"/api/jobs/{running}").status_code == 404
        until(lambda: state_of(client, waiting)["state"] == "done")  # by another process
        until(lambda: len(uploads_in(folders)) == 1)

        running, waiting = begun(client, long), begun(client, short)
        assert client.delete(f"/api/jobs/{waiting}").status_code == 204
        assert client.get(f"/api/jobs/{waiting}").status_code == 404
        assert state_of(client, running)["state"] in ("waiting", "running")
        assert client.delete(f"/api/jobs/{running}").status_code == 204


def test_https(places: dict[str, Any]) -> None:
    """Browsers give their camera to https alone, unless the server is on their own machine."""
    trusted = ssl.create_default_context(cafile=str(TLS / "ca.pem"))
    options = WebOptions(port=0, certificate=TLS / "server.pem")
    with listening(options) as taken, serving(taken, **places):
        assert taken.url.startswith("https://")
        url = taken.url.replace("127.0.0.1", "localhost")
        with httpx.Client(base_url=url, verify=trusted, timeout=TIMEOUT_S) as client:
            assert client.get("/healthz").text == "ok\n"
            assert client.post("/api/remove", files={"file": png()}).status_code == 200
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url.replace('https', 'http')}healthz")


def test_a_key_in_a_file_of_its_own(places: dict[str, Any], tmp_path: Path) -> None:
    whole = (TLS / "server.pem").read_text()
    at = sorted(whole.index(f"-----BEGIN {what}") for what in ("CERTIFICATE", "PRIVATE KEY"))[1]
    key, certificate = sorted(
        (_written(tmp_path / "1.pem", whole[:at]), _written(tmp_path / "2.pem", whole[at:])),
        key=lambda file: "PRIVATE KEY" not in file.read_text(),
    )
    with listening(WebOptions(port=0, certificate=certificate, key=key)) as taken, serving(taken, **places):
        assert httpx.get(f"{taken.url}healthz", verify=False).status_code == 200
    with (
        pytest.raises(OptionError, match="its key there or in --web_key"),
        listening(WebOptions(port=0, certificate=certificate)),
    ):
        pass


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")
def test_a_key_with_a_passphrase(tmp_path: Path) -> None:
    """Nobody is asked for it: a server starts without people."""
    whole = (TLS / "server.pem").read_text()
    encrypt = ["openssl", "pkey", "-aes128", "-passout", "pass:secret", "-in", str(TLS / "server.pem")]
    key = subprocess.run(encrypt, capture_output=True, text=True, check=True).stdout
    certificate = _written(tmp_path / "cert.pem", whole[whole.index("-----BEGIN CERTIFICATE") :])
    options = WebOptions(port=0, certificate=certificate, key=_written(tmp_path / "key.pem", key))
    with pytest.raises(OptionError, match="has a passphrase"), listening(options):
        pass


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path

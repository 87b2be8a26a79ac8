"""What is sent to be hard: what each got."""

from __future__ import annotations

import socket
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import numpy as np
import pytest

from tests.integration.web.conftest import LIMITS, picture_of, png
from tests.support.media import barcode, write_video


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side: int = 20000) -> bytes:
    """A PNG of 400 million black pixels in half a megabyte (PNG specification, section 11.2)."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + side)) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def sent(client: httpx.Client, data: bytes, name: str = "a.png", path: str = "/api/remove", **fields: str) -> Any:
    return client.post(path, files={"file": (name, data)}, data=fields)


def outcome(client: httpx.Client, job: str) -> dict[str, Any]:
    end_s = monotonic() + 60
    while (state := client.get(f"/api/jobs/{job}").json())["state"] in ("waiting", "running"):
        assert monotonic() < end_s
        sleep(0.05)
    return dict(state)


def one_line(answer: Any) -> str:
    body = answer.json()
    assert set(body) == {"error", "parameter"}
    assert "\n" not in body["error"]
    assert "/tmp" not in body["error"]
    return str(body["error"])


def test_rembg_request_gets_png_with_alpha(client: httpx.Client) -> None:
    """As rembg's README has it: curl -s -F file=@… -F a=true -F af=240 "http://localhost:7000/api/remove" """
    answer = sent(client, png(), model="u2net", a="true", af="240", ab="10", ae="10", ppm="false")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    image = picture_of(answer.content)
    assert image.shape == (48, 64, 4)
    alpha = image[24, :, 3].astype(int)  # red is alpha: full in the left third, 100 in the middle, none in the right
    assert abs(alpha[[5, 30, 60]] - [255, 100, 0]).max() <= 2


def test_rembg_mask_and_colour(client: httpx.Client) -> None:
    mask = picture_of(sent(client, png(), om="true", ppm="true").content)
    assert mask.ndim == 2
    assert mask[24, [5, 30, 60]].tolist() == [255, 0, 0]
    answer = client.post("/api/remove?bgc=255,0,0,128", files={"file": png()})
    assert np.abs(picture_of(answer.content)[24, 60].astype(int) - [0, 0, 255, 128]).max() <= 1


def test_addresses_are_not_fetched(client: httpx.Client) -> None:
    answer = client.get("/api/remove", params={"url": "http://127.0.0.1:1/a.png"})
    assert answer.status_code == 403
    assert "fetches nothing" in one_line(answer)


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"text", "not a whole image"), (b"", "not a whole image"), (png()[:200], "not a whole image")],
    ids=["text", "empty", "half"],
)
def test_what_is_no_picture(client: httpx.Client, data: bytes, words: str) -> None:
    answer = sent(client, data)
    assert answer.status_code == 422
    assert words in one_line(answer)


def test_thumbnail_of_a_line(client: httpx.Client) -> None:
    """Of 6000 × 1 pixels a twentieth would be none in height."""
    answer = sent(client, png(6000, 1), "line.png", "/api/backgrounds")
    assert answer.status_code == 201, answer.text
    thumbnail = client.get(f"/api/backgrounds/{answer.json()['id']}/thumbnail").content
    assert picture_of(thumbnail).shape == (1, 320, 3)
    assert client.delete(f"/api/backgrounds/{answer.json()['id']}").status_code == 204


@pytest.mark.parametrize("path", ["/api/remove", "/api/backgrounds"])
def test_zip_bomb(client: httpx.Client, path: str) -> None:
    data = bomb()
    assert len(data) < LIMITS.image_bytes
    answer = sent(client, data, path=path)
    assert answer.status_code == 422
    assert "1000000 at most" in one_line(answer)


def test_a_background_that_is_neither(client: httpx.Client) -> None:
    answer = sent(client, b"text" * 100, path="/api/backgrounds")
    assert answer.status_code == 422
    assert "not a whole image" in one_line(answer)
    assert "Nor is it a whole video" in one_line(answer)


@pytest.mark.parametrize("path", ["/api/remove", "/api/videos", "/api/backgrounds"])
def test_claim_of_ten_gigabytes(client: httpx.Client, path: str) -> None:
    """It is refused before the first byte comes."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=20) as connection:
        connection.sendall(f"{head}Content-Length: {10 << 30}\r\n\r\n".encode())
        answer = connection.recv(1 << 16).decode()
    assert answer.startswith("HTTP/1.1 413 ")


def test_more_than_it_may_be(client: httpx.Client) -> None:
    answer = client.post(
        "/api/remove",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
        content=iter([b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n', *[bytes(1 << 16)] * 20]),
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("name", ["../../x.png", "/etc/x.png", "..\\x.png", "a\x00b.png", "x" * 3000 + ".png"])
def test_names_are_no_paths(client: httpx.Client, places: dict[str, Any], name: str) -> None:
    assert sent(client, png(), name).status_code == 200
    card = sent(client, png(), name, "/api/backgrounds").json()
    assert not set(card["name"]) & set("/\\\x00")
    assert len(card["name"]) <= 80
    folder = Path(places["backgrounds_folder"])
    assert {path.parent for path in folder.rglob("*") if path.is_file()} == {folder / card["id"]}
    assert client.delete(f"/api/backgrounds/{card['id']}").status_code == 204
    assert not any(folder.iterdir())


@pytest.mark.parametrize("target", ["/etc/passwd", "http://127.0.0.1:1/a.png", "background:../../x", "0", "file.png"])
def test_no_file_of_this_machine_is_read(client: httpx.Client, target: str) -> None:
    answer = sent(client, png(), target_bgr=target)
    assert answer.status_code in (404, 422)
    assert sent(client, png(), model="/etc/passwd").status_code == 422
    assert sent(client, png(), settings='{"model": "/etc/passwd"}').status_code == 422


def test_fifty_at_once(client: httpx.Client) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: httpx.post(f"{client.base_url}api/remove", files={"file": png()}), range(50)))
    statuses = {answer.status_code for answer in answers}
    assert 200 in statuses
    assert statuses <= {200, 429, 503}
    assert {429, 503} & statuses
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers if answer.status_code != 200)


def test_video_from_upload_to_result(client: httpx.Client, tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", map(barcode, range(6)))
    begun = sent(client, video.read_bytes(), "../a.mp4", "/api/videos", output="alpha", model="red")
    assert begun.status_code == 202
    job = begun.json()["id"]
    assert outcome(client, job) | {"id": ""} == {
        "id": "", "state": "done", "before": 0, "frames": 6, "total": 6, "eta_s": None, "error": None,
    }  # fmt: skip
    result = client.get(f"/api/jobs/{job}/result")
    assert (result.status_code, result.headers["content-type"]) == (200, "video/mp4")
    assert client.delete(f"/api/jobs/{job}").status_code == 204
    assert client.get(f"/api/jobs/{job}/result").status_code == 404


def playlist(video: bytes) -> bytes:
    return b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


def concatenation(video: bytes) -> bytes:
    return b"ffconcat version 1.0\nfile '/etc/passwd'\n"


def truncated(video: bytes) -> bytes:
    return video[: len(video) // 3]


@pytest.mark.parametrize("hard", [playlist, concatenation, truncated])
def test_hard_videos(client: httpx.Client, tmp_path: Path, hard: Any) -> None:
    video = write_video(tmp_path / "a.mp4", map(barcode, range(6))).read_bytes()
    job = sent(client, hard(video), "a.mp4", "/api/videos", model="red").json()["id"]
    state = outcome(client, job)
    assert state["state"] == "failed"
    assert "no whole video" in state["error"]
    assert one_line(client.get(f"/api/jobs/{job}/result")) == state["error"]

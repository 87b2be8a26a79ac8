"""Files that name other files and servers: one on this machine makes no connection."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RunDemo, one_line

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n"
FILES = {
    "list.m3u8": PLAYLIST,
    "list.mp4": PLAYLIST,  # FFmpeg looks at the content
    "key.m3u8": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="http://127.0.0.1:{port}/k"\n#EXTINF:4,\nkey.m3u8\n#EXT-X-ENDLIST\n',
    "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "joined.ffconcat": "ffconcat version 1.0\nfile 'http://127.0.0.1:{port}/a.mp4'\n",
    "joined.mp4": "ffconcat version 1.0\nfile 'http://127.0.0.1:{port}/a.mp4'\n",
    "media.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT4S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" '
    'bandwidth="1"><BaseURL>http://127.0.0.1:{port}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "picture.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48" '
    'xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="http://127.0.0.1:{port}/a.png"/></svg>',
}


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """It listens, and nobody should call."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("role", ["-i", "--target_bgr"])
def test_a_local_file_makes_no_connection(
    models: Path, tmp_path: Path, run_demo: RunDemo, server: socket.socket, name: str, role: str
) -> None:
    (tmp_path / name).write_text(FILES[name].replace("{port}", str(server.getsockname()[1])))
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "0.ppm").write_bytes(b"P6 64 48 255\n" + bytes(64 * 48 * 3))
    words = ("-i", name) if role == "-i" else ("-i", "frames", "--target_bgr", name)
    line = one_line(run_demo("-m", models / "red.onnx", *words, "-o", "out.mp4"))
    assert name in line
    assert not select.select([server], [], [], 0)[0]

"""A camera of the network: an RTSP server (RFC 2326) that sends H.264 within the connection (RFC 6184)."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av

CLOCK_HZ = 90_000
SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track\r\n"
)


@contextmanager
def rtsp_server(clip: Path) -> Iterator[str]:
    """Sends a clip once, to one client, and hangs up. The address has a password.

    Args:
        clip: a transport stream with H.264 whose frames are in the order in which they are shown.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, _nals_of(clip)))
        thread.start()
        yield f"rtsp://user:geheim@127.0.0.1:{server.getsockname()[1]}/live"
        thread.join()


def _nals_of(clip: Path) -> list[list[bytes]]:
    """The NAL units of each frame, with parameter sets, as a transport stream holds them."""
    with av.open(str(clip)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    return [[unit.strip(b"\0") for unit in data.split(b"\0\0\1") if unit.strip(b"\0")] for data in packets]


def _serve(server: socket.socket, frames: list[list[bytes]]) -> None:
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as requests, suppress(OSError):
        while words := requests.readline().decode().split():
            headers = dict(_headers(requests))
            method, number = words[0], headers["cseq"]
            transport = headers.get("transport", "")
            if method == "SETUP" and "TCP" not in transport:
                connection.sendall(f"RTSP/1.0 461 Unsupported Transport\r\nCSeq: {number}\r\n\r\n".encode())
                continue
            body = SDP if method == "DESCRIBE" else ""
            lines = {
                "DESCRIBE": "Content-Type: application/sdp\r\n",
                "SETUP": f"Transport: {transport}\r\nSession: 1\r\n",
                "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n",
            }.get(method, "Session: 1\r\n")
            head = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
            connection.sendall((head + body).encode())
            if method == "PLAY":
                connection.sendall(b"".join(_rtp(frames)))
                return


def _headers(requests: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    for line in requests:
        if not line.strip():
            return
        name, _, value = line.decode().partition(":")
        yield name.lower(), value.strip()


def _rtp(frames: list[list[bytes]], rate: int = 30) -> Iterator[bytes]:
    """RFC 3550's packets in RFC 2326's interleaved frames, a NAL unit each."""
    number = 0
    for index, units in enumerate(frames):
        for unit in units:
            is_last = unit is units[-1]
            head = struct.pack(">BBHII", 0x80, 96 | is_last << 7, number, index * CLOCK_HZ // rate, 1)
            number += 1
            yield struct.pack(">cBH", b"$", 0, len(head) + len(unit)) + head + unit

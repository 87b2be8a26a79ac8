"""A camera on the net that falls silent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice

import cv2
import numpy as np

from tests.support.web import answering

SIZE = (400, 300)
PERSON, ROOM = (40, 0, 255), (200, 0, 0)


@contextmanager
def camera_on_the_net(frames: int | None = None) -> Iterator[str]:
    """JPEGs as a camera sends them (multipart/x-mixed-replace): the person, then the room, in turn.

    frames: how many come until it falls silent, for whoever connects again too. None: it never does."""
    closing, silent = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if silent.is_set():
                closing.wait()
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=--part")
            self.end_headers()
            with suppress(OSError):  # the program has gone
                for colour in islice(cycle([PERSON] * 15 + [ROOM] * 15), frames):
                    data = cv2.imencode(".jpg", np.full((SIZE[1], SIZE[0], 3), colour, np.uint8))[1].tobytes()
                    head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    self.wfile.write(head.encode() + data + b"\r\n")
                    if closing.wait(0.02):
                        return
                silent.set()
                closing.wait()

        def log_message(self, *_: object) -> None: ...

    with answering(ThreadingHTTPServer(("127.0.0.1", 0), Handler), closing) as address:
        yield f"{address}/camera"

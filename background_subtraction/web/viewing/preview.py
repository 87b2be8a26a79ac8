"""The forms in which viewers get the frames of a run: planes for WebRTC, JPEG for other browsers, PNG for snapshots."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import cv2

from background_subtraction.live.session import Session
from background_subtraction.sinks.pictures import Target
from background_subtraction.web.viewing.watching import Broadcast, Viewers
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.colour_tags import tags_of
from model_api.pictures.picture import Picture, bgr_of, in_format, size_of
from model_api.pictures.yuv_image import YuvFormat
from model_api.resize import resize_picture, scaled_inside
from model_api.types import Size

PREVIEW_WH: Size = (1280, 720)
"""The largest preview. Recordings and snapshots have the run's own size."""
BOUNDARY = "frame"
QUALITY = (cv2.IMWRITE_JPEG_QUALITY, 82)
SPACE = ColourSpace("bt601")
"""What browsers take VP8 for (RFC 6386, section 9.2)."""
WEBRTC = Target("yuv420p", SPACE, "420", tags_of(SPACE))
FIRST_S = 10.0
"""A snapshot waits so long for a frame."""


class Preview:
    """What a run shows, in each form. A form that nobody wants is not made.

    Attributes:
        planes: for WebRTC.
        jpegs: parts of multipart/x-mixed-replace.
        pngs: whole frames.
    """

    def __init__(self, session: Session) -> None:
        """session: the run."""
        self.planes = Broadcast(session.frames, planes)
        self.jpegs = Broadcast(session.frames, jpeg)
        self.pngs = Broadcast(session.frames, png)


def planes(picture: Picture) -> Picture:
    """A preview as WebRTC's encoders take it. Planes stay as they are where they fit."""
    return in_format(_small(picture), YuvFormat(SPACE, WEBRTC.chroma))


def jpeg(picture: Picture) -> bytes:
    """A preview as a part of multipart/x-mixed-replace."""
    image = _encoded(".jpg", bgr_of(_small(picture)), QUALITY)
    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n"
    return b"".join((head.encode(), image, b"\r\n"))


def png(picture: Picture) -> bytes:
    """A frame as it is."""
    return _encoded(".png", bgr_of(picture))


async def parts(jpegs: Broadcast[bytes], viewers: Viewers) -> AsyncIterator[bytes]:
    """One JPEG after another. The caller has entered `viewers`."""
    try:
        async with aclosing(jpegs.watch()) as frames:
            async for part in frames:
                yield part
    finally:
        viewers.leave()


def _small(picture: Picture) -> Picture:
    """The picture, not larger than a preview, with even sides, as WebRTC's encoders want them."""
    width, height = scaled_inside(size_of(picture), PREVIEW_WH)
    return resize_picture(picture, (max(2, width - width % 2), max(2, height - height % 2)))


def _encoded(ending: str, image: Picture, options: tuple[int, ...] = ()) -> bytes:
    _, coded = cv2.imencode(ending, image, options)
    return coded.tobytes()

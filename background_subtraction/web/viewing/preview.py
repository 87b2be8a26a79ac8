"""Frames of the run as JPEG one after another, for browsers without WebRTC, and a single one as PNG."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import cv2

from background_subtraction.live.session import Session
from background_subtraction.web.viewing.watching import Viewers, delivered_frames, next_frame
from model_api.pictures.picture import Picture, bgr_of, size_of
from model_api.resize import resize_picture, scaled_inside
from model_api.types import Size

PREVIEW_WH: Size = (1280, 720)
"""The largest preview. Recordings and snapshots have the run's own size."""
BOUNDARY = "frame"
QUALITY = (cv2.IMWRITE_JPEG_QUALITY, 82)


def small(picture: Picture) -> Picture:
    """The picture, not larger than a preview, with even sides, as WebRTC's encoders want them."""
    width, height = scaled_inside(size_of(picture), PREVIEW_WH)
    return resize_picture(picture, (max(2, width - width % 2), max(2, height - height % 2)))


async def jpegs(session: Session, viewers: Viewers) -> AsyncIterator[bytes]:
    """Parts of multipart/x-mixed-replace. The caller has entered `viewers`."""
    try:
        async with aclosing(delivered_frames(session)) as frames:
            async for delivered in frames:
                image = await asyncio.to_thread(_jpeg, delivered.composite)
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n"
                yield b"".join((head.encode(), image, b"\r\n"))
    finally:
        viewers.leave()


async def png(session: Session) -> bytes:
    """The next frame, as it is. Raises RequestError if none comes."""
    delivered = await next_frame(session)
    return await asyncio.to_thread(_encoded, ".png", bgr_of(delivered.composite))


def _jpeg(picture: Picture) -> bytes:
    return _encoded(".jpg", bgr_of(small(picture)), QUALITY)


def _encoded(ending: str, image: Picture, options: tuple[int, ...] = ()) -> bytes:
    _, coded = cv2.imencode(ending, image, options)
    return coded.tobytes()

"""How much the server takes, as a frozen value that checks itself."""

from __future__ import annotations

from dataclasses import dataclass

from model_api.ranges import NATURAL, POSITIVE, Range

BYTES = Range("a number of bytes from 1", 1, 1 << 50, whole=True)
DURATION = Range("seconds above 0", 1e-3, 1e9)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a server takes and keeps.

    Args:
        image_bytes: of an uploaded image.
        video_bytes: of an uploaded video.
        background_bytes: of an uploaded background.
        body_bytes: of any other request.
        pixels: of a picture. A file of a few bytes can claim any size.
        image_s: how long an image may take, from the moment it is taken up.
        video_s: how long a video may take, from the moment it is taken up.
        stall_s: how long an upload may send nothing.
        upload_s: how long an upload may take.
        waiting_images: images that may wait for the one that is computed.
        waiting_videos: videos that may wait for the one that is computed.
        uploads: uploads at the same time.
        backgrounds: that are kept.
        kept_bytes: of all files that are kept at the same time.
        result_bytes: of a file that is made.
        keep_s: how long a result is kept after it was made.
        connections: at the same time.

    Raises:
        OptionError: another value.
    """

    image_bytes: int = 32 << 20
    video_bytes: int = 1 << 30
    background_bytes: int = 256 << 20
    body_bytes: int = 1 << 18
    pixels: int = 50_000_000
    image_s: float = 60.0
    video_s: float = 3600.0
    stall_s: float = 30.0
    upload_s: float = 1800.0
    waiting_images: int = 16
    waiting_videos: int = 8
    uploads: int = 24
    backgrounds: int = 50
    kept_bytes: int = 8 << 30
    result_bytes: int = 4 << 30
    keep_s: float = 3600.0
    connections: int = 256

    def __post_init__(self) -> None:
        for name in ("image_bytes", "video_bytes", "background_bytes", "body_bytes", "kept_bytes", "result_bytes"):
            BYTES.require(**{name: getattr(self, name)})
        for name in ("image_s", "video_s", "stall_s", "upload_s", "keep_s"):
            DURATION.require(**{name: getattr(self, name)})
        POSITIVE.require(pixels=self.pixels, uploads=self.uploads, connections=self.connections)
        NATURAL.require(
            waiting_images=self.waiting_images, waiting_videos=self.waiting_videos, backgrounds=self.backgrounds
        )

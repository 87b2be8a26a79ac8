"""Which source reads an address."""

from __future__ import annotations

import re
from pathlib import Path

from background_subtraction.image_files import IMAGE_SUFFIXES, images_in
from background_subtraction.sources.base import Source
from background_subtraction.sources.camera import CameraSource
from background_subtraction.sources.images import ImageSource
from background_subtraction.sources.selection import Selection
from background_subtraction.sources.video import PIPE, VideoSource
from model_api.errors import SourceError


def open_source(address: str, loop: bool = False, selection: Selection = Selection()) -> Source:
    """address: a file, a folder, a camera's number, a stream's address such as rtsp://…, or "-" for a pipe.

    loop: begin again at the end, for ever; every turn is a clip of its own.
    """
    if address.isdecimal():
        return CameraSource(int(address), selection)
    if address == PIPE or re.match(r"[a-z][a-z0-9+.-]+://", address, re.IGNORECASE):
        return VideoSource(address, selection=selection, live=True)
    path = Path(address)
    if not path.exists():
        raise SourceError(f"{address}: no such input. Expected an image, a folder, a video, a camera number or a URL")
    if path.is_dir():
        return ImageSource(images_in(path), address, loop, selection)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageSource([path], address, loop, selection)
    return VideoSource(address, loop, selection)

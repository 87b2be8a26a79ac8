"""Which source reads an address."""

from __future__ import annotations

from pathlib import Path

from background_subtraction.image_files import IMAGE_SUFFIXES, images_in, images_of, is_pattern
from background_subtraction.sources.animation import WebpSource, is_animated_png, is_animated_webp
from background_subtraction.sources.base import Source
from background_subtraction.sources.camera import CameraSource, is_camera
from background_subtraction.sources.demuxing.addresses import is_url, local_path, without_password
from background_subtraction.sources.demuxing.container import PIPE
from background_subtraction.sources.images import ImageSource
from background_subtraction.sources.scenes.description import SUFFIX as SCENE
from background_subtraction.sources.scenes.source import SceneSource
from background_subtraction.sources.selection import Selection
from background_subtraction.sources.video import VideoSource
from model_api.errors import SourceError


def open_source(address: str, *, loop: bool = False, selection: Selection = Selection()) -> Source:
    """Open an input.

    Args:
        address: a file, a folder of images, a pattern such as frames/%04d.png, a camera's number or its path such as
            /dev/video0, a stream's address such as rtsp://…, or "-" for a pipe.
        loop: start again at the end; each turn is a clip of its own.
        selection: which part, and at which size.

    Raises:
        SourceError: there is no such input, or it cannot be read.
    """
    if is_camera(address):
        return CameraSource(address, selection)
    if is_live(address):
        return VideoSource(address, loop=loop, selection=selection)
    address = local_path(address)
    require_input(address)
    if is_pattern(address):
        return ImageSource(images_of(address), address, loop=loop, selection=selection)
    path = Path(address)
    if path.suffix == SCENE:
        return SceneSource(path, loop=loop, selection=selection)
    if path.is_dir():
        return ImageSource(images_in(path), address, loop=loop, selection=selection)
    if path.suffix.lower() == ".webp" and is_animated_webp(path):
        return WebpSource(path, loop=loop, selection=selection)
    if path.suffix.lower() in IMAGE_SUFFIXES and not is_animated_png(path):
        return ImageSource([path], address, loop=loop, selection=selection)
    return VideoSource(address, loop=loop, selection=selection)


def require_input(address: str) -> None:
    """Raise SourceError if `address` names no file, folder, pattern, camera, pipe or URL."""
    if is_live(address):
        return
    path = Path(local_path(address))
    if is_pattern(str(path)):
        images_of(str(path))
    elif not path.exists():
        raise SourceError(
            f"{without_password(address)}: no such input. Expected an image, a folder, a pattern, a video, "
            "a camera number or a URL"
        )


def is_live(address: str) -> bool:
    """Whether this is a camera, a pipe or a URL, which may not be opened and read again from its first frame."""
    return is_camera(address) or address == PIPE or is_url(local_path(address))

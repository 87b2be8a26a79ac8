"""Nothing of the user's is lost: no output onto anything that is read, nor onto another output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from background_subtraction.image_files import images_at, images_of, is_pattern
from background_subtraction.jobs import Clip
from background_subtraction.options import Options
from background_subtraction.sinks.base import Encoding, Output, identity_of
from background_subtraction.sinks.open import file_of
from background_subtraction.sources.demuxing.addresses import local_path
from background_subtraction.sources.open import is_live
from model_api.errors import SinkError, SourceError
from model_api.graph.reading.formats import files_of

Identity = tuple[object, ...]


def require_nothing_lost(clips: Sequence[Clip], options: Options) -> None:
    """Compare all outputs of all clips with all files that the run reads, and with each other.

    Files are compared as the file system knows them: through symbolic and hard links, and whatever the case of their
    names where it does not matter.

    Raises:
        SinkError: an output would overwrite something.
    """
    read = dict(_read(clips, options))
    written: dict[Identity, Path] = {}
    for output in (output for clip in clips for output in clip.outputs):
        for path in _files_of(output, options.encoding):
            identity = _identity(path)
            if identity in read:
                raise SinkError(f"{path}: is {read[identity]} itself, and would be overwritten. Choose another name")
            if identity in written:
                raise SinkError(f"{path}: is named for two outputs, which would overwrite each other")
            written[identity] = path


def _read(clips: Sequence[Clip], options: Options) -> Iterator[tuple[Identity, str]]:
    model = Path(options.model) if options.model and options.adapter == "openvino" else None
    addresses = [
        *(("the list of labels", name) for name in options.also_read),
        *(("the model", str(path)) for path in (files_of(model) if model else ())),
        ("the clean plate", options.clean_plate),
        ("the background", options.settings.target_bgr),
        *(("the input", clip.address) for clip in clips),
    ]
    for what, address in addresses:
        for path in _files_at(address) if address is not None else ():
            if os.path.exists(path):
                yield _identity(path), what


def _files_at(address: str) -> list[Path]:
    """The files that an input or a background consists of."""
    path = local_path(address)
    return [] if is_live(path) else images_at(path)


def _files_of(output: Output, encoding: Encoding) -> list[Path]:
    """The file that an output is. Of a pattern, itself and the files that it stands for already."""
    if output.names:
        return [output.path / f"{name}.png" for name in dict.fromkeys(output.names)]
    path = file_of(output, encoding)
    with suppress(OSError, SourceError):  # there are none
        if is_pattern(str(path)):
            return [path, *images_of(str(path))]
    return [path]


def _identity(path: Path) -> Identity:
    """Device and number of a file; of one that is yet to be made, its folder's and its name."""
    own = identity_of(path)
    if own is not None:
        return own
    name = path.name.casefold() if _ignores_case(path.parent) else path.name
    return (*_identity(path.parent), name) if path.parent != path else (name,)


def _ignores_case(folder: Path) -> bool:
    """Whether the folder has the same file under a name in other letters."""
    other = folder.with_name(folder.name.swapcase()) if folder.name else folder
    if other == folder:
        return sys.platform in ("win32", "darwin")
    with suppress(OSError):
        return os.path.samefile(folder, other)
    return False

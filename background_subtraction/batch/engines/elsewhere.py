"""Options for processes and machines that are not this one."""

from __future__ import annotations

import glob
import os
from dataclasses import replace
from pathlib import Path

from background_subtraction.batch import storage
from background_subtraction.options import Options
from background_subtraction.sources.demuxing.addresses import local_path
from background_subtraction.sources.open import is_live
from model_api.adapters.cores import cores
from model_api.bundled import FOLDER


def for_elsewhere(options: Options) -> Options:
    """With names that mean the same in a process with another current folder, and on a machine with the same files."""
    model = Path(options.model)
    is_bundled = model.parent == FOLDER and options.adapter == "openvino"
    local = options.adapter == "openvino" and not is_bundled
    background = options.settings.target_bgr
    return replace(
        options,
        model=model.stem if is_bundled else str(model.absolute()) if local else options.model,
        inputs=tuple(_absolute(name) for name in options.inputs),
        outputs=tuple(replace(output, path=_absolute_path(output.path)) for output in options.outputs),
        settings=replace(options.settings, target_bgr=background and _absolute(background)),
        clean_plate=options.clean_plate and _absolute(options.clean_plate),
    )


def _absolute(name: str) -> str:
    """An address, a file's absolute path, or a colour as it is."""
    path = local_path(name)
    is_file = os.path.exists(path) or glob.has_magic(path) or os.sep in path or Path(path).suffix
    return name if is_live(path) or not is_file else os.path.abspath(path)


def _absolute_path(path: Path) -> Path:
    return path if storage.address_of(path) else path.absolute()


def with_share(options: Options) -> Options:
    """With the threads of a worker's share of the cores, where a process cannot be kept to some of them."""
    workers = options.batch.workers
    if not workers or hasattr(os, "sched_setaffinity") or options.inference.threads:
        return options
    return replace(options, inference=replace(options.inference, threads=max(1, cores() // workers)))

"""The library call for many clips, on any executor."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from inspect import signature
from typing import Any

from background_subtraction.batch.clip_report import ClipReport
from background_subtraction.batch.session import Batch, open_batch
from background_subtraction.library.convert_video import convert_video
from background_subtraction.library.parameters import PARAMETER_OF, AnyPath, options_of, settings_in
from background_subtraction.options import BatchOptions
from background_subtraction.report import Report
from model_api import MattingModel
from model_api.errors import OptionError, renamed


def convert_videos(
    inputs: AnyPath | Sequence[AnyPath],
    output: AnyPath | None = None,
    executor: Executor | None = None,
    *,
    model: AnyPath | MattingModel = "video",
    workers: int = 0,
    cluster: str | None = None,
    recursive: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    manifest: AnyPath | None = None,
    shard: tuple[int, int] | None = None,
    attempts: int = 2,
    split: str = "",
    **others: Any,
) -> Iterator[ClipReport]:
    """Convert many clips, here, in processes or on a cluster. One that fails does not stop the others.

    Outputs are folders, and a clip's files have its name. They are written as NAME.part.mp4 and get their names when
    they are whole. The manifest, JSON lines beside them, says what was done.

    Args:
        inputs: files, folders, patterns or addresses; a list of them, or one.
        output: the folder for composites. `output_alpha` and others are as in `convert_video`.
        executor: converts the clips: any `concurrent.futures.Executor` whose workers have this program and see the
            same files, such as Dask's `Client.get_executor(pure=False)`. None: this process, `workers` or `cluster`.
        model: as in `convert_video`. A loaded one is for clips in this process.
        workers: processes, each with its model and its share of the cores. On a Ray cluster: actors.
        cluster: "dask://host:8786" or "ray://host:10001".
        recursive: whether folders within folders count.
        resume: leave out what the manifest says is done, with the same options.
        overwrite: replace outputs that exist.
        manifest: the file for it. None: background_subtraction.jsonl in the first output's folder.
        shard: (which part, of how many) of the clips, the first part is 0.
        attempts: how often a clip is tried that fails.
        split: "scenes" to cut films at their scene cuts, to convert the scenes like clips, and to join them.
        others: those of `convert_video`.

    Returns:
        An iterator over the clips' reports, in the order in which they are done. Work begins with the first `next`, and
        ends early if the iterator is closed.

    Raises:
        OptionError: a value that a parameter does not take, two that contradict each other, or no output.
        BackgroundSubtractionError: nothing could be done for any clip.
    """
    usual = settings_in({name: value.default for name, value in signature(convert_video).parameters.items()})
    unknown = sorted(others.keys() - usual.keys())
    if unknown:
        raise OptionError(f"{', '.join(unknown)}: no such parameter. Expected those of convert_video")
    batch = BatchOptions(
        recursive=recursive, listed=not isinstance(inputs, (str, os.PathLike)), resume=resume, overwrite=overwrite,
        manifest=None if manifest is None else os.fspath(manifest), shard=shard, workers=workers, cluster=cluster,
        attempts=attempts, split=split,
    )  # fmt: skip
    with ExitStack() as stack, renamed({**PARAMETER_OF, "inputs": "inputs", "outputs": "output"}):
        merged = {**usual, "output_composition": output, **others}
        options, loaded = options_of(model=model, inputs=inputs, batch=batch, **merged)
        opened = stack.enter_context(open_batch(options, Report(), loaded, executor))
        return _reports(opened, stack.pop_all())


def _reports(batch: Batch, stack: ExitStack) -> Iterator[ClipReport]:
    with stack:
        yield from batch.reports()

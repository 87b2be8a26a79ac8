"""All outputs of a run."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from background_subtraction.compositing.composite import Picture, laid_out
from background_subtraction.sinks.base import Encoding, Output
from background_subtraction.sinks.open import open_sink
from background_subtraction.sinks.virtual_camera import VirtualCamera
from background_subtraction.sinks.writer_thread import WriterThread
from background_subtraction.sources.base import SourceInfo
from model_api.errors import SinkError


class Outputs:
    """All outputs of a run. busy_s: seconds that their threads have worked, the slowest one's.

    Made, they have been checked; entered, they are open: one that cannot be costs none of the others its old file.
    """

    def __init__(
        self, outputs: tuple[Output, ...], encoding: Encoding, source: SourceInfo, camera: str | None = None
    ) -> None:
        self._files = [output.path for output in outputs]
        twice = [path for path in self._files if self._files.count(path) > 1]
        if twice:
            raise SinkError(f"{twice[0]}: is named for two outputs, which would overwrite each other")
        self._resolution = encoding.resolution
        self._limit = encoding.limit
        self._taken = 0
        self._sinks = [(output.view, WriterThread(open_sink(output, encoding, source))) for output in outputs]
        if camera is not None:
            device = VirtualCamera(camera or None, source.rate, pace=not source.live)
            self._sinks.append(("composite", WriterThread(device)))

    @property
    def full(self) -> bool:
        return bool(self._files) and 0 < self._limit <= self._taken

    @property
    def busy_s(self) -> float:
        return max((sink.busy_s for _, sink in self._sinks), default=0.0)

    @property
    def views(self) -> set[str]:
        return {view for view, _ in self._sinks}

    @property
    def size(self) -> str:
        """Of the video files so far, for people."""
        sizes = [path.stat().st_size for path in self._files if path.is_file()]
        return f"{sum(sizes) / 1e6:.1f} MB" if sizes else ""

    def write(self, picture: Picture) -> None:
        if self.full:
            return
        self._taken += 1
        for view, sink in self._sinks:
            sink.write(laid_out(picture, view, self._resolution), picture.index, picture.timestamp_s)

    def finish(self) -> None:
        if not self.full:
            for _, sink in self._sinks:
                sink.finish()

    def __enter__(self) -> Outputs:
        with ExitStack() as stack:
            for _, sink in self._sinks:
                stack.enter_context(sink)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

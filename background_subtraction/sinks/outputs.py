"""All outputs of a clip."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from types import TracebackType

from background_subtraction.compositing.composite import CompositeFrame, size_of_view, view_at_size
from background_subtraction.sinks.base import DeviceOutput, Encoding, Output, Sink
from background_subtraction.sinks.open import open_sink
from background_subtraction.sinks.writer_thread import NewestWriterThread, WriterThread
from background_subtraction.sources.base import SourceInfo
from model_api.pictures.picture import format_of
from model_api.pictures.yuv_image import YuvFormat


class Outputs:
    """All outputs of a clip, each written by a thread of its own.

    Made, they have been checked, and nothing is open; entered, they are open. So an output that cannot be written
    never costs another its old file.
    """

    def __init__(
        self,
        outputs: tuple[Output, ...],
        encoding: Encoding,
        source: SourceInfo,
        devices: tuple[DeviceOutput, ...] = (),
    ) -> None:
        """Choose a sink for each.

        Args:
            outputs: files.
            encoding: how they are written. `limit` is for all together.
            source: where the frames come from.
            devices: such as virtual cameras.

        Raises:
            SinkError: one of them cannot be written.
        """
        self._files = [output.path for output in outputs]
        self._source = source
        self._resolution = encoding.resolution
        self._limit = encoding.limit
        self._taken = 0
        self._stack = ExitStack()
        show = NewestWriterThread if source.drops else WriterThread
        self._sinks = [
            *((output.view, WriterThread(open_sink(output, encoding, source), source.rate)) for output in outputs),
            *((device.view, show(open_sink(device, encoding, source), source.rate)) for device in devices),
        ]

    def check(self) -> None:
        """Try encoders and devices that may be missing. Raises SinkError."""
        for view, sink in self._sinks:
            aspect = self._source.form.pixel_aspect if sink.square_pixels else Fraction(1)
            sink.check(size_of_view(view, self._source.size, self._resolution, aspect))

    @property
    def full(self) -> bool:
        """Whether the limit of frames has been reached."""
        return bool(self._files) and 0 < self._limit <= self._taken

    @property
    def unwatched(self) -> bool:
        """Whether there are only devices, and nobody reads them."""
        return bool(self._sinks) and not self._files and all(sink.watched is False for _, sink in self._sinks)

    @property
    def busy_s(self) -> float:
        """Seconds that the threads have worked: those of the slowest one."""
        return max((sink.busy_s for _, sink in self._sinks), default=0.0)

    @property
    def size(self) -> str:
        """The size of the video files so far, for people."""
        sizes = [path.stat().st_size for path in self._files if path.is_file()]
        return f"{sum(sizes) / 1e6:.1f} MB" if sizes else ""

    def render(self, frame: CompositeFrame) -> None:
        """Make the views that are written; the composite, if there are none."""
        for view, sink in self._sinks:
            frame.view(view, _format_for(sink, frame, view))
        if not self._sinks:
            frame.view("composite")

    def write(self, frame: CompositeFrame) -> None:
        """Hand a frame over to all of them, unless they are full. Raises SinkError."""
        if self.full:
            return
        self._taken += 1
        for view, sink in self._sinks:
            wanted = _format_for(sink, frame, view)
            picture = view_at_size(frame, view, self._resolution, wanted, square=sink.square_pixels)
            sink.write(picture, frame.index, frame.timestamp_s)

    def finish(self) -> None:
        """Note that the source has come to its end."""
        if not self.full:
            for _, sink in self._sinks:
                sink.finish()

    def kept(self) -> list[str]:
        """Return, when they are closed, the names of those that can be played."""
        return [name for _, sink in self._sinks if (name := sink.kept())]

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


def _format_for(sink: Sink, frame: CompositeFrame, view: str) -> YuvFormat | None:
    """The form in which a sink gets the views of a frame: the frame's own planes if it takes them, else BGR."""
    own = format_of(frame.result.frame.picture)
    return own if own and view != "alpha" and sink.takes(own) else None

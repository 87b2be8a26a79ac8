"""Images and videos as backgrounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType

import cv2

from background_subtraction.image_files import IMAGE_SUFFIXES, over_black, read_image
from background_subtraction.sources.base import Source
from background_subtraction.sources.open import open_source
from background_subtraction.sources.reader_thread import Prefetched
from model_api.arrays import require_image
from model_api.pictures.picture import Picture, in_format, with_planes
from model_api.pictures.yuv_image import Plane, YuvFormat
from model_api.resize import cover, resize_picture, shown_size
from model_api.results import Result
from model_api.types import Frame, Image, Size

LIVE_GAP_S = Fraction(2)
"""A video that was not shown for longer, as while the effect is off, does not catch up: it would read all of it."""


def open_media(
    target: str,
    blur_px: int = 0,
    pixel_aspect: Fraction = Fraction(1),
    *,
    live: bool = False,
    elapsed_s: Fraction = Fraction(0),
) -> StillBackground | MovingBackground:
    """Open an image, images, a video, a camera or a stream. Arguments and errors: see `backgrounds.open_background`."""
    if Path(target).suffix.lower() in IMAGE_SUFFIXES and Path(target).is_file():
        return StillBackground(read_image(Path(target)), blur_px, pixel_aspect)
    return MovingBackground(open_source(target, loop=True), blur_px, pixel_aspect, live=live, elapsed_s=elapsed_s)


class StillBackground:
    """An image that fills the frame and keeps its aspect ratio."""

    def __init__(self, image: Image, blur_px: int = 0, pixel_aspect: Fraction = Fraction(1)) -> None:
        """Raise ShapeError unless `image` is (H, W, 3) uint8 BGR."""
        require_image("image", image)
        self._image = image
        self._pixel_aspect = pixel_aspect
        self._fitted = lru_cache(maxsize=2)(
            lambda size, wanted: in_format(_prepared(image, size, blur_px, pixel_aspect), wanted)
        )

    def __enter__(self) -> StillBackground:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def with_blur(self, blur_px: int) -> StillBackground:
        """The same image, blurred otherwise."""
        return StillBackground(self._image, blur_px, self._pixel_aspect)

    def at(self, result: Result, wanted: YuvFormat | None = None) -> Picture:
        """Return the image at the frame's size."""
        return self._fitted(result.frame.size, wanted)


class _Clock:
    """A background's seconds: they begin with the first frame that gets one."""

    def __init__(self, longest_gap_s: Fraction | None, elapsed_s: Fraction) -> None:
        """Set it.

        Args:
            longest_gap_s: the background stands still in longer pauses between frames. None: it never does.
            elapsed_s: the background's second at the first frame.
        """
        self._longest_gap_s = longest_gap_s
        self._before_s: Fraction | None = None
        self._seconds = elapsed_s

    def at(self, time_s: Fraction) -> Fraction:
        step_s = time_s - (time_s if self._before_s is None else self._before_s)
        self._before_s = time_s
        if self._longest_gap_s is None or step_s <= self._longest_gap_s:
            self._seconds += step_s
        return self._seconds


class MovingBackground:
    """A looped video, in step by time: what it shows at second t is the background of the frame at second t.

    The two frame rates may differ. t counts from the first frame that gets a background.
    """

    def __init__(
        self,
        source: Source,
        blur_px: int = 0,
        pixel_aspect: Fraction = Fraction(1),
        *,
        live: bool = False,
        elapsed_s: Fraction = Fraction(0),
    ) -> None:
        """Take a source that loops.

        Args:
            source: the video.
            blur_px: as `open_background` takes it.
            pixel_aspect: as `open_background` takes it.
            live: as `open_background` takes it.
            elapsed_s: as `open_background` takes it.
        """
        self._clock = _Clock(LIVE_GAP_S if live else None, elapsed_s)
        self._source = source
        self._pixel_aspect = pixel_aspect / source.info.form.pixel_aspect
        self._reader = Prefetched(source)
        self._frames = _far_ahead(self._reader, elapsed_s)
        self._shown: deque[Frame] = deque()
        self._fitted = _fitting(blur_px, self._pixel_aspect)

    def __enter__(self) -> MovingBackground:
        self._source.__enter__()
        self._reader.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.__exit__(kind, error, trace)
        self._source.__exit__(kind, error, trace)

    def with_blur(self, blur_px: int) -> MovingBackground:
        """The same video, which goes on, blurred otherwise. This one closes it."""
        other = copy(self)
        other._fitted = _fitting(blur_px, self._pixel_aspect)
        return other

    def at(self, result: Result, wanted: YuvFormat | None = None) -> Picture:
        """Return what the video shows at the frame's time, at the frame's size."""
        time_s = self._clock.at(result.frame.timestamp_s)
        return self._fitted(self._frame_at(time_s), result.frame.size, wanted)

    def _frame_at(self, time_s: Fraction) -> Frame:
        """The last frame that is due; the first one, before it is due. `_shown` holds it and the one after it."""
        while len(self._shown) < 2 or self._shown[1].timestamp_s <= time_s:
            frame = next(self._frames, None)
            if frame is None:
                break
            if len(self._shown) == 2:
                self._shown.popleft()
            self._shown.append(frame)
        return self._shown[-1] if self._shown[-1].timestamp_s <= time_s else self._shown[0]


def _far_ahead(frames: Iterable[Frame], elapsed_s: Fraction) -> Iterator[Frame]:
    """The frames of a loop, without the whole turns between the first, which tells how long they are, and `elapsed_s`.

    What follows has the times that it would have.
    """
    passed_s, first_turn = Fraction(0), True
    for frame in frames:
        if first_turn and frame.clip == 1:
            first_turn = False
            turns = max(0, elapsed_s // frame.timestamp_s - 1)
            passed_s = turns * frame.timestamp_s
        yield replace(frame, timestamp_s=frame.timestamp_s + passed_s) if passed_s else frame


def _fitting(blur_px: int, pixel_aspect: Fraction) -> Callable[[Frame, Size, YuvFormat | None], Picture]:
    return lru_cache(maxsize=2)(
        lambda frame, size, wanted: in_format(_prepared(_opaque(frame), size, blur_px, pixel_aspect), wanted)
    )


def _opaque(frame: Frame) -> Picture:
    """Black where the background itself is transparent. Pictures with an alpha are BGR."""
    return frame.picture if frame.opacity is None else over_black(frame.image, frame.opacity)


def _prepared(picture: Picture, size: Size, blur_px: int, pixel_aspect: Fraction) -> Picture:
    """pixel_aspect: that of the frames, by that of the picture."""
    fitted = resize_picture(cover(picture, shown_size(size, pixel_aspect)), size)
    return with_planes(fitted, partial(_blurred, blur_px / size[0]), size) if blur_px else fitted


def _blurred(share: float, plane: Plane, size: Size) -> Plane:
    """share: the width of the box that blurs like it, of the picture's width."""
    return cv2.GaussianBlur(plane, (0, 0), max(share * size[0] / 12**0.5, 0.3))

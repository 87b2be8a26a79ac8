"""The views of one frame: the composite, the alpha, the foreground, and others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

import cv2

from background_subtraction.compositing.backgrounds import Background, Unchanged, plain
from model_api.mattes.compositing import blend
from model_api.pictures.picture import Picture, in_format, size_of
from model_api.pictures.yuv_image import CHROMA_STEPS, YuvFormat, YuvImage, yuv_of_levels
from model_api.resize import fit_to_window, resize_picture, shown_size
from model_api.results import Result
from model_api.types import Image, Levels, Size


@dataclass(frozen=True, eq=False)
class CompositeFrame:
    """A result over its own background. Each view is made once in each format, when it is first needed.

    Views are shared: do not write to them.

    Args:
        result: the frame and its matte.
        background: what has the frame's background.
        pixel_aspect: the width of the frame's pixels by their height.
    """

    result: Result
    background: Background
    pixel_aspect: Fraction = Fraction(1)
    _made: dict[tuple[str, YuvFormat | None], Picture] = field(default_factory=dict, init=False, repr=False)

    @property
    def index(self) -> int:
        """The number of the frame in the run."""
        return self.result.frame.index

    @property
    def timestamp_s(self) -> Fraction:
        """Its time since the first frame."""
        return self.result.frame.timestamp_s

    @cached_property
    def levels(self) -> Levels:
        """(H, W) uint8, alpha in 255ths: the matte's times the input's own."""
        levels, opacity = self.result.matte.levels, self.result.frame.opacity
        return levels if opacity is None else cv2.multiply(levels, opacity, scale=1 / 255)

    def view(self, name: str, wanted: YuvFormat | None = None) -> Picture:
        """A view of the frame.

        Args:
            name: one of VIEWS.
            wanted: the format of its planes. None for arrays: (H, W, 3) uint8 BGR, of "alpha" (H, W) uint8, of
                "transparent" (H, W, 4) BGRA.
        """
        if (name, wanted) not in self._made:
            self._made[name, wanted] = VIEWS[name](self, wanted)
        return self._made[name, wanted]


def _over(frame: CompositeFrame, background: Picture) -> Picture:
    """What the input itself leaves transparent shows the background. Inputs with an alpha are BGR."""
    over, opacity = frame.result.matte.over(background), frame.result.frame.opacity
    if opacity is None or isinstance(over, YuvImage) or isinstance(background, YuvImage):
        return over
    flat: Image = blend(over.reshape(-1, 3), background.reshape(-1, 3), opacity.ravel())
    return flat.reshape(over.shape)


def _composite(frame: CompositeFrame, wanted: YuvFormat | None) -> Picture:
    """The person over the background."""
    if isinstance(frame.background, Unchanged):
        return frame.background.at(frame.result, wanted)
    return _over(frame, frame.background.at(frame.result, wanted))


def _alpha(frame: CompositeFrame, wanted: YuvFormat | None) -> Picture:
    """(H, W) uint8, 255 where the person is."""
    levels = frame.levels
    return levels if wanted is None else yuv_of_levels(levels, wanted)


def _foreground(frame: CompositeFrame, wanted: YuvFormat | None) -> Picture:
    """The person's colours over black."""
    return _over(frame, plain((0, 0, 0), frame.result.frame.size, wanted))


def _side_by_side(frame: CompositeFrame, wanted: YuvFormat | None) -> Picture:
    """The input frame with the composite to its right."""
    original, composite = in_format(frame.result.frame.picture, wanted), frame.view("composite", wanted)
    if isinstance(original, YuvImage) and isinstance(composite, YuvImage) and wanted:
        if original.size[0] % CHROMA_STEPS[wanted.chroma][0] == 0:
            y, u, v = (cv2.hconcat(pair) for pair in zip(original.planes, composite.planes, strict=True))
            return YuvImage(y, u, v, wanted.space)
        return in_format(cv2.hconcat([original.bgr, composite.bgr]), wanted)  # chroma would begin within a sample
    return cv2.hconcat([original, composite])


def _transparent(frame: CompositeFrame, wanted: YuvFormat | None) -> Picture:
    """The person's colours with straight alpha. Where it is 0, they are black."""
    colours, levels = frame.result.matte.cut_out(wanted), frame.levels
    if isinstance(colours, YuvImage):
        return replace(colours, alpha=levels)
    if frame.result.frame.opacity is not None:
        colours = cv2.copyTo(colours, levels)
    return cv2.merge([*cv2.split(colours), levels])


VIEWS: Mapping[str, Callable[[CompositeFrame, YuvFormat | None], Picture]] = {
    "composite": _composite,
    "alpha": _alpha,
    "foreground": _foreground,
    "side by side": _side_by_side,
    "transparent": _transparent,
}


def view_at_size(
    frame: CompositeFrame, view: str, resolution: Size | None, wanted: YuvFormat | None = None, *, square: bool
) -> Picture:
    """Make a view, scaled up or down to fit into a size.

    Args:
        frame: the frame.
        view: one of VIEWS.
        resolution: the (width, height) to fit into. None: the view's own size.
        wanted: as `CompositeFrame.view` takes it.
        square: whether it gets square pixels.
    """
    picture = frame.view(view, wanted)
    return resize_picture(picture, _fitted(size_of(picture), resolution, frame.pixel_aspect if square else Fraction(1)))


def size_of_view(view: str, frame_wh: Size, resolution: Size | None, pixel_aspect: Fraction) -> Size:
    """The (width, height) of what `view_at_size` gives for a frame of `frame_wh`.

    pixel_aspect: that of the frame where the view gets square pixels, else 1.
    """
    width, height = frame_wh
    return _fitted((2 * width if view == "side by side" else width, height), resolution, pixel_aspect)


def _fitted(view_wh: Size, resolution: Size | None, pixel_aspect: Fraction) -> Size:
    shown = shown_size(view_wh, pixel_aspect)
    return shown if resolution is None else fit_to_window(shown, resolution).placed[2:]

"""The views of one frame: the composite, the alpha, the foreground, and others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import cv2
import numpy as np

from model_api.mattes.matte import blend
from model_api.resize import fit_to_window, resize
from model_api.results import Result
from model_api.types import Image, Size


@dataclass(frozen=True, eq=False)
class CompositeFrame:
    """A result over its own background. Each view is made once, when it is first needed.

    Views are (H, W, 3) uint8 BGR where they do not say otherwise. They are shared: do not write to them.

    Args:
        result: the frame and its matte.
        background: (H, W, 3) uint8 BGR of the frame's size.
    """

    result: Result
    background: Image

    @property
    def index(self) -> int:
        """The number of the frame in the run."""
        return self.result.frame.index

    @property
    def timestamp_s(self) -> Fraction:
        """Its time since the first frame."""
        return self.result.frame.timestamp_s

    @property
    def original(self) -> Image:
        """The input frame."""
        return self.result.frame.image

    @cached_property
    def composite(self) -> Image:
        """The person over the background."""
        return self._over(self.background)

    @cached_property
    def alpha(self) -> Image:
        """(H, W) uint8, 255 where the person is."""
        levels, opacity = self.result.matte.levels, self.result.frame.opacity
        return levels if opacity is None else cv2.multiply(levels, opacity, scale=1 / 255)

    @cached_property
    def transparent(self) -> Image:
        """(H, W, 4) uint8 BGRA, the alpha straight. Where it is 0, the colours are black."""
        colours = cv2.copyTo(self.result.matte.foreground, self.alpha)
        return cv2.merge([*cv2.split(colours), self.alpha])

    @cached_property
    def foreground(self) -> Image:
        """The person's colours over black."""
        return self._over(np.zeros_like(self.original))

    @cached_property
    def side_by_side(self) -> Image:
        """The input frame with the composite to its right."""
        return cv2.hconcat([self.original, self.composite])

    def _over(self, background: Image) -> Image:
        """What the input itself leaves transparent shows the background."""
        opacity, over = self.result.frame.opacity, self.result.matte.over(background)
        return over if opacity is None else blend(over, background, opacity)

    def render(self, views: Iterable[str]) -> None:
        """Make these views now; the composite, if there are none."""
        for view in tuple(views) or ("composite",):
            VIEWS[view](self)


VIEWS: dict[str, Callable[[CompositeFrame], Image]] = {
    "composite": lambda frame: frame.composite,
    "alpha": lambda frame: frame.alpha,
    "foreground": lambda frame: frame.foreground,
    "side by side": lambda frame: frame.side_by_side,
    "transparent": lambda frame: frame.transparent,
}


def view_at_size(frame: CompositeFrame, view: str, resolution: Size | None) -> Image:
    """Make a view, scaled up or down to fit into `resolution` (width, height). None: the view's own size."""
    image = VIEWS[view](frame)
    height, width = image.shape[:2]
    return resize(image, _fitted((width, height), resolution))


def size_of_view(view: str, frame_wh: Size, resolution: Size | None) -> Size:
    """The (width, height) of what `view_at_size` gives for a frame of `frame_wh`."""
    width, height = frame_wh
    return _fitted((2 * width if view == "side by side" else width, height), resolution)


def _fitted(view_wh: Size, resolution: Size | None) -> Size:
    return view_wh if resolution is None else fit_to_window(view_wh, resolution).placed[2:]

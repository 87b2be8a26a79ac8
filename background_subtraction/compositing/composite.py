"""What there is to see of one frame: the composite, the alpha, the foreground, and how they are laid out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import cv2
import numpy as np

from model_api.resize import resize, scaled_inside
from model_api.results import Result
from model_api.types import Image, Size


@dataclass(frozen=True, eq=False)
class Picture:
    """A result over its own background; every view is made once, when it is first asked for.

    background: (H, W, 3) uint8 BGR of the frame's size. Views are (H, W, 3) uint8 BGR where
    they do not say otherwise, and nobody writes to them.
    """

    result: Result
    background: Image

    @property
    def index(self) -> int:
        return self.result.frame.index

    @property
    def timestamp_s(self) -> Fraction:
        return self.result.frame.timestamp_s

    @property
    def original(self) -> Image:
        return self.result.frame.image

    @cached_property
    def composite(self) -> Image:
        return self.result.matte.over(self.background)

    @property
    def alpha(self) -> Image:
        """(H, W) uint8, 255 where the person is."""
        return self.result.matte.levels

    @cached_property
    def transparent(self) -> Image:
        """(H, W, 4) uint8 BGRA, the alpha straight. Where nobody is, nothing of the scene is left in the colours."""
        colours = cv2.copyTo(self.result.matte.foreground, self.alpha)
        return cv2.merge([*cv2.split(colours), self.alpha])

    @cached_property
    def foreground(self) -> Image:
        """The person's colours over black."""
        return self.result.matte.over(np.zeros_like(self.original))

    @cached_property
    def side_by_side(self) -> Image:
        return cv2.hconcat([self.original, self.composite])

    def render(self, views: Iterable[str]) -> None:
        """Make these views now; the composite, where none is asked for."""
        for view in tuple(views) or ("composite",):
            VIEWS[view](self)


VIEWS: dict[str, Callable[[Picture], Image]] = {
    "composite": lambda picture: picture.composite,
    "alpha": lambda picture: picture.alpha,
    "foreground": lambda picture: picture.foreground,
    "side by side": lambda picture: picture.side_by_side,
    "transparent": lambda picture: picture.transparent,
}


def laid_out(picture: Picture, view: str, limit: Size | None) -> Image:
    """A view, made smaller where it exceeds `limit` (width, height)."""
    image = VIEWS[view](picture)
    height, width = image.shape[:2]
    return image if limit is None else resize(image, scaled_inside((width, height), limit))

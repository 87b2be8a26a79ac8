"""The empty scene that some models compare with: named at the start, or captured during the run."""

from __future__ import annotations

import logging
from dataclasses import replace

from background_subtraction.sources.base import SourceInfo
from background_subtraction.sources.open import open_source
from model_api.errors import ModelContractError
from model_api.models.plate_light import shows_another_view
from model_api.pictures.picture import Picture, require_picture
from model_api.resize import resize_picture
from model_api.types import Frame

CHECK_EVERY = 10
MISFITS = 5
"""Checks in a row, because a person who comes close to the camera for a moment is no reason to warn."""
MISFIT = (
    "The clean plate does not show the scene behind the person: the camera was moved, or this is another room. "
    "Capture another with B, or name another one"
)

log = logging.getLogger(__name__)


class CleanPlate:
    """Attaches the current plate to each frame that starts through the pipeline.

    A plate that shows another view than the frames is warned about, once.
    """

    def __init__(self, *, needed: bool, picture: Picture | None = None) -> None:
        """Begin with a plate, or without.

        Args:
            needed: whether the model compares with a plate.
            picture: the plate, None to take the first frame.

        Raises:
            ShapeError: not a picture.
        """
        if picture is not None:
            require_picture("clean_plate", picture)
        self._needed = needed
        self._picture = picture
        self._frames = 0
        self._misfits = 0

    def capture(self, frame: Frame) -> None:
        """Take this frame for the empty scene from now on."""
        if not self._needed:
            log.info("B captures the empty scene for models that compare with it. This one does not")
            return
        self._picture = frame.picture
        log.info("Frame %d is the empty scene from now on", frame.index)

    def attached(self, frame: Frame, *, needed: bool = True) -> Frame:
        """Attach the plate; without one, the first frame is the plate.

        Args:
            frame: the frame.
            needed: whether the model that computes it compares with a plate. If not, the frame passes unchanged.
        """
        self._needed = needed
        if not needed:
            return frame
        if self._picture is None:
            self._picture = frame.picture
        self._check(self._picture, frame)
        return replace(frame, clean_plate=self._picture)

    def _check(self, plate: Picture, frame: Frame) -> None:
        self._frames += 1
        if (self._frames - 1) % CHECK_EVERY or self._misfits == MISFITS:
            return
        self._misfits = self._misfits + 1 if shows_another_view(plate, frame.picture) else 0
        if self._misfits == MISFITS:
            log.warning(MISFIT)


def open_clean_plate(address: str | None, source: SourceInfo, *, needed: bool, interactive: bool) -> CleanPlate:
    """Read the plate.

    Args:
        address: an image, or a pattern or a video, whose first frame is taken. None if the user names no plate.
        source: what the plate must fit.
        needed: whether the model compares with a plate.
        interactive: whether a key can capture a plate later.

    Raises:
        ModelContractError: the model needs a plate, and there is no way to get one.
        SourceError: it cannot be read.
    """
    if not needed:
        if address is not None:
            log.warning("Clean plate %s is not used: this model does not compare with the empty scene", address)
        return CleanPlate(needed=False)
    if address is None:
        if not interactive:
            raise ModelContractError(
                "none, but this model compares each frame with the empty scene. Name an image or a video of it, or use "
                "the window and press B",
                "clean_plate",
            )
        log.warning("No clean plate: the first frame is the empty scene until B captures another")
        return CleanPlate(needed=True)
    with open_source(address) as plates:
        plate = next(iter(plates))
    if plate.size != source.size:
        log.warning(
            "The clean plate is %d×%d and the input %d×%d: it is resized, and must still show the very same view",
            *plate.size, *source.size,
        )  # fmt: skip
    return CleanPlate(needed=True, picture=resize_picture(plate.picture, source.size))

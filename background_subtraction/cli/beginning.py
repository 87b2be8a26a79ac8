"""What both commands do first, before OpenCV is imported."""

from __future__ import annotations

import logging
import os
import sys


def begin() -> None:
    """Limit the pixels of an image, as `model_api.pictures.encoded` has it, and let log lines go to stdout."""
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 27))  # OpenCV looks only when it is imported
    logging.basicConfig(format="[ %(levelname)s ] %(message)s", level=logging.INFO, stream=sys.stdout)
    logging.raiseExceptions = False  # a reader that has gone, as in "| head", is no error

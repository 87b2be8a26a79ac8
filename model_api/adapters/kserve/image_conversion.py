"""Images as a network takes and answers them, for adapters that cannot put this into the network itself."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from model_api.layouts import layout_of
from model_api.preprocessing import ImageInput
from model_api.types import Image

LEVELS = np.arange(256, dtype=np.float32)


def to_network(image: Image, image_input: ImageInput, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Convert an image to the layout, colour order, scale and type of a network.

    Args:
        image: 1×H×W×3 uint8 BGR.
        image_input: layout and preprocessing of the network's input.
        dtype: its type.

    Returns:
        1×3×H×W or 1×H×W×3 of that type.
    """
    preprocessing = image_input.preprocessing
    planes = cv2.split(image[0])
    if preprocessing.channels == "RGB":
        planes = planes[::-1]
    # A pixel has 256 values: to look the result up costs less than to compute it. Times 1 / scale, as OpenVINO does it:
    # the last bit of an input moves a recurrent network's alphas by up to 3e-4.
    tables = [
        (LEVELS - mean) * np.float32(1 / scale)
        for mean, scale in zip(preprocessing.mean, preprocessing.scale, strict=True)
    ]
    values = [cv2.LUT(plane, table) for plane, table in zip(planes, tables, strict=True)]
    joined = np.stack(values) if image_input.layout == "NCHW" else cv2.merge(values)
    return joined[np.newaxis].astype(dtype, copy=False)


def from_network(foreground: npt.NDArray[Any]) -> Image:
    """Convert a network's foreground to an image.

    Args:
        foreground: 1×3×H×W or 1×H×W×3, floating point RGB in [0, 1], or uint8 BGR.

    Returns:
        1×H×W×3 uint8 BGR.
    """
    channels_first = layout_of(foreground.shape) == "NCHW"
    if foreground.dtype == np.uint8:
        return np.ascontiguousarray(np.moveaxis(foreground, 1, -1)) if channels_first else foreground
    rgb = foreground[0].astype(np.float32, copy=False)
    planes = tuple(rgb) if channels_first else cv2.split(rgb)
    bgr = [cv2.multiply(plane, 255.0, dtype=cv2.CV_8U) for plane in reversed(planes)]
    return cv2.merge(bgr)[np.newaxis]

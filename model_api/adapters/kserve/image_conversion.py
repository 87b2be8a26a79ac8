"""Pictures as a network takes and gives them, for adapters that cannot put this into the network itself."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from model_api.preprocessing import ImageInput
from model_api.types import Image

LEVELS = np.arange(256, dtype=np.float32)


def to_network(picture: Image, image: ImageInput, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """picture: 1×H×W×3 uint8 BGR. Returns the same in the layout, colour order, scale and type of the network."""
    wanted = image.preprocessing
    planes = cv2.split(picture[0])
    if wanted.channels == "RGB":
        planes = planes[::-1]
    # A pixel has 256 values: to look the result up costs less than to compute it. Times 1 / scale, as OpenVINO does it:
    # the last bit of an input moves a recurrent network's alphas by up to 3e-4.
    tables = [(LEVELS - mean) * np.float32(1 / scale) for mean, scale in zip(wanted.mean, wanted.scale, strict=True)]
    numbers = [cv2.LUT(plane, table) for plane, table in zip(planes, tables, strict=True)]
    together = np.stack(numbers) if image.layout == "NCHW" else cv2.merge(numbers)
    return together[np.newaxis].astype(dtype, copy=False)


def from_network(answer: npt.NDArray[Any]) -> Image:
    """A foreground, float RGB in [0, 1] of 1×3×H×W or 1×H×W×3, as 1×H×W×3 uint8 BGR. Bytes are pixels already."""
    channels_last = answer.shape[-1] == 3
    if answer.dtype == np.uint8:
        return answer if channels_last else np.ascontiguousarray(np.moveaxis(answer, 1, -1))
    rgb = answer[0].astype(np.float32, copy=False)
    planes = cv2.split(rgb) if channels_last else tuple(rgb)
    bgr = [cv2.multiply(plane, 255.0, dtype=cv2.CV_8U) for plane in reversed(planes)]
    return cv2.merge(bgr)[np.newaxis]

"""The application: frames in, composited frames out.

`convert_video` raises errors of one tree, `BackgroundSubtractionError`: `model_api.errors` draws it.
"""

from background_subtraction.converter import convert_video
from background_subtraction.report import Report
from model_api import (
    BackgroundSubtractionError,
    DeviceError,
    DisplayError,
    InferenceError,
    ModelContractError,
    ModelError,
    ModelFileError,
    OptionError,
    ShapeError,
    SinkError,
    SourceError,
)

__all__ = [
    "BackgroundSubtractionError",
    "DeviceError",
    "DisplayError",
    "InferenceError",
    "ModelContractError",
    "ModelError",
    "ModelFileError",
    "OptionError",
    "Report",
    "ShapeError",
    "SinkError",
    "SourceError",
    "convert_video",
]

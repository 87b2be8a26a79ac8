"""From a frame to its matte, on OpenVINO.

Example:
    from model_api import AsyncPipeline, Frame, create_model

    with create_model("rvm.xml", device="CPU") as model:
        frames = (Frame(index, image) for index, image in enumerate(images))
        for result in AsyncPipeline(model).run(frames):
            result.matte.alpha                       # (H, W) float32 in [0, 1]
            result.matte.foreground                  # (H, W, 3) uint8 BGR
            result.matte.over(background)            # (H, W, 3) uint8 BGR

Every error is a `BackgroundSubtractionError`; `model_api.errors` draws the tree.
"""

from model_api import errors
from model_api import telemetry as telemetry  # before anything imports openvino

# isort: split
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.create import create_model
from model_api.errors import (
    BackgroundSubtractionError,
    BatchError,
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
from model_api.mattes.matte import DenseMatte, Matte
from model_api.models.base import MattingModel, ModelOptions
from model_api.models.robust_video_matting import auto_downsample_ratio
from model_api.pipelines.async_pipeline import AsyncPipeline
from model_api.preprocessing import Override, Preprocessing
from model_api.results import Result
from model_api.types import Frame

__all__ = [
    "AsyncPipeline",
    "BackgroundSubtractionError",
    "BatchError",
    "DenseMatte",
    "DeviceError",
    "DisplayError",
    "Frame",
    "InferenceError",
    "InferenceOptions",
    "Matte",
    "MattingModel",
    "ModelContractError",
    "ModelError",
    "ModelFileError",
    "ModelOptions",
    "OptionError",
    "Override",
    "Preprocessing",
    "Result",
    "ShapeError",
    "SinkError",
    "SourceError",
    "auto_downsample_ratio",
    "create_model",
    "errors",
]

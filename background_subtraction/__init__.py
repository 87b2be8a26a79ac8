"""The application: frames in, composited frames out.

`convert_video` and `convert_videos` raise errors of one tree, `BackgroundSubtractionError`, which `model_api.errors`
draws.
"""

TYPE_CHECKING = False

__all__ = [
    "BackgroundSubtractionError",
    "BatchError",
    "ClipReport",
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
    "__version__",
    "convert_video",
    "convert_videos",
]

__version__ = "0.1.0"

if TYPE_CHECKING:
    from background_subtraction.batch.clip_report import ClipReport
    from background_subtraction.library.convert_video import convert_video
    from background_subtraction.library.convert_videos import convert_videos
    from background_subtraction.report import Report
    from model_api import (
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
else:

    def __getattr__(name: str) -> object:
        """Load what is exported at its first use, so that the command can start and say which library is missing."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        own = {
            "ClipReport": "background_subtraction.batch.clip_report",
            "convert_video": "background_subtraction.library.convert_video",
            "convert_videos": "background_subtraction.library.convert_videos",
            "Report": "background_subtraction.report",
        }
        return getattr(import_module(own.get(name, "model_api")), name)

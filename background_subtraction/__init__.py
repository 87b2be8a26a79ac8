"""The application: frames in, composited frames out.

`convert_video` raises errors of one tree, `BackgroundSubtractionError`: `model_api.errors` draws it.
"""

TYPE_CHECKING = False

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
    "__version__",
    "convert_video",
]

__version__ = "0.1.0"

if TYPE_CHECKING:
    from background_subtraction.conversion import convert_video
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
else:

    def __getattr__(name: str) -> object:
        """Load what is exported at its first use, so that the command can start and say which library is missing."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        own = {"convert_video": "background_subtraction.conversion", "Report": "background_subtraction.report"}
        return getattr(import_module(own.get(name, "model_api")), name)

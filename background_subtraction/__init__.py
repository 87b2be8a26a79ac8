"""The application: frames in, composited frames out."""

from typing import TYPE_CHECKING

__all__ = ["__version__", "convert_video"]

__version__ = "0.1.0"

if TYPE_CHECKING:
    from background_subtraction.converter import convert_video
else:

    def __getattr__(name: str) -> object:
        """Load `convert_video` at its first use, so that the command can start and say which library is missing."""
        if name != "convert_video":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from background_subtraction.converter import convert_video

        return convert_video

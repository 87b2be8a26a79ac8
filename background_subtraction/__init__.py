"""The application: frames in, composited frames out."""

from background_subtraction.converter import convert_video

__all__ = ["convert_video"]

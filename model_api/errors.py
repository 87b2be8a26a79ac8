"""Every error that this project raises on purpose, in one tree.

    BackgroundSubtractionError
    ├── OptionError              a value that a parameter does not take
    ├── ModelError
    │   ├── ModelFileError       the file is missing, corrupt, or of no format that is read here
    │   ├── ModelContractError   a network whose inputs and outputs match no known model, or that is used against it
    │   ├── DeviceError          no such device, or it refuses the network or a setting
    │   └── InferenceError       the device failed while it computed
    ├── ShapeError               an array of another shape or type than expected, or arrays that do not belong together
    ├── SourceError              frames cannot be read
    ├── SinkError                results cannot be written
    └── DisplayError             no window can be shown

A message says what, got, expected, and what to do next, in one line: the command prints it as it is. An error about one
parameter has its name in `parameter`, and begins with it; who calls it by another name, as the command does with its
options, says so with `renamed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class BackgroundSubtractionError(Exception):
    """The root: catch this one to catch them all.

    parameter: the name of the parameter that it is about, "" for none. The text begins with it.
    """

    def __init__(self, message: str = "", parameter: str = "") -> None:
        super().__init__(message)
        self.parameter = parameter

    def __str__(self) -> str:
        message = super().__str__()
        return f"{self.parameter}: {message}" if self.parameter else message


class OptionError(BackgroundSubtractionError):
    """A value that a parameter of a call, or an option of the command, does not take."""


class ModelError(BackgroundSubtractionError):
    """Something about the network."""


class ModelFileError(ModelError):
    """The model file is missing, corrupt, or of a format that is not read here."""


class ModelContractError(ModelError):
    """The network's inputs and outputs match no known model, or are used against its contract."""


class DeviceError(ModelError):
    """No such device, or it refuses the network or a setting."""


class InferenceError(ModelError):
    """The device failed while it computed."""


class ShapeError(BackgroundSubtractionError):
    """An array of another shape or type than expected, or arrays that do not belong together."""


class SourceError(BackgroundSubtractionError):
    """Frames cannot be read."""


class SinkError(BackgroundSubtractionError):
    """Results cannot be written."""


class DisplayError(BackgroundSubtractionError):
    """No window can be shown."""


@contextmanager
def renamed(names: Mapping[str, str]) -> Iterator[None]:
    """Errors from within are about the caller's own parameters. names: parameter -> what the caller calls it."""
    try:
        yield
    except BackgroundSubtractionError as error:
        error.parameter = names.get(error.parameter, error.parameter)
        raise

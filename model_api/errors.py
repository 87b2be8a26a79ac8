"""Every error that this project raises on purpose, in one tree.

    BackgroundSubtractionError
    ├── OptionError              a value that a parameter does not take
    ├── ModelError
    │   ├── ModelFileError       the file is missing, corrupt, or of a format that is not read
    │   ├── ModelContractError   inputs and outputs match no known model, or are used against its contract
    │   ├── DeviceError          no such device, or it refuses the network or a setting
    │   └── InferenceError       the device failed while it computed
    ├── ShapeError               an array of another shape or type than expected, or arrays that do not go together
    ├── SourceError              frames cannot be read
    ├── SinkError                results cannot be written
    ├── BatchError               some clips of several failed; the others were done
    └── DisplayError             no window can be shown

A message says in one line what is wrong, what was expected, and what to do next: the command prints it as it is. Names
and messages of others in it are made printable: nothing of them is a command to a terminal. An
error about one parameter has its name in `parameter`, and begins with it. Callers that have another name for the
parameter, as the command has for its options, use `renamed`; that of a second parameter stands in the text like `this`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from model_api.terminal.foreign_text import printable


class BackgroundSubtractionError(Exception):
    """The root: catch this one to catch all.

    Attributes:
        parameter: the name of the parameter that it is about, "" for none. The text begins with it.
    """

    def __init__(self, message: str = "", parameter: str = "") -> None:
        """Make an error.

        Args:
            message: one line: what is wrong, what was expected, what to do next.
            parameter: the name of the parameter that it is about.
        """
        super().__init__(message)
        self.parameter = parameter

    def __str__(self) -> str:
        message = printable(" ".join(super().__str__().splitlines()))
        return f"{self.parameter}: {message}" if self.parameter else message


class OptionError(BackgroundSubtractionError):
    """A value that a parameter of a call, or an option of the command, does not take."""


class ModelError(BackgroundSubtractionError):
    """Something about the network."""


class ModelFileError(ModelError):
    """The model file is missing, corrupt, or of a format that is not read."""


class ModelContractError(ModelError):
    """The network's inputs and outputs match no known model, or are used against its contract."""


class DeviceError(ModelError):
    """No such device, or it refuses the network or a setting."""


class InferenceError(ModelError):
    """The device failed while it computed."""


class ShapeError(BackgroundSubtractionError):
    """An array of another shape or type than expected, or arrays that do not go together."""


class SourceError(BackgroundSubtractionError):
    """Frames cannot be read."""


class SinkError(BackgroundSubtractionError):
    """Results cannot be written."""


class BatchError(BackgroundSubtractionError):
    """Some clips of several failed; the others were done."""


class DisplayError(BackgroundSubtractionError):
    """No window can be shown."""


QUOTED = re.compile(r"`([a-z_]+)`")


@contextmanager
def renamed(names: Mapping[str, str]) -> Iterator[None]:
    """Give errors from within the caller's own names of parameters.

    Args:
        names: parameter -> the caller's name of it.
    """
    try:
        yield
    except BackgroundSubtractionError as error:
        error.parameter = names.get(error.parameter, error.parameter)
        error.args = tuple(QUOTED.sub(lambda found: names.get(found[1], found[0]), text) for text in error.args)
        raise

"""Every error that this project raises on purpose, in one tree.

    BackgroundSubtractionError
    ├── OptionError              a value on the command line or in a call is of no use
    ├── ModelError
    │   ├── ModelFileError       the file is missing, corrupt, or of no format that is read here
    │   ├── ModelContractError   a network whose inputs and outputs match no known model
    │   ├── DeviceError          no such device, or it refuses the network or a setting
    │   └── InferenceError       the device failed while it computed
    ├── ShapeError               arrays of shapes that do not belong together
    ├── SourceError              frames cannot be read
    ├── SinkError                results cannot be written
    └── DisplayError             no window can be shown

A message says what, got, expected, and what to do next, in one line: the command prints it as it is.
"""


class BackgroundSubtractionError(Exception):
    """The root: catch this one to catch them all."""


class OptionError(BackgroundSubtractionError):
    """A value on the command line or in a call is of no use."""


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
    """Arrays of shapes that do not belong together."""


class SourceError(BackgroundSubtractionError):
    """Frames cannot be read."""


class SinkError(BackgroundSubtractionError):
    """Results cannot be written."""


class DisplayError(BackgroundSubtractionError):
    """No window can be shown."""

"""Nothing leaves the machine: OpenVINO's telemetry is switched off.

`import openvino`, its converter and NNCF each send an event, with a lasting identifier, where the package
openvino-telemetry is installed, and pip installs it along with openvino. They do without it when it cannot be imported,
so importing this module, before openvino, makes it one that cannot. With `BACKGROUND_SUBTRACTION_TELEMETRY=1` in the
environment it is left alone; then Intel's own `opt_in_out` decides.
"""

import os
import sys

ALLOWED = "BACKGROUND_SUBTRACTION_TELEMETRY"
PACKAGE = "openvino_telemetry"

if os.environ.get(ALLOWED) != "1" and PACKAGE not in sys.modules:
    sys.modules[PACKAGE] = None  # type: ignore[assignment]  # what makes an import of it fail

"""What is done to models before and beside the demo: `python -m model_tools TOOL`."""

from model_api import telemetry as telemetry  # before a tool imports openvino

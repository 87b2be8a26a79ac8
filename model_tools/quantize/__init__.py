"""The tool `quantize`: 8-bit models, calibrated on clips."""

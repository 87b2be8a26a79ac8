"""OpenVINO graphs before they are compiled."""

#!/usr/bin/env python3
"""Puts the person in a video, camera or image over another background. See --help and README.md."""

from __future__ import annotations

import sys

from background_subtraction.cli.main import main

if __name__ == "__main__":
    sys.exit(main(program="background_subtraction_demo.py"))

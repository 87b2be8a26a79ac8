"""What the model answered for a frame, as text."""

from __future__ import annotations

import numpy as np

from model_api import Result
from model_api.mattes.instance_matte import Instance, InstanceMatte
from model_api.types import Alpha


def raw_lines(result: Result) -> list[str]:
    """The frame's histogram, and a line for each object where the model detects them."""
    found = result.matte.instances if isinstance(result.matte, InstanceMatte) else ()
    return [f"Frame {result.frame.index}: {text}" for text in (_histogram(result.matte.alpha), *map(_object, found))]


def _histogram(alpha: Alpha) -> str:
    """How much of the frame is background, edge and person, in ten steps of alpha."""
    counts, _ = np.histogram(alpha, bins=10, range=(0, 1))
    return f"alpha 0..1 in tenths: {' '.join(f'{share:5.1%}' for share in counts / counts.sum())}"


def _object(found: Instance) -> str:
    left, top, right, bottom = found.box
    return f"{found.name}, score {found.score:.3f}, from x {left:.1f}, y {top:.1f} to x {right:.1f}, y {bottom:.1f}"

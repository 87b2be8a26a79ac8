"""What the model returned for a frame, as text."""

from __future__ import annotations

import numpy as np

from model_api import Result
from model_api.mattes.instance_matte import Instance, InstanceMatte
from model_api.types import Alpha


def raw_lines(result: Result) -> list[str]:
    """Return the histogram of the frame's alpha, and a line for each object that the model detected."""
    instances = result.matte.instances if isinstance(result.matte, InstanceMatte) else ()
    return [
        f"Frame {result.frame.index}: {text}" for text in (_histogram(result.matte.alpha), *map(_object, instances))
    ]


def _histogram(alpha: Alpha) -> str:
    """How much of the frame is background, edge and person, in ten steps of alpha."""
    counts, _ = np.histogram(alpha, bins=10, range=(0, 1))
    return f"alpha 0..1 in tenths: {' '.join(f'{share:5.1%}' for share in counts / counts.sum())}"


def _object(instance: Instance) -> str:
    left, top, right, bottom = instance.box
    return (
        f"{instance.name}, score {instance.score:.3f}, from x {left:.1f}, y {top:.1f} to x {right:.1f}, y {bottom:.1f}"
    )

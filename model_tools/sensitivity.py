"""Which 8-bit layers hurt the alpha, found by setting each free in turn."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import openvino as ov
from tqdm import tqdm

from model_api.adapters.adapter import Binding
from model_api.types import Floats
from model_tools.calibration import Moment, as_inputs

log = logging.getLogger(__name__)

JUDGED_MOMENTS = 6
PASSIVE = ("FakeQuantize", "Concat", "Reshape", "Result")


Quantize = Callable[[Sequence[str]], ov.Model]
"""The network in 8 bits, but for these layers."""


def quantize_to(
    most: float, quantize: Quantize, true: ov.Model, binding: Binding, moments: Sequence[Moment]
) -> ov.Model:
    """Leave as few layers in floating point as are needed for an alpha MAD x 1e3 of `most` against `true`, those first
    that hurt most. If no choice of layers is enough, the best that was found.
    """
    judged = moments[:: max(1, len(moments) // JUDGED_MOMENTS)]
    expected = _alphas(true, binding, judged)

    def error(model: ov.Model) -> float:
        found = _alphas(model, binding, judged)
        return 1e3 * float(np.mean([np.abs(one - other).mean() for one, other in zip(found, expected, strict=True)]))

    best = quantize([])
    lowest = error(best)
    log.info("On %d of the calibration's frames alpha MAD is %.3f e-3, %g at most is wanted", len(judged), lowest, most)
    if lowest <= most:
        return best
    layers = tqdm(_rounded(best), desc="Which layers hurt", disable=None)
    without = {name: error(_freed(best.clone(), name)) for name in layers}
    ranked = sorted(without, key=lambda name: without[name])
    count = 1
    while lowest > most and count < 2 * len(ranked):
        names = ranked[:count]
        model = quantize(names)
        now = error(model)
        log.info("With %s left in floating point, for they hurt most, it is %.3f e-3", ", ".join(names), now)
        if now < lowest:
            best, lowest = model, now
        count *= 2
    return best


def _rounded(model: ov.Model) -> list[str]:
    """Names of the layers that take what was rounded."""
    return [
        node.get_friendly_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() not in PASSIVE
        and any(
            port.get_source_output().get_node().get_type_name() in ("FakeQuantize", "Concat") for port in node.inputs()
        )
    ]


def _alphas(model: ov.Model, binding: Binding, moments: Sequence[Moment]) -> list[Floats]:
    request = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    return [np.array(request.infer(as_inputs(model, moment))[binding.answers["alpha"]]) for moment in moments]


def _freed(model: ov.Model, name: str) -> ov.Model:
    """The layer takes what was rounded before it was. Its weights as well."""
    node = next(node for node in model.get_ops() if node.get_friendly_name() == name)
    for port in node.inputs():
        _bypass(port)
    return model


def _bypass(port: Any) -> None:
    source = port.get_source_output().get_node()
    if source.get_type_name() == "FakeQuantize":
        port.replace_source_output(source.input_value(0))
    elif source.get_type_name() in ("Broadcast", "Concat", "Reshape", "Split"):
        for before in source.inputs():
            _bypass(before)

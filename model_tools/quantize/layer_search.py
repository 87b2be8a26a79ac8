"""Which 8-bit layers hurt the alpha, found by undoing the rounding of each in turn."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import openvino as ov
from tqdm import tqdm

from model_api.types import Binding, Floats
from model_tools.quantize.calibration import Moment, as_inputs

log = logging.getLogger(__name__)

JUDGED_MOMENTS = 6
PASSIVE = ("FakeQuantize", "Concat", "Reshape", "Result", "ShapeOf")
NAMED = 4
"""Layers that a line of the search names."""


Quantize = Callable[[Sequence[str]], ov.Model]
"""The network in 8 bits, except for these layers."""


def quantize_to(
    most: float, quantize: Quantize, true: ov.Model, binding: Binding, moments: Sequence[Moment]
) -> ov.Model:
    """Quantize, with as few layers in floating point as needed.

    Args:
        most: The largest alpha MAD × 1000 against `true`.
        quantize: Makes the 8-bit network.
        true: The network in floating point.
        binding: The roles of its outputs.
        moments: What it is compared on, a part of them.

    Returns:
        The 8-bit network. The layers that hurt most are left in floating point first. If no choice of layers is
        enough, or the search is interrupted, the best one so far.

    Raises:
        KeyboardInterrupt: interrupted before there was any 8-bit network.
    """
    judged = moments[:: max(1, len(moments) // JUDGED_MOMENTS)]
    expected = _alphas(true, binding, judged)

    def error(model: ov.Model) -> float:
        alphas = _alphas(model, binding, judged)
        return 1e3 * float(np.mean([np.abs(one - other).mean() for one, other in zip(alphas, expected, strict=True)]))

    best = quantize([])
    lowest = error(best)
    log.info(
        "On %d of the calibration's frames alpha MAD × 1000 is %.3f, the target is %g at most",
        len(judged),
        lowest,
        most,
    )
    if lowest <= most:
        return best
    layers = _rounded(best)
    log.info("Trying which of its %d layers hurt. Ctrl-C takes the best network so far", len(layers))
    try:
        without = {
            name: error(_freed(best.clone(), name)) for name in tqdm(layers, desc="Which layers hurt", disable=None)
        }
    except KeyboardInterrupt:
        _log_stop(lowest)
        return best
    ranked = sorted(without, key=lambda name: without[name])

    def attempt(count: int) -> tuple[float, ov.Model]:
        model = quantize(ranked[:count])
        now = error(model)
        log.info("With %s left in floating point, for they hurt most, it is %.3f", _some(ranked[:count]), now)
        return now, model

    return fewest(attempt, most, len(ranked), (lowest, best))


def fewest(
    attempt: Callable[[int], tuple[float, ov.Model]], most: float, count: int, whole: tuple[float, ov.Model]
) -> ov.Model:
    """The first count of layers in floating point that is enough, by doubling and then halving the step.

    Not all of them, because that would be no 8-bit model. Interrupted, the best of what was tried.
    """
    tried = {0: whole}
    steps = _steps(tried, most, count)
    try:
        with tqdm(total=_most_attempts(count), desc="Which choice is enough", disable=None) as progress:
            for free in steps:
                tried[free] = attempt(free)
                progress.update()
    except KeyboardInterrupt:
        best = _best(tried, most)
        _log_stop(best[0])
        return best[1]
    best = _best(tried, most)
    if best[0] > most:
        log.warning("No choice of layers is enough for %g: this is the best", most)
    return best[1]


def _steps(tried: Mapping[int, tuple[float, ov.Model]], most: float, count: int) -> Iterator[int]:
    """The counts to try next, by what has come out of those before, which are in `tried` by then."""
    enough, free = count, 1
    while free < count and enough == count:
        yield free
        if tried[free][0] <= most:
            enough = free
        free *= 2
    short = max(number for number in tried if number < enough)
    while enough - short > 1:
        middle = (short + enough) // 2
        yield middle
        if tried[middle][0] <= most:
            enough = middle
        else:
            short = middle


def _most_attempts(count: int) -> int:
    """Doublings below `count`, and as many halvings between the last two."""
    return 2 * max(1, (count - 1).bit_length()) - 1


def _best(tried: Mapping[int, tuple[float, ov.Model]], most: float) -> tuple[float, ov.Model]:
    """The first that is good enough, else the one with the smallest error."""
    good = [number for number in tried if tried[number][0] <= most]
    return tried[min(good)] if good else min(tried.values(), key=lambda attempt: attempt[0])


def _log_stop(error: float) -> None:
    log.warning("Stopped: the best network so far is taken, alpha MAD × 1000 is %.3f on those frames", error)


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


def _some(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")

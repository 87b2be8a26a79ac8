"""In how many bits a network is computed where nobody says it: bfloat16 where that is measured to be faster.

| processor, network | time in bfloat16 by that in 32 bits |
|---|---|
| AMX (Xeon Sapphire Rapids), Robust Video Matting | 0.44 |
| avx512_bf16 without AMX (EPYC, Zen 4), Robust Video Matting | 0.53 |
| the same processor, `video`, which is in 8 bits | 1.0 |
| the same processor, selfie_segmentation_landscape, 0.1 million weights | 0.84 |

Processors with AVX-512 alone emulate bfloat16, and OpenVINO says of them too that they have it. So a small network is
timed, the same one for every network. The processor time of one thread is what counts: other programs hardly change it.
The result is kept in the folder of compiled networks, where there is one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import process_time

import cv2
import numpy as np
import openvino as ov
from openvino import opset13 as ops

from model_api.graph.weights import is_quantized

AUTO = "auto"
EXACT, FAST = "f32", "bf16"
LEAST_WEIGHTS = 1_000_000
"""Networks with fewer take less time than the video around them."""
LEAST_GAIN = 1.2
"""How many times as fast bfloat16 must be."""
GAIN, LARGEST_GAIN = "bf16_times_as_fast", 100.0
"""The key of a kept file, and what no processor reaches."""
ROUNDS = 5
CHANNELS, SIZE = 64, (72, 128)

log = logging.getLogger(__name__)


def resolved(
    precision: str | None, core: ov.Core, device: str, model: ov.Model, name: str = "", cache_dir: str | None = None
) -> str | None:
    """Replace AUTO by a precision.

    Args:
        precision: what was asked for.
        core: OpenVINO's.
        device: as `check_device` returns it.
        model: the network.
        name: for the message.
        cache_dir: where what was measured is kept from run to run. None: nowhere.

    Returns:
        `precision`, unless it is AUTO: then "f32" or "bf16" on the CPU, and None, the device's default, elsewhere.
    """
    if precision != AUTO:
        return precision
    if device != "CPU":
        return None
    if not _is_large(model) or "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return EXACT
    kept = KeptGain(core, cache_dir) if cache_dir is not None else None
    known = kept.read() if kept else None
    gain = known or gain_of_bfloat16()
    if kept and not known:
        kept.write(gain)
    chosen = FAST if gain >= LEAST_GAIN else EXACT
    log.info(
        "%s: computed in %s. On this processor a test network is %.1f times as fast in bf16 as in f32 (%s)",
        name or "Model", chosen, gain, f"measured before, kept in {cache_dir}" if known else "measured now",
    )  # fmt: skip
    return chosen


class KeptGain:
    """What `gain_of_bfloat16` answered, in a file that holds for one processor and one version of OpenVINO."""

    def __init__(self, core: ov.Core, folder: str) -> None:
        """Name the file. core: OpenVINO's. folder: that it lies in, and that other files lie in."""
        self._facts = {
            "processor": core.get_property("CPU", "FULL_DEVICE_NAME"),
            "features": cv2.getCPUFeaturesLine(),  # some virtual machines name their processor "AMD EPYC", all of them
            "openvino": ov.get_version(),
            "probe": f"{CHANNELS} channels, {SIZE[1]}x{SIZE[0]}",
        }
        digest = hashlib.sha256(json.dumps(self._facts).encode()).hexdigest()
        self._path = Path(folder) / f"bfloat16-{digest[:16]}.json"

    def read(self) -> float | None:
        """None where there is no file, or one that is damaged or somebody else's."""
        try:
            text = self._path.read_text(encoding="utf-8") if self._path.is_file() else "{}"
            content = json.loads(text)
            gain = content.pop(GAIN)
        except (OSError, ValueError, RecursionError, LookupError, AttributeError, TypeError):
            return None
        return gain if content == self._facts and isinstance(gain, float) and 0 < gain < LARGEST_GAIN else None

    def write(self, gain: float) -> None:
        """Write in one step. A folder that takes nothing is no reason to stop: then it is measured again."""
        part = self._path.with_suffix(f".{os.getpid()}.part")
        with suppress(OSError):
            part.write_text(json.dumps({**self._facts, GAIN: gain}), encoding="utf-8")
            os.replace(part, self._path)
        with suppress(OSError):
            part.unlink(missing_ok=True)


@cache
def gain_of_bfloat16() -> float:
    """Measure how many times as fast this processor computes convolutions in bfloat16 as in 32 bits."""
    core, model = ov.Core(), _probe()
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    requests = {
        precision: core.compile_model(
            model, "CPU", {**settings, "INFERENCE_PRECISION_HINT": precision}
        ).create_infer_request()
        for precision in (EXACT, FAST)
    }
    spent_s: dict[str, list[float]] = {precision: [] for precision in requests}
    for _ in range(ROUNDS):
        for precision, request in requests.items():
            begun_s = process_time()
            request.infer()
            spent_s[precision].append(process_time() - begun_s)
    return min(spent_s[EXACT]) / min(spent_s[FAST])


def _is_large(model: ov.Model) -> bool:
    """Whether a network computes much, and not in 8 bits."""
    if is_quantized(model):
        return False
    constants = (operation for operation in model.get_ordered_ops() if operation.get_type_name() == "Constant")
    return sum(int(np.prod(constant.output(0).shape)) for constant in constants) >= LEAST_WEIGHTS


def _probe() -> ov.Model:
    """Convolutions as matting networks have them: over all channels, by channel, over neighbours."""
    random = np.random.default_rng(0)

    def weights(*shape: int) -> ov.Node:
        return ops.constant((random.standard_normal(shape) / CHANNELS).astype(np.float32))

    once, padded = ([1, 1], [0, 0], [0, 0], [1, 1]), ([1, 1], [1, 1], [1, 1], [1, 1])
    image = ops.parameter([1, CHANNELS, *SIZE], np.float32)
    features = ops.relu(ops.convolution(image, weights(CHANNELS, CHANNELS, 1, 1), *once))
    features = ops.relu(ops.group_convolution(features, weights(CHANNELS, 1, 1, 3, 3), *padded))
    features = ops.relu(ops.convolution(features, weights(CHANNELS, CHANNELS, 3, 3), *padded))
    return ov.Model([features], [image])

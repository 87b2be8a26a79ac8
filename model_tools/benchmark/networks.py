"""A network alone as one side of a benchmark: as the file is, as the demo compiles it, and in ONNX Runtime."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov

from background_subtraction.compositing.clean_plate import open_clean_plate
from background_subtraction.jobs import expand
from background_subtraction.options import Options
from background_subtraction.run import load_model
from background_subtraction.sources.open import open_source
from model_api import MattingModel
from model_api.adapters.devices import check_device, device_config
from model_api.create import recognize
from model_api.errors import DeviceError, OptionError
from model_api.graph import loading
from model_api.graph.precision import AUTO, resolved
from model_api.layouts import image_layout
from model_api.types import Frame, Tensors
from model_tools.benchmark.demo import options_of
from model_tools.benchmark.rounds import Job, Play, Round, with_own_cost

Array = npt.NDArray[Any]

ONNX_TYPES = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8, "tensor(int32)": np.int32, "tensor(int64)": np.int64,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class FrameInputs:
    """What a network that takes any size gets from the demo: shapes of its images, inputs that rule the shapes."""

    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    baked: Tensors = field(default_factory=dict)


@contextmanager
def raw(job: Job) -> Iterator[Play]:
    """As benchmark_app measures: requests that are filled once, one at a time unless the side says otherwise."""
    options = options_of(job)
    compiled = _compiled(options, job.side.precision)
    requests = [compiled.create_infer_request() for _ in range(options.inference.requests or 1)]
    for request in requests:
        for number, port in enumerate(compiled.inputs):
            request.set_input_tensor(number, ov.Tensor(_noise(tuple(port.shape), port.element_type.to_dtype())))
    turn = cycle(requests)

    def start() -> ov.InferRequest:
        request = next(turn)
        request.start_async()
        return request

    yield _playing(start, lambda request: request.wait(), len(requests), job.frames)


@contextmanager
def network(job: Job) -> Iterator[Play]:
    """The first frame's tensors over and over, with the state that each answer brings."""
    options = options_of(job)
    with load_model(options, stages=1) as model:
        frame = _first_frame(options, model)
        tensors = model.preprocess(frame)
        state: Tensors = {}

        def wait(ticket: Any) -> None:
            nonlocal state
            state = model.finish(ticket).state

        yield _playing(lambda: model.start(frame, state, tensors), wait, model.max_requests(tensors), job.frames)


@contextmanager
def onnxruntime(job: Job) -> Iterator[Play]:
    """On the CPU, one frame at a time. Its state goes from frame to frame."""
    options = options_of(job)
    path = Path(options.model)
    if path.suffix.lower() != ".onnx":
        raise OptionError(f"{path} is no ONNX file, and ONNX Runtime reads no other. Add model=FILE.onnx")
    library = import_module("onnxruntime")  # only this side needs it
    read = loading.read(path)
    _, binding = recognize(read.signature, path.name)
    inputs = _frame_inputs(options, read)
    settings = library.SessionOptions()
    settings.intra_op_num_threads = options.inference.threads or 0
    session = library.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    feed = {
        port.name: _onnx_input(port, inputs, is_state=port.name in (binding.states or {}))
        for port in session.get_inputs()
    }
    names = [port.name for port in session.get_outputs()]
    state: dict[str, Array] = {}

    def start() -> None:
        answers = dict(zip(names, session.run(names, feed | state), strict=True))
        state.update({name: answers[output] for name, output in (binding.states or {}).items()})

    yield _playing(start, lambda ticket: None, 1, job.frames)


def _playing(start: Callable[[], Any], wait: Callable[[Any], None], depth: int, frames: int) -> Play:
    """`frames` requests, `depth` of them in flight. A latency runs from `start` until `wait` returns."""

    def finish(pending: deque[tuple[float, Any]]) -> float:
        started_s, ticket = pending.popleft()
        wait(ticket)
        return (perf_counter() - started_s) * 1000

    def play() -> Round:
        pending: deque[tuple[float, Any]] = deque()
        latencies_ms = []
        begun_s = perf_counter()
        for _ in range(frames):
            if len(pending) == depth:
                latencies_ms.append(finish(pending))
            pending.append((perf_counter(), start()))
        latencies_ms += [finish(pending) for _ in range(len(pending))]
        return Round(frames, frames / (perf_counter() - begun_s), latencies_ms)

    return with_own_cost(play)


def _compiled(options: Options, precision: str) -> ov.CompiledModel:
    """In what the demo asks the device to compute in, unless `precision` says another.

    Raises ModelFileError, OptionError or DeviceError.
    """
    core = ov.Core()
    device, inference = check_device(options.device, core.available_devices), options.inference
    hint = "LATENCY" if (inference.requests or 1) == 1 else "THROUGHPUT"
    model = _model(core, options)
    config = device_config(
        device,
        core.available_devices,
        hint=hint,
        streams=inference.streams,
        threads=inference.threads,
        requests=inference.requests,
        precision=resolved(precision or inference.precision or AUTO, core, device, model),
    )
    try:
        return core.compile_model(model, device, config)
    except RuntimeError as error:
        raise DeviceError(f"Device {device} does not take this model: {loading.reason(error)}") from error


def _model(core: ov.Core, options: Options) -> ov.Model:
    """The network as its file has it; of variable shapes, those that the demo would give it."""
    read = loading.read(Path(options.model))
    if not read.model.is_dynamic():
        # Reading took the state out: it goes back in.
        return core.read_model(options.model) if read.signature.states else read.model
    _, binding = recognize(read.signature, read.path.name)
    inputs = _frame_inputs(options, read)
    return loading.specialize(read.model, inputs.shapes, inputs.baked, binding.states or {})


def _frame_inputs(options: Options, read: loading.Network) -> FrameInputs:
    if not read.model.is_dynamic():
        return FrameInputs()
    whole = replace(options, inference=replace(options.inference, refiner_outside=False))
    with load_model(whole) as model:  # not compiled before its size is known
        tensors = model.preprocess(_first_frame(options, model))
        images, baked = model.binding.images, model.binding.shape_inputs
    shapes = {}
    for name in images:
        count, height, width, channels = tensors[name].shape
        first = image_layout(read.signature.input(name), options.override.layouts) == "NCHW"
        shapes[name] = (count, channels, height, width) if first else (count, height, width, channels)
    return FrameInputs(shapes, {name: tensors[name] for name in baked})


def _first_frame(options: Options, model: MattingModel) -> Frame:
    address = expand(options.inputs)[0]
    with open_source(address, selection=options.selection) as source:
        plate = open_clean_plate(options.clean_plate, source.info, needed=model.needs_clean_plate, interactive=False)
        return plate.attached(next(iter(source)), needed=model.needs_clean_plate)


def _onnx_input(port: Any, inputs: FrameInputs, *, is_state: bool) -> Array:
    """Where the file leaves a size open: the demo's, or, of a state, 1, which the network broadcasts."""
    if port.name in inputs.baked:
        return inputs.baked[port.name]
    shape = inputs.shapes.get(port.name) or tuple(n if isinstance(n, int) else 1 for n in port.shape)
    dtype = np.dtype(ONNX_TYPES.get(port.type, np.float32))
    return np.zeros(shape, dtype) if is_state else _noise(shape, dtype)


def _noise(shape: tuple[int, ...], dtype: Any) -> Array:
    """Numbers in [0, 1), or whole ones in 0..127; always the same."""
    random = np.random.default_rng(0)
    if np.issubdtype(dtype, np.floating):
        return random.random(shape, np.float32).astype(dtype)
    return random.integers(0, 128, shape).astype(dtype)

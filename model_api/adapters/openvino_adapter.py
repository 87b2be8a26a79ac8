"""A network on a device of this machine, through OpenVINO's asynchronous requests."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import openvino as ov

from model_api.adapters.base import InferenceOutputs
from model_api.adapters.compiled_cache import compiling, require_cache
from model_api.adapters.compiled_stage import Array, CompiledStage
from model_api.adapters.cores import cores
from model_api.adapters.devices import check_device, device_config, devices_beside
from model_api.adapters.port_sizes import require_sizes, require_sizes_inside
from model_api.adapters.program import Passage, Program, StagedProgram
from model_api.adapters.signal_stack import signals_on_own_stack
from model_api.errors import DeviceError, InferenceError, ShapeError
from model_api.graph import loading
from model_api.graph.cpu_optimizations import rewritten
from model_api.graph.loading import Network
from model_api.graph.precision import AUTO, resolved
from model_api.graph.stages.cutting import in_stages
from model_api.ranges import POSITIVE, POSITIVE_NUMBER, require_choice, require_text
from model_api.types import Binding, Tensors

PRECISIONS = (AUTO, "f32", "bf16", "f16")
IN_BACKGROUND = ("AUTO", "MULTI")
"""Devices that still compile for others when they compute already."""


@dataclass(frozen=True, kw_only=True)
class InferenceOptions:
    """How a network is computed.

    Attributes:
        requests: how many are in flight at once. None: as many as the device recommends.
        streams: "", "<n>" or "<device>:<n>,<device>:<n>".
        threads: of the CPU. None: OpenVINO decides.
        cache_dir: a folder where compiled networks are kept from run to run, and what `precision` "auto" measured.
        clips: how many clips run at once. A recurrent network gets a stream for each.
        timeout_s: seconds that a model server may take for a whole request.
        server_ca: a PEM file with the authorities whose certificates a model server may have. None: the system's.
        server_token: who asks, for a model server that wants to know. None: nobody.
        stages: into how many parts a recurrent network is cut on the CPU, where one clip is computed: see
            `graph.stages`. More frames of a clip are then computed in a second, and each takes longer. None: 1, and in
            runs of this program what suits their sources.
        refiner_outside: whether a known guided filter is taken out of the network, and computed with the composite.
        precision: inference precision, "f32", "bf16", "f16", or "auto": bf16 where `graph.precision` finds it faster.
            None: f32 on CPU, the device's default elsewhere.

    Raises:
        OptionError: a value that a parameter does not take.
    """

    requests: int | None = None
    streams: str = ""
    threads: int | None = None
    cache_dir: str | None = None
    clips: int = 1
    timeout_s: float = 60.0
    server_ca: str | None = None
    server_token: str | None = field(default=None, repr=False)
    stages: int | None = None
    refiner_outside: bool = True
    precision: str | None = None

    def __post_init__(self) -> None:
        POSITIVE.require(requests=self.requests, threads=self.threads, clips=self.clips, stages=self.stages)
        POSITIVE_NUMBER.require(timeout_s=self.timeout_s)
        require_choice(PRECISIONS, precision=self.precision)
        require_text(streams=self.streams)


def read_network(path: Path, device: str, options: InferenceOptions) -> tuple[ov.Core, str, Network]:
    """Check the device, then read the file.

    Returns:
        OpenVINO's core, the device's name as OpenVINO takes it, and the network.

    Raises:
        DeviceError: this machine has no such device.
        ModelFileError: there is no model at `path` that can be read.
        OptionError: streams or threads do not go with the device, or the cache cannot be written.
    """
    core = ov.Core()
    name = check_device(device, devices_beside(device, core))
    _config(core, name, "LATENCY", options)  # raises before the file is read
    if options.cache_dir is not None:
        require_cache(options.cache_dir)
    return core, name, loading.read(path)


class OpenVinoAdapter:
    """Compiles once for each set of input shapes: at once if the network's are fixed, else when they come first."""

    def __init__(
        self,
        core: ov.Core,
        device: str,
        model: ov.Model,
        *,
        binding: Binding,
        options: InferenceOptions,
        name: str = "",
    ) -> None:
        """Compile a network, if its shapes are fixed.

        Args:
            core: OpenVINO's.
            device: as `check_device` returns it.
            model: the graph, with its preprocessing inside.
            binding: the roles of its inputs and outputs.
            options: how it is computed.
            name: for messages.

        Raises:
            DeviceError: the device refuses the network or a setting.
        """
        self.signature = loading.signature_of(model)
        self.binding = binding
        self._core = core
        self._device = device
        self._options = replace(
            options, precision=resolved(options.precision, core, device, model, name, options.cache_dir)
        )
        self._states = dict(binding.states)
        self._model = model
        self._programs: dict[tuple[Any, ...], Program] = {}
        self._running: set[Passage] = set()
        self._compiling = Lock()
        self._caches = ExitStack()
        if not self._model.is_dynamic():
            self._programs[()] = self._compile(self._model)

    def max_requests(self, tensors: Tensors) -> int:
        """See `Adapter`."""
        return self._program_for(tensors).max_requests

    def start(self, tensors: Tensors, after: Passage | None = None) -> Passage:
        """See `Adapter`."""
        program, constants = self._program_for(tensors), self.binding.shape_inputs
        inputs = {name: value for name, value in tensors.items() if name not in constants}
        with self._explained():
            passage = program.start(inputs, after)
        # Nobody waits for the last frames of a run that ended early: the model may live much longer.
        self._running.difference_update([other for other in tuple(self._running) if other.done])
        self._running.add(passage)
        return passage

    def wait(self, ticket: Passage) -> InferenceOutputs:
        """See `Adapter`."""
        self._running.discard(ticket)
        with self._explained():
            return ticket.wait()

    def close(self) -> None:
        """Cancel what runs, and release the device."""
        for passage in tuple(self._running):
            passage.cancel()
        self._running.clear()
        for program in self._programs.values():
            program.close()
        self._programs.clear()
        self._caches.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise InferenceError(f"Device {self._device} failed while it computed: {loading.reason(error)}") from error

    def _program_for(self, tensors: Tensors) -> Program:
        if () in self._programs:
            return self._programs[()]
        shapes = {name: tensors[name].shape for name in self.binding.images}
        constants = {name: tensors[name] for name in self.binding.shape_inputs}
        key = (*shapes.items(), *((name, value.tobytes()) for name, value in constants.items()))
        with self._compiling:  # clips that run at once meet here
            if key not in self._programs:
                self._programs[key] = self._compile(self._specialized(shapes, constants))
            return self._programs[key]

    def _specialized(self, shapes: Mapping[str, tuple[int, ...]], constants: Mapping[str, Array]) -> ov.Model:
        try:
            return loading.specialize(self._model, shapes, constants, self._states)
        except RuntimeError as error:
            raise ShapeError(f"The network takes no input of {shapes}: {loading.reason(error)}") from error

    def _compile(self, model: ov.Model) -> Program:
        require_sizes_inside(model, self.binding)
        try:
            parts, config = self._parts(rewritten(model, self._states))
            stages = tuple(CompiledStage.of(self._compiled(part, config)) for part in parts)
        except RuntimeError as error:
            raise DeviceError(
                f"{self._device} does not take this model: {loading.reason(error)}. Try another one", "device"
            ) from error
        signals_on_own_stack()
        require_sizes(
            [port for stage in stages for port in (*stage.compiled.inputs, *stage.compiled.outputs)], self.binding
        )
        zeros = _zeros(stages, self._states)
        if len(stages) > 1:
            return StagedProgram(stages, zeros, self._states)
        optimal = stages[0].compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        return Program(stages, zeros, 1 if self._states else self._options.requests or int(optimal))

    def _parts(self, model: ov.Model) -> tuple[list[ov.Model], dict[str, Any]]:
        """The network, or its stages, and how each is compiled.

        A recurrent network has one request a clip at a time, or one a stage. One clip gets all the cores, several clips
        or stages share them.
        """
        options, alone = self._options, bool(self._states) and self._options.clips == 1
        streams = options.streams or (str(options.clips) if self._states and options.clips > 1 else "")
        threads = options.threads or cores()
        in_turn = alone and self._device == "CPU" and not streams
        parts = in_stages(model, self._states, min(options.stages or 1, threads) if in_turn else 1)
        if len(parts) > 1:
            options = replace(options, threads=-(-threads // len(parts)))
        hint = "LATENCY" if alone else "THROUGHPUT"
        return parts, _config(self._core, self._device, hint, replace(options, streams=streams))

    def _compiled(self, model: ov.Model, config: Mapping[str, Any]) -> ov.CompiledModel:
        cache_dir = self._options.cache_dir
        if cache_dir is None:
            return self._core.compile_model(model, self._device, dict(config))
        with ExitStack() as stack:
            folder = stack.enter_context(compiling(cache_dir, _kind(model)))
            compiled = self._core.compile_model(model, self._device, {**config, "CACHE_DIR": folder})
            if self._device.startswith(IN_BACKGROUND):
                self._caches.enter_context(stack.pop_all())
            return compiled


def _zeros(stages: Sequence[CompiledStage], states: Mapping[str, str]) -> dict[str, Array]:
    """What the states of a network begin with."""
    inputs = {name: port for stage in stages for port in stage.compiled.inputs for name in port.names}
    return {name: np.zeros(tuple(inputs[name].shape), inputs[name].element_type.to_dtype()) for name in states}


def _kind(model: ov.Model) -> str:
    """Of a network in the cache: what it takes, and how many operations of each type it has."""
    inputs = sorted(f"{port.any_name}{port.partial_shape}" for port in model.inputs)
    operations = sorted(Counter(op.get_type_name() for op in model.get_ops()).items())
    return hashlib.sha256(repr((inputs, operations)).encode()).hexdigest()[:16]


def _config(core: ov.Core, device: str, hint: str, options: InferenceOptions) -> dict[str, Any]:
    return device_config(
        device,
        devices_beside(device, core),
        hint=hint,
        streams=options.streams,
        threads=options.threads,
        requests=options.requests,
        precision=None if options.precision == AUTO else options.precision,
    )

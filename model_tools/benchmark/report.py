"""The figures of each side, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

import numpy as np

from model_tools.benchmark.machine import Machine
from model_tools.benchmark.rounds import Round
from model_tools.benchmark.sides import Side
from model_tools.reporting.tables import aligned

PERCENTILES = (50, 90, 99)
UNKNOWN = "—"
HEADINGS = (
    "frames", "FPS", *(f"p{percent} ms" for percent in PERCENTILES), "CPU ms", "peak MB",
)  # fmt: skip
NOTES = (
    "Frames: of a round. FPS: the rounds' median; then its ratio to that of {base} in the same round, with its range.",
    "p50, p90, p99: of the latencies of all frames. CPU: of a frame, all threads together. Peak: with the libraries.",
)
STAGES_NOTE = (
    "A stage's time is that of its own work: stages overlap, and come to more than a frame's share of the time."
)
FLOOR_NOTE = (
    "The floor decodes and encodes the same frames with the same settings, without network and compositing. Seconds: "
    "of a round. CPU: of a frame, all threads together."
)
COMMAND_NOTE = "Of a command, CPU and peak are those of the whole program, its start included."


@dataclass(frozen=True)
class Benchmark:
    """Everything that was measured.

    Attributes:
        command: What measures it again.
        machine: Where it ran.
        sides: What was compared.
        base: The side that the others are compared with.
        orders: The names of the sides, a row for each round.
        rounds: By the name of the side.
    """

    command: str
    machine: Machine
    sides: Sequence[Side]
    base: str
    orders: Sequence[Sequence[str]]
    rounds: Mapping[str, Sequence[Round]]


@dataclass(frozen=True)
class Ratio:
    """Frames a second, compared with those of the base in the same round."""

    median: float
    least: float
    most: float


@dataclass(frozen=True)
class NearFloor:
    """How near a side is to its floor: decoding and encoding alone.

    Attributes:
        side: The side's name; that of the floor itself has a share of 1.
        floor: The floor's name.
        seconds: Of a round, the median.
        fps: Frames a second, the median.
        cpu_ms: Of a frame, all threads together. None: the system does not say.
        share: Its frames a second in those of the floor in the same round.
    """

    side: str
    floor: str
    seconds: float
    fps: float
    cpu_ms: float | None
    share: Ratio


@dataclass(frozen=True)
class Figures:
    """One side over all its rounds.

    Attributes:
        side: The side.
        frames: Of a round.
        fps: Median of the rounds.
        ratio: To the base.
        latency_ms: "p50" and so on. Empty: the latency of single frames is not known.
        cpu_ms: Of a frame, all threads together.
        peak_mb: Most memory at once.
        stages_ms: Of a frame, in the order of the stages.
    """

    side: Side
    frames: int
    fps: float
    ratio: Ratio
    latency_ms: Mapping[str, float]
    cpu_ms: float | None
    peak_mb: float | None
    stages_ms: Mapping[str, float]

    @property
    def shares(self) -> dict[str, float]:
        """The share of each stage in the work on a frame."""
        whole = sum(self.stages_ms.values())
        return {stage: spent_ms / whole for stage, spent_ms in self.stages_ms.items()}


def figures(sides: Sequence[Side], rounds: Mapping[str, Sequence[Round]], base: str) -> list[Figures]:
    """The figures of every side.

    Args:
        sides: What was compared.
        rounds: Name -> its rounds.
        base: The name of the side that the others are compared with.
    """
    return [_figures(side, rounds[side.name], rounds[base]) for side in sides]


def ratio_of(rounds: Sequence[Round], base: Sequence[Round]) -> Ratio:
    """Of the frames a second to those of the base, round by round."""
    ratios = [own.fps / other.fps for own, other in zip(rounds, base, strict=True)]
    return Ratio(median(ratios), min(ratios), max(ratios))


def near_floors(benchmark: Benchmark) -> list[NearFloor]:
    """Each floor, and behind it the sides that are the whole program on the same input."""
    return [
        _near(side, floor, benchmark)
        for floor in benchmark.sides
        if floor.kind == "floor"
        for side in (floor, *(each for each in benchmark.sides if each.kind == "demo" and each.input == floor.input))
    ]


def as_json(benchmark: Benchmark) -> str:
    """Everything as JSON, without the latencies of single frames."""
    sides = [
        {**asdict(each), "shares": each.shares, "rounds": _without_latencies(benchmark.rounds[each.side.name])}
        for each in figures(benchmark.sides, benchmark.rounds, benchmark.base)
    ]
    whole = {
        "command": benchmark.command,
        "machine": asdict(benchmark.machine),
        "base": benchmark.base,
        "orders": benchmark.orders,
        "sides": sides,
        "floors": [asdict(each) for each in near_floors(benchmark)],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def table(benchmark: Benchmark) -> str:
    """The machine and the command, a row for each side, then the stages of those that have some."""
    every_side = figures(benchmark.sides, benchmark.rounds, benchmark.base)
    head = ["side", *HEADINGS, f"times {benchmark.base}"]
    rows = [[each.side.name, *_cells(each), _spread(each.ratio)] for each in every_side]
    notes = [note.format(base=benchmark.base) for note in NOTES]
    notes += [COMMAND_NOTE] if any(side.kind == "command" for side in benchmark.sides) else []
    return "\n".join(
        [
            *benchmark.machine.lines(),
            f"{len(benchmark.orders)} rounds in turns: {benchmark.command}",
            "",
            *aligned([head, *rows], words=(0, len(head) - 1)),
            *notes,
            *_stages(every_side),
            *_floors(near_floors(benchmark)),
        ]
    )


def _near(side: Side, floor: Side, benchmark: Benchmark) -> NearFloor:
    rounds, floors = benchmark.rounds[side.name], benchmark.rounds[floor.name]
    seconds = median(each.frames / each.fps for each in rounds)
    fps = median(each.fps for each in rounds)
    return NearFloor(side.name, floor.name, seconds, fps, _cpu_ms(rounds), ratio_of(rounds, floors))


def _figures(side: Side, rounds: Sequence[Round], base: Sequence[Round]) -> Figures:
    frames = sum(each.frames for each in rounds)
    peaks_mb = [each.peak_mb for each in rounds if each.peak_mb is not None]
    return Figures(
        side,
        round(median(each.frames for each in rounds)),
        median(each.fps for each in rounds),
        ratio_of(rounds, base),
        _percentiles([latency_ms for each in rounds for latency_ms in each.latencies_ms]),
        _cpu_ms(rounds),
        max(peaks_mb, default=None),
        {stage: sum(each.stages_ms[stage] * each.frames for each in rounds) / frames for stage in rounds[0].stages_ms},
    )


def _cpu_ms(rounds: Sequence[Round]) -> float | None:
    """Of a frame, over all rounds. None: the system does not say."""
    cpu_s = [each.cpu_s for each in rounds if each.cpu_s is not None]
    return sum(cpu_s) * 1000 / sum(each.frames for each in rounds) if cpu_s else None


def _percentiles(latencies_ms: Sequence[float]) -> dict[str, float]:
    if not latencies_ms:
        return {}
    values = np.percentile(latencies_ms, PERCENTILES)
    return {f"p{percent}": float(value) for percent, value in zip(PERCENTILES, values, strict=True)}


def _without_latencies(rounds: Sequence[Round]) -> list[dict[str, object]]:
    return [{name: value for name, value in asdict(each).items() if name != "latencies_ms"} for each in rounds]


def _cells(each: Figures) -> list[str]:
    latencies = [each.latency_ms.get(f"p{percent}") for percent in PERCENTILES]
    return [str(each.frames), *(_number(value) for value in (each.fps, *latencies, each.cpu_ms, each.peak_mb))]


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}" if value < 100 else f"{value:.1f}"


def _spread(ratio: Ratio) -> str:
    return f"{ratio.median:.3f} ({ratio.least:.3f} to {ratio.most:.3f})"


def _stages(every_side: Sequence[Figures]) -> list[str]:
    """A column for each side that has stages: milliseconds of a frame, and their share in the work on it."""
    staged = [each for each in every_side if each.stages_ms]
    if not staged:
        return []
    head = ["stage", *(each.side.name for each in staged)]
    rows = [
        [stage, *(f"{each.stages_ms[stage]:.2f} ms {each.shares[stage]:>5.1%}" for each in staged)]
        for stage in staged[0].stages_ms
    ]
    return ["", *aligned([head, *rows], words=(0,)), STAGES_NOTE]


def _floors(near: Sequence[NearFloor]) -> list[str]:
    if not near:
        return []
    head = ["beside the floor", "seconds", "FPS", "CPU ms", "share of the floor's FPS"]
    rows = [[each.side, *map(_number, (each.seconds, each.fps, each.cpu_ms)), _spread(each.share)] for each in near]
    return ["", *aligned([head, *rows], words=(0, len(head) - 1)), FLOOR_NOTE]

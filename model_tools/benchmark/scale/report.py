"""What was measured, what the model makes of it, and what it predicts: as tables and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from model_tools.benchmark.machine import Machine
from model_tools.benchmark.scale.cost_model import CostModel, mean_error
from model_tools.benchmark.scale.design import Batch
from model_tools.benchmark.scale.measuring import Measured
from model_tools.benchmark.scale.overhead import Overhead
from model_tools.benchmark.scale.prediction import HEIGHT, RATE, Prediction, Traffic, Work, clip_seconds
from model_tools.reporting.tables import aligned

ASSUMPTIONS = (
    "Each machine is like this one, has the program, begins at once, and does nothing else.",
    "A clip is not cut, because frames follow each other through the network: the speed-up stops at their number.",
    "Clips have one length. Of different ones, a batch ends at most one longest clip later (Graham's bound).",
    "The storage is shared, and keeps up with the MB/s that are told. Here, files came from this machine's memory.",
    "A scheduler takes as long for a clip with 1,000 machines as here with two workers.",
    "No machine leaves. One that does costs its clips, which begin anew on another.",
)


@dataclass(frozen=True)
class Scale:
    """Everything that was measured and predicted.

    Attributes:
        command: What measures it again.
        machine: Where it ran.
        measured: The batches.
        seconds: The model of the time from start to end.
        core_seconds: That of the processor time.
        overheads: What a clip costs whoever hands it out.
        ways: How a machine may convert its clips.
        traffic: Bytes of a frame of 1080 rows.
        predicted: Work -> a prediction for each number of machines.
    """

    command: str
    machine: Machine
    measured: Sequence[Measured]
    seconds: CostModel
    core_seconds: CostModel
    overheads: Sequence[Overhead]
    ways: Sequence[Batch]
    traffic: Traffic
    predicted: Mapping[Work, Sequence[Prediction]]

    def errors(self, *, held_out: bool) -> tuple[float, float]:
        """Mean errors of seconds and of core-seconds, as shares."""
        some = [each for each in self.measured if each.held_out == held_out]
        batches = [each.batch for each in some]
        return (
            mean_error([*map(self.seconds, batches)], [each.seconds for each in some]),
            mean_error([*map(self.core_seconds, batches)], [each.cpu_s for each in some]),
        )


def as_json(scale: Scale) -> str:
    """Everything as JSON. What is predicted is under "predicted", all else was measured or fitted to it."""
    models = {"seconds": scale.seconds, "core_seconds": scale.core_seconds}
    whole = {
        "command": scale.command,
        "machine": asdict(scale.machine),
        "measured": [
            {**asdict(each), "model_s": scale.seconds(each.batch), "model_cpu_s": scale.core_seconds(each.batch)}
            for each in scale.measured
        ],
        "overheads": [{**asdict(each), "most_a_second": each.most_a_second} for each in scale.overheads],
        "fitted": {
            name: {
                "costs_s": dict(model.costs),
                "r_squared": model.r_squared,
                "mean_error": scale.errors(held_out=False)[number],
                "mean_error_held_out": scale.errors(held_out=True)[number],
            }
            for number, (name, model) in enumerate(models.items())
        },
        "bytes_a_frame": asdict(scale.traffic),
        "predicted": [
            {**asdict(work), "machines": [asdict(each) for each in rows]} for work, rows in scale.predicted.items()
        ],
        "assumptions": ASSUMPTIONS,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def table(scale: Scale) -> str:
    """All of it for people: measured, fitted, predicted, assumed."""
    parts = (_measured(scale), _fitted(scale), _overheads(scale), *_predicted(scale), _assumed())
    return "\n".join([*scale.machine.lines(), scale.command, *(line for part in parts for line in ("", *part))])


def _measured(scale: Scale) -> Iterator[str]:
    head = ("MEASURED", "clips", "frames", "rows", "seconds", "model", "off", "CPU s", "model", "off", "peak MB")
    rows = [head, *(_row(each, scale) for each in scale.measured)]
    yield from aligned(rows, words=(0,))
    yield "Seconds: of the whole command, the fastest round. *: held out, the model was not fitted to it."
    yield "Peak: of all processes together, each shared page once."


def _row(each: Measured, scale: Scale) -> tuple[str, ...]:
    batch, model_s, model_cpu_s = each.batch, scale.seconds(each.batch), scale.core_seconds(each.batch)
    return (
        batch.name + (" *" if each.held_out else ""), str(batch.clips), str(batch.frames), str(batch.height),
        f"{each.seconds:.2f}", f"{model_s:.2f}", f"{model_s / each.seconds - 1:+.0%}",
        f"{each.cpu_s:.2f}", f"{model_cpu_s:.2f}", f"{model_cpu_s / each.cpu_s - 1:+.0%}", f"{each.peak_mb:.0f}",
    )  # fmt: skip


def _fitted(scale: Scale) -> Iterator[str]:
    names = [*dict.fromkeys((*scale.seconds.costs, *scale.core_seconds.costs))]
    rows = [
        (name, *(_milliseconds(model.costs.get(name)) for model in (scale.seconds, scale.core_seconds)))
        for name in names
    ]
    yield from aligned([("FITTED, ms for each", "seconds", "core-seconds"), *rows], words=(0,))
    for name, number, model in (("seconds", 0, scale.seconds), ("core-seconds", 1, scale.core_seconds)):
        yield (
            f"Of {name}: R² {model.r_squared:.4f}; mean error {scale.errors(held_out=False)[number]:.1%}, "
            f"{scale.errors(held_out=True)[number]:.1%} on what was held out."
        )
    for way in scale.ways:
        frames_a_second = way.lanes * 10 * RATE / clip_seconds(scale.seconds, way, 10)
        yield (
            f"{way.name}: {frames_a_second:.1f} frames/s of {HEIGHT} rows by the model, "
            f"{_memory_mb(scale, way):.0f} MB for each clip at once (measured)."
        )


def _memory_mb(scale: Scale, way: Batch) -> float:
    """Of each clip at once, at the largest size."""
    peaks_mb = [
        each.peak_mb for each in scale.measured if each.batch.words == way.words and each.batch.height == HEIGHT
    ]
    return max(peaks_mb) / way.lanes


def _overheads(scale: Scale) -> Iterator[str]:
    rows = [
        (each.name, f"{each.seconds * 1000:.2f}", f"{each.most_a_second:.0f}", f"{each.start_s:.1f}")
        for each in scale.overheads
    ]
    yield from aligned(
        [("MEASURED, who hands out clips", "ms a clip", "clips/s at most", "start s"), *rows], words=(0,)
    )
    fastest = max(scale.ways, key=lambda way: way.lanes / clip_seconds(scale.seconds, way, 60))
    for each in scale.overheads:
        machines = each.most_a_second * clip_seconds(scale.seconds, fastest, 60) / fastest.lanes
        yield f"{each.name}: keeps {machines:,.0f} machines busy with clips of a minute (predicted)."


def _predicted(scale: Scale) -> Iterator[list[str]]:
    head = (
        "machines", "clips", "h:mm:ss", "speed-up", "of ideal", "core-hours", "bound by", "clips/s", "read MB/s",
        "write MB/s", "how",
    )  # fmt: skip
    for work, predictions in scale.predicted.items():
        rows = [_prediction(each) for each in predictions]
        yield [f"PREDICTED: {work.name}", *aligned([head, *rows], words=(6, 10))]


def _prediction(each: Prediction) -> tuple[str, ...]:
    return (
        f"{each.machines:,}", f"{each.clips:,}", _duration(each.seconds), f"{each.speed_up:,.1f}",
        f"{each.speed_up / each.machines:.0%}", f"{each.core_hours:,.1f}", each.bound, f"{each.tasks_a_second:.2f}",
        f"{each.read_mb_s:,.1f}", f"{each.written_mb_s:,.1f}", each.how,
    )  # fmt: skip


def _duration(seconds: float) -> str:
    minutes, rest_s = divmod(round(seconds), 60)
    return f"{minutes // 60:,}:{minutes % 60:02}:{rest_s:02}"


def _assumed() -> Iterator[str]:
    yield "ASSUMED"
    yield from (f"- {line}" for line in ASSUMPTIONS)


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.2f}"

"""GET /metrics: the run and the server in Prometheus' text format, version 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Response

from background_subtraction import __version__
from background_subtraction.live.session import Session
from background_subtraction.report import Latencies
from background_subtraction.web.context import Context

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "background_subtraction_"
BUCKETS_S = (0.005, 0.01, 0.02, 0.033, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Metric:
    """One of them. samples: labels and value, for a histogram with the ending of the name."""

    name: str
    kind: str
    words: str
    samples: tuple[tuple[str, Labels, float], ...]

    def lines(self) -> Iterator[str]:
        """HELP, TYPE, and a line for each sample."""
        yield f"# HELP {PREFIX}{self.name} {self.words}"
        yield f"# TYPE {PREFIX}{self.name} {self.kind}"
        for ending, labels, value in self.samples:
            pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            yield f"{PREFIX}{self.name}{ending}{f'{{{pairs}}}' if pairs else ''} {value:.10g}"


def metrics_routes(context: Context) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["Service"])

    @routes.get("/metrics", summary="Figures for Prometheus", response_class=Response)
    async def metrics() -> Response:
        return Response(text_of(context), media_type=CONTENT_TYPE)

    return routes


def text_of(context: Context) -> str:
    """All metrics of this moment."""
    metrics = [
        _one("info", GAUGE, "The program; always 1", 1, {"version": __version__}),
        *(_of_run(context.session) if context.session else ()),
        _one("pictures_total", COUNTER, "Pictures of visitors that were taken up", context.pictures.done),
        _one("pictures_waiting", GAUGE, "Pictures that wait or are computed", context.pictures.waiting),
        Metric(
            "jobs",
            GAUGE,
            "Videos of visitors by state",
            tuple(("", {"state": state}, count) for state, count in context.jobs.counts().items()),
        ),
    ]
    return "".join(f"{line}\n" for metric in metrics for line in metric.lines())


def _of_run(session: Session) -> Iterator[Metric]:
    figures = session.statistics()
    labels = {"device": figures.device, "model": figures.model}
    yield _one("frames_total", COUNTER, "Frames that were delivered", figures.frames)
    yield _one("dropped_frames_total", COUNTER, "Frames that came while another one was worked on", figures.dropped)
    yield _one("frames_per_second", GAUGE, "Frames per second over the last ones", figures.fps)
    yield _one("viewers", GAUGE, "Who watches the run", figures.watching)
    yield _one("run_info", GAUGE, "What computes the run; always 1", 1, labels)
    yield _histogram(session.report.latencies)


def _histogram(latencies: Latencies) -> Metric:
    counts, total_s = latencies.within(BUCKETS_S)
    count = counts[-1]
    bounds = [*(f"{bound:g}" for bound in BUCKETS_S), "+Inf"]
    buckets = tuple(("_bucket", {"le": bound}, count) for bound, count in zip(bounds, counts, strict=True))
    words = "From a live frame's arrival to its delivery"
    return Metric("latency_seconds", HISTOGRAM, words, (*buckets, ("_sum", {}, total_s), ("_count", {}, count)))


def _one(name: str, kind: str, words: str, value: float, labels: Labels | None = None) -> Metric:
    return Metric(name, kind, words, (("", labels or {}, value),))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

"""An evaluation as one HTML file that needs nothing else: tables, curves over time, and the worst frames."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from model_tools.metrics import HIGHER_IS_BETTER
from model_tools.scores import Evaluation, Exhibit, numbers, rows, shown

COLOURS = ("#1f6fb4", "#d9541e", "#2a9d4a", "#8a4fc1", "#c2185b", "#7a6a00")
WIDTH, HEIGHT = 330, 150
LEFT, TOP, RIGHT, BOTTOM = 46, 22, 10, 20
OPEN_CLIPS = 6
"""Of more the curves are folded up."""
STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; max-width: 1440px; margin: 2em auto; padding: 0 1em; color: #222 }
h1 { font-size: 1.4em } h2 { font-size: 1.15em; margin-top: 2em }
h3, summary { font-size: 1em; font-weight: bold; margin: 1.2em 0 .3em }
table { border-collapse: collapse } th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #ddd }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left } td.best { font-weight: bold }
tr.all { background: #f3f5f7 } .key { display: inline-block; width: 1.4em; height: .3em; margin-right: .4em }
.key { vertical-align: middle } .legend span.model { margin-right: 1.5em }
.charts, .row { display: flex; flex-wrap: wrap; gap: 12px } svg { background: #fafbfc; border: 1px solid #e2e5e8 }
figure { margin: 0 } figure img { max-width: 320px; display: block } figcaption { color: #666; font-size: .85em }
.exhibit { margin: 0 0 1.4em }
"""


def as_html(evaluation: Evaluation) -> str:
    parts = [
        f"<h1>{escape(evaluation.title)}</h1>",
        _legend(evaluation),
        _table(evaluation),
        *_worst_frames(evaluation),
        *(_curves(evaluation) if not evaluation.singles else ()),
    ]
    head = f'<meta charset="utf-8"><title>{escape(evaluation.title)}</title><style>{STYLE}</style>'
    body = "\n".join(parts)
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def _colour(evaluation: Evaluation, model: str) -> str:
    return COLOURS[evaluation.models.index(model) % len(COLOURS)]


def _legend(evaluation: Evaluation) -> str:
    models = "".join(
        f'<span class="model"><span class="key" style="background:{_colour(evaluation, model)}"></span>'
        f"{escape(model)}</span>"
        for model in evaluation.models
    )
    better = {name in HIGHER_IS_BETTER for name in evaluation.metrics.values()}
    bold = "; the best is bold" if len(evaluation.models) > 1 else ""
    return f'<p class="legend">{models}{"Higher" if better == {True} else "Lower"} is better{bold}.</p>'


def _table(evaluation: Evaluation) -> str:
    headings = tuple(evaluation.metrics)
    head = "".join(f"<th>{escape(heading)}</th>" for heading in ("clip", "model", "frames", *headings))
    lines = []
    for clip, group in groupby(rows(evaluation), key=lambda row: row[0]):
        group_rows = list(group)
        best = {heading: _best(evaluation, heading, [row[3][heading] for row in group_rows]) for heading in headings}
        for _, model, frames, figures in group_rows:
            cells = "".join(_cell(figures[heading], best[heading]) for heading in headings)
            kind = ' class="all"' if clip.startswith("all,") else ""
            lines.append(f"<tr{kind}><td>{escape(clip)}</td><td>{escape(model)}</td><td>{frames}</td>{cells}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n" + "\n".join(lines) + "\n</tbody></table>"


def _best(evaluation: Evaluation, heading: str, values: Sequence[float]) -> float:
    """NaN where there is nothing to compare."""
    choose = max if evaluation.metrics[heading] in HIGHER_IS_BETTER else min
    return choose(numbers(values), default=math.nan) if len(values) > 1 else math.nan


def _cell(value: float, best: float) -> str:
    kind = ' class="best"' if value == best else ""
    return f"<td{kind}>{shown(value)}</td>"


def _curves(evaluation: Evaluation) -> Iterator[str]:
    yield "<h2>Frame by frame</h2>"
    opened = " open" if len(evaluation.clips) <= OPEN_CLIPS else ""
    for clip in evaluation.clips:
        charts = "\n".join(_chart(evaluation, clip, heading) for heading in evaluation.metrics)
        yield f'<details{opened}><summary>{escape(clip)}</summary><div class="charts">\n{charts}\n</div></details>'


def _chart(evaluation: Evaluation, clip: str, heading: str) -> str:
    """One metric over a clip's frames, a line a model; nothing where there is no figure."""
    curves = {scores.model: scores.values[heading] for scores in evaluation.scores if scores.clip == clip}
    known = numbers(value for values in curves.values() for value in values)
    if not known:
        return ""
    top = max(known) or 1.0
    last = max(1, *(len(values) - 1 for values in curves.values()))
    lines = "".join(
        f'<polyline fill="none" stroke="{_colour(evaluation, model)}" stroke-width="1.5" points="{points}">'
        f"<title>{escape(model)}</title></polyline>"
        for model, values in curves.items()
        for points in _stretches(values, top, last)
    )
    base, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    small = 'font-size="10" fill="#666"'
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(heading)} over the frames of {escape(clip)}">'
        f'<text x="{LEFT}" y="14" font-size="12" font-weight="bold">{escape(heading)}</text>'
        f'<path d="M{LEFT} {TOP}V{base}H{right}" fill="none" stroke="#999"/>'
        f'<path d="M{LEFT} {TOP}H{right}" fill="none" stroke="#ddd"/>'
        f'<text x="{LEFT - 4}" y="{TOP + 4}" text-anchor="end" {small}>{top:.3g}</text>'
        f'<text x="{LEFT - 4}" y="{base}" text-anchor="end" {small}>0</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 6}" {small}>0</text>'
        f'<text x="{right}" y="{HEIGHT - 6}" text-anchor="end" {small}>{last}</text>{lines}</svg>'
    )


def _stretches(values: Sequence[float], top: float, last: int) -> Iterator[str]:
    """Points of a curve, broken where there is no figure."""
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    for known, stretch in groupby(enumerate(values), key=lambda pair: not math.isnan(pair[1])):
        if known:
            yield " ".join(f"{LEFT + wide * n / last:.1f},{HEIGHT - BOTTOM - high * v / top:.1f}" for n, v in stretch)


def _worst_frames(evaluation: Evaluation) -> Iterator[str]:
    heading, metric = next(iter(evaluation.metrics.items()))
    for model in evaluation.models:
        candidates = [exhibit for scores in evaluation.of(model) for exhibit in scores.exhibits]
        candidates.sort(key=lambda exhibit: exhibit.value, reverse=metric not in HIGHER_IS_BETTER)
        if candidates[: evaluation.worst]:
            yield f"<h2>Worst frames of {escape(model)}, by {escape(heading)}</h2>"
            yield from (_exhibit(evaluation, exhibit, heading) for exhibit in candidates[: evaluation.worst])


def _exhibit(evaluation: Evaluation, exhibit: Exhibit, heading: str) -> str:
    frame = "" if evaluation.singles else f", frame {exhibit.frame}"
    title = f"{exhibit.clip}{frame}: {heading} {shown(exhibit.value)}"
    figures = "".join(
        f'<figure><img alt="{escape(caption)}" src="data:image/jpeg;base64,{b64encode(data).decode("ascii")}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, data in exhibit.pictures.items()
    )
    return f'<div class="exhibit"><h3>{escape(title)}</h3><div class="row">{figures}</div></div>'

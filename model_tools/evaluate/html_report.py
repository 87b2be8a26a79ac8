"""An evaluation as one HTML file that needs nothing else: tables, curves over time, and the worst frames."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from model_tools.evaluate.metric_sets import HIGHER_IS_BETTER
from model_tools.evaluate.results import Evaluation, Exhibit, Row, cells, columns, numbers, rows, shown
from model_tools.reporting.palette import colour_of

WIDTH, HEIGHT = 330, 150
LEFT, TOP, RIGHT, BOTTOM = 46, 22, 10, 20
OPEN_CLIPS = 6
"""Of more the curves are folded up."""
STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; max-width: 1440px; margin: 2em auto; padding: 0 1em; color: #222 }
h1 { font-size: 1.4em } h2 { font-size: 1.15em; margin-top: 2em }
h3, summary { font-size: 1em; font-weight: bold; margin: 1.2em 0 .3em }
table { border-collapse: collapse } th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #ddd }
th.word, td.word { text-align: left } td.best { font-weight: bold }
tr.all { background: #f3f5f7 } .key { display: inline-block; width: 1.4em; height: .3em; margin-right: .4em }
.key { vertical-align: middle } .legend span.model { margin-right: 1.5em }
.charts, .row { display: flex; flex-wrap: wrap; gap: 12px } svg { background: #fafbfc; border: 1px solid #e2e5e8 }
figure { margin: 0 } figure img { max-width: 320px; display: block } figcaption { color: #666; font-size: .85em }
.exhibit { margin: 0 0 1.4em }
"""


def as_html(evaluation: Evaluation) -> str:
    """The evaluation as one HTML file."""
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
    return colour_of(evaluation.models.index(model))


def _legend(evaluation: Evaluation) -> str:
    models = "".join(
        f'<span class="model"><span class="key" style="background:{_colour(evaluation, model)}"></span>'
        f"{escape(model)}</span>"
        for model in evaluation.models
    )
    bold = "; the best is bold" if len(evaluation.models) > 1 else ""
    return f'<p class="legend">{models}{_direction(evaluation)}{bold}.</p>'


def _direction(evaluation: Evaluation) -> str:
    higher = [heading for heading, name in evaluation.metrics.items() if name in HIGHER_IS_BETTER]
    if len(higher) == len(evaluation.metrics):
        return "Higher is better"
    return f"Lower is better, except {', '.join(map(escape, higher))}" if higher else "Lower is better"


def _table(evaluation: Evaluation) -> str:
    *words, frames = columns(evaluation)
    head = "".join(f'<th class="word">{escape(word)}</th>' for word in words)
    head += "".join(f"<th>{escape(heading)}</th>" for heading in (frames, *evaluation.metrics))
    all_rows = rows(evaluation)
    lines = "\n".join(_line(evaluation, row, _rivals(row, all_rows)) for row in all_rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{lines}\n</tbody></table>"


def _rivals(row: Row, all_rows: Sequence[Row]) -> list[Row]:
    """What the models score in the same clip under the same condition."""
    return [rival for rival in all_rows if (rival.clip, rival.condition) == (row.clip, row.condition)]


def _line(evaluation: Evaluation, row: Row, rivals: Sequence[Row]) -> str:
    *words, frames = cells(evaluation, row)
    kind = ' class="all"' if row.clip.startswith("all,") else ""
    named = "".join(f'<td class="word">{escape(word)}</td>' for word in words)
    figures = "".join(
        _cell(value, _best(evaluation, heading, [rival.figures[heading] for rival in rivals]))
        for heading, value in row.figures.items()
    )
    return f"<tr{kind}>{named}<td>{frames}</td>{figures}</tr>"


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
    for clip, condition in ((clip, condition) for clip in evaluation.clips for condition in evaluation.conditions):
        charts = "\n".join(_chart(evaluation, clip, condition, heading) for heading in evaluation.metrics)
        title = escape(_under(evaluation, clip, condition))
        yield f'<details{opened}><summary>{title}</summary><div class="charts">\n{charts}\n</div></details>'


def _under(evaluation: Evaluation, name: str, condition: str) -> str:
    """A clip's or a model's name, and the condition where there are several."""
    return f"{name}, {condition}" if len(evaluation.conditions) > 1 else name


def _chart(evaluation: Evaluation, clip: str, condition: str, heading: str) -> str:
    """One metric over a clip's frames, a line a model; nothing where there is no figure."""
    curves = {
        scores.model: scores.values[heading]
        for scores in evaluation.scores
        if (scores.clip, scores.condition) == (clip, condition)
    }
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
    for model, condition in evaluation.runs:
        candidates = [exhibit for scores in evaluation.of(model, condition) for exhibit in scores.exhibits]
        candidates.sort(key=lambda exhibit: exhibit.value, reverse=metric not in HIGHER_IS_BETTER)
        if candidates[: evaluation.worst]:
            title = escape(_under(evaluation, model, condition))
            yield f"<h2>Worst frames of {title}, by {escape(heading)}</h2>"
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

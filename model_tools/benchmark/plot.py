"""A benchmark as an SVG image: a bar for each side as long as a frame takes, by stage where they are known."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from model_tools.benchmark.report import Benchmark, Figures, figures
from model_tools.reporting.palette import colour_of

PLAIN = "#9aa5b1"
WIDTH, LEFT, RIGHT = 1000, 260, 170
TOP, ROW, BAR = 64, 34, 20
NAME_CHARACTERS = 38
"""Of longer names the middle is left out; a pointer at the bar shows them whole."""


def as_svg(benchmark: Benchmark) -> str:
    """The benchmark as an SVG image."""
    every_side = figures(benchmark.sides, benchmark.rounds, benchmark.base)
    stages = list(dict.fromkeys(stage for each in every_side for stage in each.stages_ms))
    colours = {stage: colour_of(number) for number, stage in enumerate(stages)}
    longest_ms = max(max(1000 / each.fps, sum(each.stages_ms.values())) for each in every_side)
    scale = (WIDTH - LEFT - RIGHT) / longest_ms
    height = TOP + ROW * len(every_side) + 44
    rows = "\n".join(_row(each, TOP + ROW * number, scale, colours) for number, each in enumerate(every_side))
    note = "Black: the time from one frame to the next. Stages overlap, so that their work may come to more."
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{height}" fill="white"/>'
        f'<text x="16" y="24" font-size="15" font-weight="bold">Milliseconds of a frame</text>'
        f'<text x="{WIDTH - 16}" y="24" text-anchor="end" fill="#666">'
        f"{escape(', '.join(benchmark.machine.devices.values()))}</text>\n"
        f"{_legend(colours)}\n{rows}\n"
        f'<text x="16" y="{height - 14}" fill="#666">{note}</text></svg>\n'
    )


def _row(each: Figures, top: float, scale: float, colours: Mapping[str, str]) -> str:
    frame_ms = 1000 / each.fps
    parts = list(each.stages_ms.items()) or [("", frame_ms)]
    bars, left = [], float(LEFT)
    for stage, spent_ms in parts:
        what = f"{each.side.name}, {stage}" if stage else each.side.name
        bars.append(
            f'<rect x="{left:.1f}" y="{top}" width="{spent_ms * scale:.1f}" height="{BAR}" '
            f'fill="{colours.get(stage, PLAIN)}"><title>{escape(what)}: {spent_ms:.2f} ms</title></rect>'
        )
        left += spent_ms * scale
    at = LEFT + frame_ms * scale
    return (
        f'<text x="{LEFT - 10}" y="{top + 15}" text-anchor="end">{escape(_short(each.side.name))}'
        f"<title>{escape(each.side.name)}</title></text>{''.join(bars)}"
        f'<path d="M{at:.1f} {top - 4}V{top + BAR + 4}" stroke="black" stroke-width="2"/>'
        f'<text x="{max(left, at) + 8:.1f}" y="{top + 15}">{frame_ms:.1f} ms, {each.fps:.1f} FPS</text>'
    )


def _legend(colours: Mapping[str, str]) -> str:
    step = (WIDTH - 32) // max(1, len(colours))
    return "".join(
        f'<rect x="{16 + step * number}" y="38" width="12" height="12" fill="{colour}"/>'
        f'<text x="{34 + step * number}" y="48">{escape(stage)}</text>'
        for number, (stage, colour) in enumerate(colours.items())
    )


def _short(name: str, most: int = NAME_CHARACTERS) -> str:
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-(most // 2 - 1) :]}"

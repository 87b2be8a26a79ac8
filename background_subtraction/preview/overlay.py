"""Draws figures over what the window shows. Files do not have them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2

from background_subtraction.preview.system_monitor import Monitors
from model_api.types import Image

WHITE, BLACK, GREEN, GREY = (255, 255, 255), (0, 0, 0), (120, 255, 155), (90, 90, 90)
MARGIN_PX = 10
FONT = cv2.FONT_HERSHEY_DUPLEX


def draw_text(image: Image, lines: Sequence[str], small_lines: Sequence[str] = ()) -> None:
    """Draw lines of text at the top left, white with a black shadow, in a size that suits the image.

    Args:
        image: it is drawn into this one.
        lines: those at the top.
        small_lines: others below them, so small that all of them have room.
    """
    scale = _scale(image)
    top = round(len(lines) * 30 * scale)
    _draw_lines(image, lines, scale)
    if small_lines:
        below = image[top:]
        room = below.shape[0] / (31 * (len(small_lines) + 1))
        longest = max(cv2.getTextSize(line, FONT, 0.8, 1)[0][0] for line in small_lines)
        _draw_lines(below, small_lines, min(0.8 * scale, room, (image.shape[1] - 2 * MARGIN_PX) / longest))


def _draw_lines(image: Image, lines: Sequence[str], scale: float) -> None:
    shadow = max(1, round(2 * scale))
    for number, line in enumerate(lines, 1):
        x, y = MARGIN_PX, round(number * 30 * scale)
        for shift, colour in ((shadow, BLACK), (0, WHITE)):
            cv2.putText(image, line, (x + shift, y + shift), FONT, 0.8 * scale, colour, 1, cv2.LINE_AA)


def draw_graphs(image: Image, monitors: Monitors) -> None:
    """Draw the graphs in a row at the bottom left, each with its title and newest figure."""
    width, height = round(image.shape[1] / 4.5), round(image.shape[0] / 6)
    x, y = MARGIN_PX, image.shape[0] - height - MARGIN_PX
    for key in sorted(monitors.shown):
        if x + width > image.shape[1]:
            return
        title, values, limit, bars = _graph(key, monitors)
        _shade(image, x, y, width, height)
        _draw_values(image[y : y + height, x : x + width], values, limit, bars=bars)
        scale = 0.6 * _scale(image)
        cv2.putText(image, title, (x + 4, y + round(22 * scale)), FONT, scale, WHITE, 1, cv2.LINE_AA)
        x += width + MARGIN_PX


def _graph(key: str, monitors: Monitors) -> tuple[str, Sequence[float], float, bool]:
    """Title, values, the value that fills the height, and whether each has a bar of its own."""
    cpu = monitors.cpu_percent[-1] if monitors.cpu_percent else 0.0
    memory = monitors.memory_gib[-1] if monitors.memory_gib else 0.0
    total = max(monitors.memory_total_gib, 1.0)
    return {
        "c": (f"CPU {cpu:.0f}%", tuple(monitors.cpu_percent), 100.0, False),
        "d": (f"{len(monitors.cores_percent)} cores", tuple(monitors.cores_percent), 100.0, True),
        "m": (f"Memory {memory:.1f}/{total:.0f} GiB", tuple(monitors.memory_gib), total, False),
    }[key]


def _shade(image: Image, x: int, y: int, width: int, height: int) -> None:
    part = image[y : y + height, x : x + width]
    cv2.convertScaleAbs(part, dst=part, alpha=0.35)
    cv2.rectangle(image, (x, y), (x + width - 1, y + height - 1), GREY, 1)


def _draw_values(part: Image, values: Sequence[float], limit: float, *, bars: bool) -> None:
    height, width = part.shape[:2]
    room = height * 0.7  # the title has the rest
    step = width / max(len(values), 1) if bars else width / 40
    first_x = 0.0 if bars else width - step * len(values)
    for number, value in enumerate(values):
        left, right = first_x + number * step, first_x + (number + 1) * step
        top = round(height - room * min(value / limit, 1.0))
        gap = 2 if bars else 0
        cv2.rectangle(part, (round(left) + gap, top), (max(round(right) - 1 - gap, 0), height - 2), GREEN, cv2.FILLED)


def _scale(image: Image) -> float:
    return max(image.shape[0] / 720, 0.4)

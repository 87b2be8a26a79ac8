"""The Chromium of this machine, driven through its DevTools protocol. Nothing is downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

TIMEOUT_MS = 45_000
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="neither chromium, chromium-browser nor google-chrome is here"
)
PIXELS = """
window.colourAt = (selector, x, y) => {
  const shown = document.querySelector(selector);
  const width = shown.videoWidth || shown.naturalWidth, height = shown.videoHeight || shown.naturalHeight;
  if (!width) return null;
  const side = 8, canvas = new OffscreenCanvas(width, height), pen = canvas.getContext("2d");
  pen.drawImage(shown, 0, 0);
  const data = pen.getImageData(Math.round(width * x - side / 2), Math.round(height * y - side / 2), side, side).data;
  const sums = [0, 0, 0];
  data.forEach((value, index) => index % 4 < 3 && (sums[index % 4] += value));
  return sums.map((sum) => sum / (side * side));
};
"""
"""The mean colour of 8×8 pixels of an image or a video: red, green, blue."""


@contextmanager
def chromium(camera: Path | None = None) -> Iterator[Any]:
    """Start the browser. camera: a .y4m file that its camera shows."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    words = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    words += [f"--use-file-for-fake-video-capture={camera}"] if camera else []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=words)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_at(browser: Any, url: str, script: str = "", **options: Any) -> Iterator[Any]:
    """Open a page. What its scripts throw, and what its rules forbid them, fails the test.

    script: runs before the page's own.
    """
    context = browser.new_context(**options)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.extend([str(error)]))
    page.on("console", lambda line: faults.extend(_fault_of(line)))
    page.on("request", lambda request: faults.extend(_foreign(request.url, url)))
    page.add_init_script(PIXELS + script)
    page.goto(url)
    page.wait_for_selector("html[data-ready]")
    try:
        yield page
        assert not faults
    finally:
        context.close()


def wait_until(page: Any, holds: Callable[[], bool]) -> None:
    """Look until it holds, while the page goes on."""
    end_s = monotonic() + TIMEOUT_MS / 1000
    while not holds():
        assert monotonic() < end_s
        page.wait_for_timeout(50)


def _fault_of(line: Any) -> list[str]:
    """What breaks the page's own rules, such as its Content-Security-Policy. A refused request is none."""
    return [line.text] if line.type == "error" and "Failed to load" not in line.text else []


def _foreign(address: str, own: str) -> list[str]:
    """What would be loaded from another host."""
    return [] if address.startswith((own, "blob:", "data:")) else [address]

"""Subtitles, chapters, languages and tags that go along."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.stream import Disposition

from tests.conftest import RunDemo
from tests.integration.media.test_side_tracks import everything_is_person, flash_and_beep

TEXTS = ((0.25, 0.75, "Good <i>morning</i>"), (1.25, 1.9, "Good night"))
"""Begin, end and text."""
CHAPTERS = ((0, 1000, "One"), (1000, 2000, "Two"))


def with_words(path: Path, texts: Sequence[tuple[float, float, str]] = TEXTS, seconds: int = 2) -> Path:
    """A clip with a German and an English sound track, forced texts, two chapters, and a title in Latin-1."""
    clip = flash_and_beep(path.with_name("plain.mkv"), tracks=2, seconds=seconds)
    with av.open(str(clip)) as source, av.open(str(path), "w", metadata_encoding="latin-1") as container:
        container.metadata["title"] = "Caf\u00e9"
        lanes = {stream.index: container.add_stream_from_template(stream) for stream in source.streams}
        for language, flags, stream in zip(
            ("ger", "eng"), (Disposition.default, Disposition.comment), container.streams.audio, strict=True
        ):
            stream.metadata.update(language=language, title=f"In {language}")
            stream.disposition = flags
        words = container.add_mux_stream("subrip")
        words.time_base = Fraction(1, 1000)
        words.metadata["language"] = "fre"
        words.disposition = Disposition.forced
        container.set_chapters([_chapter(number, *chapter) for number, chapter in enumerate(CHAPTERS, 1)])
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = lanes[packet.stream.index]
                container.mux(packet)
        for begin_s, end_s, text in texts:
            container.mux(_text(words, begin_s, end_s, text))
    return path


def _chapter(number: int, start_ms: int, end_ms: int, title: str) -> Any:
    tick_s = Fraction(1, 1000)
    return {"id": number, "start": start_ms, "end": end_ms, "time_base": tick_s, "metadata": {"title": title}}


def _text(stream: Any, begin_s: float, end_s: float, text: str) -> av.Packet[Any]:
    packet: av.Packet[Any] = av.Packet(text.encode())
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = round(begin_s * 1000)
    packet.duration = round((end_s - begin_s) * 1000)
    return packet


def texts_of(path: Path) -> list[Any]:
    found = []
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        for packet in container.demux(stream):
            if packet.size > 2 and packet.pts is not None and packet.duration is not None:
                begin_s = float(packet.pts * packet.time_base)
                lines = [text.dialogue.decode().removesuffix(r"{\i0}") for text in packet.decode()]
                found.append((begin_s, begin_s + float(packet.duration * packet.time_base), " ".join(lines)))
    return found


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_words_chapters_and_tags_go_along(models: Path, tmp_path: Path, run_demo: RunDemo, suffix: str) -> None:
    source = with_words(tmp_path / "in.mkv")
    everything_is_person(models, run_demo, source, f"out{suffix}")
    output = tmp_path / f"out{suffix}"
    assert texts_of(output) == [
        (pytest.approx(begin_s), pytest.approx(end_s), text.replace("<i>", r"{\i1}").replace("</i>", ""))
        for begin_s, end_s, text in TEXTS
    ]
    with av.open(str(output)) as container:
        assert container.metadata["title"] == "Caf\u00e9"
        assert [stream.metadata["language"] for stream in container.streams.audio] == ["ger", "eng"]
        assert [bool(stream.disposition & Disposition.default) for stream in container.streams.audio] == [True, False]
        assert container.streams.subtitles[0].metadata["language"] in ("fre", "fra")  # both are French in ISO 639-2
        assert [
            (float(chapter["start"] * chapter["time_base"]), float(chapter["end"] * chapter["time_base"]),
             chapter["metadata"]["title"])
            for chapter in container.chapters() if chapter["time_base"]
        ] == [(0, 1, "One"), (1, pytest.approx(2, abs=0.02), "Two")]  # fmt: skip


def test_words_and_chapters_of_a_part(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """From 0.5 to 1.5 s: the first text has half of its time left, the second one is cut after 0.25 s."""
    source = with_words(tmp_path / "in.mkv")
    everything_is_person(models, run_demo, source, "out.mp4", "--start", 0.5, "--end", 1.5)
    assert texts_of(tmp_path / "out.mp4") == [
        (0, pytest.approx(0.25, abs=0.02), r"Good {\i1}morning"),
        (pytest.approx(0.75, abs=0.02), pytest.approx(1, abs=0.02), "Good night"),
    ]
    with av.open(str(tmp_path / "out.mp4")) as container:
        ends_s = [float(chapter["end"] * (chapter["time_base"] or 0)) for chapter in container.chapters()]
    assert ends_s == [pytest.approx(0.5, abs=0.02), pytest.approx(1, abs=0.04)]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize(
    "times_s",
    [((0.5, 2), (3, 8)), ((0.2, 0.3), (0.301, 4), (4, 4.2), (4.201, 4.3), (6, 7))],
    ids=["a pause longer than a fragment", "hardly a pause"],
)
def test_words_stay_in_time_whatever_fragment_they_are_in(
    models: Path, tmp_path: Path, run_demo: RunDemo, suffix: str, times_s: Sequence[tuple[float, float]]
) -> None:
    """FFmpeg, left alone, ends each with an empty sample, and guesses its length when a fragment ends there."""
    source = with_words(tmp_path / "in.mkv", [(*times, "word") for times in times_s], 8)
    everything_is_person(models, run_demo, source, f"out{suffix}", "--end", 6.5)
    assert texts_of(tmp_path / f"out{suffix}") == [
        (pytest.approx(begin_s, abs=0.002), pytest.approx(min(end_s, 6.5), abs=0.002), "word")
        for begin_s, end_s in times_s
    ]


def test_two_words_that_begin_at_once_are_both_shown(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """From 0.5 s on both begin at 0; an .mp4 shows one at a time."""
    source = with_words(tmp_path / "in.mkv", [(0, 1, "first"), (0.4, 1.4, "second")])
    everything_is_person(models, run_demo, source, "out.mp4", "--start", 0.5)
    assert texts_of(tmp_path / "out.mp4") == [
        (0, pytest.approx(0.5, abs=0.02), "first"),
        (pytest.approx(0.5, abs=0.02), pytest.approx(0.9, abs=0.02), "second"),
    ]


def test_a_container_without_room_for_them_says_so(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    source = with_words(tmp_path / "in.mkv")
    said = everything_is_person(models, run_demo, source, "out.avi")
    assert "subtitle track 3 (subrip, fre) is left out: .avi does not hold it" in said
    assert ".avi holds no chapters" in said

"""Arithmetic of what goes along beside the picture."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest

from background_subtraction.sinks.sound.adts import audio_specific_config
from background_subtraction.sinks.sound.encoders import named_layout, nearest_layout, nearest_rate
from background_subtraction.sinks.sound.joints import JoinedTime, beside
from background_subtraction.sinks.sound.tags import chapters_between, readable

SECOND = Fraction(1)


@pytest.mark.parametrize("second_s", [0, 3600], ids=["back", "forward"])
def test_time_goes_on_after_a_joint(second_s: int) -> None:
    """Two recordings of three pictures, each shown for a second."""
    time = JoinedTime()
    joined = [time.at(Fraction(s), Fraction(s), SECOND) for s in (0, 1, 2, second_s, second_s + 1)]
    assert joined == [0, 1, 2, 3, 4]
    assert beside(Fraction(second_s), joined[3], time.offsets) == 3
    assert beside(Fraction(2), joined[3], time.offsets) == 2  # the last sound of the first recording


def test_pauses_and_disorder_are_no_joints() -> None:
    time = JoinedTime()
    assert [time.at(Fraction(s), Fraction(s), SECOND) for s in (0, 10, Fraction("9.95"))] == [0, 10, Fraction("9.95")]


@pytest.mark.parametrize(
    ("encoder", "layout", "expected"),
    [
        ("aac", "5.1(side)", "5.1"),
        ("libopus", "5.1(side)", "5.1"),
        ("libopus", "4.0", "quad"),
        ("aac", "6.1", "5.1"),
        ("aac", "7.1(wide)", "7.1"),
        ("pcm_s16le", "5.1(side)", "5.1(side)"),
        ("aac", "2 channels", "stereo"),
    ],
)
def test_nearest_layout(encoder: str, layout: str, expected: str) -> None:
    assert nearest_layout(encoder, av.AudioLayout(layout)) == expected


def test_channels_without_names() -> None:
    assert named_layout(av.AudioLayout("3 channels")) == "3.0"
    with pytest.raises(ValueError, match="9 channels without names"):
        nearest_layout("aac", av.AudioLayout("9 channels"))


def test_nearest_rate() -> None:
    """FFmpeg's list for AAC ends at 96 kHz; see `ffmpeg -h encoder=aac`."""
    assert [nearest_rate("aac", rate) for rate in (192_000, 44_100, 37_800)] == [96_000, 44_100, 44_100]


def test_audio_specific_config() -> None:
    """AAC-LC (2), 44.1 kHz (4), stereo (2): 00010 0100 0010 000, which is what FFmpeg writes into an .mp4 too."""
    header = bytes([0xFF, 0xF1, 0b01_0100_0_0, 0b10_000000, 0, 0x1F, 0xFC])
    assert audio_specific_config(header) == bytes([0b00010_010, 0b0_0010_000])


@pytest.mark.parametrize("text", ["Café".encode("latin-1"), "Café".encode()])
def test_tags_are_readable(text: bytes) -> None:
    assert readable(text.decode("utf-8", "surrogateescape")) == "Café"


def test_chapters_of_a_part() -> None:
    chapters = [{"id": n, "start": 10 * n, "end": 10 * n + 10, "time_base": SECOND, "metadata": {}} for n in range(3)]
    cut = chapters_between(chapters, Fraction(5), Fraction(15))
    assert [(chapter["start"], chapter["end"]) for chapter in cut] == [(0, 5000), (5000, 10_000)]

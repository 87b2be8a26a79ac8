"""What the encoders of sound take: the nearest rate and arrangement of speakers to those of a track."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import av

MONO_TO_SURROUND = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
LAYOUTS: Mapping[str, tuple[str, ...]] = {
    "aac": ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "7.1"),
    "libopus": MONO_TO_SURROUND,
    "flac": (*MONO_TO_SURROUND, "5.0(side)", "5.1(side)"),
}
"""Encoder -> the layouts that every player takes: aacenctab.h, vorbis_data.c, and flacenc.c of FFmpeg. Others: any."""

DEFAULT_LAYOUTS = {3: "3.0", 4: "quad"}
"""Channels without names are taken for these, as WAV files have them; other counts for FFmpeg's default."""


def named_layout(layout: Any) -> str:
    """Return a layout's name, the default one of its count where channels are only counted."""
    name = str(layout.name)
    if not is_unnamed(name):
        return name
    count = int(layout.nb_channels)
    if count in DEFAULT_LAYOUTS:
        return DEFAULT_LAYOUTS[count]
    try:
        return str(av.AudioLayout(f"{count}c").name)
    except ValueError:
        return name


def is_unnamed(layout: str) -> bool:
    """Whether channels are only counted."""
    return layout.endswith((" channels", " channels)"))


def nearest_layout(encoder: str, layout: Any) -> str:
    """Return a layout that the encoder takes: the same, one of as many channels, or the largest with fewer.

    Raises:
        ValueError: there is no name for so many channels, so nothing is known of how to mix them.
    """
    name, taken = named_layout(layout), LAYOUTS.get(encoder, ())
    if not taken or name in taken:
        return name
    if is_unnamed(name):
        raise ValueError(f"{layout.nb_channels} channels without names")
    counts = {av.AudioLayout(other).nb_channels: other for other in reversed(taken)}
    return counts[max(count for count in counts if count <= layout.nb_channels)]


def nearest_rate(encoder: str, rate: int) -> int:
    """Return a sample rate that the encoder takes: the same, the next higher one, or the highest."""
    if encoder == "libopus":
        return 48_000  # what Opus decodes to, whatever it was made from
    rates = av.Codec(encoder, "w").audio_rates or [rate]
    return min((taken for taken in rates if taken >= rate), default=max(rates))

"""The one table that decides how a video file is written: containers, codecs, transparency, sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from model_api.errors import SinkError


@dataclass(frozen=True)
class Codec:
    """How images are encoded.

    Attributes:
        encoder: FFmpeg's name.
        pixel_format: what it takes.
        alpha_format: the same with transparency, None where it has none.
        options: the encoder's, with the default quality among them.
        quality: its option for constant quality, "" where it has none.
        worst: the highest number on that scale.
        tag: the four letters that name it in the file, where players expect others than FFmpeg's.
        full_range: levels 0..255 and BT.601, as JPEG has them.
        keeps_planes: whether pictures in planes are stored in their own format.
        multiple_px: sides must be multiples of this.
        remedy: what to do on machines that do not have it.
    """

    encoder: str
    pixel_format: str
    alpha_format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    quality: str = ""
    worst: int = 51
    tag: str = ""
    full_range: bool = False
    keeps_planes: bool = False
    multiple_px: int = 2
    remedy: str = ""


@dataclass(frozen=True)
class Container:
    """What a kind of file can hold.

    Attributes:
        codecs: the first is the default.
        transparent: the codec for transparency, None if there is none.
        copied: sound and subtitle codecs that are copied.
        sound: the encoder for any other sound.
        options: FFmpeg's.
        timing: when it can show frames, one of `timing.TIMINGS`.
        reorders: whether it can hold frames in another order than that in which they are shown.
        edit_lists: whether it can hold what a decoder needs before the beginning, without showing it.
        text: the encoder for any other text subtitles.
        chapters: whether it holds chapters.
    """

    codecs: tuple[str, ...]
    transparent: str | None = None
    copied: frozenset[str] = frozenset()
    sound: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    timing: str = "own"
    reorders: bool = True
    edit_lists: bool = False
    text: str | None = None
    chapters: bool = False


@dataclass(frozen=True)
class VideoFormat:
    """The format of one file. pixel_format: the codec's, for transparency or not."""

    codec: Codec
    container: Container
    pixel_format: str


# Few frames wait inside the encoders, because a run that is killed loses them: see `timing.DELAYS`. SVT-AV1 looks no
# frames ahead and not 40, libvpx none and not 25, without a loss that could be measured.
CODECS: Mapping[str, Codec] = {
    "h264": Codec("libx264", "yuv420p", None, {"crf": "20", "preset": "superfast", "forced-idr": "1"}, "crf"),
    "hevc": Codec(
        "libx265", "yuv420p", None,
        {"crf": "22", "preset": "fast", "forced-idr": "1", "x265-params": "log-level=error"}, "crf",
        tag="hvc1",
    ),
    "av1": Codec(
        "libsvtav1", "yuv420p", None,
        {"crf": "28", "preset": "9", "svtav1-params": "lookahead=0"}, "crf", worst=63,
    ),
    "h264_qsv": Codec(
        "h264_qsv", "nv12", None, {"global_quality": "20", "preset": "veryfast", "forced_idr": "1"}, "global_quality",
        remedy="Intel Quick Sync is not on this machine, or its driver is missing. Use the codec h264",
    ),
    "vp9": Codec(
        "libvpx-vp9", "yuv420p", "yuva420p",
        {"crf": "20", "b": "0", "deadline": "realtime", "cpu-used": "5", "row-mt": "1", "lag-in-frames": "0"}, "crf",
        worst=63,
    ),
    "prores": Codec("prores_ks", "yuv422p10le", "yuva444p10le", {"profile": "4444", "alpha_bits": "16"}),
    "ffv1": Codec(
        "ffv1", "bgr0", "bgra", {"level": "3", "slices": "4", "g": "1"}, keeps_planes=True, multiple_px=1
    ),
    "png": Codec("png", "rgb24", "rgba", multiple_px=1),
    "qtrle": Codec("qtrle", "rgb24", "argb", multiple_px=1),
    "mjpeg": Codec("mjpeg", "yuvj420p", None, {"flags": "+qscale", "global_quality": "354"}, full_range=True),
    "gif": Codec("gif", "pal8", "pal8", multiple_px=1),
}  # fmt: skip

# Every packet goes to the disk at once (FFmpeg would hold 256 KiB back), and none waits more than a second for sound.
ALL_CONTAINERS = {"flush_packets": "1", "max_interleave_delta": "1000000"}

# Hybrid fragments: while it is written the file plays up to its last key frame, whatever happens to the program or
# the disk; when it is closed it becomes an ordinary file. Without delay_moov it would begin late by what reordered
# frames need. Fragments that end elsewhere than at key frames (frag_duration) can cost the last frame.
_FRAGMENTS = {"movflags": "+hybrid_fragmented+delay_moov+frag_keyframe"}
# A cluster is written when it is complete: milliseconds.
_CLUSTERS = {"cluster_time_limit": "1000"}
_PCM = {"pcm_s16le", "pcm_s24le", "pcm_s16be"}
_MPEG_SOUND = {"aac", "mp3", "ac3", "eac3", "alac"}

CONTAINERS: Mapping[str, Container] = {
    ".mp4": Container(
        ("h264", "hevc", "av1", "h264_qsv"), None, frozenset({*_MPEG_SOUND, "opus", "flac", "mov_text"}), "aac",
        _FRAGMENTS, edit_lists=True, text="mov_text", chapters=True,
    ),
    ".mov": Container(
        ("h264", "hevc", "prores", "png", "qtrle", "mjpeg", "h264_qsv"), "prores",
        frozenset({*_MPEG_SOUND, *_PCM, "mov_text"}), "aac", _FRAGMENTS, edit_lists=True,
        text="mov_text", chapters=True,
    ),
    ".webm": Container(
        ("vp9", "av1"), "vp9", frozenset({"opus", "vorbis", "webvtt"}), "libopus", _CLUSTERS, text="webvtt",
        chapters=True,
    ),
    ".mkv": Container(
        ("ffv1", "h264", "hevc", "av1", "vp9", "h264_qsv"), "ffv1",
        frozenset({
            *_MPEG_SOUND, *_PCM, "opus", "vorbis", "flac", "subrip", "ass", "webvtt",
            "dvd_subtitle", "hdmv_pgs_subtitle", "dvb_subtitle",
        }), "flac", _CLUSTERS, text="subrip", chapters=True,
    ),
    # Sound is encoded anew: .avi has no times, and samples without a gap stay in step in every player.
    ".avi": Container(
        ("mjpeg", "png", "h264"), "png", sound="pcm_s16le", timing="even", reorders=False
    ),
    ".gif": Container(("gif",), "gif", timing="gif"),
}  # fmt: skip


def video_format(path: Path, codec: str | None = None, *, alpha: bool = False) -> VideoFormat:
    """Choose container and codec.

    Args:
        path: its ending decides the container.
        codec: one of CODECS, None for the container's default.
        alpha: whether the video needs transparency.

    Raises:
        SinkError: no such container; it cannot hold the codec, or transparency. The message lists what is possible.
    """
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS:
        raise SinkError(
            f"{path}: no format is known for {suffix or 'a name without an ending'}. "
            f"Expected {', '.join(CONTAINERS)}, or images by a pattern such as out_%05d.png"
        )
    container = CONTAINERS[suffix]
    name = codec or (container.transparent if alpha and container.transparent else container.codecs[0])
    if name not in container.codecs:
        raise SinkError(f"{path}: {suffix} does not hold {name}. Expected {', '.join(container.codecs)}", "codec")
    chosen = CODECS[name]
    if alpha and (chosen.alpha_format is None or container.transparent is None):
        raise SinkError(f"{path}: {name} in {suffix} holds no transparency. Expected {_transparent_ones()}")
    return VideoFormat(chosen, container, (chosen.alpha_format if alpha else None) or chosen.pixel_format)


def _transparent_ones() -> str:
    pairs = [
        f"{suffix} ({', '.join(name for name in container.codecs if CODECS[name].alpha_format)})"
        for suffix, container in CONTAINERS.items()
        if container.transparent
    ]
    return f"{', '.join(pairs)}, or PNG images"

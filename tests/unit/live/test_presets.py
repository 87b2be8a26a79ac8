"""Presets: what was saved is loaded again, and what is damaged is said in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from background_subtraction.compositing.masks import MaskOptions
from background_subtraction.live import presets
from background_subtraction.live.settings import Settings
from model_api.errors import OptionError, SinkError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ALL = Settings(
    target_bgr='beach "at" night\\ñ\x7f\t.jpg', blur_bgr=12, model="portrait", mirror=True, framing=True,
    zoom_limit=3.5, effect=False, mask_every=3, skip_similar=True,
    mask=MaskOptions(steadiness=0.5, threshold=0.25, grow_px=-4, soften_px=7),
)  # fmt: skip


@pytest.mark.parametrize("settings", [Settings(), ALL], ids=["defaults", "all"])
def test_what_was_saved_is_loaded(tmp_path: Path, settings: Settings) -> None:
    path = presets.save("a call", settings, tmp_path)
    assert presets.load("a call", tmp_path) == settings
    assert presets.names(tmp_path) == ["a call"]
    assert [*tmp_path.iterdir()] == [path]
    with path.open("rb") as file:  # Python's own reader understands the file
        assert tomllib.load(file)["mask"]["grow_px"] == settings.mask.grow_px


def test_a_preset_is_replaced_and_a_still_is_not_kept(tmp_path: Path) -> None:
    presets.save("call", ALL, tmp_path)
    presets.save("call", Settings(hold=True), tmp_path)
    assert presets.load("call", tmp_path) == Settings()


def test_files_are_kept_by_their_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beach.jpg").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    presets.save("call", Settings(target_bgr="beach.jpg"), tmp_path)
    monkeypatch.chdir("/")
    assert presets.load("call", tmp_path).target_bgr == str(tmp_path / "beach.jpg")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"mirror = tr", "damaged ("),
        (b"\xff\xfe", "damaged ("),
        (b"mirrored = true", "mirrored: no such setting. Expected target_bgr, "),
        (b"[mask]\nsize = 3", "mask.size: no such setting"),
        (b"mask = 3", "mask: 3. Expected settings by their names"),
        (b"blur_bgr = -3", "blur_bgr: -3. Expected a whole number from 0"),
        (b"mirror = 1", "mirror: 1. Expected True or False"),
        (b"target_bgr = 3", "target_bgr: 3. Expected text"),
        (b"zoom_limit = nan", "zoom_limit: nan"),
        (b"zoom_limit = 2026-01-01", "zoom_limit: "),
        (b"a = " + b"[" * 100_000, "damaged ("),
        (b"#" * (presets.LARGEST + 1), "too large"),
    ],
)
def test_a_damaged_preset_is_one_clear_line(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "call.toml").write_bytes(content)
    with pytest.raises(OptionError) as caught:
        presets.load("call", tmp_path)
    text = str(caught.value)
    assert text.startswith(f"preset: {tmp_path / 'call.toml'}: damaged (")
    assert reason in text
    assert "\n" not in text


def test_an_unknown_preset_names_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"call: no such preset\. There are: none yet"):
        presets.load("call", tmp_path / "missing")
    presets.save("office", Settings(), tmp_path)
    with pytest.raises(OptionError, match=r"call: no such preset\. There are: office"):
        presets.load("call", tmp_path)


@pytest.mark.parametrize("name", ["", "..", "../call", "a/b", "a\\b", ".hidden", "a\nb", "x" * 65, "a:b"])
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    for call in (lambda: presets.load(name, tmp_path), lambda: presets.save(name, Settings(), tmp_path)):
        with pytest.raises(OptionError, match="is not a name"):
            call()
    assert not [*tmp_path.iterdir()]


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="cannot be written"):
        presets.save("call", Settings(), tmp_path / "file")


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, "/home/me/.config/background-subtraction/presets"),
        ("linux", {"XDG_CONFIG_HOME": "/etc/me"}, "/etc/me/background-subtraction/presets"),
        ("linux", {"XDG_CONFIG_HOME": "relative"}, "/home/me/.config/background-subtraction/presets"),
        ("darwin", {}, "/home/me/Library/Application Support/background-subtraction/presets"),
        ("win32", {"APPDATA": "/roaming"}, "/roaming/background-subtraction/presets"),
        ("win32", {}, "/home/me/AppData/Roaming/background-subtraction/presets"),
    ],
)
def test_the_platforms_folder(platform: str, environment: dict[str, str], expected: str) -> None:
    assert presets.folder(environment, Path("/home/me"), platform) == Path(expected)

"""The table of published models: whole, consistent, and as PEERS.md and models.lst have it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from model_api.errors import OptionError
from model_tools.__main__ import TOOLS
from model_tools.download.cache import default_cache_dir
from model_tools.download.catalogue import PublishedModel, choose, known_models, read_list
from tests.conftest import ROOT

KNOWN = known_models()
LIST = ROOT / "models.lst"


def named(name: str) -> PublishedModel:
    return next(model for model in KNOWN if model.name == name)


def test_names_are_unique_and_sorted() -> None:
    names = [model.name for model in KNOWN]
    assert names == sorted(set(names))


@pytest.mark.parametrize("model", KNOWN, ids=lambda model: model.name)
def test_an_entry_is_whole(model: PublishedModel) -> None:
    assert model.group in ("public", "intel")
    assert model.licence in ("Apache-2.0", "GPL-3.0", "MIT")
    assert model.network in model.files
    paths = [file.path for file in model.files]
    assert len(set(paths)) == len(paths)
    for file in model.files:
        assert not file.path.is_absolute()
        assert ".." not in file.path.parts
        assert file.size is not None
        assert file.size > 0
        assert re.fullmatch("[0-9a-f]{96}|[0-9a-f]{64}", file.checksum or "")
        assert file.addresses
        assert all(address.startswith("https://") for address in file.addresses)


@pytest.mark.parametrize("model", KNOWN, ids=lambda model: model.name)
def test_the_next_command_exists_and_takes_the_file(model: PublishedModel) -> None:
    words = model.next_step.format(file=model.network.path, name=model.name, output_dir="o", cache_dir="c").split()
    if words[:3] == ["python", "-m", "model_tools"]:
        assert words[3] in TOOLS
        assert words[3] != "convert" or model.network.path.suffix in (".onnx", ".ckpt")
        assert words[3] != "download" or choose(KNOWN, words[4:5])
    else:
        assert words[:3] == ["python", "-m", "background_subtraction"] or words[0] == "omz_downloader"


@pytest.mark.parametrize("model", [model for model in KNOWN if model.group == "intel"], ids=lambda model: model.name)
def test_an_ir_has_both_files_in_each_precision(model: PublishedModel) -> None:
    for precision in {file.precision for file in model.files}:
        assert precision
        left = model.only([precision]).files
        assert {file.path.as_posix() for file in left} == {f"{precision}/{model.name}.{end}" for end in ("xml", "bin")}
        assert all(f"/{model.name}/{precision}/{model.name}." in file.addresses[0] for file in left)


def test_a_checkpoint_comes_with_its_networks_source() -> None:
    for name in ("modnet-webcam-portrait-matting", "modnet-photographic-portrait-matting"):
        sources = {file.path.as_posix() for file in named(name).files if file.path.suffix == ".py"}
        backbones = {f"src/models/backbones/{module}.py" for module in ("__init__", "mobilenetv2", "wrapper")}
        assert sources == {"modnet_onnx.py"} | backbones
        assert named(name).network.path.suffix == ".ckpt"


def test_it_says_what_the_published_table_says(shared: Path) -> None:
    rows = re.findall(
        r"^\| ([\w-]+) \| (\S+?)(?:, (\S+))? \| (\d+) \| ([0-9a-f]{96}) \| (\S+) \|$",
        (shared / "PEERS.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(rows) == 4
    for name, place, below, size, sha384, licence in rows:
        model = named(name)
        assert (model.network.size, model.network.checksum, model.licence) == (int(size), sha384, licence)
        assert model.network.addresses[0].endswith((below or place).removeprefix("…"))


def test_the_list_names_known_models_only_and_is_sorted() -> None:
    patterns = read_list(LIST)
    assert patterns == sorted(patterns)
    beside = ("rvm_", "instance-segmentation-security-")  # known, but not in the parent demo's list
    assert {model.name for model in KNOWN if not model.name.startswith(beside)} == {
        model.name for model in choose(KNOWN, patterns)
    }


def test_wildcards_choose_each_model_once_in_the_order_of_the_patterns() -> None:
    chosen = choose(KNOWN, ["rvm_resnet50_fp*", "instance-segmentation-person-????", "rvm_resnet50_fp32"])
    assert [model.name for model in chosen] == [
        "rvm_resnet50_fp16",
        "rvm_resnet50_fp32",
        "instance-segmentation-person-0007",
    ]


def test_an_unknown_name_is_told_with_the_nearest_one() -> None:
    with pytest.raises(OptionError, match="Did you mean modnet-webcam-portrait-matting"):
        choose(KNOWN, ["modnet-webcam-portrait"])


def test_sizes_of_releases() -> None:
    """As models/catalog.json of Tuugr4/navbea-rvm and OpenTake's NOTICE have them, measured on the release's file."""
    assert named("rvm_mobilenetv3_fp32").size == 14_975_696
    assert named("rvm_resnet50_fp32").size == 107_479_165
    assert named("robust-video-matting-mobilenetv3").size == 14_981_904


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, "/home/me/.cache/background_subtraction_demo"),
        ("linux", {"XDG_CACHE_HOME": "/fast"}, "/fast/background_subtraction_demo"),
        ("darwin", {"XDG_CACHE_HOME": "/fast"}, "/home/me/Library/Caches/background_subtraction_demo"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/background_subtraction_demo/cache"),
        ("win32", {}, "/home/me/AppData/Local/background_subtraction_demo/cache"),
    ],
)
def test_the_cache_lies_where_the_platform_wants_it(platform: str, environment: dict[str, str], expected: str) -> None:
    assert default_cache_dir(environment, Path("/home/me"), platform).as_posix() == expected

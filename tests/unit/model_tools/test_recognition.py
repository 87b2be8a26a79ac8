"""Files of which no checksum is known are models, or they are not kept."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import pytest

from model_tools.download.recognition import NoModelError, require_model
from tests.support import networks


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("ran",)


def archive(path: Path, content: bytes, tensors: int = 20) -> Path:
    """As torch.save lays a checkpoint out."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("net/data.pkl", content)
        for number in range(tensors):
            file.writestr(f"net/data/{number}", bytes(4))
    return path


def test_networks_of_known_contracts_are_models(tmp_path: Path) -> None:
    for make in (networks.red_is_alpha, networks.counting_video_matting, networks.difference_matting):
        require_model(make(tmp_path / "net.onnx"), ".onnx")


def test_a_network_of_no_contract_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoModelError, match="matches no known model"):
        require_model(networks.unknown_contract(tmp_path / "net.onnx"), ".onnx")


def test_a_checkpoint_of_pytorch_is_a_model(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, an extra, is not installed")
    network = torch.nn.Sequential(*(torch.nn.Linear(2, 2) for _ in range(10)))
    torch.save(network.state_dict(), tmp_path / "net.pth")
    require_model(tmp_path / "net.pth", ".pth")
    torch.save({"0.weight": torch.zeros(1)}, tmp_path / "net.pth")
    with pytest.raises(NoModelError, match="a checkpoint of 1 tensors"):
        require_model(tmp_path / "net.pth", ".pth")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_checkpoint_that_calls_something_else_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    names = [f"{number}.weight" for number in range(20)]
    path = archive(tmp_path / "net.pth", pickle.dumps([*names, Evil()], protocol))
    with pytest.raises(NoModelError, match="a checkpoint that calls"):
        require_model(path, ".pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"<html>log in</html>", b"PK\x03\x04", b"\x80\x02", bytes(1000)])
@pytest.mark.parametrize("suffix", [".onnx", ".pth", ".ckpt", ".py", ".bin"])
def test_anything_else_is_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(NoModelError):
        require_model(tmp_path / "file", suffix)


@pytest.mark.parametrize("content", [b"", b"\xff", b"cos\nmkdir\n", b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f"])
def test_a_damaged_pickle_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(NoModelError):
        require_model(archive(tmp_path / "net.pth", content), ".pth")

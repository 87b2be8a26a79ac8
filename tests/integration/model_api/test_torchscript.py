"""TorchScript: what comes out is what PyTorch computes; what cannot be read is one line."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_api import Frame, Override, create_model
from model_api.errors import ModelFileError
from model_api.graph import loading

pytest.importorskip("torch", reason="PyTorch, an extra, is not installed")

import torch

jit: Any = torch.jit


class Portrait(torch.nn.Module):
    """Alpha from a convolution of the image, which comes as RGB of 0..1."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.mix = torch.nn.Conv2d(3, 1, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(4 * self.mix(image))


class Looped(Portrait):
    """The same smoothed while a loop runs, as scripted networks keep it."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        alpha = torch.sigmoid(4 * self.mix(image))
        sides = [alpha]
        for _ in range(2):
            sides.append(torch.nn.functional.avg_pool2d(sides[-1], 3, 1, 1))
        if alpha.size(1) == 1:
            return sides[-1]
        return alpha


class Remembering(torch.nn.Module):
    def forward(self, src: torch.Tensor, ratio: float) -> torch.Tensor:
        return src * ratio


def frame() -> Any:
    return np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)


@pytest.mark.parametrize(
    ("network", "store"),
    [
        (Portrait(), lambda network: jit.trace(network, torch.zeros(1, 3, 8, 8))),
        (Looped(), jit.script),
    ],
    ids=["traced", "scripted, with a loop and an if"],
)
@pytest.mark.filterwarnings("ignore")  # PyTorch's own, of TorchScript
@pytest.mark.parametrize("suffix", [".pt", ".torchscript", ".pth"])
def test_networks(tmp_path: Path, network: Any, store: Any, suffix: str) -> None:
    store(network.eval()).save(str(tmp_path / f"net{suffix}"))
    level = logging.getLogger().level
    as_trained = Override(reverse_input_channels=True, mean_values=(0, 0, 0), scale_values=(255, 255, 255))
    with create_model(tmp_path / f"net{suffix}", override=as_trained) as model:
        given = model.preprocess(Frame(0, frame()))
        answer = model.adapter.wait(model.adapter.start(given)).tensors["output"]
    assert logging.getLogger().level == level
    pixels = torch.from_numpy(
        np.ascontiguousarray(given["image"][..., ::-1]).transpose(0, 3, 1, 2).astype(np.float32) / 255
    )
    with torch.no_grad():
        expected = network(pixels).numpy()
    np.testing.assert_allclose(answer, expected, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_what_is_no_network_of_images_is_one_error(tmp_path: Path) -> None:
    torch.save(Portrait().state_dict(), tmp_path / "weights.pt")
    torch.save(Portrait().state_dict(), tmp_path / "weights.pth")
    jit.script(Remembering()).save(str(tmp_path / "ratio.pt"))
    whole = tmp_path / "whole.pt"
    jit.trace(Portrait(), torch.zeros(1, 3, 8, 8)).save(str(whole))
    (tmp_path / "half.torchscript").write_bytes(whole.read_bytes()[:900])
    for name, words in (
        ("weights.pt", "weights of a PyTorch model, without its network"),
        ("weights.pth", "weights of a PyTorch model, without its network"),
        ("ratio.pt", r"takes \(src: Tensor, ratio: float\)\. Expected images alone"),
        ("half.torchscript", "holds no network's code"),
    ):
        with pytest.raises(ModelFileError, match=words) as error:
            loading.read(tmp_path / name)
        assert len(str(error.value).splitlines()) == 1


@pytest.mark.filterwarnings("ignore")
def test_without_pytorch_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jit.trace(Portrait(), torch.zeros(1, 3, 8, 8)).save(str(tmp_path / "net.pt"))
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelFileError, match=r"needs PyTorch, which is not installed\..*training"):
        loading.read(tmp_path / "net.pt")

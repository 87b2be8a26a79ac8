"""What `--resume` takes for the same model: all of its files."""

from __future__ import annotations

from pathlib import Path

import onnx

from background_subtraction.batch.identity import digest_of
from background_subtraction.options import Options


def test_weights_beside_an_onnx_file_belong_to_the_model(models: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    network = onnx.load(str(models / "red.onnx"))
    onnx.save(network, path, save_as_external_data=True, location="net.onnx.data", size_threshold=0)
    options = Options(model=str(path), inputs=("in.mp4",))
    before = digest_of(options)
    assert digest_of(options) == before
    weights = tmp_path / "net.onnx.data"
    weights.write_bytes(weights.read_bytes()[::-1])
    assert digest_of(options) != before

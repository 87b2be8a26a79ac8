"""KServe's own model server, computing the networks of a folder with OpenVINO. Runs in an environment of its own.

python openvino_runtime.py FOLDER --http_port=PORT --grpc_port=PORT, and what else kserve.ModelServer takes. A network
goes by the name of its file; one whose name begins with "unready" never becomes ready.
"""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import openvino as ov
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

TYPES = {"f32": "FP32", "f16": "FP16", "u8": "UINT8", "i64": "INT64"}


class OpenVinoModel(Model):  # type: ignore[misc]  # kserve lives in another environment
    def __init__(self, path: Path) -> None:
        super().__init__(path.stem)
        self._network = ov.Core().read_model(path)
        self.ready = True

    async def healthy(self) -> bool:
        return not self.name.startswith("unready")

    async def get_input_types(self) -> list[dict[str, Any]]:
        return [_described(port) for port in self._network.inputs]

    async def get_output_types(self) -> list[dict[str, Any]]:
        return [_described(port) for port in self._network.outputs]

    def predict(self, payload: InferRequest, *_: Any, **__: Any) -> InferResponse:
        answers = self._compiled({item.name: item.as_numpy() for item in payload.inputs})
        asked = {item.name for item in payload.request_outputs}
        outputs = []
        for port, answer in zip(self._network.outputs, answers.values(), strict=True):
            if port.any_name in asked:
                outputs.append(InferOutput(port.any_name, list(answer.shape), _type(port)))
                outputs[-1].set_data_from_numpy(answer)
        return InferResponse(payload.id or "", self.name, outputs, requested_outputs=payload.request_outputs)

    @cached_property
    def _compiled(self) -> ov.CompiledModel:
        # As the program's own adapter: bfloat16, where the processor has it, would make the alphas differ.
        return ov.compile_model(self._network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def _described(port: ov.Output) -> dict[str, Any]:
    shape = [-1 if size.is_dynamic else size.get_length() for size in port.partial_shape]
    return {"name": port.any_name, "datatype": _type(port), "shape": shape}


def _type(port: ov.Output) -> str:
    return TYPES[port.element_type.get_type_name()]


if __name__ == "__main__":
    files = (path for path in sorted(Path(sys.argv[1]).iterdir()) if path.suffix in (".onnx", ".xml"))
    ModelServer().start([OpenVinoModel(path) for path in files])

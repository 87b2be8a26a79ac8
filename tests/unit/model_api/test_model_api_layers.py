"""Imports within model_api run one way: each layer imports only those before it."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.conftest import ROOT

LAYERS = (
    "terminal", "errors", "extras", "interruptible", "bundled", "telemetry", "arrays", "ranges", "pictures", "types",
    "layouts", "resize", "preprocessing", "mattes", "results", "recognition", "graph", "adapters", "models",
    "pipelines", "create",
)  # fmt: skip
"""Files and folders of model_api."""


def layer_of(module: str) -> str:
    return module.split(".")[1]


def imported_layers(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    modules = (node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module)
    return {layer_of(module) for module in modules if module.startswith("model_api.")}


def test_each_layer_imports_only_those_before_it() -> None:
    offenders = []
    for path in sorted((ROOT / "model_api").rglob("*.py")):
        layer = path.relative_to(ROOT / "model_api").with_suffix("").parts[0]
        if layer != "__init__":
            allowed = set(LAYERS[: LAYERS.index(layer) + 1])
            offenders += [f"{path.name} imports {name}" for name in imported_layers(path) - allowed]
    assert offenders == []

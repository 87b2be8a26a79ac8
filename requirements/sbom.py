"""Puts a list of what the wheel needs and holds into it: .dist-info/sboms/background-subtraction.cdx.json.

Hatchling runs this when it builds a wheel. The format is CycloneDX 1.6 (ECMA-424), the place is that of PEP 770.
"""

from __future__ import annotations

import hashlib
import json
import sys
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parents[1]
NAME = "background-subtraction"
MODELS = Path("model_api/bundled")

sys.path.insert(0, str(ROOT))
import bootstrap  # noqa: E402 - it reads the lock


class SbomHook(BuildHookInterface[Any]):  # hatchling loads the only one in this file
    """Writes the list beside the build, and gives its path to hatchling."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the list to a wheel. version: "standard", or "editable", which gets none."""
        if version != "standard":
            return
        self._folder = TemporaryDirectory()
        path = Path(self._folder.name) / f"{NAME}.cdx.json"
        path.write_text(json.dumps(bill_of_materials(self.metadata.version), indent=1) + "\n", encoding="utf-8")
        build_data["sbom_files"].append(str(path))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what `initialize` wrote."""
        if version == "standard":
            self._folder.cleanup()


def bill_of_materials(version: str) -> dict[str, Any]:
    """Packages, required and optional, in the versions of the lock, and the bundled models with their digests.

    Args:
        version: of the program.

    Returns:
        A CycloneDX document. The same sources give the same one: it has no time and no random number.
    """
    program = component(NAME, version, "application") | {"licenses": [{"license": {"id": "Apache-2.0"}}]}
    needed = bootstrap.locked_for([ROOT / "requirements.txt"])
    extras = bootstrap.locked_for([ROOT / f"requirements/{extra}.txt" for extra in bootstrap.EXTRAS])
    required = [package(entry) | {"scope": "required"} for entry in needed]
    optional = [package(entry) | {"scope": "optional"} for entry in extras if entry not in needed]
    models = [model(path) for path in sorted((ROOT / MODELS).glob("*.xml"))]
    parts = {part["bom-ref"]: part for part in (*required, *optional, *models)}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([program, *parts.values()]))}",
        "version": 1,
        "metadata": {"component": program},
        "components": list(parts.values()),
        "dependencies": [{"ref": program["bom-ref"], "dependsOn": [part["bom-ref"] for part in (*required, *models)]}],
    }


def component(name: str, version: str, kind: str) -> dict[str, Any]:
    """A package of the Python Package Index."""
    url = f"pkg:pypi/{name}@{version}"
    return {"type": kind, "bom-ref": url, "name": name, "version": version, "purl": url}


def package(entry: bootstrap.Locked) -> dict[str, Any]:
    """A package of the lock. The digests of its files, one for each system, stand there."""
    version = entry.text.partition("==")[2].split()[0]
    return component(entry.name, version, "library")


def model(path: Path) -> dict[str, Any]:
    """A bundled network: two files."""
    files = [path, path.with_suffix(".bin")]
    return {
        "type": "machine-learning-model",
        "bom-ref": path.stem,
        "name": path.stem,
        "components": [
            {
                "type": "file",
                "bom-ref": file.name,
                "name": file.relative_to(ROOT).as_posix(),
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(file.read_bytes()).hexdigest()}],
            }
            for file in files
        ],
    }

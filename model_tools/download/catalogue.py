"""The published models that `python -m model_tools download` knows: what they are, whose, and where they lie.

catalogue.txt has the size and the checksum of each file, and says where they come from.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from model_api.errors import OptionError

FILES = Path(__file__).with_name("catalogue.txt")
NOT_KNOWN = "-"
NETWORK_ENDINGS = (".xml", ".onnx", ".ckpt", ".pth")


@dataclass(frozen=True)
class PublishedFile:
    """A file of a published model.

    Attributes:
        path: Below the model's folder.
        size: Bytes. None: not known.
        checksum: Its SHA-384 or SHA-256, in hexadecimal. None: not known.
        addresses: Where it lies, in the order in which they are tried.
    """

    path: PurePosixPath
    size: int | None
    checksum: str | None
    addresses: tuple[str, ...]

    @property
    def precision(self) -> str | None:
        """FP32, FP16, FP16-INT8 for a file that is offered in several, else None."""
        first = self.path.parts[0]
        return first if len(self.path.parts) == 2 and first.startswith("FP") else None


@dataclass(frozen=True)
class PublishedModel:
    """A published model.

    Attributes:
        name: As the Open Model Zoo or its publisher names it.
        group: "public" or "intel", the folder that omz_downloader puts it into.
        summary: What it is, for the list of known models.
        contract: Its inputs and outputs, in the words of README.md.
        licence: Its SPDX identifier.
        origin: Who publishes it.
        next_step: A command, with the fields {file} (the network's own file), {name}, {output_dir} and {cache_dir}.
        files: All of its files.
    """

    name: str
    group: str
    summary: str
    contract: str
    licence: str
    origin: str
    next_step: str
    files: tuple[PublishedFile, ...] = ()

    @property
    def folder(self) -> PurePosixPath:
        """Where it goes below the output folder: the Open Model Zoo's layout."""
        return PurePosixPath(self.group, self.name)

    @property
    def size(self) -> int | None:
        """Bytes of all its files, None where one's is not known."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None

    @property
    def network(self) -> PublishedFile:
        """The file that the next step starts from."""
        return next(file for file in self.files if file.path.suffix in NETWORK_ENDINGS)

    def only(self, precisions: Iterable[str]) -> PublishedModel:
        """The model without its files of other precisions."""
        return replace(self, files=tuple(file for file in self.files if file.precision in (None, *precisions)))


RUN = "python -m background_subtraction -m {file} -i 0"
CONVERT = "python -m model_tools convert {file}"
# omz_downloader changes yolact.py after it has fetched it, which its converter relies on; it finds all in the cache.
OPEN_MODEL_ZOO = (
    "omz_downloader --name {name} --output_dir {output_dir} --cache_dir {cache_dir} && "
    "omz_converter --name {name} --download_dir {output_dir}   (pip install -r requirements/omz.txt)"
)
# For training, or for the exporter of its own repository; what runs is published beside it.
CHECKPOINT = "python -m model_tools download {name}_fp32   (this is the checkpoint, that one runs)"
ZOO = "github.com/openvinotoolkit/open_model_zoo"
RVM = "github.com/PeterL1n/RobustVideoMatting"


def _segmentation(number: str, summary: str) -> PublishedModel:
    name = f"instance-segmentation-{number}"
    return PublishedModel(name, "intel", summary, "Mask R-CNN: image -> labels, boxes, masks", "Apache-2.0", ZOO, RUN)


def _portrait(kind: str) -> PublishedModel:
    summary = f"MODNet for {kind} portraits, 512×512: checkpoint and the network's source"
    licence, origin = "Apache-2.0", "github.com/ZHKKKe/MODNet"
    name = f"modnet-{kind}-portrait-matting"
    return PublishedModel(name, "public", summary, "MODNet: input -> output", licence, origin, CONVERT)


def _rvm_release(name: str, summary: str, contract: str, next_step: str) -> PublishedModel:
    return PublishedModel(name, "public", summary, contract, "GPL-3.0", f"{RVM} v1.0.0", next_step)


_RVM_RELEASE = "RVM, its own: src, r1i…r4i, downsample_ratio -> fgr, pha, r1o…r4o"
_RVM_CHECKPOINT = "RVM, PyTorch checkpoint"
_MODELS = (
    PublishedModel(
        "background-matting-mobilenetv2",
        "public",
        "BackgroundMattingV2, 1280×720; needs the empty scene",
        "BackgroundMattingV2: src, bgr -> pha, fgr",
        "MIT",
        "github.com/DmitriySidnev/BackgroundMattingV2",
        CONVERT,
    ),
    _segmentation("person-0007", "people, EfficientNet-B1 with PointRend, 544×320"),
    _segmentation("security-0002", "80 classes, ResNet-50, 1024×768"),
    _segmentation("security-0091", "80 classes, Cascade with ResNet-101, 1344×800"),
    _segmentation("security-0228", "80 classes, ResNet-101, 608×608"),
    _segmentation("security-1039", "80 classes, EfficientNet-B2, 480×480"),
    _segmentation("security-1040", "80 classes, EfficientNet-B2, 608×608"),
    _portrait("photographic"),
    _portrait("webcam"),
    PublishedModel(
        "robust-video-matting-mobilenetv3",
        "public",
        "Robust Video Matting, MobileNetV3, 1280×720",
        "RVM, Open Model Zoo: src, r1…r4 -> pha, fgr, rr1…rr4",
        "GPL-3.0",
        "github.com/DmitriySidnev/RobustVideoMatting",
        CONVERT,
    ),
    _rvm_release("rvm_mobilenetv3", "Robust Video Matting, MobileNetV3, checkpoint", _RVM_CHECKPOINT, CHECKPOINT),
    _rvm_release("rvm_mobilenetv3_fp16", "Robust Video Matting, MobileNetV3, any size, FP16", _RVM_RELEASE, CONVERT),
    _rvm_release("rvm_mobilenetv3_fp32", "Robust Video Matting, MobileNetV3, any size", _RVM_RELEASE, RUN),
    _rvm_release("rvm_resnet50", "Robust Video Matting, ResNet-50, checkpoint", _RVM_CHECKPOINT, CHECKPOINT),
    _rvm_release("rvm_resnet50_fp16", "Robust Video Matting, ResNet-50, any size, FP16", _RVM_RELEASE, CONVERT),
    _rvm_release("rvm_resnet50_fp32", "Robust Video Matting, ResNet-50, any size", _RVM_RELEASE, RUN),
    PublishedModel(
        "yolact-resnet50-fpn-pytorch",
        "public",
        "YOLACT, ResNet-50, 80 classes, 550×550: checkpoint and the network's source",
        "YOLACT: input.1 -> conf, mask, proto, boxes",
        "MIT",
        "github.com/dbolya/yolact",
        OPEN_MODEL_ZOO,
    ),
)


def known_models() -> tuple[PublishedModel, ...]:
    """All of them with their files, by name."""
    files: dict[str, list[PublishedFile]] = {model.name: [] for model in _MODELS}
    for line in FILES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, path, size, checksum, *addresses = line.split()
            files[name].append(
                PublishedFile(
                    PurePosixPath(path),
                    None if size == NOT_KNOWN else int(size),
                    None if checksum == NOT_KNOWN else checksum,
                    tuple(addresses),
                )
            )
    return tuple(replace(model, files=tuple(files[model.name])) for model in _MODELS)


def choose(models: Sequence[PublishedModel], patterns: Iterable[str]) -> list[PublishedModel]:
    """The models whose names match one of `patterns`, each once, in the order of the patterns.

    Args:
        models: To choose from.
        patterns: Names, with ? and * as in a shell.

    Raises:
        OptionError: a pattern matches no model.
    """
    chosen: dict[str, PublishedModel] = {}
    for pattern in patterns:
        matching = [model for model in models if fnmatch.fnmatchcase(model.name, pattern)]
        if not matching:
            near = get_close_matches(pattern, [model.name for model in models], n=1)
            meant = f". Did you mean {near[0]}?" if near else "."
            raise OptionError(
                f"{pattern}: no known model has this name{meant} python -m model_tools download lists all"
            )
        chosen |= {model.name: model for model in matching}
    return list(chosen.values())


def read_list(path: Path) -> list[str]:
    """The patterns in a list file: the first word of each line, as omz_downloader reads it. # begins a comment.

    Raises:
        OptionError: the file cannot be read, or lists nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text in UTF-8"
        raise OptionError(f"--list {path}: {reason}. Expected a text file with a model name on each line") from None
    patterns = [words[0] for line in lines if (words := line.partition("#")[0].split())]
    if not patterns:
        raise OptionError(f"--list {path}: names no model. Expected a name on each line, such as models.lst has")
    return patterns

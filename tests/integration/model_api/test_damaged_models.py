"""Models that break the program or OpenVINO: each gets one line that says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from model_tools.convert.command import convert
from tests.conftest import RunDemo, one_line
from tests.support.media import barcode, write_video
from tests.support.networks import (
    amplifying_matting,
    counting_dynamic_matting,
    counting_video_matting,
    red_is_alpha,
    smoothing_video_matting,
)


def changed(path: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    model = onnx.load(str(path))
    change(model)
    onnx.save(model, str(path))
    return path


def answered_through(model: onnx.ModelProto, output: str, operation: str, shape: list[int]) -> None:
    """`output` becomes what `operation` makes of it with `shape`."""
    for node in model.graph.node:
        node.output[:] = [f"{name}_before" if name == output else name for name in node.output]
    model.graph.initializer.append(helper.make_tensor("new_shape", TensorProto.INT64, [len(shape)], shape))
    model.graph.node.append(helper.make_node(operation, [f"{output}_before", "new_shape"], [output]))
    (value,) = (value for value in model.graph.output if value.name == output)
    value.CopyFrom(helper.make_tensor_value_info(output, TensorProto.FLOAT, shape))


def many_alphas(folder: Path) -> Path:
    """50000 alphas of 48×64 for one image, 600 MB: one damaged number in the file."""
    path = counting_video_matting(folder / "model.onnx")
    return changed(path, lambda model: answered_through(model, "pha", "Expand", [50_000, 1, 48, 64]))


def wide_borders(folder: Path) -> Path:
    """A convolution that pads 50000 rows: 1.1 GB between two operations."""

    def change(model: onnx.ModelProto) -> None:
        (pads,) = model.graph.node[0].attribute
        pads.ints[:] = [1, 1, 50_000, 1]

    return changed(amplifying_matting(folder / "model.onnx", "h", "w"), change)


def state_of_other_channels(folder: Path) -> Path:
    """The sum over four planes is left out: the state goes in with one plane and comes out with four."""

    def change(model: onnx.ModelProto) -> None:
        model.graph.node[2].op_type = "Add"

    return changed(smoothing_video_matting(folder / "model.onnx"), change)


def alpha_of_five_dimensions(folder: Path) -> Path:
    path = counting_video_matting(folder / "model.onnx")
    return changed(path, lambda model: answered_through(model, "pha", "Reshape", [1, 1, 1, 48, 64]))


def foreground_of_another_size(folder: Path) -> Path:
    path = counting_video_matting(folder / "model.onnx")
    return changed(path, lambda model: answered_through(model, "fgr", "Reshape", [1, 3, 24, 128]))


def foreground_that_is_a_number(folder: Path) -> Path:
    def change(model: onnx.ModelProto) -> None:
        model.graph.node[-1].input[0] = "step"
        model.graph.node[-1].op_type = "Identity"

    return changed(counting_dynamic_matting(folder / "model.onnx"), change)


def state_of_open_size(folder: Path) -> Path:
    """As many numbers as the picture has that are not 0."""

    def change(model: onnx.ModelProto) -> None:
        (node,) = (node for node in model.graph.node if node.output[0] == "rr3")
        model.graph.node.remove(node)
        model.graph.initializer.append(helper.make_tensor("axes", TensorProto.INT64, [2], [0, 1]))
        model.graph.node.extend(
            [
                helper.make_node("NonZero", ["src"], ["places"]),
                helper.make_node("Cast", ["places"], ["numbers"], to=TensorProto.FLOAT),
                helper.make_node("Unsqueeze", ["numbers", "axes"], ["rr3"]),
            ]
        )
        for values, name in ((model.graph.input, "r3"), (model.graph.output, "rr3")):
            (value,) = (value for value in values if value.name == name)
            value.CopyFrom(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 4, "n"]))

    return changed(counting_video_matting(folder / "model.onnx"), change)


def state_layer_without_a_name(folder: Path) -> Path:
    """OpenVINO 2026.4 follows a null pointer."""
    path = folder / "model.xml"
    convert(red_is_alpha(folder / "model.onnx"), path)
    text = path.read_text()
    path.write_text(re.sub(r'type="Gather"', 'type="ReadValue"', text, count=1))
    assert path.read_text() != text
    return path


def convolution_without_weights(folder: Path) -> Path:
    """OpenVINO 2026.4 follows a null pointer here too."""
    return changed(smoothing_video_matting(folder / "model.onnx"), lambda model: model.graph.node[0].input.pop())


def network_without_outputs(folder: Path) -> Path:
    return changed(red_is_alpha(folder / "model.onnx"), lambda model: model.graph.ClearField("output"))


def input_without_width(folder: Path) -> Path:
    """OpenVINO 2026.4 divides by it."""
    return changed(red_is_alpha(folder / "model.onnx"), lambda model: set_width(model.graph.input[0], 0))


def set_width(value: onnx.ValueInfoProto, width: int) -> None:
    value.type.tensor_type.shape.dim[3].dim_value = width


def name_that_is_not_text(folder: Path) -> Path:
    """Latin-1 in an ONNX, whose texts are UTF-8 (Protocol Buffers, "Language Guide")."""
    path = red_is_alpha(folder / "model.onnx")
    path.write_bytes(path.read_bytes().replace(b"Slice", b"Sl\xefce"))
    return path


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (many_alphas, "pha is 50000×1×48×64, for images of 9216 values. The file is damaged"),
        (wide_borders, "harmless is 1×8×50511×672, for images of 1032192 values. The file is damaged"),
        (state_of_other_channels, "answers rr1 of 1×48×64×4, and takes it back as r1 of 1×48×64×1. Expected one size"),
        (alpha_of_five_dimensions, "the network answers an alpha of array (1, 1, 1, 48, 64) float32. Expected 1×1×H×W"),
        (foreground_of_another_size, "foreground of array (24, 128, 3) uint8. Expected the size of its input, 64×48"),
        (foreground_that_is_a_number, "the foreground fgr has 0 dimensions. Expected 4: 1×3×H×W or 1×H×W×3"),
        (state_of_open_size, "The size of r3 does not follow from the size of the images"),
        (state_layer_without_a_name, "a ReadValue layer without a variable_id. The file is damaged"),
        (convolution_without_weights, "a Conv node with 1 of its 2 inputs. The file is damaged"),
        (network_without_outputs, "a network without inputs or without outputs"),
        (input_without_width, "input input 1×3×48×0 has a side of 0"),
        (name_that_is_not_text, "OpenVINO cannot read this model"),
    ],
)
def test_a_damaged_model_is_one_line(
    tmp_path: Path, run_demo: RunDemo, damage: Callable[[Path], Path], message: str
) -> None:
    clip = write_video(tmp_path / "clip.mp4", (barcode(n, 64, 48) for n in range(3)))
    assert message in one_line(run_demo("-m", damage(tmp_path), "-i", clip, "-o", "out.mp4"))


def test_outputs_of_one_name_are_all_kept(tmp_path: Path, start_demo: RunDemo) -> None:
    """The device writes into the memory of each. It ended the process where that of the first one was released."""
    path = red_is_alpha(tmp_path / "model.onnx")
    changed(path, lambda model: model.graph.output.append(model.graph.output[0]))
    clip = write_video(tmp_path / "clip.mp4", (barcode(n, 64, 48) for n in range(3)))
    run = start_demo("-m", path, "-i", clip, "-o", tmp_path / "out.mp4")
    assert (run.returncode, run.stderr) == (0, "")

"""What every contract promises, on every form of network that it takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from model_api import AsyncPipeline, Frame, ModelOptions, Override, create_model
from model_api.errors import ModelContractError
from model_api.resize import RESIZE_TYPES
from model_api.types import Alpha, Image
from tests.support import networks
from tests.support.media import HEIGHT, WIDTH, indexed


def matte_of(
    path: Path, image: Image, override: Override = Override(), options: ModelOptions = ModelOptions()
) -> Alpha:
    with create_model(path, override=override, options=options) as model:
        (result,) = AsyncPipeline(model).run([Frame(0, image, clean_plate=np.zeros_like(image))])
    return result.matte.alpha


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("answer", ["probability", "softmax", "logits"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_portrait_networks_of_every_form(tmp_path: Path, last: bool, answer: str, dynamic: bool) -> None:
    size: tuple[int | str, int | str] = ("h", "w") if dynamic else (HEIGHT, WIDTH)
    path = networks.red_is_alpha(tmp_path / "net.onnx", *size, last=last, answer=answer)
    alpha = matte_of(path, indexed(255))
    assert alpha.shape == (HEIGHT, WIDTH)
    assert alpha.dtype == np.float32
    np.testing.assert_allclose(alpha[:, : WIDTH // 2], 1, atol=1e-3)
    np.testing.assert_allclose(alpha[:, 3 * WIDTH // 4 :], 0, atol=1e-3)


def test_a_dynamic_portrait_network_sees_512_pixels_in_multiples_of_32(tmp_path: Path) -> None:
    with create_model(networks.red_is_alpha(tmp_path / "net.onnx", "h", "w")) as model:
        assert model.input_size((1280, 720)) == (896, 512)
        assert model.input_size((480, 640)) == (512, 672)


@pytest.mark.parametrize(
    "name", ["counting.onnx", "counting_dynamic.onnx", "difference.onnx", "difference_dynamic.onnx"]
)
def test_mattes_have_the_frame_s_size(models: Path, name: str) -> None:
    assert matte_of(models / name, np.full((90, 130, 3), 255, np.uint8)).shape == (90, 130)


def test_a_clean_plate_model_answers_the_difference(models: Path) -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, : WIDTH // 2] = 200
    alpha = matte_of(models / "difference.onnx", image)
    assert alpha[:, : WIDTH // 2 - 3].min() == 1
    assert alpha[:, WIDTH // 2 + 3 :].max() == 0


def as_ir(path: Path, folder: Path, **sections: dict[str, str]) -> Path:
    network = ov.Core().read_model(path)
    for section, values in sections.items():
        for key, value in values.items():
            network.set_rt_info(value, [section, key])
    ov.save_model(network, folder / "net.xml", compress_to_fp16=False)
    return folder / "net.xml"


RED_IN_MINUS_ONE_TO_ONE = {"reverse_input_channels": "YES", "mean_values": "127.5", "scale_values": "127.5 127.5 127.5"}

EMBEDDED = {"reverse_input_channels": "True", "scale_values": "input[127.5]"}


@pytest.mark.parametrize(
    ("sections", "override", "expected"),
    [
        ({"model_info": RED_IN_MINUS_ONE_TO_ONE}, Override(), (255, 0)),
        ({"model_info": RED_IN_MINUS_ONE_TO_ONE}, Override(reverse_input_channels=False), (0, 255)),
        ({"conversion_parameters": {"framework": "onnx"}}, Override(), (255, 0)),
        # In the network already: pixels are passed on as BGR 0..255, and anything above 1 is the person.
        ({"conversion_parameters": EMBEDDED}, Override(), (128, 255)),
        ({"conversion_parameters": {"reverse_input_channels": "True", "scale": "255.0"}}, Override(), (128, 255)),
        ({}, Override(), (255, 128)),  # an IR that says nothing: a guess, RGB / 255
        ({}, Override(reverse_input_channels=True, mean_values=(127.5,) * 3, scale_values=(127.5,) * 3), (255, 0)),
    ],
)  # fmt: skip
def test_colour_order_and_scale_by_the_first_that_tells(
    models: Path, tmp_path: Path, sections: dict[str, dict[str, str]], override: Override, expected: tuple[int, int]
) -> None:
    """Alpha x 255 of a red picture and of a blue one. The network computes red / 2 + 0.5 of what it is given."""
    told = models / "red.onnx" if sections else networks.red_is_alpha(tmp_path / "plain.onnx", facts={})
    path = as_ir(told, tmp_path, **sections)
    override = replace(override, activation="none")  # some of its answers are far above 1
    alphas = []
    for colour in ((0, 0, 255), (255, 0, 0)):
        image = np.full((HEIGHT, WIDTH, 3), colour, np.uint8)
        alphas.append(round(float(matte_of(path, image, override)[0, 0]) * 255))
    assert tuple(alphas) == expected


@pytest.mark.parametrize("resize_type", RESIZE_TYPES)
def test_every_resize_type_puts_the_answer_where_the_frame_was(models: Path, resize_type: str) -> None:
    """A red disc in the middle of a wide frame: the network of another aspect ratio must find it there."""
    image = np.zeros((300, 600, 3), np.uint8)
    cv2.circle(image, (300, 150), 100, (0, 0, 255), cv2.FILLED)
    alpha = matte_of(models / "red.onnx", image, options=ModelOptions(resize_type=resize_type))
    truth = image[..., 2] > 0
    found = alpha > 0.5
    assert (truth & found).sum() / (truth | found).sum() > 0.93


def test_a_ratio_is_taken_where_the_network_takes_one(models: Path) -> None:
    with create_model(models / "counting_dynamic.onnx", options=ModelOptions(downsample_ratio=0.25)) as model:
        assert model.preprocess(Frame(0, indexed(0)))["downsample_ratio"] == np.float32(0.25)
    with create_model(models / "counting_dynamic.onnx") as model:
        assert model.preprocess(Frame(0, np.zeros((720, 1280, 3), np.uint8)))["downsample_ratio"] == np.float32(0.4)
        assert model.preprocess(Frame(0, indexed(0)))["downsample_ratio"] == 1
    with pytest.raises(ModelContractError, match="takes none"):
        create_model(models / "counting.onnx", options=ModelOptions(downsample_ratio=0.25))


def test_details_stay_the_frame_s_where_the_network_sees_less(models: Path) -> None:
    """The difference network gives its input back as the foreground: enlarged, it is still the frame itself."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (4 * HEIGHT, 4 * WIDTH, 3), np.uint8)
    with create_model(models / "difference.onnx") as model:
        (result,) = AsyncPipeline(model).run([Frame(0, image, clean_plate=np.zeros_like(image))])
    np.testing.assert_array_equal(result.matte.foreground, image)


def test_a_network_with_a_state_that_does_not_begin_with_zeros_is_refused(tmp_path: Path) -> None:
    source = ops.parameter([1, 3, 4, 4], np.float32, "src")
    source.output(0).set_names({"src"})
    read = ops.read_value(ops.constant(np.ones((1, 1, 1, 1), np.float32)), "r1", np.float32, [1, 1, 1, 1])
    total = ops.add(read, source)
    total.output(0).set_names({"pha"})
    kept = ops.assign(ops.reduce_mean(total, [1, 2, 3], True), "r1")
    model = ov.Model([ops.result(total)], [kept], [source], "net")
    ov.save_model(model, tmp_path / "net.xml")
    with pytest.raises(ModelContractError, match="does not begin with zeros"):
        create_model(tmp_path / "net.xml")


def test_the_real_portrait_network_finds_the_person(shared: Path) -> None:
    """IoU over the hand-made test masks; ../shared/training/README.md says 0.890 with red and blue exchanged."""
    path = shared / "models" / "selfie_segmentation_landscape" / "selfie_segmentation_landscape.xml"
    scores = []
    with create_model(path) as model:
        for mask_path in sorted((shared / "training" / "test" / "masks").iterdir()):
            image_path = next((shared / "training" / "test" / "images").glob(f"{mask_path.stem}.*"))
            mask, image = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE), cv2.imread(str(image_path))
            assert mask is not None
            assert image is not None
            (result,) = AsyncPipeline(model).run([Frame(0, image)])
            found, truth = result.matte.alpha > 0.5, mask > 127
            scores.append((found & truth).sum() / (found | truth).sum())
    print(f"IoU {np.mean(scores):.3f}, median {np.median(scores):.3f} of {len(scores)} images")
    assert np.mean(scores) > 0.9

"""Networks that find people one by one: what their mattes hold, in every form that is taken."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from background_subtraction.compositing.colours import DEFAULT_COLOUR
from background_subtraction.image_files import read_image
from model_api import AsyncPipeline, Frame, MattingModel, ModelOptions, Override, create_model
from model_api.create import recognize
from model_api.errors import ModelContractError, OptionError
from model_api.mattes.instance_matte import InstanceMatte
from model_api.models.instance_segmentation import MaskRcnn
from model_api.models.yolact import Yolact
from model_api.resize import RESIZE_TYPES
from model_api.types import Alpha, Image, Signature, TensorSpec
from tests.conftest import RunDemo
from tests.support import networks_detection
from tests.support.media import write_images

FORMS = [*networks_detection.FORMS, "yolact"]
FRAME_WH = (320, 192)
ROOM = (0, 90, 0)
LEFT, RIGHT, DOG = ((70, 100), (40, 70), 0), ((230, 110), (30, 60), 20), ((150, 40), (25, 30), 0)
"""Centre, half axes and angle of what is drawn."""
BOXES = {LEFT: (30, 30, 111, 171), RIGHT: (194, 52, 267, 169), DOG: (125, 10, 176, 71)}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("detection")
    made = {form: networks_detection.mask_rcnn(folder / f"{form}.onnx", form) for form in networks_detection.FORMS}
    return made | {"yolact": networks_detection.yolact(folder / "yolact.onnx")}


def scene(left: int = 230, right: int = 200, dog: int = 220, size: tuple[int, int] = FRAME_WH) -> Image:
    """Two people in red and a blue dog, as bright as said, in a green room."""
    image = np.full((FRAME_WH[1], FRAME_WH[0], 3), ROOM, np.uint8)
    for thing, colour in ((LEFT, (0, 0, left)), (RIGHT, (0, 0, right)), (DOG, (dog, 0, 0))):
        if any(colour):
            cv2.ellipse(image, thing[0], thing[1], thing[2], 0, 360, colour, cv2.FILLED)
    return cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)


def red(image: Image) -> npt.NDArray[np.bool_]:
    return image[..., 2] > 0


def agreement(alpha: Alpha, truth: npt.NDArray[np.bool_]) -> float:
    """Intersection over union."""
    found = alpha > 0.5
    return float((found & truth).sum() / (found | truth).sum())


def matte_of(model: MattingModel, image: Image) -> InstanceMatte:
    (result,) = AsyncPipeline(model).run([Frame(0, image)])
    assert isinstance(result.matte, InstanceMatte)
    return result.matte


@pytest.mark.parametrize("form", FORMS)
def test_the_matte_is_everybody_and_nobody_else(networks: dict[str, Path], form: str) -> None:
    with create_model(networks[form]) as model:
        matte = matte_of(model, scene())
    assert matte.alpha.shape == (192, 320)
    assert matte.alpha.dtype == np.float32
    # The network sees half the size, and its masks are of 28 cells, or of 4×4 pixels.
    assert agreement(matte.alpha, red(scene())) > 0.94
    assert matte.alpha[100, 70] == matte.alpha[110, 230] == 1
    assert matte.alpha[40, 150] == matte.alpha[180, 160] == 0
    edge = (matte.alpha > 0.2) & (matte.alpha < 0.8)
    assert 0.01 < edge.mean() < 0.05


@pytest.mark.parametrize("form", FORMS)
def test_what_was_detected_is_told(networks: dict[str, Path], form: str) -> None:
    """Of the two pairs of candidates that YOLACT gives for each thing, the surer one."""
    with create_model(networks[form]) as model:
        found = sorted(matte_of(model, scene()).instances, key=lambda item: item.box)
    assert [item.name for item in found] == ["person", "class 2", "person"]
    np.testing.assert_allclose([item.score for item in found], np.array([230, 220, 200]) / 255, atol=1e-4)
    # A pixel of the network's is two of the frame's.
    np.testing.assert_allclose([item.box for item in found], [BOXES[thing] for thing in (LEFT, DOG, RIGHT)], atol=2)


@pytest.mark.parametrize("form", FORMS)
def test_who_is_below_the_threshold_is_not_there(networks: dict[str, Path], form: str) -> None:
    image = scene(right=100)  # a score of 0.39
    for threshold, people in ((0.5, red(scene(right=0))), (0.3, red(image))):
        with create_model(networks[form], options=ModelOptions(threshold=threshold)) as model:
            matte = matte_of(model, image)
        assert agreement(matte.alpha, people) > 0.94
        assert len(matte.instances) == (2 if threshold == 0.5 else 3)


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_room_is_empty(networks: dict[str, Path], form: str) -> None:
    with create_model(networks[form]) as model:
        matte = matte_of(model, scene(0, 0, 0))
        assert matte.alpha.max() == 0
        assert matte.instances == ()
        assert matte_of(model, scene(0, 0, 220)).alpha.max() == 0


@pytest.mark.parametrize("form", ["columns", "fixed", "yolact"])
def test_frames_in_flight_keep_their_own_people(networks: dict[str, Path], form: str) -> None:
    """Detections come and go; what came out for one frame is not overwritten by those after it."""
    images = [scene(230 * (n % 2), 200 * (n % 3 > 0), 220 * (n % 5 > 0)) for n in range(24)]
    with create_model(networks[form]) as model:
        results = list(AsyncPipeline(model).run(Frame(n, image) for n, image in enumerate(images)))
    for n, result in enumerate(results):
        assert isinstance(result.matte, InstanceMatte)
        assert len(result.matte.instances) == (n % 2) + (n % 3 > 0) + (n % 5 > 0)
        assert result.matte.alpha[100, 70] == n % 2
        assert result.matte.alpha[110, 230] == (n % 3 > 0)


@pytest.mark.parametrize("form", ["columns", "classes", "yolact"])
def test_answers_belong_to_the_caller(networks: dict[str, Path], form: str) -> None:
    with create_model(networks[form]) as model:
        first = model.finish(model.start(Frame(0, scene()), {}))
        kept = {name: value.copy() for name, value in first.outputs.items()}
        model.finish(model.start(Frame(1, scene(0, 0, 99)), {}))
    for name, value in kept.items():
        np.testing.assert_array_equal(first.outputs[name], value)


@pytest.mark.parametrize("resize_type", RESIZE_TYPES)
@pytest.mark.parametrize("form", ["columns", "classes", "yolact"])
@pytest.mark.parametrize("size", [(600, 300), (300, 400)])
def test_every_resize_type_puts_people_where_they_were(
    networks: dict[str, Path], form: str, resize_type: str, size: tuple[int, int]
) -> None:
    """Cropped, a frame loses its sides or its top and bottom; the people in what is left are found."""
    image = scene(size=size)
    fit = RESIZE_TYPES[resize_type]
    with create_model(networks[form], options=ModelOptions(resize_type=resize_type)) as model:
        alpha = matte_of(model, image).alpha
    x, y, width, height = fit(size, (networks_detection.WIDTH, networks_detection.HEIGHT)).shown
    shown = (slice(y, y + height), slice(x, x + width))
    assert agreement(alpha[shown], red(image)[shown]) > 0.9


def test_networks_with_a_size_input_get_the_frame_s_place_in_their_image(networks: dict[str, Path]) -> None:
    frame = Frame(0, np.zeros((300, 400, 3), np.uint8))
    sizes = {}
    for name in ("standard", "fit_to_window", "fit_to_window_letterbox"):
        with create_model(networks["classes"], options=ModelOptions(resize_type=name)) as model:
            sizes[name] = model.preprocess(frame)["im_info"].tolist()
    assert sizes == {
        "standard": [[96, 160, 1]],
        "fit_to_window": [[96, 128, 1]],
        "fit_to_window_letterbox": [[96, 144, 1]],
    }


@pytest.mark.parametrize("form", ["columns", "scores", "yolact"])
def test_labels_say_who_is_the_person(networks: dict[str, Path], form: str) -> None:
    with create_model(networks[form], options=ModelOptions(labels=("background", "mitten", "Person"))) as model:
        matte = matte_of(model, scene())
    assert agreement(matte.alpha, scene()[..., 0] > 0) > 0.9
    assert sorted(item.name for item in matte.instances) == ["Person", "mitten", "mitten"]
    with pytest.raises(OptionError, match='no class is named "person"'):
        create_model(networks[form], options=ModelOptions(labels=("background", "mitten")))


@pytest.mark.parametrize(("form", "reverse"), [("columns", True), ("yolact", False)])
def test_colours_in_the_wrong_order_make_dogs_of_people(networks: dict[str, Path], form: str, reverse: bool) -> None:
    """What the user says about the network's input reaches it."""
    with create_model(networks[form], override=Override(reverse_input_channels=reverse)) as model:
        alpha = matte_of(model, scene()).alpha
    assert (alpha[40, 150], alpha[100, 70]) == (1, 0)


@pytest.mark.parametrize("form", ["fixed", "yolact"])
def test_a_box_that_is_no_number_spoils_no_other(networks: dict[str, Path], form: str) -> None:
    with create_model(networks[form]) as model:
        answer = model.finish(model.start(Frame(0, scene()), {}))
        answer.outputs["boxes"][..., 1, :4] = np.nan
        matte = model.postprocess(answer)
    assert isinstance(matte, InstanceMatte)
    assert (matte.alpha[100, 70], matte.alpha[40, 150]) == (1, 0)
    assert "class 2" in [item.name for item in matte.instances]


def spec(name: str, *shape: int | None) -> TensorSpec:
    return TensorSpec(frozenset({name}), shape)


# From the Open Model Zoo: models/intel/instance-segmentation-*/README.md and models/public/yolact-*/README.md.
IMAGE = spec("image", 1, 3, 320, 544)
PERSON_0007 = (spec("labels", None), spec("boxes", None, 5), spec("masks", None, 224, 224))
SECURITY_0002 = (spec("labels", 100), spec("boxes", 100, 5), spec("masks", 100, 28, 28))
YOLACT = (
    spec("conf", 1, 19248, 81), spec("boxes", 1, 19248, 4), spec("proto", 1, 138, 138, 32), spec("mask", 1, 19248, 32),
)  # fmt: skip


@pytest.mark.parametrize(
    ("signature", "contract"),
    [
        (Signature((IMAGE,), PERSON_0007), MaskRcnn),
        (Signature((IMAGE,), SECURITY_0002), MaskRcnn),
        (Signature((IMAGE,), (*PERSON_0007, spec("feature_vector", 1, 64), spec("saliency_map", 1, 9, 9))), MaskRcnn),
        (Signature((spec("input.1", 1, 3, 550, 550),), YOLACT), Yolact),
    ],
)
def test_published_networks_are_recognized(signature: Signature, contract: type[MattingModel]) -> None:
    assert recognize(signature, "net")[0] is contract


@pytest.mark.parametrize(
    "signature",
    [
        Signature((IMAGE,), (spec("labels", None), spec("boxes", None, 4), spec("masks", None, 28, 28))),
        Signature((IMAGE,), PERSON_0007[:2]),
        Signature((IMAGE, IMAGE), PERSON_0007),
    ],
)
def test_networks_without_scores_or_masks_are_refused(signature: Signature) -> None:
    with pytest.raises(ModelContractError, match="matches no known model"):
        recognize(signature, "net")


@pytest.mark.parametrize("form", ["columns", "yolact"])
def test_the_command_shows_people_and_tells_what_was_found(
    networks: dict[str, Path], tmp_path: Path, run_demo: RunDemo, form: str
) -> None:
    write_images(tmp_path / "in", [scene(), scene(left=0, right=100), scene(left=100)])
    (tmp_path / "names.txt").write_text("__background__\nperson\ndog\n")
    done = run_demo(
        "-m", networks[form], "-i", tmp_path / "in", "-o", "o_%d.png", "-r", "-t", 0.6, "--labels", "names.txt"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "has no use for it" not in done.stdout
    shown = [read_image(tmp_path / f"o_{n}.png") for n in range(3)]
    assert [tuple(image[100, 70]) for image in shown] == [(0, 0, 230), DEFAULT_COLOUR, DEFAULT_COLOUR]
    assert [tuple(image[110, 230]) for image in shown] == [(0, 0, 200), DEFAULT_COLOUR, (0, 0, 200)]
    assert {tuple(image[40, 150]) for image in shown} == {DEFAULT_COLOUR}
    found = [line.split("Frame ")[1] for line in done.stdout.splitlines() if "score" in line]
    assert sorted(line.split(", from")[0] for line in found) == [
        "0: dog, score 0.863", "0: person, score 0.784", "0: person, score 0.902",
        "1: dog, score 0.863", "2: dog, score 0.863", "2: person, score 0.784",
    ]  # fmt: skip
    assert any(line.endswith("from x 30.0, y 30.0 to x 112.0, y 172.0") for line in found)
    assert done.stdout.count("alpha 0..1 in tenths") == 3

"""Networks that are known by their structure: the kernels of their convolutions, which every file format keeps.

What they take is as published; each row names its source. A file's own word comes first. The kernels of a row are some
that only this network has together, all of them in its trunk, so that a file with fewer outputs has them too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from model_api.preprocessing import MINUS_ONE_TO_ONE, ZERO_TO_ONE, Preprocessing
from model_api.recognition.structure import Kernel, Structure
from model_api.types import Size

PASCAL_PERSON = 15
"""The person among the 21 classes of Pascal VOC, the background's first: DeepLab's and torchvision's."""


@dataclass(frozen=True, kw_only=True)
class KnownNetwork:
    """A network, or several of one structure and one preprocessing.

    Attributes:
        name: for people.
        source: where its preprocessing is published.
        takes: what its authors give it.
        kernels: shapes of convolutions that are all in it.
        made_for: (width, height) in pixels of its images, where its file takes any size. None: no single size.
    """

    name: str
    source: str
    takes: Preprocessing
    kernels: tuple[Kernel, ...]
    made_for: Size | None = None

    @property
    def preprocessing(self) -> Preprocessing:
        """What it takes, with its source for messages."""
        return replace(self.takes, source=f"as published for {self.name}")


def find_known(structure: Structure) -> KnownNetwork | None:
    """The first known network with this structure, None for an unknown one."""
    return next((known for known in KNOWN_NETWORKS if structure.has(known.kernels)), None)


def _plane(outputs: int, inputs: int, side: int = 1) -> Kernel:
    return outputs, inputs, side, side


def _body_pix(width: int) -> tuple[Kernel, ...]:
    """MobileNetV1 whose first convolution has `width` outputs, and a mask of one channel."""
    trunk = ((2, 1), (4, 2), (4, 4), (8, 4), (8, 8), (16, 8), (16, 16))
    pairs = (_plane(outputs * width, inputs * width) for outputs, inputs in trunk)
    return _plane(width, 3, 3), *pairs, _plane(1, 16 * width)


IMAGE_NET_MEAN = (123.675, 116.28, 103.53)
IMAGE_NET_SCALE = (58.395, 57.12, 57.375)

_IMAGE_NET = Preprocessing("RGB", IMAGE_NET_MEAN, IMAGE_NET_SCALE)

_PADDLE = "https://github.com/PaddlePaddle/PaddleSeg/tree/release/2.10/"
_TORCHVISION = "https://docs.pytorch.org/vision/stable/models.html#semantic-segmentation"
_BODY_PIX = "https://github.com/tensorflow/tfjs-models/tree/master/body-pix/src/"
_DEEP_LAB = "https://github.com/tensorflow/models/blob/master/research/deeplab/core/feature_extractor.py"

KNOWN_NETWORKS: tuple[KnownNetwork, ...] = (
    KnownNetwork(
        name="MODNet",
        source="https://github.com/ZHKKKe/MODNet/blob/master/onnx/inference_onnx.py",
        takes=MINUS_ONE_TO_ONE,
        kernels=(_plane(64, 99, 3), _plane(32, 35, 3), _plane(16, 35, 3), _plane(1, 16)),
    ),
    KnownNetwork(
        name="SINet",
        # OpenCV reads BGR there. The division by 255 comes after the one by the deviation.
        source="https://github.com/anilsathyan7/Portrait-Segmentation/blob/master/SINet/sinet_video.py",
        takes=Preprocessing("BGR", (102.890434, 111.25247, 126.91212), (16047.8946, 16019.4519, 16920.704775)),
        kernels=(_plane(16, 12), _plane(48, 64), _plane(2, 144), _plane(2, 48), _plane(2, 2, 3)),
        made_for=(320, 320),
    ),
    KnownNetwork(
        name="MediaPipe's selfie segmentation or Google Meet's",
        source="https://storage.googleapis.com/mediapipe-assets/Model%20Card%20MediaPipe%20Selfie%20Segmentation.pdf",
        takes=ZERO_TO_ONE,
        kernels=(
            _plane(72, 16),
            _plane(24, 72),
            _plane(88, 24),
            _plane(24, 88),
            _plane(96, 24),
            _plane(32, 96),
            _plane(128, 32),
            _plane(32, 128),
        ),
    ),
    KnownNetwork(
        name="PP-HumanSegV1-Lite",
        source=_PADDLE + "configs/pp_humanseg_lite/pp_humanseg_lite_export_398x224.yml",
        takes=MINUS_ONE_TO_ONE,
        kernels=(_plane(36, 3, 3), _plane(18, 36), _plane(64, 144), _plane(64, 82), _plane(2, 64)),
        made_for=(398, 224),
    ),
    KnownNetwork(
        name="PP-HumanSegV2-Lite for portraits",
        source=_PADDLE + "contrib/PP-HumanSeg/configs/portrait_pp_humansegv2_lite.yml",
        takes=MINUS_ONE_TO_ONE,
        kernels=(_plane(128, 112), _plane(32, 96), _plane(16, 32), _plane(2, 16)),
        made_for=(256, 144),
    ),
    KnownNetwork(
        name="PP-HumanSegV2-Lite",
        source=_PADDLE + "contrib/PP-HumanSeg/configs/human_pp_humansegv2_lite.yml",
        takes=MINUS_ONE_TO_ONE,
        kernels=(_plane(128, 160), _plane(32, 128), _plane(16, 32), _plane(2, 16)),
        made_for=(192, 192),
    ),
    KnownNetwork(
        name="PP-HumanSegV2-Mobile",
        source=_PADDLE + "contrib/PP-HumanSeg/configs/human_pp_humansegv2_mobile.yml",
        takes=MINUS_ONE_TO_ONE,
        kernels=(_plane(128, 1024), _plane(4, 4, 3), _plane(2, 4)),
        made_for=(192, 192),
    ),
    KnownNetwork(
        name="PP-HumanSegV1-Mobile (HRNet)",
        source="https://github.com/opencv/opencv_zoo/blob/main/models/human_segmentation_pphumanseg/pphumanseg.py",
        takes=MINUS_ONE_TO_ONE,
        kernels=(_plane(270, 270), _plane(2, 270)),
        made_for=(192, 192),
    ),
    KnownNetwork(
        name="PP-HumanSegV1-Server",
        source=_PADDLE + "contrib/PP-HumanSeg/configs/human_pp_humansegv1_server.yml",
        takes=MINUS_ONE_TO_ONE,
        kernels=(_plane(32, 3, 3), _plane(256, 2048, 3), _plane(256, 1280), _plane(48, 256), _plane(2, 256)),
        made_for=(512, 512),
    ),
    KnownNetwork(
        name="mobile_phone_human_matting",
        source="https://github.com/lizhengwei1992/mobile_phone_human_matting/blob/master/camera.py",
        takes=Preprocessing("BGR", (104.0, 112.0, 121.0), ZERO_TO_ONE.scale),
        kernels=(_plane(12, 3, 3), _plane(24, 15, 3), _plane(48, 51, 3), _plane(8, 11, 3), _plane(3, 8, 3)),
        made_for=(256, 256),
    ),
    KnownNetwork(
        name="U²-Net",
        source="https://github.com/xuebinqin/U-2-Net/blob/master/data_loader.py",
        takes=_IMAGE_NET,
        kernels=(_plane(64, 3, 3), _plane(1, 64, 3), _plane(1, 512, 3), _plane(256, 1024, 3), _plane(1, 6)),
        made_for=(320, 320),
    ),
    KnownNetwork(
        name="U²-Netp",
        source="https://github.com/xuebinqin/U-2-Net/blob/master/data_loader.py",
        takes=_IMAGE_NET,
        kernels=(_plane(64, 3, 3), _plane(16, 64, 3), _plane(64, 32, 3), _plane(1, 64, 3), _plane(1, 6)),
        made_for=(320, 320),
    ),
    KnownNetwork(
        name="IS-Net",
        source="https://github.com/xuebinqin/DIS/blob/main/IS-Net/Inference.py",
        takes=Preprocessing("RGB", MINUS_ONE_TO_ONE.mean, ZERO_TO_ONE.scale),
        kernels=(
            _plane(64, 3, 3),
            _plane(16, 16, 3),
            _plane(32, 128, 3),
            _plane(256, 1024, 3),
            _plane(512, 1024, 3),
            _plane(1, 64, 3),
        ),
        made_for=(1024, 1024),
    ),
    KnownNetwork(
        name="BiRefNet",
        # Its decoder sees the image in patches of 32, 16, 8 and 4 pixels a side.
        source="https://github.com/ZhengPeng7/BiRefNet/blob/main/image_proc.py",
        takes=_IMAGE_NET,
        kernels=(_plane(64, 3072, 3), _plane(64, 768, 3), _plane(64, 192, 3), _plane(64, 48, 3)),
        made_for=(1024, 1024),
    ),
    *(
        KnownNetwork(
            name="BodyPix (MobileNet)",
            source=_BODY_PIX + "mobilenet.ts",
            takes=MINUS_ONE_TO_ONE,
            kernels=_body_pix(width),
        )
        for width in (16, 24, 32)
    ),
    KnownNetwork(
        name="BodyPix (ResNet50)",
        source=_BODY_PIX + "resnet.ts",
        takes=Preprocessing("RGB", (123.15, 115.9, 103.06)),
        kernels=(_plane(64, 3, 7), _plane(2048, 512), _plane(1, 2048)),
    ),
    *(
        KnownNetwork(
            name="DeepLabv3 (MobileNetV2)",
            source=_DEEP_LAB,
            takes=MINUS_ONE_TO_ONE,
            kernels=(_plane(256, features), _plane(256, 512), _plane(3 * features, features // 2)),
            made_for=(513, 513),
        )
        for features in (160, 320)
    ),
    KnownNetwork(
        name="DeepLabv3 (torchvision)",
        source=_TORCHVISION,
        takes=_IMAGE_NET,
        kernels=(_plane(256, 1280), _plane(256, 2048, 3), _plane(21, 256)),
        made_for=(520, 520),
    ),
    KnownNetwork(
        name="DeepLabv3 (torchvision, MobileNetV3)",
        source=_TORCHVISION,
        takes=_IMAGE_NET,
        kernels=(_plane(256, 1280), _plane(256, 960, 3), _plane(21, 256)),
        made_for=(520, 520),
    ),
    KnownNetwork(
        name="DeepLabv3+ (Xception)",
        source=_DEEP_LAB,
        takes=MINUS_ONE_TO_ONE,
        kernels=(_plane(256, 1280), _plane(256, 2048), _plane(48, 256), _plane(21, 256)),
        made_for=(513, 513),
    ),
    KnownNetwork(
        name="LR-ASPP (torchvision)",
        source=_TORCHVISION,
        takes=_IMAGE_NET,
        kernels=(_plane(128, 960), _plane(21, 40), _plane(21, 128)),
        made_for=(520, 520),
    ),
)
"""Tried in this order."""

CLASSES: Mapping[int, tuple[str, tuple[int, ...]]] = {
    6: ("MediaPipe's selfie multiclass: all but the background", tuple(range(1, 6))),
    21: ("Pascal VOC", (PASCAL_PERSON,)),
}
"""How many classes a network tells apart -> what they are, and which are the person.

https://ai.google.dev/edge/mediapipe/solutions/vision/image_segmenter, and DeepLab's
https://github.com/tensorflow/models/blob/master/research/deeplab/g3doc/model_zoo.md.
"""

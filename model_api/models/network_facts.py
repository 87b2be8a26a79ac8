"""What is known of a network before its first frame."""

from __future__ import annotations

from dataclasses import dataclass

from model_api.preprocessing import Preprocessing, Training
from model_api.recognition.known_networks import KnownNetwork
from model_api.recognition.reading import MaskReading
from model_api.types import Binding, Signature


@dataclass(frozen=True)
class NetworkFacts:
    """What is known of a network before its first frame.

    Attributes:
        signature: the inputs and outputs that its file has.
        binding: the roles that the contract gives to them.
        preprocessing: what it takes in place of BGR of 0..255.
        training: how it was trained.
        reading: how its mask is read, of a network of one image and one mask.
        known: what it is by its structure. None: no known network.
    """

    signature: Signature
    binding: Binding
    preprocessing: Preprocessing
    training: Training = Training()
    reading: MaskReading | None = None
    known: KnownNetwork | None = None

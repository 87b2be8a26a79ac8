"""Training: every stage of a configuration in turn, with checkpoints that a stopped training resumes from."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import cv2
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from model_api.errors import OptionError, SinkError
from model_tools.convert.checkpoints import load_checkpoint
from model_tools.reporting.files import replacing
from model_tools.train.config import Config, Data, Stage
from model_tools.train.data.clips import NOBODY, ClipSettings, ComposedClips, Extras, Sample
from model_tools.train.data.material import Material, PeopleSource, load_backgrounds, load_people
from model_tools.train.log import Log
from model_tools.train.losses import alpha_losses, foreground_losses, presence_losses
from model_tools.train.networks.base import Answer, Trainable
from model_tools.train.networks.matting_network import EfficientMatting
from model_tools.train.networks.registry import NETWORKS, begin_with

log = logging.getLogger(__name__)

AVERAGE_HALF_LIFE_STEPS = 300
"""Of the running average of the weights, which is better than the last ones."""

VALIDATION_CLIPS, VALIDATION_FRAMES = 24, 4


@dataclass(frozen=True)
class Hardware:
    """What a training runs on. bfloat16: whether networks compute in it. workers: processes that compose clips."""

    device: torch.device
    bfloat16: bool = False
    workers: int = 0


@dataclass
class Run:
    """The state of a training, which a checkpoint holds."""

    network: Trainable
    average: Trainable
    optimizer: torch.optim.Optimizer
    step: int = 0


def hardware_of(device: str, threads: int | None, *, bfloat16: bool, workers: int) -> Hardware:
    """Set up PyTorch and OpenCV for a training.

    Args:
        device: "cpu" or "cuda".
        threads: CPU threads. None: all cores.
        bfloat16: Whether the network computes in bfloat16.
        workers: Processes that compose clips. 0: this one.

    Raises:
        OptionError: PyTorch finds no CUDA device.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise OptionError("--device cuda: PyTorch finds no CUDA device. Expected cpu")
    # The workers are forked from this process, and OpenCV's threads do not survive a fork.
    cv2.setNumThreads(1)
    if threads:
        torch.set_num_threads(threads)
    return Hardware(torch.device(device), bfloat16, workers)


def train(config: Config, output: Path, hardware: Hardware) -> None:
    """Every stage in turn, from the last checkpoint in `output` if there is one."""
    output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    run = begin(config, hardware.device)
    resume(run, output / "checkpoint.pt")
    data = config.data
    material = load(data, data.people, data.backgrounds_range)
    unseen = load(data, data.unseen, data.unseen_backgrounds)
    for name, each in {"training": material, "validation": unseen}.items():
        log.info("For %s: %d people, %d backgrounds", name, len(each.people), len(each.backgrounds))
    # In memory that the processes of the loader share: they draw people by it.
    losses = torch.zeros(len(material.people)).share_memory_()  # type: ignore[no-untyped-call]
    extras = extras_of(run.network)
    with closing(Log(output / "log.csv", run.step)) as diary:
        first = 0
        for number, stage in enumerate(config.stages):
            freeze(run.network, stage)
            settings = clip_settings(stage, config.seed + number + 1, extras)
            clips = ComposedClips(material, stage.steps * stage.batch, settings, losses)
            trial_settings = replace(settings, frames=VALIDATION_FRAMES, batch=1, seed=config.seed)
            trials = ComposedClips(unseen, VALIDATION_CLIPS, trial_settings)
            batches = loader(clips, stage.batch, run.step - first, hardware.workers)
            for batch in tqdm(batches, desc=stage.name, mininterval=30, disable=not batches):
                set_rate(run.optimizer, stage, run.step - first)
                diary.add(run.step, step(run, batch, hardware, stage.downsample_ratio, losses))
                if run.step % config.save_every == 0:
                    save(run, output / "checkpoint.pt")
                    figures = validate(run.average, trials, hardware, stage.downsample_ratio)
                    diary.add_validation(run.step, figures)
                    log.info("Step %d: MAD %.2f e-3, IoU %.4f", run.step, figures["mad"], figures["iou"])
            first += stage.steps
    save(run, output / "checkpoint.pt")
    log.info("Wrote %s, average.pt for export, log.csv and log.svg", output / "checkpoint.pt")


def load(data: Data, sources: Sequence[PeopleSource], numbers: tuple[int, int]) -> Material:
    """Load people and backgrounds. Raises OptionError if a folder is missing or has nothing in that range."""
    people, weights = [], []
    for source in sources:
        group = load_people(source, data.largest_px)
        people += group
        weights += [source.share / max(len(group), 1)] * len(group)
    backgrounds = [picture for folder in data.backgrounds for picture in load_backgrounds(Path(folder), numbers)]
    if not people or not backgrounds:
        folders = ", ".join((*(source.folder for source in sources), *data.backgrounds))
        raise OptionError(f"{folders}: nothing to train on among the files with these names and numbers")
    return Material(people, weights, backgrounds)


def loader(clips: ComposedClips, batch: int, done: int, workers: int) -> DataLoader[Sample]:
    """The batches of a stage that are still to come after `done` steps."""
    rest = Subset(clips, range(min(max(done, 0) * batch, len(clips)), len(clips)))
    return DataLoader(rest, batch, num_workers=workers if len(rest) else 0, collate_fn=collate)


def clip_settings(stage: Stage, seed: int, extras: Extras) -> ClipSettings:
    """The clips of a stage."""
    return ClipSettings(
        frames=stage.frames, sizes=stage.sizes, batch=stage.batch, seed=seed, mix=stage.mix, extras=extras
    )


def extras_of(network: Trainable) -> Extras:
    """What the network is trained with beside frames and alphas."""
    return Extras(foreground=network.answers_foreground, plate=network.takes_plate)


def freeze(network: Trainable, stage: Stage) -> None:
    """Freeze what the stage keeps as it is."""
    if isinstance(network, EfficientMatting):
        network.freeze(stage.frozen, filters=stage.frozen_filters)


@torch.no_grad()
def validate(network: Trainable, clips: ComposedClips, hardware: Hardware, ratio: float) -> dict[str, float]:
    """Mean absolute difference of alpha × 1e3, and IoU at 0.5, on clips of people and rooms never trained on."""
    network.eval()
    errors, common, either = [], 0.0, 0.0
    for number in range(len(clips)):
        clip = clips[number]
        alpha = answer_of(network, clip.src[None], clip.plate[None], hardware, ratio).alpha[0].cpu()
        errors.append(float((alpha - clip.alpha).abs().mean()))
        answered, true = alpha > 0.5, clip.alpha > 0.5
        common += float((answered & true).sum())
        either += float((answered | true).sum())
    return {"mad": 1e3 * sum(errors) / len(errors), "iou": common / max(either, 1.0)}


def begin(config: Config, device: torch.device) -> Run:
    """Make the network and its optimizer, with the weights that the training begins with. Raises OptionError."""
    if config.network not in NETWORKS:
        raise OptionError(f'network "{config.network}": expected one of {", ".join(NETWORKS)}')
    network = NETWORKS[config.network]().to(device)
    if not network.refines and any(stage.downsample_ratio != 1 for stage in config.stages):
        raise OptionError(f"downsample_ratio: the network {config.network} takes none. Leave it out")
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in PyTorch's own annotations
    if config.start:
        begin_with(network, config.start)
    average = copy.deepcopy(network).requires_grad_(requires_grad=False)
    encoder = [weight for name, weight in network.named_parameters() if name.startswith("encoder.")]
    rest = [weight for name, weight in network.named_parameters() if not name.startswith("encoder.")]
    groups = [{"params": rest, "pretrained": False}, {"params": encoder, "pretrained": True}]
    return Run(network, average, torch.optim.AdamW(groups, weight_decay=1e-4))


def answer_of(network: Trainable, src: Tensor, plate: Tensor, hardware: Hardware, ratio: float) -> Answer:
    """What the network answers, in float32, whatever it computes in."""
    device = hardware.device
    with torch.autocast(device.type, torch.bfloat16, enabled=hardware.bfloat16):
        answer = network.unroll(src.to(device), plate.to(device), ratio)
    return Answer(*(None if part is None else part.float() for part in vars(answer).values()))  # type: ignore[arg-type]


def step(run: Run, batch: Sample, hardware: Hardware, ratio: float, last: Tensor) -> dict[str, float]:
    """Take one step of the optimizer.

    Args:
        run: Is changed in place.
        batch: The clips.
        hardware: Computes it.
        ratio: The downsample ratio.
        last: (people,), where each person's loss is kept.

    Returns:
        The losses by name, and the seconds that the step took.
    """
    started_s = perf_counter()
    run.network.train()
    answer = answer_of(run.network, batch.src, batch.plate, hardware, ratio)
    losses = losses_of(answer, batch, hardware.device)
    remember(last, batch, answer.alpha.detach())
    total = torch.stack(list(losses.values())).sum()
    run.optimizer.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
    run.optimizer.step()
    run.step += 1
    follow(run)
    values = {name: float(loss.detach()) for name, loss in losses.items()}
    return {**values, "total": float(total.detach()), "seconds": perf_counter() - started_s}


def losses_of(answer: Answer, batch: Sample, device: torch.device) -> dict[str, Tensor]:
    """The losses by name; their sum is to be made small."""
    alpha = batch.alpha.to(device)
    losses = alpha_losses(answer.alpha, alpha)
    if answer.coarse is not None:
        small = functional.interpolate(alpha.flatten(0, 1), answer.coarse.shape[3:], mode="area")
        coarse = alpha_losses(answer.coarse, torch.unflatten(small, 0, alpha.shape[:2]))
        losses |= {f"coarse_{name}": loss for name, loss in coarse.items()}
    if answer.foreground is not None:
        losses |= foreground_losses(answer.foreground, batch.foreground.to(device), alpha)
    return losses | presence_losses(answer.segmentation.flatten(0, 1), alpha.flatten(0, 1))


def remember(last: Tensor, batch: Sample, alpha: Tensor) -> None:
    """Keep how wrong a person's matte was, as a share of the person: small people count as much as large ones."""
    true = batch.alpha.to(alpha.device)
    wrong = (alpha - true).abs().mean((1, 2, 3, 4)) / (true.mean((1, 2, 3, 4)) + 0.02)
    for person, error in zip(batch.person.tolist(), wrong.tolist(), strict=True):
        if person != NOBODY:
            last[person] = error


def follow(run: Run) -> None:
    """Move the average towards the network: quickly at first, when its first values mean nothing yet."""
    keep = min(0.5 ** (1 / AVERAGE_HALF_LIFE_STEPS), run.step / (run.step + 10))
    for mean, now in zip(run.average.state_dict().values(), run.network.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(now, 1 - keep)
        else:
            mean.copy_(now)


def set_rate(optimizer: torch.optim.Optimizer, stage: Stage, done: int) -> None:
    """Set the learning rate after `done` steps of a stage."""
    rise = min(1.0, (done + 1) / max(stage.warm_up, 1))
    fall = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done / stage.steps))
    for group in optimizer.param_groups:
        group["lr"] = stage.rate * rise * fall * (stage.encoder_rate if group["pretrained"] else 1.0)


def collate(samples: list[Sample]) -> Sample:
    """Stack clips to a batch."""
    names = ("src", "foreground", "alpha", "plate", "person")
    return Sample(*(torch.stack([getattr(sample, name) for sample in samples]) for name in names))


def save(run: Run, path: Path) -> None:
    """Write the whole run, and beside it average.pt: the averaged weights, in half precision."""
    average = run.average.state_dict()
    state = {"network": run.network.state_dict(), "average": average, "optimizer": run.optimizer.state_dict()}
    _write({**state, "step": run.step}, path)
    small = {name: weight.half() if weight.is_floating_point() else weight for name, weight in average.items()}
    _write({"average": small, "step": run.step}, path.with_name("average.pt"))


def _write(state: dict[str, object], path: Path) -> None:
    """Raises SinkError; the checkpoint that was there before stays then."""
    try:
        with replacing(path) as part:
            torch.save(state, part)
    except (OSError, RuntimeError) as error:
        raise SinkError(f"{path} cannot be written: {error}") from error


def resume(run: Run, path: Path) -> None:
    """Load a checkpoint, if there is one."""
    if not path.exists():
        return
    state = load_checkpoint(path)
    run.network.load_state_dict(state["network"])
    run.average.load_state_dict(state["average"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.step = state["step"]
    log.info("Going on from step %d", run.step)

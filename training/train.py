"""`python -m training.train --config training/configs/video.toml --output runs/video`: trains a network, and goes on
where it stopped when it is run again."""

from __future__ import annotations

import argparse
import copy
import logging
import math
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from model_api.errors import BackgroundSubtractionError, OptionError
from training.colours import Picture
from training.config import Config, Data, Stage, read_config
from training.datasets import ComposedClips, Person, Sample, load_backgrounds, load_people
from training.losses import matting_losses, segmentation_loss
from training.networks import NETWORKS, load_weights
from training.progress import Log
from training.trainable import Answer, Trainable

log = logging.getLogger(__name__)

AVERAGE_HALF_LIFE_STEPS = 250
"""The weights that are kept are a running average, which is better than the last ones."""

VALIDATION_CLIPS = 24


@dataclass(frozen=True)
class Machine:
    """bfloat16: whether networks compute in it. workers: processes that compose clips."""

    device: torch.device
    bfloat16: bool = False
    workers: int = 0


@dataclass
class Run:
    """Where a training stands. It is what a checkpoint holds."""

    network: Trainable
    average: Trainable
    optimizer: torch.optim.Optimizer
    step: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    logging.basicConfig(format="[ %(levelname)s ] %(message)s", level=logging.INFO, stream=sys.stdout)
    args = build_parser().parse_args(arguments)
    try:
        config = read_config(args.config)
        if args.device == "cuda" and not torch.cuda.is_available():
            raise OptionError("--device cuda: PyTorch finds none on this machine")
        if args.threads:
            torch.set_num_threads(args.threads)
        train(config, args.output, Machine(torch.device(args.device), args.bfloat16, args.workers))
    except BackgroundSubtractionError as error:
        print(f"training.train: error: {error}", file=sys.stderr)
        return 2 if isinstance(error, OptionError) else 1
    except KeyboardInterrupt:
        print("training.train: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__, allow_abbrev=False)
    parser.add_argument("--config", type=Path, required=True, help="Required. A TOML file, as in training/configs.")
    parser.add_argument("--output", type=Path, required=True, help="Required. A folder for checkpoint, log and curves.")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="Default: cpu.")
    parser.add_argument("--threads", type=int, default=0, help="Of the CPU. Default: all cores.")
    parser.add_argument(
        "--bfloat16",
        action="store_true",
        help="The networks compute in bfloat16, the losses do not. Half again as fast on processors that have it.",
    )
    parser.add_argument("--workers", type=int, default=1, help="Processes that compose clips. Default: 1.")
    return parser


def train(config: Config, output: Path, machine: Machine) -> None:
    """Every stage in turn, from the last checkpoint in `output` if there is one."""
    output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    data = config.data
    material = load(data, data.people_range, data.backgrounds_range)
    unseen = load(data, data.people_held_out, data.backgrounds_held_out)
    for name, (people, backgrounds) in {"training": material, "validation": unseen}.items():
        log.info("For %s: %d people, %d backgrounds", name, len(people), len(backgrounds))
    run = begin(config, machine.device)
    resume(run, output / "checkpoint.pt")
    with closing(Log(output / "log.csv", run.step)) as diary:
        first = 0
        for number, stage in enumerate(config.stages):
            trials = ComposedClips(*unseen, VALIDATION_CLIPS, 4, stage.sizes, 1, config.seed, stage.mix)
            batches = loader(stage, material, config.seed + number + 1, run.step - first, machine.workers)
            for batch in tqdm(batches, desc=stage.name, mininterval=30, disable=not batches):
                set_rate(run.optimizer, stage, run.step - first)
                diary.add(run.step, step(run, batch, machine, stage.downsample_ratio))
                if run.step % config.save_every == 0:
                    save(run, output / "checkpoint.pt")
                    diary.judge(run.step, validate(run.average, trials, machine, stage.downsample_ratio))
            first += stage.steps
    save(run, output / "checkpoint.pt")


Material = tuple[list[Person], list[Picture]]


def load(data: Data, people: tuple[int, int], backgrounds: tuple[int, int]) -> Material:
    """Raises OptionError if a folder is missing or has nothing in that range."""
    folder, scenes = Path(data.people), Path(data.backgrounds)
    for place in (folder / "images", folder / "alpha", scenes):
        if not place.is_dir():
            raise OptionError(f"{place}: no such folder. Expected people/images, people/alpha and backgrounds")
    found = (
        load_people(folder / "images", folder / "alpha", range(*people)),
        load_backgrounds(scenes, range(*backgrounds)),
    )
    if not all(found):
        raise OptionError(f"{folder}, {data.backgrounds}: nothing numbered {people} and {backgrounds} to train on")
    return found


def loader(stage: Stage, material: Material, seed: int, done: int, workers: int) -> DataLoader[Sample]:
    """The batches of a stage that are still to come after `done` steps."""
    clips = ComposedClips(*material, stage.steps * stage.batch, stage.frames, stage.sizes, stage.batch, seed, stage.mix)
    rest = Subset(clips, range(min(max(done, 0) * stage.batch, len(clips)), len(clips)))
    return DataLoader(rest, stage.batch, num_workers=workers if len(rest) else 0, collate_fn=collate)


@torch.no_grad()
def validate(network: Trainable, clips: ComposedClips, machine: Machine, ratio: float) -> dict[str, float]:
    """Mean absolute difference of alpha × 1e3, and IoU at 0.5, on clips of people and rooms never trained on."""
    network.eval()
    errors, common, either = [], 0.0, 0.0
    for number in range(len(clips)):
        clip = clips[number]
        alpha = answer_of(network, clip.src[None], clip.plate[None], machine, ratio).alpha[0].cpu()
        errors.append(float((alpha - clip.alpha).abs().mean()))
        found, true = alpha > 0.5, clip.alpha > 0.5
        common += float((found & true).sum())
        either += float((found | true).sum())
    return {"mad": 1e3 * sum(errors) / len(errors), "iou": common / max(either, 1.0)}


def begin(config: Config, device: torch.device) -> Run:
    if config.network not in NETWORKS:
        raise OptionError(f'network "{config.network}": expected one of {", ".join(NETWORKS)}')
    network = NETWORKS[config.network]().to(device)
    if not network.shrinks and any(stage.downsample_ratio != 1 for stage in config.stages):
        raise OptionError(f"downsample_ratio: the network {config.network} has none. Leave it out")
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in PyTorch's own annotations
    if config.start:
        load_weights(network, Path(config.start))
    average = copy.deepcopy(network).requires_grad_(False)
    return Run(network, average, torch.optim.AdamW(network.parameters(), weight_decay=1e-4))


def answer_of(network: Trainable, src: Tensor, plate: Tensor, machine: Machine, ratio: float) -> Answer:
    """In float32, whatever the network computes in."""
    device = machine.device
    with torch.autocast(device.type, torch.bfloat16, enabled=machine.bfloat16):
        answer = network.unroll(src.to(device), plate.to(device), ratio)
    return Answer(answer.alpha.float(), answer.foreground.float(), answer.segmentation.float())


def step(run: Run, batch: Sample, machine: Machine, ratio: float) -> dict[str, float]:
    """One step of the optimizer. Returns the losses by name, and the seconds it took."""
    started_s = perf_counter()
    run.network.train()
    answer = answer_of(run.network, batch.src, batch.plate, machine, ratio)
    losses = losses_of(answer, batch.foreground.to(machine.device), batch.alpha.to(machine.device))
    total = torch.stack(list(losses.values())).sum()
    run.optimizer.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
    run.optimizer.step()
    run.step += 1
    follow(run)
    told = {name: float(loss.detach()) for name, loss in losses.items()}
    return {**told, "total": float(total.detach()), "seconds": perf_counter() - started_s}


def losses_of(answer: Answer, foreground: Tensor, alpha: Tensor) -> dict[str, Tensor]:
    losses = matting_losses(answer.alpha, answer.foreground, alpha, foreground)
    losses["segmentation"] = 0.2 * segmentation_loss(answer.segmentation.flatten(0, 1), alpha.flatten(0, 1))
    return losses


def follow(run: Run) -> None:
    """The average follows the network: quickly at first, when what it began with means nothing yet."""
    keep = min(0.5 ** (1 / AVERAGE_HALF_LIFE_STEPS), run.step / (run.step + 10))
    for mean, now in zip(run.average.state_dict().values(), run.network.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(now, 1 - keep)
        else:
            mean.copy_(now)


def set_rate(optimizer: torch.optim.Optimizer, stage: Stage, done: int) -> None:
    rise = min(1.0, (done + 1) / max(stage.warm_up, 1))
    fall = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done / stage.steps))
    for group in optimizer.param_groups:
        group["lr"] = stage.rate * rise * fall


def collate(samples: list[Sample]) -> Sample:
    names = ("src", "foreground", "alpha", "plate")
    return Sample(*(torch.stack([getattr(sample, name) for sample in samples]) for name in names))


def save(run: Run, path: Path) -> None:
    """Whole or not at all: a checkpoint that was cut off by an interruption would end the training for good."""
    state = {
        "network": run.network.state_dict(),
        "average": run.average.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "step": run.step,
    }
    fresh = path.with_suffix(".tmp")
    torch.save(state, fresh)
    fresh.replace(path)


def resume(run: Run, path: Path) -> None:
    if not path.exists():
        return
    state = torch.load(path, map_location="cpu", weights_only=True)
    run.network.load_state_dict(state["network"])
    run.average.load_state_dict(state["average"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.step = state["step"]
    log.info("Going on from step %d", run.step)


if __name__ == "__main__":
    sys.exit(main())

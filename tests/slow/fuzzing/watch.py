"""Runs cases under limits of time and memory."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import psutil

from tests.conftest import COMMAND, ROOT
from tests.slow.fuzzing.cases import Case
from tests.slow.fuzzing.outcomes import GOOD, MEMORY_LIMIT_KB, Run, outcome_of

CPU_LIMIT_S, TIME_LIMIT_S = 60, 300
"""Of one case. The second is for what waits for ever, on a machine that has more to do."""
LOOK_EVERY_S = 0.02
CASES_A_PROCESS = 50
ALONE = {"demo": [str(COMMAND)], "tools": ["-m", "model_tools"]}


@dataclass(frozen=True)
class Finding:
    """A case and what came of it. run: alone, in a process of its own, if the first one was not good."""

    case: Case
    outcome: str
    run: Run


@dataclass
class Worker:
    """A process that runs many cases, and is replaced when one of them ends it or is not good."""

    process: subprocess.Popen[str] | None = None
    cases: int = field(default=0)

    def run(self, case: Case) -> Run:
        """Run a case. A run that went over a limit has ended the process."""
        process = self._ready()
        self.cases += 1
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(asdict(case)) + "\n")
        process.stdin.flush()
        over = watched(process, process.stdout)
        line = "" if over else process.stdout.readline()
        if not line:
            self.close()
            return over or Run(process.returncode, "", 0)
        answer = json.loads(line)
        return Run(answer["code"], answer["stderr"], answer["grown_kb"])

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for stream in (self.process.stdin, self.process.stdout):
                if stream:
                    stream.close()
        self.process, self.cases = None, 0

    def _ready(self) -> subprocess.Popen[str]:
        if self.cases >= CASES_A_PROCESS:
            self.close()
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.slow.fuzzing.worker"], cwd=ROOT, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip
        return self.process


@contextmanager
def opened_worker() -> Iterator[Worker]:
    """A worker, ended in any case."""
    worker = Worker()
    try:
        yield worker
    finally:
        worker.close()


def examine(case: Case, worker: Worker) -> Finding:
    """Run a case among others and, if that was not good, alone."""
    run = worker.run(case)
    outcome = outcome_of(run)
    if outcome in GOOD:
        return Finding(case, outcome, run)
    worker.close()
    run = run_alone(case)
    return Finding(case, outcome_of(run), run)


def run_alone(case: Case) -> Run:
    """Run a case as a user would: the command, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with TemporaryFile("w+", errors="replace") as stderr:
        process = subprocess.Popen(
            [sys.executable, *ALONE[case.program], *case.words], cwd=case.folder, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, text=True,
        )  # fmt: skip
        over = watched(process, None)
        process.wait()
        stderr.seek(0)
        return over or Run(process.returncode, stderr.read(), 0)


def watched(process: subprocess.Popen[str], answers: IO[str] | None) -> Run | None:
    """Wait until a process ends or answers. One that goes over a limit is killed, and the run returned."""
    end_s = time.monotonic() + TIME_LIMIT_S
    begin_s, peak_kb = _used(process.pid)[0], 0
    while process.poll() is None:
        if answers is None:
            time.sleep(LOOK_EVERY_S)
        elif select.select([answers], [], [], LOOK_EVERY_S)[0]:
            return None
        now_s, now_kb = _used(process.pid)
        peak_kb = max(peak_kb, now_kb)
        if peak_kb > MEMORY_LIMIT_KB or now_s - begin_s > CPU_LIMIT_S or time.monotonic() > end_s:
            process.kill()
            process.wait()
            return Run(None, "", peak_kb)
    return None


def _used(pid: int) -> tuple[float, int]:
    """Seconds of processors and KiB of memory."""
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        return times.user + times.system, int(process.memory_info().rss) // 1024
    except psutil.Error:
        return 0.0, 0


def keep(finding: Finding, folder: Path) -> Path:
    """Write down the command line and what came of it, beside the damaged file. Returns the case's folder."""
    case = Path(finding.case.folder)
    (case / "finding.json").write_text(json.dumps(asdict(finding), indent=1))
    target = folder / f"{finding.outcome.replace(' ', '_')}-{case.name}"
    folder.mkdir(parents=True, exist_ok=True)
    case.rename(target)
    return target

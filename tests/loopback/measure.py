"""What a command used."""

import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Usage:
    """What the kernel counted for a command and everything that it started and waited for."""

    seconds: float
    """Wall time."""
    cpu: float
    """User and system time, in seconds."""
    peak: int
    """The largest resident set of any one process, in bytes."""
    written: int
    """Bytes that it caused to be written to a disk, including files that it removed. None are counted for a tmpfs."""
    read: int
    """Bytes that its reads returned, wherever they came from."""
    code: int
    """Its exit code, or the negative number of the signal that ended it."""
    output: str
    """What it wrote to standard error."""


def measure(command, environment=None, folder=None):
    """Runs a command to its end. Its standard output is thrown away."""
    with tempfile.NamedTemporaryFile("r") as report:
        launch = [sys.executable, "-I", "-S", LAUNCH, report.name, *command]
        outcome = subprocess.run(launch, env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        if outcome.returncode != 0:
            raise RuntimeError(f"{launch} failed: {outcome.stderr}")
        figures = dict(line.split(": ") for line in report.read().splitlines())
    return Usage(float(figures["seconds"]), float(figures["cpu"]), int(figures["peak"]), int(figures["write_bytes"]),
                 int(figures["rchar"]), int(figures["code"]), outcome.stderr)


def script(commands):
    """One command that runs several, one after the other, and stops at the first that fails. A single one stays as it is."""
    if len(commands) == 1:
        return [str(part) for part in commands[0]]
    return ["sh", "-ec", "\n".join(shlex.join(str(part) for part in command) for command in commands)]

"""Tries to break Sealift with damage, kills, bad networks and full disks, and counts how often it does.

    python tests/campaign/main.py --quick                       minutes: a little of everything
    python tests/campaign/main.py                               hours: 10,000 flipped bits, 200 kills of each kind, …
    python tests/campaign/main.py --only "kill: export" --run 17 --seed 1     one run again, as a failure names it

Each run has its own random numbers, which follow from the seed, the name of the case and the number of the run. (When the
other process stood still is not repeated.) Exits with 1 if any run failed.

Needs docker-registry (Debian) or another build of distribution, and the packages in tests/requirements.txt. Cases with small
file systems need root.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Callable

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT / "tests"))

from loopback.registry import RegistryError  # noqa: E402
from loopback.release import MissingError, find_registry, find_sealift  # noqa: E402

import interruption  # noqa: E402
from damage import Damage  # noqa: E402
from disk import FullDisk, can_mount  # noqa: E402
from ground import Ground, Wrong  # noqa: E402
from network import Network  # noqa: E402
from together import Together  # noqa: E402

FULL = {"flips": 10_000, "cuts": 1_000, "kills": 200, "signals": 50, "faults": 200, "pairs": 25, "mebibytes": 48, "step": 1}
QUICK = {"flips": 400, "cuts": 100, "kills": 5, "signals": 4, "faults": 6, "pairs": 3, "mebibytes": 16, "step": 5}


@dataclass(frozen=True)
class Case:
    """One kind of trouble. `run` takes random numbers, the number of the run and notes to count in, and raises `Wrong`."""

    name: str
    run: Callable
    numbers: list[int]
    at_once: int = 1
    """How many of its runs do not disturb each other."""


def cases(ground, arguments):
    def times(count):
        return list(range(1, count + 1))

    damage, full_disk, together = Damage(ground), FullDisk(ground), Together(ground)
    network = Network(ground, arguments.rate, arguments.stall)
    yield Case("bit flipped", damage.flip, times(arguments.flips), arguments.jobs)
    yield Case("cut short", damage.cut, times(arguments.cuts), arguments.jobs)
    counts = {"kill": arguments.kills, "signal": arguments.signals}
    for kind, name, run in interruption.cases(ground):
        yield Case(name, run, times(counts[kind]))
    yield Case("bad network: export", network.export, times(arguments.faults))
    yield Case("bad network: import into a registry", network.registry, times(arguments.faults))
    # The last has room for everything.
    mebibytes = [*range(1, arguments.mebibytes, arguments.step), arguments.mebibytes + 2]
    yield Case("file as large as allowed: export", full_disk.limited, mebibytes)
    if can_mount(ground):
        yield Case("disk full: export", full_disk.export, mebibytes)
        yield Case("disk full: import into a layout", full_disk.layout, mebibytes)
    else:
        print("small file systems cannot be made here: the cases `disk full` are left out", file=sys.stderr)
    yield Case("at once: exports of one name", together.exports_of_one_name, times(arguments.pairs))
    yield Case("at once: exports of two names", together.exports_of_two_names, times(arguments.pairs))
    yield Case("at once: imports into a registry", together.imports_into_a_registry, times(arguments.pairs))
    yield Case("at once: imports into a layout", together.imports_into_a_layout, times(arguments.pairs))


def run_case(case, arguments):
    """Runs a case as often as wanted, and prints its line of the table; returns how many runs failed."""
    notes, failed, began = Counter(), [], time.monotonic()
    numbers = [arguments.run] if arguments.run else case.numbers

    def run(number):
        own = Counter()
        try:
            case.run(random.Random(f"{arguments.seed} {case.name} {number}"), number, own)
        except (Wrong, RegistryError, OSError, HTTPException) as wrong:
            failed.append(number)
            again = f'--only "{case.name}" --run {number} --seed {arguments.seed} --mebibytes {arguments.mebibytes}'
            print(f"FAILED {case.name}, run {number}: {wrong}\n       again: {again}", file=sys.stderr, flush=True)
        return own

    with ThreadPoolExecutor(case.at_once) as pool:
        for own in pool.map(run, numbers):
            notes.update(own)
    said = ", ".join(f"{name}: {count}" for name, count in sorted(notes.items()))
    passed = len(numbers) - len(failed)
    seconds = time.monotonic() - began
    print(f"| {case.name} | {len(numbers)} | {passed} | {len(failed)} | {seconds:.0f} s | {said} |", flush=True)
    return len(failed)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small numbers, for CI; the options below still count")
    for name, what in (("flips", "bits flipped, one in each archive"), ("cuts", "archives cut short"),
                       ("kills", "kills of each kind of command"), ("signals", "SIGINT or SIGTERM to each kind of command"),
                       ("faults", "exports, and imports, over a bad network"), ("pairs", "pairs at once of each kind"),
                       ("mebibytes", "how large the archive is that is disturbed"),
                       ("step", "how many mebibytes more a full disk has each time")):
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"{what} ({FULL[name]}; quick: {QUICK[name]})")
    parser.add_argument("--rate", type=float, default=0.05, help="how many of the requests go wrong in a bad network (0.05)")
    parser.add_argument("--stall", type=float, default=3.0, help="how long a registry that stalls does so, in seconds (3)")
    parser.add_argument("--jobs", type=int, default=2, help="how many damaged archives are verified side by side (2)")
    parser.add_argument("--seed", type=int, default=1, help="where the random numbers begin (1)")
    parser.add_argument("--only", metavar="CASE", help="only cases whose name begins like this")
    parser.add_argument("--run", type=int, metavar="N", help="only the run of this number")
    parser.add_argument("--sealift", metavar="PATH", help="by default the release build of this working copy")
    parser.add_argument("--registry", default="docker-registry", metavar="PROGRAM",
                        help="docker-registry (distribution 2.8, the default), or another build of distribution")
    arguments = parser.parse_args()
    for name, count in (QUICK if arguments.quick else FULL).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, count)
    if arguments.mebibytes < 8 or arguments.step < 1:
        parser.error("an archive has at least 8 MiB, and a step at least 1")
    return arguments


def main():
    arguments = parse()
    # In the background of a shell, SIGINT is ignored, and so it would be in what is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Not in /tmp, which may be in memory.
    (PROJECT / "target").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="campaign.", dir=PROJECT / "target"))
    ground, failed = None, 0
    try:
        program, sealift = find_registry(arguments.registry), find_sealift(PROJECT, arguments.sealift)
        ground = Ground(folder, sealift, program, arguments.mebibytes)
        chosen = [case for case in cases(ground, arguments) if case.name.startswith(arguments.only or "")]
        print("| | runs | passed | failed | time | |\n| --- | --- | --- | --- | --- | --- |", flush=True)
        for case in chosen:
            failed += run_case(case, arguments)
    except (MissingError, RegistryError, Wrong) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
    finally:
        if ground:
            ground.stop()
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

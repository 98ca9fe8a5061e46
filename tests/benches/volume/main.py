"""Times volumes with parity against par2 at equal redundancy, on the same file, in the same run.

usage: python tests/benches/volume/main.py [--runs N] [--size MIB] [--data K] [--parity M] [--folder FOLDER]

Cuts a file of random bytes into volumes, and lets par2 (Debian) make recovery files for it; then loses as much as the parity makes up for, and
repairs. Prints medians of the wall time, of the processor time and of the peak resident memory, and their ratios. par2 leaves the file where it is, so it writes
less: its times have no copy of the data in them. Files are in the cache of the system for both.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


def measured(command, cwd):
    """Wall time and processor time in seconds, and peak memory in MiB, of a command that must succeed."""
    # What is started by this process counts the memory of this process as its own peak; what GNU time starts does not.
    with tempfile.NamedTemporaryFile("r") as figures:
        timed = ["/usr/bin/time", "-f", "%e %U %S %M", "-o", figures.name, *command]
        subprocess.run(timed, cwd=cwd, stdout=subprocess.DEVNULL, check=True)
        wall, user, system, memory = map(float, figures.read().split())
    return wall, user + system, memory / 1024


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def volumes(bench, folder, file, data, parity):
    place = fresh(folder / "volumes")
    results = {"create": measured([bench, "cut", file, place, str(data), str(parity)], folder)}
    results["read, whole"] = measured([bench, "read", place], folder)
    whole = {path.name: path.read_bytes() for path in sorted(place.iterdir())[:parity]}
    for name in whole:
        (place / name).unlink()
    results["read, lost"] = measured([bench, "read", place], folder)
    results["repair"] = measured([bench, "repair", place], folder)
    if any((place / name).read_bytes() != content for name, content in whole.items()):
        sys.exit("volumes that were written again differ")
    return results


def par2(folder, file, data, parity):
    place = fresh(folder / "par2")
    shutil.copy(file, place / "file")
    # As many recovery blocks, in percent of the data, as there is parity; each block as long as a chunk.
    percent = parity * 100 // data
    results = {"create": measured(["par2", "create", "-q", "-q", f"-r{percent}", f"-s{65536}", "file.par2", "file"], place)}
    with open(place / "file", "r+b") as opened:
        opened.write(bytes(file.stat().st_size * (percent - 1) // 100))
    results["repair"] = measured(["par2", "repair", "-q", "-q", "file.par2"], place)
    if (place / "file").read_bytes() != file.read_bytes():
        sys.exit("par2 did not repair the file")
    return results


def medians(runs):
    return {step: [statistics.median(column) for column in zip(*(run[step] for run in runs))] for step in runs[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", type=int, default=256, help="MiB")
    parser.add_argument("--data", type=int, default=20)
    parser.add_argument("--parity", type=int, default=4)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    build = ["cargo", "build", "--quiet", "--release", "--package", "sealift-archive-format", "--example", "volume-bench"]
    subprocess.run(build, cwd=PROJECT, check=True)
    bench = os.environ.get("CARGO_TARGET_DIR", PROJECT / "target") / Path("release/examples/volume-bench")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        folder = Path(folder)
        file = folder / "file"
        file.write_bytes(os.urandom(arguments.size << 20))
        of = (arguments.data, arguments.parity)
        ours, theirs = [], []
        for _ in range(arguments.runs):
            ours.append(volumes(bench, folder, file, *of))
            theirs.append(par2(folder, file, *of))
    ours, theirs = medians(ours), medians(theirs)
    print(f"{arguments.size} MiB, {of[0]} + {of[1]} volumes, {arguments.runs} runs, medians: wall s, processor s, MiB of memory")
    for step, values in ours.items():
        line = f"{step:12} volumes {values[0]:7.2f} {values[1]:7.2f} {values[2]:6.1f}"
        if step in theirs:
            other = theirs[step]
            ratios = "  ".join(f"{theirs / max(ours, 0.01):.1f}" for ours, theirs in zip(values, other))
            line += f"   par2 {other[0]:7.2f} {other[1]:7.2f} {other[2]:6.1f}   par2 takes, times: {ratios}"
        print(line)


if __name__ == "__main__":
    main()

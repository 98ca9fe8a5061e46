"""How much memory Sealift needs for little and for much: the same number of layers, short and long, between registries that keep
nothing (loopback/endless.py), so that nothing large is on the disk.

    python tests/benches/compare/memory.py                          200 MiB and 20 GiB, through pipes
    python tests/benches/compare/memory.py --files                  also from and into a file, which takes as much of the disk
    python tests/benches/compare/memory.py --mebibytes 200,2048     other sizes

Needs the packages in tests/requirements.txt. The peak is that of the largest process of a job.
"""

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(PROJECT / "tests"))

from loopback.endless import EndlessRegistry, MadeUp  # noqa: E402
from loopback.measure import measure  # noqa: E402
from loopback.release import MissingError, Release, environment, find_sealift  # noqa: E402

IMAGES, LAYERS = 4, 10
MEBIBYTE = 1 << 20


def shell(*commands):
    """Commands behind each other, each reading what the one before writes."""
    return ["sh", "-ec", " | ".join(shlex.join(str(part) for part in command) for command in commands)]


def jobs(release, domain, folder, with_files):
    """Each job's name and command."""
    archive = folder / "release.sealift"

    def into_registry(archive):
        return release.deliver(archive, domain, folder / "results", release.far_trust(folder / "trust"))

    piped = release.export(domain, "-")
    yield "export, into a pipe, and verify from it", shell(piped, release.verify("-"))
    yield "export, into a pipe, and import from it", shell(piped, into_registry("-"))
    if with_files:
        yield "export into a file", shell(release.export(domain, archive))
        yield "verify a file", shell(release.verify(archive))
        yield "import from a file", shell(into_registry(archive))
        archive.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sealift", metavar="PATH", help="by default the release build of this working copy")
    parser.add_argument("--mebibytes", default="200,20480", help="how large the images are together (200,20480)")
    parser.add_argument("--files", action="store_true", help="also measure what goes into a file and comes from one")
    arguments = parser.parse_args()
    try:
        sealift = find_sealift(PROJECT, arguments.sealift)
    except MissingError as error:
        sys.exit(f"error: {error}")
    (PROJECT / "target").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="memory.", dir=PROJECT / "target"))
    print(f"{os.cpu_count()} cores; {IMAGES} images of {LAYERS} layers\n")
    print("| | size | wall | CPU | peak memory |\n| --- | --- | --- | --- | --- |")
    try:
        for mebibytes in map(int, arguments.mebibytes.split(",")):
            made_up = MadeUp(IMAGES, LAYERS, mebibytes * MEBIBYTE // (IMAGES * LAYERS))
            registry = EndlessRegistry(made_up)
            release = Release.publish(folder / "release", made_up, sealift)
            for name, command in jobs(release, registry.domain, folder, arguments.files):
                registry.forget()
                usage = measure(command, environment(folder))
                if usage.code != 0:
                    sys.exit(f"{name}: exit code {usage.code}: {usage.output}")
                print(f"| {name} | {mebibytes} MiB | {usage.seconds:.1f} s | {usage.cpu:.1f} s | "
                      f"{usage.peak / MEBIBYTE:.1f} MiB |", flush=True)
            registry.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

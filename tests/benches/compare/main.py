"""Compares Sealift with the other tools on the PATH (skopeo, crane, imgpkg, oras, regctl): the same images, between the same
two registries, on the same machine, in turn.

    python tests/benches/compare/main.py --runs 3                     everything; the tables go to standard output
    python tests/benches/compare/main.py --runs 3 export verify       only these scenarios
    python tests/benches/compare/main.py --sealift PATH --before PATH  two versions of Sealift beside each other

Needs docker-registry (Debian) or another build of distribution, openssl, and the packages in tests/requirements.txt. With
every tool there is, 2 GiB of images take 25 GiB of the disk.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(PROJECT / "tests"))

from loopback.registry import RegistryError  # noqa: E402
from loopback.release import MissingError, find_registry, find_sealift, has_option  # noqa: E402

from bench import Bench, say  # noqa: E402
from scenarios import Comparison  # noqa: E402
from targets import markdown  # noqa: E402
from tools import MANY, PEERS, Sealift, peers  # noqa: E402

SCENARIOS = ("export", "verify", "import", "tiny", "many", "delay", "refusal")
VERSIONS = {"skopeo": "--version", "crane": "version", "imgpkg": "version", "oras": "version", "regctl": "version"}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)}; by default all")
    parser.add_argument("--runs", type=int, default=3, help="how often each job is run; medians are printed (3)")
    parser.add_argument("--sealift", metavar="PATH", help="by default the release build of this working copy")
    parser.add_argument("--before", metavar="PATH", help="another version of Sealift, to compare with")
    parser.add_argument("--registry", default="docker-registry", metavar="PROGRAM",
                        help="docker-registry (distribution 2.8, the default), or another build of distribution")
    parser.add_argument("--peers", metavar="NAMES", help="only these tools, with commas between them; `none` for none")
    parser.add_argument("--mebibytes", type=int, default=2048, help="how large the large images are together (2048)")
    parser.add_argument("--folder", type=Path,
                        help="where everything goes, and stays: the images are used again. By default a temporary folder")
    arguments = parser.parse_args()
    for name in arguments.scenarios:
        if name not in SCENARIOS:
            parser.error(f"{name} is not one of {', '.join(SCENARIOS)}")
    arguments.scenarios = arguments.scenarios or SCENARIOS
    if arguments.runs < 1 or arguments.mebibytes < 16:
        parser.error("at least 1 run, and at least 16 MiB")
    return arguments


def describe(program, tools, runs):
    """Where and with what this runs."""
    def first_line(*command):
        outcome = subprocess.run(command, capture_output=True, text=True)
        return next((line for line in (outcome.stdout + outcome.stderr).splitlines() if line.strip()), "?")
    model = next((line.split(": ")[1] for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    print(f"{os.cpu_count()} cores ({model.strip()}); medians of {runs}; registry: {first_line(program, '--version')}\n")
    for tool in tools:
        if isinstance(tool, Sealift):
            print(f"- {tool.name}: {first_line(tool.path, '--version')}, {tool.path}")
        else:
            print(f"- {tool.name}: {first_line(tool.program, VERSIONS[tool.program])}")
    print()


def compare(arguments, folder):
    program, path = find_registry(arguments.registry), find_sealift(PROJECT, arguments.sealift)
    sealifts = [Sealift(path)]
    if arguments.before:
        sealifts.append(Sealift(find_sealift(PROJECT, arguments.before), "sealift (before)"))
    one = {command: ["--connections", "1"] for command in ("export", "import") if has_option(path, command, "--connections")}
    one_at_a_time = Sealift(path, "sealift (one at a time)", one)
    if "delay" in arguments.scenarios:
        for command in {"export", "import"} - one.keys():
            say(f"{command} has no option --connections: nothing shows how long it takes with one request at a time")
    chosen = arguments.peers.split(",") if arguments.peers else None
    others, many = peers(PEERS, chosen), peers(MANY, chosen)
    missing = {peer.program for peer in PEERS} - {peer.program for peer in others}
    if missing and not arguments.peers:
        say(f"not on the PATH: {', '.join(sorted(missing))}")
    bench = Bench(folder, program, arguments.runs)
    comparison = Comparison(bench, sealifts, others, many, arguments.mebibytes)
    bench.start()
    try:
        describe(program, comparison.tools, arguments.runs)
        comparison.check()
        scenarios = {"export": comparison.export_large, "verify": comparison.verify, "import": comparison.import_large,
                     "tiny": comparison.tiny, "many": comparison.many, "delay": lambda: comparison.delay(one_at_a_time),
                     "refusal": comparison.refusal}
        for name in SCENARIOS:
            if name in arguments.scenarios:
                scenarios[name]()
        before = sealifts[1].name if arguments.before else None
        gibibytes = comparison.releases["large"].images.length / (1 << 30) if "large" in comparison.releases else 1
        print(markdown(bench.tables, sealifts[0].name, gibibytes, before, one_at_a_time.name))
    finally:
        bench.stop()


def main():
    arguments = parse()
    if arguments.folder:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        folder, remove = arguments.folder.resolve(), False
        # What an earlier run left, except for the images.
        for name in ("near-registry", "far-registry", "release", "archives", "templates", "work"):
            shutil.rmtree(folder / name, ignore_errors=True)
    else:
        # Not in /tmp, which may be in memory, where writes are not counted.
        (PROJECT / "target").mkdir(exist_ok=True)
        folder, remove = Path(tempfile.mkdtemp(prefix="compare.", dir=PROJECT / "target")), True
    try:
        compare(arguments, folder)
    except (MissingError, RegistryError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
    finally:
        if remove:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

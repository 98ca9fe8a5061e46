#!/usr/bin/env python3
"""How long a plan of 1,000 images takes, beside skopeo that asks for the same manifests, on one registry, in one run.

usage: main.py [--runs N] [--images N] [--sealift PATH] [--registry PROGRAM]

skopeo gets the manifest of one name in each process (`inspect --raw`), eight processes at once. `sealift plan` gets the same manifests, and besides that the TUF
metadata of all names, which it judges as an export would. The commands take turns in each run. Prints medians, ratios to Sealift, the range, processor time of the
command and of the registry, and the peak resident memory of the largest process. Needs docker-registry and skopeo, and the packages in tests/requirements.txt.
"""

import argparse
import shlex
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(PROJECT / "tests"))

from loopback import images  # noqa: E402
from loopback.measure import measure  # noqa: E402
from loopback.registry import Registry  # noqa: E402
from loopback.release import NAMESPACE, MissingError, Release, environment, find_registry, find_sealift  # noqa: E402

MEBIBYTE = 1 << 20
AT_ONCE = 8


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="how often each command is run; medians are printed (5)")
    parser.add_argument("--images", type=int, default=1000, help="how many images there are (1000)")
    parser.add_argument("--sealift", metavar="PATH", help="by default the release build of this working copy")
    parser.add_argument("--registry", default="docker-registry", metavar="PROGRAM")
    return parser.parse_args()


def shipment(release, domain, path):
    """A shipment of all images of a release."""
    names = "".join(f'    "{NAMESPACE}/{image.name}:1={domain}/org/{image.name}:1",\n' for image in release.images.images)
    path.write_text(f'images = [\n{names}]\n\n[tuf]\nrelease = "{release.folder}/tuf"\n')
    return path


def commands(release, domain, folder):
    """What is compared, by name."""
    def plan(*more):
        return [release.sealift, "--quiet", "--trust", str(release.near), "plan", *map(str, more)]
    open_list = shipment(release, domain, folder / "open.toml")
    locked = shipment(release, domain, folder / "locked.toml")
    usage = measure(plan("-f", locked, "--lock"), environment(folder))
    if usage.code != 0:
        sys.exit(f"the shipment cannot be locked: {usage.output}")
    references = folder / "references"
    references.write_text("".join(f"docker://{domain}/org/{image.name}:1\n" for image in release.images.images))
    each = f"xargs -a {shlex.quote(str(references))} -P {AT_ONCE} -n 1 skopeo inspect --raw --tls-verify=false"
    return {
        "sealift plan": plan("-f", open_list),
        "sealift plan, locked": plan("-f", locked),
        f"skopeo inspect --raw, {AT_ONCE} at once": ["sh", "-c", each],
    }


def compare(runs, registry, jobs, folder):
    """Runs the commands in turn, once more than counts, to warm the caches."""
    used = {name: [] for name in jobs}
    for run in range(runs + 1):
        for name, command in jobs.items():
            before = registry.cpu()
            usage = measure(command, environment(folder))
            if usage.code != 0:
                sys.exit(f"{name} failed with {usage.code}: {usage.output}")
            print(f"run {run} of {runs}: {name}: {usage.seconds:.2f} s", file=sys.stderr, flush=True)
            if run:
                used[name].append((usage, registry.cpu() - before))
    return used


def table(used):
    def median(name, figure):
        return statistics.median(getattr(usage, figure) for usage, _ in used[name])
    own = median(next(iter(used)), "seconds")
    yield "| | wall | of `sealift plan` | CPU | registry's CPU | peak memory |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, figures in used.items():
        times = [usage.seconds for usage, _ in figures]
        wall = median(name, "seconds")
        server = statistics.median(cpu for _, cpu in figures)
        yield (f"| {name} | {wall:.2f} s ({min(times):.2f} to {max(times):.2f}) | {wall / own:.2f} | {median(name, 'cpu'):.2f} s | "
               f"{server:.2f} s | {median(name, 'peak') / MEBIBYTE:.1f} MiB |")


def main():
    arguments = parse()
    if not shutil.which("skopeo"):
        sys.exit("error: there is no program skopeo")
    # Not in /tmp, which may be in memory.
    (PROJECT / "target").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="plan.", dir=PROJECT / "target"))
    try:
        registry = Registry(find_registry(arguments.registry), folder / "registry")
        sealift = find_sealift(PROJECT, arguments.sealift)
        made = images.make(folder / "images", images.many(arguments.images))
        registry.fill()
        try:
            release = Release.publish(folder / "release", made, sealift, registry.domain)
            used = compare(arguments.runs, registry, commands(release, registry.domain, folder), folder)
        finally:
            registry.stop()
        print("\n".join(table(used)))
    except MissingError as error:
        sys.exit(f"error: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

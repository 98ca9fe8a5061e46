"""Times the TUF engine against python-tuf on the same bytes, in the same run.

usage: python tests/benches/tuf/main.py [--runs N] [--folder FOLDER]   (python needs the packages tuf and securesystemslib)

Makes repositories, then lets each implementation walk each of them from files: refresh, then resolve one target or, for a
mirror, load every role, every time in a fresh process. Prints medians of the wall time and the processor time of that walk (without the start of the process) and of
the peak resident memory (of the whole process), and their ratios.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tuf.api.metadata import DelegatedRole, Delegations, MetaFile, SuccinctRoles, Targets

PROJECT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(PROJECT / "tests"))

from loopback.tuf_repository import EXPIRES, KEY, Repository, described  # noqa: E402


def delegations(roles):
    return Delegations({KEY.keyid: KEY}, {role.name: role for role in roles})


def many_targets(repository):
    """100,000 targets in one role."""
    for number in range(100_000):
        path = f"example.com/org/bundle-{number}:1.0"
        repository.top.targets[path] = described(path)
    return "example.com/org/bundle-77777:1.0"


def many_bins(repository):
    """16,384 hashed bins."""
    target = "example.com/org/bundle:1.0"
    roles = []
    for number in range(16_384):
        prefixes = [f"{number * 4 + offset:04x}" for offset in range(4)]
        roles.append(DelegatedRole(f"bin-{number:04x}", [KEY.keyid], 1, False, None, prefixes))
        contents = {target: described(target)} if hashlib.sha256(target.encode()).hexdigest()[:4] in prefixes else {}
        repository.add_role(f"bin-{number:04x}", Targets(expires=EXPIRES, targets=contents))
    repository.top.delegations = delegations(roles)
    return target


def many_succinct_bins(repository):
    """16,384 bins by TAP 15."""
    target = "example.com/org/bundle:1.0"
    bins = SuccinctRoles([KEY.keyid], 1, 14, "bin")
    repository.top.delegations = Delegations({KEY.keyid: KEY}, succinct_roles=bins)
    role = bins.get_role_for_target(target)
    for name in bins.get_roles():
        repository.snapshot.meta[f"{name}.json"] = MetaFile(1)
    repository.add_role(role, Targets(expires=EXPIRES, targets={target: described(target)}))
    return target


def many_roots(repository):
    """A chain of 1,000 roots."""
    for _ in range(999):
        repository.write(repository.root, "root")
        repository.root.version += 1
    repository.top.targets["file"] = described("file")
    return "file"


def many_roles(repository):
    """A delegation graph of 10,000 roles: 100 roles that delegate to 99 each; the last one has the target."""
    target = "file"
    upper = []
    for first in range(100):
        lower = []
        for second in range(99):
            name = f"role-{first}-{second}"
            lower.append(DelegatedRole(name, [KEY.keyid], 1, False, ["*"]))
            contents = {target: described(target)} if (first, second) == (99, 98) else {}
            repository.add_role(name, Targets(expires=EXPIRES, targets=contents))
        upper.append(DelegatedRole(f"role-{first}", [KEY.keyid], 1, False, ["*"]))
        repository.add_role(f"role-{first}", Targets(expires=EXPIRES, delegations=delegations(lower)))
    repository.top.delegations = delegations(upper)
    return target


def measure(command):
    outcome = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(outcome.stdout)


def compare(name, ours, theirs, walk, runs):
    """Measures both in turn, and prints the medians."""
    results = {"sealift": [], "python-tuf": []}
    for _ in range(runs):
        results["sealift"].append(measure([ours, *walk]))
        results["python-tuf"].append(measure([sys.executable, theirs, *walk]))
    for figure, unit, digits in (("seconds", "s", 3), ("processor", "s", 3), ("mebibytes", "MiB", 1)):
        mine, other = (statistics.median(run[figure] for run in found) for found in results.values())
        print(f"| {name} | {figure} | {mine:.{digits}f} {unit} | {other:.{digits}f} {unit} | {other / mine:.1f} |", flush=True)
        name = ""


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--folder", type=Path)
    arguments = arguments.parse_args()
    build = ["cargo", "build", "--quiet", "--release", "--package", "sealift-tests", "--bin", "tuf-bench"]
    subprocess.run(build, check=True, cwd=PROJECT)
    ours = os.environ.get("CARGO_TARGET_DIR", PROJECT / "target") / Path("release/tuf-bench")
    theirs = Path(__file__).with_name("python_tuf.py")
    with tempfile.TemporaryDirectory() as temporary:
        print("| repository | | sealift | python-tuf | ratio |")
        print("| --- | --- | --- | --- | --- |")
        for make in (many_targets, many_bins, many_succinct_bins, many_roots, many_roles):
            folder = (arguments.folder or Path(temporary)) / make.__name__
            repository = Repository(folder)
            target = make(repository)
            pinned = folder / "pinned.json"
            repository.finish()
            pinned.write_bytes((folder / "metadata/1.root.json").read_bytes())
            name = make.__doc__.split(":")[0].rstrip(".")
            compare(name, ours, theirs, [folder, target], arguments.runs)
            if make is many_bins:
                compare(f"{name}, every role", ours, theirs, [folder, target, "every-role"], arguments.runs)


if __name__ == "__main__":
    main()

"""What every case of the campaign stands on: registries, releases, and what comes out when nothing goes wrong."""

import hashlib
import shutil
import subprocess
import time
from dataclasses import dataclass

from loopback import images
from loopback.registry import Registry, what_is_wrong
from loopback.release import MIRROR, NAMESPACE, Release, environment

NAME = "release.sealift"
PARTIAL = f"{NAME}.partial"
EPOCH = str(int(time.time()))
"""The export time of every archive here, so that all exports of a release are the same bytes."""
PATIENCE = 600
"""How long a command may take, in seconds, before that counts as never."""


class Wrong(Exception):
    """Something that should hold does not."""


def expect(condition, text):
    if not condition:
        raise Wrong(text)


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    output: str
    seconds: float

    def __str__(self):
        return f"exit code {self.code} after {self.seconds:.1f} s: {self.output.strip()!r}"


class Ground:
    """The releases and their registries. `small` is a few kilobytes, `medium` as large as asked for."""

    def __init__(self, folder, sealift, program, mebibytes):
        self.folder, self.sealift = folder, sealift
        self.environment = {**environment(folder), "SOURCE_DATE_EPOCH": EPOCH}
        self.near, self.far = (Registry(program, folder / name) for name in ("near-registry", "far-registry"))
        for registry in (self.near, self.far):
            registry.fill()
        self.small = self.publish("small", {"small": [("small layer 0", 2048), ("small layer 1", 2048)]})
        self.medium = self.publish("medium", images.large(mebibytes, images=5))
        for release in (self.small, self.medium):
            release.seconds = {"export": self.succeed(release.export(self.near.domain, self.archive(release))).seconds}
        self.digest = hashed(self.archive(self.medium))
        work = self.fresh()
        layout, trust = work / "layout", self.medium.far_trust(work / "trust")
        outcome = self.succeed(self.medium.deliver_to_layout(self.archive(self.medium), layout, work / "results", trust))
        self.medium.seconds["layout"] = outcome.seconds
        self.layout, self.results = tree(layout), sorted(tree(work / "results"))
        trust = self.medium.far_trust(work / "trust")
        self.medium.seconds["registry"] = self.succeed(self.to_registry(work, trust)).seconds
        self.check_registry()

    def publish(self, name, plan):
        made = images.make(self.folder / "images" / name, plan)
        return Release.publish(self.folder / "releases" / name, made, self.sealift, self.near.domain)

    def stop(self):
        for registry in (self.near, self.far):
            registry.stop()

    @staticmethod
    def archive(release):
        """The archive of a release, exported without a fault."""
        return release.folder / NAME

    def fresh(self, name="work"):
        """An empty folder."""
        path = self.folder / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    # Commands.

    def start(self, command, **more):
        return subprocess.Popen([str(part) for part in command], env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", **more)

    def end(self, process, began, patience=PATIENCE):
        """Waits until a command has ended."""
        try:
            output = process.communicate(timeout=patience)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Wrong(f"it has not ended after {patience:.1f} s") from None
        return Outcome(process.returncode, output, time.monotonic() - began)

    def run(self, command, **more):
        began = time.monotonic()
        return self.end(self.start(command, **more), began)

    def succeed(self, command):
        outcome = self.run(command)
        expect(outcome.code == 0, f"{command[4]}: {outcome}")
        return outcome

    # The three jobs that are disturbed, and how each must come out in the end.

    def export(self, folder, domain=None, name=NAME):
        return self.medium.export(domain or self.near.domain, folder / name)

    def to_registry(self, folder, trust, domain=None):
        return self.medium.deliver(self.archive(self.medium), domain or self.far.domain, folder / "results", trust)

    def to_layout(self, folder, trust):
        return self.medium.deliver_to_layout(self.archive(self.medium), folder / "layout", folder / "results", trust)

    def check_export(self, folder, name=NAME):
        """The archive is the one that comes out when nothing goes wrong, and nothing else is there."""
        left = sorted(path.name for path in folder.iterdir())
        expect(left == [name], f"there should be {name} alone, but there are {left}")
        expect(hashed(folder / name) == self.digest, "the archive has other bytes than one made in one go")

    def check_registry(self, folder=None):
        wrong = what_is_wrong(self.far.domain, self.medium.images, f"{MIRROR}/{NAMESPACE}")
        expect(not wrong, f"not in the registry: {wrong[:3]} (of {len(wrong)})")
        if folder:
            self.check_results(folder)

    def check_layout(self, folder):
        found = tree(folder / "layout")
        more, less = sorted(found.keys() - self.layout.keys()), sorted(self.layout.keys() - found.keys())
        expect(not more and not less, f"the layout has {more[:3]} too many (of {len(more)}), and lacks {less[:3]}")
        other = sorted(path for path, digest in found.items() if self.layout[path] != digest)
        expect(not other, f"the layout has other bytes in {other[:3]}")
        self.check_results(folder)

    def check_results(self, folder):
        found = sorted(tree(folder / "results"))
        expect(found == self.results, f"the folder of results has {found}")


def hashed(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree(folder):
    """The digests of all files below a folder, by their paths."""
    return {str(path.relative_to(folder)): hashed(path) for path in folder.rglob("*") if path.is_file()}

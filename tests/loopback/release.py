"""Images with a publisher's proof, an exporter's key, and what each side of the gap trusts."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .images import Images
from .registry import push

NAMESPACE = "example.com/org"
MIRROR = "mirror"


class MissingError(Exception):
    """Something that is needed is not on this machine."""


@dataclass
class Release:
    """What one archive carries. `near` and `far` are trust stores as they are before anything crossed."""

    folder: Path
    images: Images
    sealift: str

    @classmethod
    def publish(cls, folder, images, sealift, domain=None):
        """Signs for the images, pins that on both sides, and pushes the images to the registry at `domain`."""
        release = cls(folder, images, sealift)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            from .tuf_repository import Repository, described
        except ModuleNotFoundError as error:
            raise MissingError(f"{error}: pip install -r tests/requirements.txt") from error
        repository = Repository(folder / "tuf")
        for image in images.images:
            path = f"{NAMESPACE}/{image.name}:1"
            repository.top.targets[path] = described(path, image.manifest)
        repository.finish()
        root = folder / "tuf/metadata/1.root.json"
        key = folder / "exporter.pem"
        release.run("key", "generate", "--out", key)
        for side in (release.near, release.far):
            release.run("--trust", side, "trust", "pin-root", "release", root)
        release.run("--trust", release.far, "trust", "add-exporter", "exporter", f"{key}.pub")
        if domain:
            push(domain, images)
        return release

    near = property(lambda self: self.folder / "near")
    far = property(lambda self: self.folder / "far")

    def run(self, *arguments):
        subprocess.run([self.sealift, "--quiet", *arguments], check=True, stdout=subprocess.DEVNULL)

    def far_trust(self, path):
        """A fresh copy of what the far side trusts, for one import and those that follow it."""
        shutil.rmtree(path, ignore_errors=True)
        return shutil.copytree(self.far, path)

    def export(self, domain, output, *more, sealift=None):
        """The command that exports all images from a registry."""
        images = [f"--image={NAMESPACE}/{image.name}:1={domain}/org/{image.name}:1" for image in self.images.images]
        return [sealift or self.sealift, "--quiet", "--trust", self.near, "export", "--key", self.folder / "exporter.pem",
                "--tuf", f"release={self.folder}/tuf", "--output", output, *images, *more]

    def verify(self, archive, sealift=None):
        return [sealift or self.sealift, "--quiet", "--trust", self.far, "verify", archive]

    def deliver(self, archive, domain, results, trust, *more, sealift=None):
        """The command that imports an archive into a registry, below `mirror/`."""
        return [sealift or self.sealift, "--quiet", "--trust", trust, "import", archive, "--to-registry",
                f"{domain}/{MIRROR}", "--results", results, *more]

    def deliver_to_layout(self, archive, layout, results, trust, sealift=None):
        return [sealift or self.sealift, "--quiet", "--trust", trust, "import", archive, "--to-layout", layout, "--results", results]


def has_option(sealift, command, option):
    """Whether this Sealift's help of a command names an option."""
    help_text = subprocess.run([sealift, command, "--help"], check=True, capture_output=True, text=True).stdout
    return option in help_text


def environment(folder):
    """Nothing of the user's own configuration counts, and everything that is written stays in the folder."""
    for name in ("home", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("SEALIFT_", "XDG_", "DOCKER_", "REGISTRY_", "SOURCE_DATE_EPOCH"))}
    return {**kept, "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "LC_ALL": "C", "NO_PROXY": "127.0.0.1"}


def find_sealift(project, chosen):
    """The program that was chosen, or the release build of this working copy, which is made if it is not up to date."""
    if chosen:
        found = shutil.which(chosen)
        if not found:
            raise MissingError(f"there is no program {chosen}")
        return os.path.abspath(found)
    command = ["cargo", "build", "--release", "--package", "sealift", "--message-format", "json"]
    built = subprocess.run([*command, "--quiet"], check=True, cwd=project, stdout=subprocess.PIPE, text=True).stdout
    made = [json.loads(line).get("executable") for line in built.splitlines() if line.startswith("{")]
    return next(path for path in reversed(made) if path)


def find_registry(chosen):
    found = shutil.which(chosen)
    if not found:
        raise MissingError(f"there is no program {chosen}; Debian has it in the package docker-registry")
    return found

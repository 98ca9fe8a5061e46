"""What is compared: each function here runs one scenario and prints its tables."""

import os
import shutil
import sys
import tarfile
from contextlib import contextmanager
from pathlib import Path

from loopback import images
from loopback.measure import script
from loopback.proxy import DelayProxy
from loopback.registry import RegistryError, what_is_wrong
from loopback.release import MIRROR, NAMESPACE, Release

from bench import Job, say
from tools import Sealift

LIMITS = Path(__file__).with_name("limits.py")
DELAY = 0.02
BLOBS = "docker/registry/v2/blobs/sha256"


class Comparison:
    """The tools, and what they carry."""

    def __init__(self, bench, sealifts, peers, many, mebibytes):
        self.bench, self.sealifts, self.peers, self.mebibytes = bench, sealifts, peers, mebibytes
        self.tools, self.many_tools, self.releases = [*sealifts, *peers], [*sealifts, *many], {}

    def release(self, key):
        """Makes and publishes images, once."""
        if key not in self.releases:
            plan = {"large": lambda: images.large(self.mebibytes), "tiny": images.tiny, "small": images.small,
                    "many": images.many}[key]()
            say(f"making and pushing images: {key}")
            made = images.make(self.bench.folder / "images" / key, plan)
            folder = self.bench.folder / "release" / key
            self.releases[key] = Release.publish(folder, made, self.sealifts[0].path, self.bench.near.domain)
            share(self.bench.near.storage, made)
        return self.releases[key]

    def archive(self, key, tool):
        """The folder with a tool's archive."""
        return self.bench.folder / "archives" / key / tool.name.replace(" ", "-")

    def export(self, key, tool, domain):
        def prepare():
            folder = self.bench.fresh(self.archive(key, tool))
            return script(tool.export(self.release(key), domain, folder))
        return Job(tool.name, prepare, kind(tool))

    def deliver(self, key, tool, domain, template=lambda: None, after=lambda: None):
        def prepare():
            self.bench.far.fill(template())
            work = self.bench.fresh("work")
            return script(tool.deliver(self.release(key), self.archive(key, tool), domain, work))
        return Job(tool.name, prepare, kind(tool), after)

    def exported(self, key, tools):
        """Those of the tools that have an archive; missing ones are made now, unmeasured."""
        ready = []
        for tool in tools:
            folder = self.archive(key, tool)
            if not folder.exists():
                usage, _ = self.bench.once(self.export(key, tool, self.bench.near.domain))
                if usage.code != 0:
                    say(f"{tool.name} cannot export: {usage.output}")
                    shutil.rmtree(folder)
                    continue
            ready.append(tool)
        return ready

    def drop_failed(self, key, table):
        """Removes what failed tools left, so that nobody takes it for an archive."""
        for tool in {*self.tools, *self.many_tools}:
            if tool.name in table.failed:
                shutil.rmtree(self.archive(key, tool), ignore_errors=True)

    # The scenarios.

    def export_large(self):
        """Export: registry to file, beside a plain download, download and hash, and download, hash and write."""
        release = self.release("large")
        plan = self.bench.folder / "blobs.txt"
        wanted = {digest: image.name for image in release.images.images for digest in image.blobs}
        lines = [f"/v2/org/{name}/blobs/sha256:{digest} {release.images.blob(digest).stat().st_size}"
                 for digest, name in wanted.items()]
        plan.write_text("\n".join([self.bench.near.domain, *lines]))
        jobs = [self.export("large", tool, self.bench.near.domain) for tool in self.tools]
        for name, steps in (("download", []), ("download, hash", ["hash"]), ("download, hash, write", ["hash", "write"])):
            command = [sys.executable, "-I", LIMITS, "3", plan, *steps]
            jobs.append(Job(name, lambda command=command: command, "limit", lambda: remove(f"{plan}.out")))
        self.drop_failed("large", self.bench.compare("export", f"Export, {size(release)}", jobs))

    def verify(self):
        """Verify from a file, beside the hash and a copy of the same file."""
        ready = self.exported("large", self.sealifts)
        release, archive = self.release("large"), None
        jobs = []
        for tool in ready:
            folder = self.archive("large", tool)
            archive = archive or tool.archive(folder)
            jobs.append(Job(tool.name, lambda tool=tool, folder=folder: tool.verify(release, folder)[0], "sealift"))
        if not archive:
            return
        copy = self.bench.folder / "copy"
        jobs.append(Job("openssl dgst -sha256", lambda: ["openssl", "dgst", "-sha256", archive]))
        jobs.append(Job("sha256sum", lambda: ["sha256sum", archive]))
        jobs.append(Job("copy", lambda: ["dd", f"if={archive}", f"of={copy}", "bs=1M", "conv=fsync", "status=none"], "limit",
                        lambda: remove(copy)))
        self.bench.compare("verify", f"Verify, {size(release)}", jobs)

    def import_large(self):
        """Import into a registry that is empty, has everything, or has half of the layers and no manifests."""
        ready = self.exported("large", self.tools)
        release, domain, full, half = self.release("large"), self.bench.far.domain, {}, {}

        def keep(tool):
            def after():
                if tool.name not in full:
                    templates = self.bench.fresh("templates", tool.name.replace(" ", "-"))
                    full[tool.name], half[tool.name] = self.templates(templates)
            return after

        jobs = [self.deliver("large", tool, domain, after=keep(tool)) for tool in ready]
        table = self.bench.compare("empty", f"Import into an empty registry, {size(release)}", jobs)
        ready = [tool for tool in ready if tool.name not in table.failed]
        for key, title, templates in (("full", "Import into a registry that has everything", full),
                                      ("half", "Import into a registry that has half of the layers", half)):
            jobs = [self.deliver("large", tool, domain, lambda tool=tool, templates=templates: templates[tool.name])
                    for tool in ready]
            self.bench.compare(key, f"{title}, {size(release)}", jobs)

    def templates(self, folder):
        """Two folders from which the far registry can be filled: as it is now, and with half of that."""
        release, full, half = self.release("large"), folder / "full", folder / "half"
        shutil.copytree(self.bench.far.storage, full, copy_function=os.link)
        share(full, release.images)
        shutil.copytree(full, half, copy_function=os.link)
        for path in list((half / "docker/registry/v2/repositories").rglob("_manifests")):
            shutil.rmtree(path)
        for digest in release.images.layers[::2]:
            shutil.rmtree(half / BLOBS / digest[:2] / digest, ignore_errors=True)
            for path in list((half / "docker/registry/v2/repositories").rglob(f"_layers/sha256/{digest}")):
                shutil.rmtree(path)
        return full, half

    def tiny(self):
        """2,000 tiny layers: export, and import into an empty registry."""
        release = self.release("tiny")
        jobs = [self.export("tiny", tool, self.bench.near.domain) for tool in self.tools]
        table = self.bench.compare("tiny export", f"Export of {len(release.images.layers)} tiny layers", jobs)
        self.drop_failed("tiny", table)
        ready = self.exported("tiny", self.tools)
        jobs = [self.deliver("tiny", tool, self.bench.far.domain) for tool in ready]
        self.bench.compare("tiny import", f"Import of {len(release.images.layers)} tiny layers, empty registry", jobs)

    def many(self):
        """1,000 images that share layers: export, verify, import into an empty registry, and into a layout."""
        release, images = self.release("many"), f"{len(self.release('many').images.images):,} images"
        jobs = [self.export("many", tool, self.bench.near.domain) for tool in self.many_tools]
        self.drop_failed("many", self.bench.compare("many export", f"Export of {images}", jobs))
        ready = self.exported("many", self.many_tools)
        sealifts = [tool for tool in ready if tool in self.sealifts]
        jobs = [Job(tool.name, lambda tool=tool: tool.verify(release, self.archive("many", tool))[0], "sealift")
                for tool in sealifts]
        archive = sealifts[0].archive(self.archive("many", sealifts[0]))
        jobs.append(Job("openssl dgst -sha256", lambda: ["openssl", "dgst", "-sha256", archive]))
        self.bench.compare("many verify", f"Verify {images}", jobs)
        jobs = [self.deliver("many", tool, self.bench.far.domain) for tool in ready]
        self.bench.compare("many import", f"Import of {images}, empty registry", jobs)

        def into_layout(tool):
            def prepare():
                work = self.bench.fresh("work")
                return tool.deliver_to_layout(release, self.archive("many", tool), work)
            return Job(tool.name, prepare, "sealift")
        unpack = Job("tar -x of the archive", lambda: ["tar", "-xf", archive, "-C", self.bench.fresh("work")], "limit")
        jobs = [*map(into_layout, sealifts), unpack]
        self.bench.compare("many layout", f"Import of {images}, into an image layout", jobs)

    def delay(self, one_at_a_time):
        """200 small blobs, and 20 ms for every request."""
        release = self.release("small")
        near, far = (DelayProxy(registry.domain, DELAY) for registry in (self.bench.near, self.bench.far))
        title = f"of {len(release.images.layers)} small blobs, {DELAY * 1000:.0f} ms a request"
        tools = {command: [*self.sealifts, *([one_at_a_time] if command in one_at_a_time.options else []), *self.peers]
                 for command in ("export", "import")}
        jobs = [self.export("small", tool, near.domain) for tool in tools["export"]]
        table = self.bench.compare("delay export", f"Export {title}", jobs)
        self.drop_failed("small", table)
        jobs = [self.deliver("small", tool, far.domain) for tool in self.exported("small", tools["import"])]
        self.bench.compare("delay import", f"Import {title}, empty registry", jobs)
        near.stop()
        far.stop()

    def refusal(self):
        """A bad archive: one bit flipped. What is read, and how long it takes, until it is refused."""
        release = self.release("large")
        print("### Refusal of a bad archive: one bit flipped\n")
        print("| | bit flipped in | exit code | wall | read | delivered |\n| --- | --- | --- | --- | --- | --- |")
        for tool in self.exported("large", self.tools):
            folder = self.archive("large", tool)
            for place, archive, offset in places(folder, set(release.images.layers), isinstance(tool, Sealift)):
                with flipped(archive, offset):
                    jobs = [("import", self.deliver("large", tool, self.bench.far.domain))]
                    if isinstance(tool, Sealift):
                        jobs.insert(0, ("verify", Job("", lambda: tool.verify(release, folder)[0])))
                    for name, job in jobs:
                        usage, _ = self.bench.once(job)
                        delivered = len(self.bench.far.tags()) if name == "import" else 0
                        print(f"| {tool.name} {name} | {place} | {usage.code} | {usage.seconds:.2f} s | "
                              f"{usage.read / (1 << 20):.2f} MiB | {delivered} tags |", flush=True)
        print()

    def check(self):
        """Sees to it that Sealift delivers what it was given, before it is measured."""
        release, tool = self.release("small"), self.sealifts[0]
        self.exported("small", [tool])
        usage, _ = self.bench.once(self.deliver("small", tool, self.bench.far.domain))
        wrong = what_is_wrong(self.bench.far.domain, release.images, f"{MIRROR}/{NAMESPACE}")
        if usage.code or wrong:
            raise RegistryError(f"{tool.name} does not deliver: {usage.output or wrong[:3]}")


def share(storage, made):
    """Makes the layers in the storage of a registry the same files as those of the images: one copy on the disk is enough."""
    for digest in made.layers:
        data = storage / BLOBS / digest[:2] / digest / "data"
        if data.exists():
            data.unlink()
            os.link(made.blob(digest), data)


def kind(tool):
    return "sealift" if isinstance(tool, Sealift) else "peer"


def size(release):
    return f"{len(release.images.images)} images, {release.images.length / (1 << 30):.2f} GiB"


def remove(path):
    Path(path).unlink(missing_ok=True)


def places(folder, layers, is_sealift):
    """Where to flip a bit, each with its name, its file and its offset: always in the middle of an entry."""
    archive = sorted(folder.rglob("*.sealift" if is_sealift else "*.tar"))[-1]
    with tarfile.open(archive, "r:") as tar:
        members = [member for member in tar if member.isfile() and member.size]
    of_layers = [member for member in members if any(digest in member.name for digest in layers)]
    if not is_sealift:
        found = {"the last layer": (of_layers or members)[-1]}
    else:
        metadata = next(member for member in members if "/metadata/" in member.name and member.name.endswith("targets.json"))
        found = {"the seal": members[0], "TUF metadata": metadata, "the first layer": of_layers[0],
                 "the last layer": of_layers[-1]}
    return [(name, archive, member.offset_data + member.size // 2) for name, member in found.items()]


@contextmanager
def flipped(path, offset):
    """The lowest bit of a byte of a file is another one, for as long as this lasts."""
    def flip():
        with path.open("r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1]))
    flip()
    try:
        yield
    finally:
        flip()

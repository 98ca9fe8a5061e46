"""The tools that carry images over a gap, and the commands with which each does the whole job: every image of a release from a
registry into a folder that can be carried, and from that folder into another registry."""

import shutil

from loopback.release import MIRROR


class Tool:
    """A tool that does the job with its archive in one folder."""

    program = ""
    name = ""

    def export(self, release, domain, folder):
        """The commands that fill the folder."""
        raise NotImplementedError

    def deliver(self, release, folder, domain, work):
        """The commands that put what the folder has into a registry. `work` is an empty folder for what they need."""
        raise NotImplementedError



class Sealift(Tool):
    """Sealift; `options` has more options, by the name of the command that has them."""

    def __init__(self, path, name="sealift", options=None):
        self.path, self.name, self.options = path, name, options or {}

    def archive(self, folder):
        return folder / "release.sealift"

    def export(self, release, domain, folder):
        return [release.export(domain, self.archive(folder), *self.options.get("export", ()), sealift=self.path)]

    def verify(self, release, folder):
        return [release.verify(self.archive(folder), sealift=self.path)]

    def deliver_to_layout(self, release, folder, work):
        trust = release.far_trust(work / "trust")
        archive, layout, results = self.archive(folder), work / "layout", work / "results"
        return release.deliver_to_layout(archive, layout, results, trust, sealift=self.path)

    def deliver(self, release, folder, domain, work):
        trust = release.far_trust(work / "trust")
        options = self.options.get("import", ())
        return [release.deliver(self.archive(folder), domain, work / "results", trust, *options, sealift=self.path)]


class SkopeoArchives(Tool):
    """skopeo, an archive for each image."""

    program, name = "skopeo", "skopeo (archives)"

    def export(self, release, domain, folder):
        return [[*COPY, "--src-tls-verify=false", f"docker://{domain}/org/{image.name}:1",
                 f"oci-archive:{folder}/{image.name}.tar:{image.name}"] for image in release.images.images]

    def deliver(self, release, folder, domain, work):
        return [[*COPY, "--dest-tls-verify=false", f"oci-archive:{folder}/{image.name}.tar:{image.name}",
                 f"docker://{domain}/{MIRROR}/{image.name}:1"] for image in release.images.images]


class SkopeoLayout(Tool):
    """skopeo, one image layout for all images, in a tar file."""

    program, name = "skopeo", "skopeo (layout, tar)"

    def export(self, release, domain, folder):
        copies = [[*COPY, "--src-tls-verify=false", f"docker://{domain}/org/{image.name}:1",
                   f"oci:{folder}/layout:{image.name}"] for image in release.images.images]
        return [*copies, *pack(folder)]

    def deliver(self, release, folder, domain, work):
        copies = [[*COPY, "--dest-tls-verify=false", f"oci:{work}/layout:{image.name}",
                   f"docker://{domain}/{MIRROR}/{image.name}:1"] for image in release.images.images]
        return [*unpack(folder, work), *copies]


class Crane(Tool):
    """crane, one image layout for all images, in a tar file."""

    program = name = "crane"

    def export(self, release, domain, folder):
        images = [f"{domain}/org/{image.name}:1" for image in release.images.images]
        return [["crane", "pull", "--insecure", "--format=oci", *images, f"{folder}/layout"], *pack(folder)]

    def deliver(self, release, folder, domain, work):
        push = ["crane", "push", "--insecure", "--index", f"{work}/layout", f"{domain}/{MIRROR}/all:1"]
        return [*unpack(folder, work), push]


class Imgpkg(Tool):
    """imgpkg, one tar file of its own form."""

    program = name = "imgpkg"

    def export(self, release, domain, folder):
        lock = folder / "images.yml"
        lines = ["apiVersion: imgpkg.carvel.dev/v1alpha1", "kind: ImagesLock", "images:"]
        lines += [f"- image: {domain}/org/{image.name}@sha256:{image.digest}" for image in release.images.images]
        lock.write_text("\n".join(lines) + "\n")
        return [["imgpkg", "copy", "--registry-insecure", "--lock", lock, "--to-tar", f"{folder}/images.tar"]]

    def deliver(self, release, folder, domain, work):
        repository = f"{domain}/{MIRROR}/all"
        return [["imgpkg", "copy", "--registry-insecure", "--tar", f"{folder}/images.tar", "--to-repo", repository]]


class Oras(Tool):
    """oras, one image layout for all images, in a tar file."""

    program = name = "oras"

    def export(self, release, domain, folder):
        copies = [["oras", "cp", "--no-tty", "--from-plain-http", f"{domain}/org/{image.name}:1", "--to-oci-layout",
                   f"{folder}/layout:{image.name}"] for image in release.images.images]
        return [*copies, *pack(folder)]

    def deliver(self, release, folder, domain, work):
        copies = [["oras", "cp", "--no-tty", "--from-oci-layout", f"{work}/layout:{image.name}", "--to-plain-http",
                   f"{domain}/{MIRROR}/{image.name}:1"] for image in release.images.images]
        return [*unpack(folder, work), *copies]


class Regctl(Tool):
    """regctl, an archive for each image."""

    program = name = "regctl"

    def export(self, release, domain, folder):
        return [["regctl", "--host", f"reg={domain},tls=disabled", "image", "export", f"{domain}/org/{image.name}:1",
                 f"{folder}/{image.name}.tar"] for image in release.images.images]

    def deliver(self, release, folder, domain, work):
        return [["regctl", "--host", f"reg={domain},tls=disabled", "image", "import", f"{domain}/{MIRROR}/{image.name}:1",
                 f"{folder}/{image.name}.tar"] for image in release.images.images]


class SkopeoSync(Tool):
    """skopeo, a folder for each image, all in a tar file: the one command of skopeo's that takes many images."""

    program, name = "skopeo", "skopeo (sync, tar)"

    def export(self, release, domain, folder):
        source = folder / "images.yml"
        names = "".join(f'    org/{image.name}: ["1"]\n' for image in release.images.images)
        source.write_text(f'"{domain}":\n  tls-verify: false\n  images:\n{names}')
        return [[*SYNC, "--src=yaml", "--dest=dir", source, f"{folder}/layout"], *pack(folder)]

    def deliver(self, release, folder, domain, work):
        return [*unpack(folder, work),
                [*SYNC, "--src=dir", "--dest=docker", "--dest-tls-verify=false", f"{work}/layout", f"{domain}/{MIRROR}"]]


SYNC = ["skopeo", "--insecure-policy", "sync", "--all", "--preserve-digests"]
COPY = ["skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests"]
PEERS = (SkopeoArchives, SkopeoLayout, Crane, Imgpkg, Oras, Regctl)
# Those that take all images in one command.
MANY = (SkopeoSync, Crane, Imgpkg)


def pack(folder):
    return [["tar", "-cf", f"{folder}/images.tar", "-C", f"{folder}/layout", "."], ["rm", "-r", f"{folder}/layout"]]


def unpack(folder, work):
    return [["mkdir", "-p", f"{work}/layout"], ["tar", "-xf", f"{folder}/images.tar", "-C", f"{work}/layout"]]


def peers(kinds, chosen):
    """Those of the other tools that are on the PATH, or of these only the chosen ones."""
    return [kind() for kind in kinds if shutil.which(kind.program) and (not chosen or kind.program in chosen)]

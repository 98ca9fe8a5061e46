"""Images that are the same each time they are made, and whose layers do not compress."""

import hashlib
import json
import random
import tarfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

OCI = "application/vnd.oci.image"
PIECE = 1 << 20


@dataclass(frozen=True)
class Image:
    """An image: its name without registry and tag, the bytes of its manifest, and the digests (hex) of its layers."""

    name: str
    manifest: bytes
    config: str
    layers: tuple[str, ...]

    @property
    def digest(self):
        return hashlib.sha256(self.manifest).hexdigest()

    @property
    def blobs(self):
        return (self.config, *self.layers)


@dataclass
class Images:
    """Images in a folder: blobs/sha256/ has their blobs."""

    folder: Path
    images: list[Image] = field(default_factory=list)

    def blob(self, digest):
        """Where a blob is."""
        return self.folder / "blobs/sha256" / digest

    @property
    def layers(self):
        """The digests of all layers, each once, in the order of the images."""
        return list(dict.fromkeys(layer for image in self.images for layer in image.layers))

    @property
    def blobs(self):
        """The digests of all layers and configurations, each once."""
        return list(dict.fromkeys(blob for image in self.images for blob in image.blobs))

    @property
    def length(self):
        """The bytes of all blobs together."""
        return sum(self.blob(digest).stat().st_size for digest in self.blobs)


# What images there are: for each name the layers, each a label that its bytes follow from, and its size in bytes.

def large(mebibytes=2048, images=20):
    """Images on shared bases, five on each. A quarter of all bytes are in the bases."""
    bases = images // 5
    unit = mebibytes * PIECE // (512 * bases)
    plan = {}
    for number in range(images):
        base = [(f"base {number % bases} layer {at}", size * unit) for at, size in enumerate((96, 24, 8))]
        own = [(f"image {number} layer {at}", size * unit // 10) for at, size in enumerate((640, 120, 8))]
        plan[f"image-{number:02}"] = base + own
    return plan


def tiny(images=20, layers=100):
    """Layers of a few hundred bytes."""
    return {f"tiny-{image:02}": [(f"tiny {image} layer {at}", 300) for at in range(layers)] for image in range(images)}


def small(images=10, layers=20):
    """Layers of 64 KiB."""
    return {f"small-{image:02}": [(f"small {image} layer {at}", 1 << 16) for at in range(layers)] for image in range(images)}


def many(images=1000, bases=10):
    """Images of small layers: four that a hundred images share, and one of their own."""
    plan = {}
    for number in range(images):
        base = [(f"many base {number % bases} layer {at}", 1 << 14) for at in range(4)]
        plan[f"many-{number:04}"] = [*base, (f"many {number}", 1 << 12)]
    return plan


def make(folder, plan):
    """Makes the images of a plan as an OCI image layout. What an earlier run made there is used again."""
    images = Images(folder)
    images.blob("").mkdir(parents=True, exist_ok=True)
    record = folder / "made.json"
    made = json.loads(record.read_text()) if record.exists() else {}
    entries = []
    for name, layers in plan.items():
        for label, size in layers:
            known = made.get(f"{label} {size}")
            if not known or not images.blob(known[0]).exists():
                made[f"{label} {size}"] = make_layer(images, label, size)
        pairs = [made[f"{label} {size}"] for label, size in layers]
        images.images.append(make_image(images, name, pairs))
        manifest = images.images[-1].manifest
        annotations = {"org.opencontainers.image.ref.name": name}
        entries.append({**descriptor(f"{OCI}.manifest.v1+json", manifest), "annotations": annotations})
    record.write_text(json.dumps(made))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    return images


def make_layer(images, label, size):
    """Writes a gzipped tar file with `size` random bytes; returns its digest, and that of the tar file inside."""
    source = random.Random(label)
    entry = tarfile.TarInfo("data")
    entry.size = size
    outside, inside, gzip = hashlib.sha256(), hashlib.sha256(), zlib.compressobj(0, zlib.DEFLATED, 31)
    path = images.blob("unfinished")
    with path.open("wb") as file:
        def add(data):
            inside.update(data)
            packed = gzip.compress(data)
            outside.update(packed)
            file.write(packed)
        add(entry.tobuf(tarfile.USTAR_FORMAT))
        for at in range(0, size, PIECE):
            add(source.randbytes(min(PIECE, size - at)))
        add(bytes(-size % 512 + 1024))
        rest = gzip.flush()
        outside.update(rest)
        file.write(rest)
    path.rename(images.blob(outside.hexdigest()))
    return outside.hexdigest(), inside.hexdigest()


def make_image(images, name, layers):
    config = canonical({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": [f"/{name}"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{inside}" for _, inside in layers]},
    })
    digests = [digest for digest, _ in layers]
    manifest = canonical({
        "schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": descriptor(f"{OCI}.config.v1+json", config),
        "layers": [{"mediaType": f"{OCI}.layer.v1.tar+gzip", "digest": f"sha256:{digest}",
                    "size": images.blob(digest).stat().st_size} for digest in digests],
    })
    for content in (config, manifest):
        images.blob(hashlib.sha256(content).hexdigest()).write_bytes(content)
    return Image(name, manifest, hashlib.sha256(config).hexdigest(), tuple(digests))


def descriptor(media_type, content):
    return {"mediaType": media_type, "digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

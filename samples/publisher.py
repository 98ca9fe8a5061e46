#!/usr/bin/env python3
"""A publisher, as Sealift finds one on the connected side.

It makes two real multi-platform images and a CNAB bundle that uses them, puts them into a registry the way cnab-to-oci
does, and vouches for all three with a TUF repository (python `tuf`) and an in-toto supply chain (python `in-toto`), laid
out as CNAB Security 1.0 (301) describes. Run it again with another --version, and it publishes a further release.

    docker-registry serve config.yml &                       # or any other registry, here on port 5001
    python samples/publisher.py --registry localhost:5001 --out publisher

    publisher/tuf/metadata/, publisher/tuf/targets/          the TUF repository: serve it, or name the folder
    publisher/root.json                                      root version 1: give it to the other side by hand
    publisher/keys/                                          everybody's private keys; in real life nobody has them all

Needs: skopeo, and `pip install -r tests/requirements.txt`.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from in_toto.models.layout import Layout, Step
from in_toto.models.metadata import Metablock
from in_toto.runlib import in_toto_run
from in_toto.verifylib import in_toto_verify
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

NAMESPACE = "example.com/org"
BUNDLE = f"{NAMESPACE}/shop"
THICK_BUNDLE = f"{NAMESPACE}/shop-thick"
IMAGES = {"installer": "the invocation image", "web": "a component"}
IN_TOTO = f"{BUNDLE}/in-toto-metadata"
IN_TOTO_KEYS = f"{BUNDLE}/in-toto-pubkeys"
PLATFORMS = ("amd64", "arm64")

OCI = "application/vnd.oci.image"
BUNDLE_CONFIG = "application/vnd.cnab.bundle.config.v1+json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where keys and metadata go")
    parser.add_argument("--registry", help="host and port of the registry that the bundle is pushed to, over http")
    parser.add_argument("--version", default="1.4", help="the version of the bundle and its images")
    parser.add_argument("--layer-size", type=int, default=2048, help="incompressible bytes in each layer")
    parser.add_argument("--thick-bundle", type=Path, help=f"also release this file, as {THICK_BUNDLE}")
    parser.add_argument("--unauthorised-link", action="store_true",
                        help="let a stranger sign the bundle's release step: what Sealift must refuse")
    parser.add_argument("--only-root", action="store_true", help="make keys and a root, and nothing else")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    keys = Keys(arguments.out / "keys")
    if arguments.only_root:
        publish_roots(arguments.out, keys)
        return
    if not arguments.registry:
        parser.error("--registry is needed")

    layout = arguments.out / "images"
    version = arguments.version
    indexes = {name: make_image(layout, name, version, arguments.layer_size) for name in IMAGES}
    bundle = make_bundle(version, indexes)
    push(arguments.registry, layout, version, bundle, indexes)

    # The products: their names, the bytes that are hashed, and what in-toto calls them.
    products = {f"{BUNDLE}:{version}": ("bundle.json", bundle)}
    for name, index in indexes.items():
        products[f"{NAMESPACE}/{name}:{version}"] = ("manifest.json", index)
    if arguments.thick_bundle:
        products[f"{THICK_BUNDLE}:{version}"] = ("bundle.tgz", arguments.thick_bundle.read_bytes())
    chain = SupplyChain(arguments.out / "in-toto", keys)
    links = {}
    for name, (file_name, content) in products.items():
        stranger = arguments.unauthorised_link and name.startswith(BUNDLE + ":")
        links[name] = chain.record(file_name, content, stranger)
    publish(arguments.out, keys, chain, {name: content for name, (_, content) in products.items()}, links)
    print(f"{arguments.registry}/org/shop:{version} sha256:{sha256(bundle)} (bundle.json)")
    for name, index in indexes.items():
        print(f"{arguments.registry}/org/shop@sha256:{sha256(index)} ({name})")


# Keys: one for each role and each functionary.

class Keys:
    """Ed25519 keys by name, made when first needed and kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def private(self, name: str) -> Ed25519PrivateKey:
        path = self.folder / f"{name}.seed"
        if not path.exists():
            key = Ed25519PrivateKey.generate()
            seed = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(seed)
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())

    def signer(self, name: str) -> CryptoSigner:
        return CryptoSigner(self.private(name))

    def public_pem(self, name: str) -> bytes:
        return self.private(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


# Images and the bundle.

def make_image(layout: Path, name: str, version: str, layer_size: int) -> bytes:
    """Adds an image for every platform to an OCI layout folder; returns its index."""
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    manifests = []
    for platform in PLATFORMS:
        layer, uncompressed = make_layer(f"{name} {version} for {platform}\n", layer_size)
        config = canonical({
            "architecture": platform, "os": "linux", "config": {"Cmd": ["/hello"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(uncompressed)}"]},
        })
        manifest = canonical({
            "schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json",
            "config": descriptor(f"{OCI}.config.v1+json", config),
            "layers": [descriptor(f"{OCI}.layer.v1.tar+gzip", layer)],
        })
        for blob in (layer, config, manifest):
            (blobs / sha256(blob)).write_bytes(blob)
        manifests.append(descriptor(f"{OCI}.manifest.v1+json", manifest,
                                    platform={"architecture": platform, "os": "linux"}))
    index = canonical({"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": manifests})
    (blobs / sha256(index)).write_bytes(index)
    path = layout / "index.json"
    top = json.loads(path.read_text()) if path.exists() else {"schemaVersion": 2, "manifests": []}
    reference = {"org.opencontainers.image.ref.name": f"{name}-{version}"}
    top["manifests"].append(descriptor(f"{OCI}.index.v1+json", index, annotations=reference))
    path.write_text(json.dumps(top))
    return index


def make_layer(text: str, size: int) -> tuple[bytes, bytes]:
    """A layer with a script that says hello, and bytes that do not compress: identical each time it is made."""
    source = random.Random(text)
    data = b"".join(source.randbytes(min(size - at, 1 << 20)) for at in range(0, size, 1 << 20))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in (("hello", f"#!/bin/sh\necho {text}".encode()), ("data", data)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(archive.getvalue(), compresslevel=0, mtime=0), archive.getvalue()


def make_bundle(version: str, indexes: dict[str, bytes]) -> bytes:
    """The bundle.json (CNAB Core 101), as canonical JSON."""
    def image(name: str) -> dict:
        index = indexes[name]
        return {
            "imageType": "oci", "image": f"{NAMESPACE}/{name}:{version}", "mediaType": f"{OCI}.index.v1+json",
            "contentDigest": f"sha256:{sha256(index)}", "size": len(index),
        }
    return canonical({
        "schemaVersion": "v1.2.0", "name": "shop", "version": f"{version}.0", "description": "A sample bundle",
        "invocationImages": [image("installer")],
        "images": {"web": {**image("web"), "description": "The web server"}},
    })


def push(registry: str, layout: Path, version: str, bundle: bytes, indexes: dict[str, bytes]) -> None:
    """Pushes the bundle in the form of CNAB Registries (201), as cnab-to-oci does: everything in one repository."""
    for name, index in indexes.items():
        target = f"docker://{registry}/org/shop@sha256:{sha256(index)}"
        subprocess.run(["skopeo", "copy", "--quiet", "--all", "--preserve-digests", "--dest-tls-verify=false",
                        f"oci:{layout}:{name}-{version}", target], check=True)
    manifest = canonical({
        "schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json",
        "config": descriptor(BUNDLE_CONFIG, bundle), "layers": [],
    })
    kind = "io.cnab.manifest.type"
    index = canonical({
        "schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json",
        "manifests": [
            descriptor(f"{OCI}.manifest.v1+json", manifest, annotations={kind: "config"}),
            descriptor(f"{OCI}.index.v1+json", indexes["installer"], annotations={kind: "invocation"}),
            descriptor(f"{OCI}.index.v1+json", indexes["web"],
                       annotations={kind: "component", "io.cnab.component.name": "web"}),
        ],
        "annotations": {
            "io.cnab.runtime_version": "v1.2.0", "org.opencontainers.artifactType": "application/vnd.cnab.manifest.v1",
            "org.opencontainers.image.title": "shop", "org.opencontainers.image.version": f"{version}.0",
            "org.opencontainers.image.description": "A sample bundle",
        },
    })
    repository = f"http://{registry}/v2/org/shop"
    with request("POST", f"{repository}/blobs/uploads/") as answer:
        location = urllib.parse.urljoin(f"http://{registry}", answer.headers["Location"])
    separator = "&" if "?" in location else "?"
    request("PUT", f"{location}{separator}digest=sha256:{sha256(bundle)}", bundle, "application/octet-stream").close()
    request("PUT", f"{repository}/manifests/sha256:{sha256(manifest)}", manifest, f"{OCI}.manifest.v1+json").close()
    request("PUT", f"{repository}/manifests/{version}", index, f"{OCI}.index.v1+json").close()


def request(method: str, url: str, data: bytes = b"", media_type: str = ""):
    """One request to the registry."""
    headers = {"Content-Type": media_type} if media_type else {}
    try:
        return urllib.request.urlopen(urllib.request.Request(url, data=data, method=method, headers=headers))
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {url}: {error} {error.read().decode(errors='replace')}") from error


# in-toto: `build` makes a product, `release` passes on exactly that product.

class SupplyChain:
    """A layout with two steps, each with its own functionary, and links for each product."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.folder, self.keys = folder, keys
        self.owner = "in-toto-owner"
        layout = Layout(readme="Built by one, released unchanged by another.")
        layout.set_relative_expiration(months=3)
        for name in ("build", "release"):
            key = keys.signer(f"in-toto-{name}").public_key
            layout.add_functionary_key({"keyid": key.keyid, **key.to_dict()})
            step = Step(name=name)
            step.pubkeys, step.threshold = [key.keyid], 1
            layout.steps.append(step)
        build, release = layout.steps
        passed_on = [["MATCH", "*", "WITH", "PRODUCTS", "FROM", "build"], ["DISALLOW", "*"]]
        build.expected_materials = [["DISALLOW", "*"]]
        build.expected_products = [["CREATE", "*"], ["DISALLOW", "*"]]
        release.expected_materials = release.expected_products = passed_on
        self.layout = Metablock(signed=layout)
        self.layout.create_signature(keys.signer(self.owner))

    def record(self, file_name: str, content: bytes, stranger: bool) -> dict[str, bytes]:
        """Runs both steps on a product; returns the links by their names."""
        folder = self.folder / sha256(content)
        stage = folder / "stage"
        stage.mkdir(parents=True, exist_ok=True)
        (stage / file_name).write_bytes(content)
        links = {}
        for name, materials in (("build", []), ("release", [file_name])):
            signer = self.keys.signer("stranger" if stranger and name == "release" else f"in-toto-{name}")
            in_toto_run(name, materials, [file_name], [], signer=signer, base_path=str(stage),
                        metadata_directory=str(folder))
            link = folder / f"{name}.{signer.public_key.keyid[:8]}.link"
            links[link.name] = link.read_bytes()
        if not stranger:
            owner = self.keys.signer(self.owner).public_key
            in_toto_verify(self.layout, {owner.keyid: {"keyid": owner.keyid, **owner.to_dict()}}, str(folder))
        return links


# TUF: top-level `targets` says how things are made, `targets/releases` says what was made (CNAB Security 301).

ROOT_KEYS = {1: ("root-a", "root-b", "root-c"), 2: ("root-b", "root-c", "root-d")}


def publish_roots(out: Path, keys: Keys) -> None:
    """Root version 1, and version 2 in which one root key is replaced. Both need two signatures."""
    for version, root_keys in ROOT_KEYS.items():
        root = Root(version=version, expires=in_days(365), consistent_snapshot=True)
        for name in root_keys:
            root.add_key(keys.signer(name).public_key, Root.type)
        root.roles[Root.type].threshold = 2
        for role in (Timestamp.type, Snapshot.type, Targets.type):
            root.add_key(keys.signer(role).public_key, role)
        save(out, f"{version}.root.json", root, [keys.signer(name) for name in ("root-b", "root-c")])
    (out / "root.json").write_bytes((out / "tuf/metadata/1.root.json").read_bytes())


def publish(out: Path, keys: Keys, chain: SupplyChain, products: dict[str, bytes], links: dict) -> None:
    """A new version of the repository, that vouches for the products as well as those of earlier versions."""
    metadata = out / "tuf/metadata"
    if not (out / "root.json").exists():
        publish_roots(out, keys)
    before = metadata / "timestamp.json"
    version = Metadata.from_file(str(before)).signed.version + 1 if before.exists() else 1

    layout_name = f"{IN_TOTO}/root.layout"
    owner = keys.signer(chain.owner).public_key
    key_name = f"{IN_TOTO_KEYS}/{owner.keyid}.pub"
    targets = Targets(version=version, expires=in_days(90))
    targets.targets[key_name] = serve(out, key_name, keys.public_pem(chain.owner))
    targets.targets[layout_name] = serve(out, layout_name, canonical(chain.layout.to_dict()), [key_name])

    releases = Targets(version=version, expires=in_days(30))
    if version > 1:
        releases.targets = Metadata.from_file(str(metadata / f"{version - 1}.targets/releases.json")).signed.targets
    for name, content in products.items():
        listed = [layout_name]
        for link_name, link in links[name].items():
            path = f"{IN_TOTO}/{sha256(content)}/{link_name}"
            releases.targets[path] = serve(out, path, link)
            listed.append(path)
        releases.targets[name] = target(name, content, listed)
    releases_key = keys.signer("targets-releases").public_key
    paths = [f"{BUNDLE}:*", f"{THICK_BUNDLE}:*", *(f"{NAMESPACE}/{name}:*" for name in IMAGES), f"{IN_TOTO}/*/*.link"]
    role = DelegatedRole("targets/releases", [releases_key.keyid], 1, False, paths=paths)
    targets.delegations = Delegations({releases_key.keyid: releases_key}, {role.name: role})

    snapshot = Snapshot(version=version, expires=in_days(7))
    snapshot.meta = {name: MetaFile(version) for name in ("targets.json", "targets/releases.json")}
    timestamp = Timestamp(version=version, expires=in_days(1), snapshot_meta=MetaFile(version))
    save(out, f"{version}.targets/releases.json", releases, [keys.signer("targets-releases")])
    save(out, f"{version}.targets.json", targets, [keys.signer(Targets.type)])
    save(out, f"{version}.snapshot.json", snapshot, [keys.signer(Snapshot.type)])
    save(out, "timestamp.json", timestamp, [keys.signer(Timestamp.type)])


def target(name: str, content: bytes, in_toto: list[str]) -> TargetFile:
    """The description of a target: length, hash, and the in-toto metadata that it needs."""
    described = TargetFile.from_data(name, content, ["sha256"])
    if in_toto:
        described.unrecognized_fields["custom"] = {"in-toto": in_toto}
    return described


def serve(out: Path, name: str, content: bytes, in_toto: list[str] = []) -> TargetFile:
    """Puts a target's bytes beside the metadata, under the name that consistent snapshots give it."""
    described = target(name, content, in_toto)
    folder, _, file_name = name.rpartition("/")
    path = out / "tuf/targets" / folder / f"{sha256(content)}.{file_name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return described


def save(out: Path, file_name: str, signed, signers: list[CryptoSigner]) -> None:
    """Signs and writes metadata."""
    metadata = Metadata(signed)
    for signer in signers:
        metadata.sign(signer, append=True)
    path = out / "tuf/metadata" / file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata.to_file(str(path), JSONSerializer(validate=True))


# Small things.

def in_days(days: int) -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=days)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def canonical(value: dict) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def descriptor(media_type: str, content: bytes, **more) -> dict:
    return {"mediaType": media_type, "digest": f"sha256:{sha256(content)}", "size": len(content), **more}


if __name__ == "__main__":
    main()

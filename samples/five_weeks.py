"""Helpers of five-weeks.sh: makes what is released each week, and compares what arrived with it, digest by digest.

    five_weeks.py release WEEK FOLDER         # an OCI image layout in FOLDER with six images; two of them change each week
    five_weeks.py vouch WEEK SOURCE TUF       # signs TUF metadata of that week, in the folder TUF, about the images in SOURCE
    five_weeks.py compare SOURCE TARGET       # each is http://HOST/PREFIX of a registry, or a folder with a layout
    five_weeks.py base TARGET                 # prints the digest of a layer that never changes
    five_weeks.py forge RECEIPT FORGED        # the same receipt with another place in it
"""

import base64
import gzip
import hashlib
import json
import os
import random
import sys
import urllib.request
from datetime import datetime, timezone

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

IMAGES = 6
BASE, APP = 1 << 20, 64 << 10
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def put(folder, content):
    digest = hashlib.sha256(content).hexdigest()
    with open(f"{folder}/blobs/sha256/{digest}", "wb") as file:
        file.write(content)
    return {"digest": f"sha256:{digest}", "size": len(content)}


def release(week, folder):
    os.makedirs(f"{folder}/blobs/sha256")
    listed = []
    for number in range(IMAGES):
        # Images 1 and 2 change in the second week, 3 and 4 in the third, and so on.
        version = max([1] + [it for it in range(2, week + 1) if number // 2 == (it - 2) % 3])
        layers = [random.Random(f"base {number % 2}").randbytes(BASE), random.Random(f"app {number} {version}").randbytes(APP)]
        described = [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **put(folder, layer)} for layer in layers]
        config = {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [it["digest"] for it in described]}}
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", **put(folder, json.dumps(config).encode())}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": described}
        manifest = {"mediaType": MANIFEST, **put(folder, json.dumps(manifest).encode())}
        listed.append({**manifest, "annotations": {"org.opencontainers.image.ref.name": f"app-{number}"}})
    with open(f"{folder}/index.json", "w") as file:
        json.dump({"schemaVersion": 2, "manifests": listed}, file)
    with open(f"{folder}/oci-layout", "w") as file:
        file.write('{"imageLayoutVersion":"1.0.0"}')


def content(place, name, digest=None):
    """A manifest by its tag, or a blob by its digest."""
    if place.startswith("http"):
        kind = f"blobs/{digest}" if digest else "manifests/1"
        host, prefix = place.removeprefix("http://").split("/", 1)
        request = urllib.request.Request(f"http://{host}/v2/{prefix}/{name}/{kind}", headers={"Accept": MANIFEST})
        with urllib.request.urlopen(request) as answer:
            return answer.read()
    if digest is None:
        with open(f"{place}/index.json") as file:
            listed = json.load(file)["manifests"]
        digest = next(
            it["digest"] for it in listed
            if it["annotations"]["org.opencontainers.image.ref.name"].split("/")[-1].split(":")[0] == name
        )
    with open(f"{place}/blobs/sha256/{digest.removeprefix('sha256:')}", "rb") as file:
        return file.read()


def compare(source, target):
    count = 0
    for number in range(IMAGES):
        name = f"app-{number}"
        manifest = content(target, name)
        assert manifest == content(source, name), f"{name}: another manifest"
        read = json.loads(manifest)
        for blob in [read["config"], *read["layers"]]:
            digest = "sha256:" + hashlib.sha256(content(target, name, blob["digest"])).hexdigest()
            assert digest == blob["digest"], f"{name}: {blob['digest']} is {digest}"
            count += 1
    print(f"    {target}: {IMAGES} manifests and {count} blobs, each as it was released")


def vouch(week, source, tuf):
    """Each role has a key of its own, the same every week; every week has new targets, a new snapshot and a new timestamp."""
    expires = datetime(2100, 1, 1, tzinfo=timezone.utc)
    signers = {
        role: CryptoSigner(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(role.encode()).digest()))
        for role in ("root", "targets", "snapshot", "timestamp")
    }
    root = Root(expires=expires, consistent_snapshot=True)
    for role, signer in signers.items():
        root.add_key(signer.public_key, role)
    targets = Targets(week, expires=expires)
    for number in range(IMAGES):
        name, manifest = f"example.com/shop/app-{number}:1", content(source, f"app-{number}")
        targets.targets[name] = TargetFile(len(manifest), {"sha256": hashlib.sha256(manifest).hexdigest()}, name)
    snapshot = Snapshot(week, expires=expires, meta={"targets.json": MetaFile(week)})
    timestamp = Timestamp(week, expires=expires, snapshot_meta=MetaFile(week))
    os.makedirs(f"{tuf}/metadata", exist_ok=True)
    for role, name, signed in [
        ("root", "1.root", root), ("targets", f"{week}.targets", targets),
        ("snapshot", f"{week}.snapshot", snapshot), ("timestamp", "timestamp", timestamp),
    ]:
        metadata = Metadata(signed)
        metadata.sign(signers[role])
        metadata.to_file(f"{tuf}/metadata/{name}.json")


def base(target):
    print(json.loads(content(target, "app-0"))["layers"][0]["digest"])


def forge(receipt, forged):
    with gzip.open(receipt) as file:
        envelope = json.load(file)
    statement = base64.b64decode(envelope["payload"]).replace(b'"place":"', b'"place":"other.', 1)
    envelope["payload"] = base64.b64encode(statement).decode()
    with open(forged, "w") as file:
        json.dump(envelope, file)


command, *arguments = sys.argv[1:]
if command in ("release", "vouch"):
    {"release": release, "vouch": vouch}[command](int(arguments[0]), *arguments[1:])
else:
    {"base": base, "compare": compare, "forge": forge}[command](*arguments)

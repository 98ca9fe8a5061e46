"""TUF repositories in folders, made with python-tuf."""

import hashlib
from datetime import datetime, timezone
from urllib import parse

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

EXPIRES = datetime(2100, 1, 1, tzinfo=timezone.utc)
SIGNER = CryptoSigner.generate_ed25519()
KEY = SIGNER.public_key


class Repository:
    """A repository in a folder, all of whose roles one key signs."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "metadata").mkdir(parents=True)
        self.root = Root(expires=EXPIRES, consistent_snapshot=True)
        for role in ("root", "timestamp", "snapshot", "targets"):
            self.root.add_key(KEY, role)
        self.snapshot = Snapshot(expires=EXPIRES)
        self.top = Targets(expires=EXPIRES)

    def write(self, signed, role):
        metadata = Metadata(signed)
        metadata.sign(SIGNER)
        name = parse.quote(role, "")
        version = "" if role == "timestamp" else f"{signed.version}."
        (self.folder / "metadata" / f"{version}{name}.json").write_bytes(metadata.to_bytes(JSONSerializer()))

    def add_role(self, role, targets):
        self.snapshot.meta[f"{role}.json"] = MetaFile(1)
        self.write(targets, role)

    def finish(self):
        self.write(self.root, "root")
        self.add_role("targets", self.top)
        self.write(self.snapshot, "snapshot")
        self.write(Timestamp(expires=EXPIRES), "timestamp")


def described(path, content=b"content"):
    return TargetFile(len(content), {"sha256": hashlib.sha256(content).hexdigest()}, path)

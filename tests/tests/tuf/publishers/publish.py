"""Makes two generations of a repository with a publisher's own tools: in the first there is one target, in the second there are two.

usage: publish.py PUBLISHER FOLDER NAME=FILE NAME=FILE

PUBLISHER is one of

  warehouse  hashed bins, as PEP 458 has them for PyPI: `targets` delegates to `bins`, and `bins` to 16,384 others by
             `path_hash_prefixes` (python-tuf)
  succinct   16,384 bins by TAP 15 (python-tuf)
  tuf-on-ci  the offline roles by TUF-on-CI's signer, as `tuf-on-ci-delegate` and `tuf-on-ci-sign` use it, one of them
             a delegated role; snapshot and timestamp by python-tuf, as its workflows do
  rstuf      the root and the settings by the ceremony of Repository Service for TUF (`rstuf admin ceremony`), the other
             roles by python-tuf, as those settings ask for, because the worker needs a database and a broker

FOLDER/first and FOLDER/second are the generations, as a web server would serve them; FOLDER/root.json is to be pinned.
"""

import hashlib
import json
import shutil
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib import parse

from cryptography.hazmat.primitives import serialization
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
    Timestamp,
)

BINS = 16_384
TOP_LEVEL = ("root", "timestamp", "snapshot", "targets")


def in_days(days):
    return datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=days)


class Publisher:
    """A repository in a folder. Each role is signed by its own signers; snapshots are consistent."""

    def __init__(self, folder):
        self.folder = folder
        self.snapshot = Snapshot(expires=in_days(7))
        self.timestamp = Timestamp(expires=in_days(1))
        self.files = {}

    def write(self, role, metadata):
        """Writes a file that is signed."""
        version = "" if role == "timestamp" else f"{metadata.signed.version}."
        self.files[f"{version}{parse.quote(role, '')}.json"] = metadata.to_bytes()

    def sign(self, role, signed, signers):
        metadata = Metadata(signed)
        for signer in signers:
            metadata.sign(signer, append=True)
        self.write(role, metadata)
        if role not in ("root", "snapshot", "timestamp"):
            self.snapshot.meta[f"{role}.json"] = MetaFile(signed.version)

    def finish(self, generation, online):
        """Signs what is always online, and leaves a generation as it is served."""
        self.timestamp.snapshot_meta = MetaFile(self.snapshot.version)
        self.sign("snapshot", self.snapshot, online)
        self.sign("timestamp", self.timestamp, online)
        metadata = self.folder / generation / "metadata"
        metadata.mkdir(parents=True)
        for name, content in self.files.items():
            (metadata / name).write_bytes(content)
        self.snapshot.version += 1
        self.timestamp.version += 1


def bin_of(name):
    """The bin of a target, of those that the first 14 bits of the hash of its name say."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:4], 16) >> 2


def bins(publisher, names, added, expires, online):
    """Signs every bin that is new, and those to which something is added. Most are empty, and the same but for their names."""
    for number, name in enumerate(names):
        role = publisher.bins.setdefault(number, Targets(expires=expires))
        content = {target: described for target, described in added.items() if bin_of(target) == number}
        if role.targets or content:
            if f"{name}.json" in publisher.snapshot.meta:
                role.version += 1
            role.targets.update(content)
            publisher.sign(name, role, online)
        elif f"{name}.json" not in publisher.snapshot.meta:
            if publisher.empty is None:
                publisher.sign(name, role, online)
                publisher.empty = publisher.files[f"1.{name}.json"]
            publisher.files[f"1.{name}.json"] = publisher.empty
            publisher.snapshot.meta[f"{name}.json"] = MetaFile(1)


def with_bins(folder, generations, delegate):
    """A repository with bins. `delegate` says to the publisher which they are, and yields their names."""
    keys = {role: [CryptoSigner.generate_ed25519()] for role in ("root", "targets", "online")}
    publisher = Publisher(folder)
    publisher.bins, publisher.empty = {}, None
    root = Root(expires=in_days(365), consistent_snapshot=True)
    for role in TOP_LEVEL:
        root.add_key(keys.get(role, keys["online"])[0].public_key, role)
    publisher.sign("root", root, keys["root"])
    names = delegate(publisher, keys)
    for generation, added in generations:
        bins(publisher, names, added, in_days(7), keys["online"])
        publisher.finish(generation, keys["online"])


def warehouse(folder, generations):
    def delegate(publisher, keys):
        online = keys["online"][0].public_key
        names = [f"bin-{number:04x}" for number in range(BINS)]
        prefixes = [[f"{number * 4 + last:04x}" for last in range(4)] for number in range(BINS)]
        roles = {
            name: DelegatedRole(name, [online.keyid], 1, False, path_hash_prefixes=of_bin)
            for name, of_bin in zip(names, prefixes, strict=True)
        }
        everything = ["/".join("*" * depth) for depth in range(1, 6)]
        to_bins = {"bins": DelegatedRole("bins", [online.keyid], 1, False, paths=everything)}
        top = Targets(expires=in_days(365), delegations=Delegations({online.keyid: online}, to_bins))
        publisher.sign("targets", top, keys["targets"])
        to_each = Targets(expires=in_days(365), delegations=Delegations({online.keyid: online}, roles))
        publisher.sign("bins", to_each, keys["online"])
        return names

    with_bins(folder, generations, delegate)


def succinct(folder, generations):
    def delegate(publisher, keys):
        online = keys["online"][0].public_key
        roles = SuccinctRoles([online.keyid], 1, 14, "bin")
        top = Targets(expires=in_days(365), delegations=Delegations({online.keyid: online}, succinct_roles=roles))
        publisher.sign("targets", top, keys["targets"])
        return list(roles.get_roles())

    with_bins(folder, generations, delegate)


def tuf_on_ci(folder, generations):
    from tuf_on_ci_sign._signer_repository import OfflineConfig, OnlineConfig, SignerRepository
    from tuf_on_ci_sign._user import User

    work = folder / "signing"
    event, known_good = work / "event", work / "known-good"
    event.mkdir(parents=True)
    known_good.mkdir()
    settings = work / ".tuf-on-ci-sign.ini"
    # A module for hardware keys is asked for, and not used.
    settings.write_text("[settings]\nuser-name = maria\npush-remote = o\npull-remote = o\npykcs11lib = none\n")
    user = User(str(settings), str(work / "keys.ini"))
    signer, online = CryptoSigner.generate_ecdsa(), CryptoSigner.generate_ecdsa()
    online.public_key.unrecognized_fields["x-tuf-on-ci-online-uri"] = "file:online"
    delegated = "example.com"
    publisher = Publisher(folder)
    for generation, added in generations:
        repository = SignerRepository(str(event), str(known_good), user)
        if generation == "first":
            for role in ("root", "targets", delegated):
                repository.set_role_config(role, OfflineConfig(["@maria"], 1, 365, 60), signer.public_key)
            repository.set_online_config(OnlineConfig(online.public_key, 2, 1, 365, 60))
        with repository.edit_targets(delegated) as role:
            role.targets.update(added)
        for name in repository.unsigned.copy():
            for key in repository._get_keys(name):
                # The key of a person, whom a hardware key would ask.
                user.set_signer(key, CryptoSigner(signer._private_key, key))
            repository.sign(name)
        for role in ("root", "targets", delegated):
            metadata = Metadata.from_file(str(event / f"{role}.json"))
            publisher.write(role, metadata)
            if role != "root":
                publisher.snapshot.meta[f"{role}.json"] = MetaFile(metadata.signed.version)
        publisher.finish(generation, [online])
        shutil.copytree(event, known_good, dirs_exist_ok=True)


def rstuf(folder, generations):
    import beaupy
    import prompt_toolkit
    from click.testing import CliRunner
    from repository_service_tuf.cli.admin import ceremony as command

    work = folder / "ceremony"
    work.mkdir(parents=True)
    signers = [CryptoSigner.generate_ed25519(), CryptoSigner.generate_rsa(), CryptoSigner.generate_ecdsa()]
    for number, signer in enumerate(signers):
        private = signer._private_key
        encryption = serialization.BestAvailableEncryption(b"not-secret")
        encodings = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        (work / f"{number}").write_bytes(private.private_bytes(*encodings, encryption))
        public = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        (work / f"{number}.pub").write_bytes(private.public_key().public_bytes(*public))
    pem = "Key PEM File"
    # What a person would choose from lists, and the paths that one would type.
    chosen = iter(["Bins (online key only)", pem, "add", pem, "continue", pem, "one", pem, "two", pem])
    paths = iter(str(work / name) for name in ("0.pub", "1.pub", "2.pub", "0", "1"))
    beaupy.select = lambda **_: next(chosen)
    prompt_toolkit.prompt = lambda *_, **__: next(paths)
    # The days of timestamp, snapshot, targets and bins, how many bins; the days and the threshold of root; its keys' names, and that of the online key;
    # the passphrases.
    answers = ["2", "7", "365", "2", "256", "365", "2", "one", "two", "online", "not-secret", "not-secret"]
    payload = work / "payload.json"
    arguments = ["--dry-run", "--out", str(payload)]
    outcome = CliRunner().invoke(command.ceremony, arguments, input="\n".join(answers) + "\n", obj={"settings": {}})
    assert outcome.exit_code == 0, outcome.output
    made = json.loads(payload.read_text())
    root = Metadata.from_dict(made["metadata"]["root"])
    roles = made["settings"]["roles"]
    online = [CryptoSigner(signers[2]._private_key, root.signed.keys[root.signed.roles["timestamp"].keyids[0]])]

    publisher = Publisher(folder)
    publisher.write("root", root)
    publisher.snapshot.expires = in_days(roles["snapshot"]["expiration"])
    publisher.timestamp.expires = in_days(roles["timestamp"]["expiration"])
    bits = roles["bins"]["number_of_delegated_bins"].bit_length() - 1
    key = online[0].public_key
    succinct_roles = SuccinctRoles([key.keyid], 1, bits, "bins")
    delegations = Delegations({key.keyid: key}, succinct_roles=succinct_roles)
    expires = in_days(roles["targets"]["expiration"])
    publisher.sign("targets", Targets(expires=expires, delegations=delegations), online)
    of_bins = {name: Targets(expires=in_days(roles["bins"]["expiration"])) for name in succinct_roles.get_roles()}
    for generation, added in generations:
        for name, role in of_bins.items():
            content = {target: it for target, it in added.items() if succinct_roles.get_role_for_target(target) == name}
            if content or generation == "first":
                role.version += generation != "first"
                role.targets.update(content)
                publisher.sign(name, role, online)
        publisher.finish(generation, online)


def main():
    publisher, folder, *targets = sys.argv[1:]
    folder = Path(folder)
    described = {}
    for target in targets:
        name, _, file = target.partition("=")
        content = Path(file).read_bytes()
        described[name] = TargetFile(len(content), {"sha256": hashlib.sha256(content).hexdigest()}, name)
    generations = zip(("first", "second"), ({name: it} for name, it in described.items()), strict=True)
    makers = {"warehouse": warehouse, "succinct": succinct, "tuf-on-ci": tuf_on_ci, "rstuf": rstuf}
    makers[publisher](folder, generations)
    shutil.copy(folder / "first" / "metadata" / "1.root.json", folder / "root.json")


if __name__ == "__main__":
    main()

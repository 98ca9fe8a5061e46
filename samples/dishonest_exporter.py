#!/usr/bin/env python3
"""An exporter that seals what it must not: it checks nothing.

It takes an honest archive, replaces the TUF metadata in it with the current metadata of a repository (a folder, as
publisher.py writes it), and seals the result with a real exporter's key. The seal is valid, and yet the archive is refused:
the far side checks everything itself.

    python samples/dishonest_exporter.py honest.sealift --tuf publisher/tuf --repository shop --key anna.pem -o bad.sealift

With --notary FOLDER it takes all files of a collection of Notary instead.

It knows Sealift's format from docs/format.md alone. Needs the Python package cryptography.
"""

import argparse
import base64
import hashlib
import json
import tarfile
import urllib.parse
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

PAYLOAD_TYPE = "application/vnd.in-toto+json"
BLOCK = 512
SLOTS = 16 * 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--tuf", type=Path)
    source.add_argument("--notary", type=Path)
    parser.add_argument("--repository", required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()

    with tarfile.open(arguments.archive) as tar:
        entries = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}
    statement = json.loads(base64.b64decode(json.loads(entries.pop("sealift/seal.json"))["payload"]))
    prefix = f"sealift/tuf/{arguments.repository}"
    if arguments.notary:
        carried = carry_collection(arguments.notary, prefix)
    else:
        bundle = statement["predicate"]["items"][0]
        names = [bundle["reference"], *(image["reference"] for image in bundle["parts"])]
        carried = carry(arguments.tuf, prefix, names)

    # The same places in the same order: layout files, TUF by name, blobs.
    layout = {name: content for name, content in entries.items() if not name.startswith(("sealift/", "blobs/"))}
    blobs = {name: content for name, content in entries.items() if name.startswith("blobs/")}
    entries = {**layout, **dict(sorted(carried.items())), **blobs}
    statement["predicate"]["entries"] = [
        {"name": name, "size": len(content), "digest": f"sha256:{hashlib.sha256(content).hexdigest()}"}
        for name, content in entries.items()
    ]
    with open(arguments.output, "wb") as out:
        for name, content in {"sealift/seal.json": seal(statement, arguments.key), **entries}.items():
            out.write(header(name, len(content)) + content + bytes(-len(content) % BLOCK))
        out.write(bytes(2 * BLOCK))


def carry(tuf: Path, prefix: str, names: list[str]) -> dict[str, bytes]:
    """The files that vouch for these names now, under their names in an archive."""
    files = {"timestamp.json": (tuf / "metadata/timestamp.json").read_bytes()}
    version = json.loads(files["timestamp.json"])["signed"]["meta"]["snapshot.json"]["version"]
    roles = [f"{version}.{role}.json" for role in ("snapshot", "targets", "targets/releases")]
    for file in [path.name for path in tuf.glob("metadata/*.root.json")] + roles:
        files[file] = (tuf / "metadata" / file).read_bytes()
    entries = {f"{prefix}/metadata/{urllib.parse.quote(file, safe='')}": content for file, content in files.items()}

    targets = {}
    for role in roles[1:]:
        targets.update(json.loads(files[role])["signed"]["targets"])
    needed, seen = list(names), set()
    while needed:
        name = needed.pop()
        if name not in seen:
            seen.add(name)
            needed += targets[name].get("custom", {}).get("in-toto", [])
    for name in seen.difference(names):
        folder, _, file = name.rpartition("/")
        path = f"{folder}/{targets[name]['hashes']['sha256']}.{file}"
        entries[f"{prefix}/targets/{urllib.parse.quote(path)}"] = (tuf / "targets" / path).read_bytes()
    return entries


def carry_collection(folder: Path, prefix: str) -> dict[str, bytes]:
    """All roles of a collection, and its roots by version."""
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*.json")]
    return {f"{prefix}/metadata/{urllib.parse.quote(file, safe='')}": (folder / file).read_bytes() for file in files if file != "root.json"}


def seal(statement: dict, key_file: Path) -> bytes:
    """The DSSE envelope, padded as the format requires, with one signature in the first slot."""
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    key = load_pem_private_key(key_file.read_bytes(), password=None)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    signed = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    signature = json.dumps(
        {"keyid": hashlib.sha256(public).hexdigest(), "sig": base64.b64encode(key.sign(signed)).decode()},
        separators=(",", ":"),
    )
    head = f'{{"payload":"{base64.b64encode(payload).decode()}","payloadType":"{PAYLOAD_TYPE}","signatures":['
    head += " " * (-len(head) % BLOCK)
    return (head + signature.ljust(SLOTS - 2) + "]}").encode()


def header(name: str, size: int) -> bytes:
    """The one possible header of an entry, after a pax header if the name is too long."""
    def ustar(kind: str, name: str, size: int) -> bytes:
        block = bytearray(BLOCK)
        encoded = name.encode()[:100]
        block[: len(encoded)] = encoded
        block[100:156] = b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"0" * 11 + b"\0" + b" " * 8
        block[156:157] = kind.encode()
        block[257:265] = b"ustar\x0000"
        block[148:156] = b"%07o\0" % sum(block)
        return bytes(block)

    if len(name) <= 100:
        return ustar("0", name, size)
    rest = f" path={name}\n"
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    record = f"{length}{rest}".encode()
    return ustar("x", "sealift/pax", len(record)) + record + bytes(-len(record) % BLOCK) + ustar("0", name, size)


if __name__ == "__main__":
    main()

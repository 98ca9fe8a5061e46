#!/usr/bin/env python3
"""Reads a Sealift archive with nothing but Python's standard library, and checks every digest in it.

Usage: read_archive.py [--key PUBLIC_KEY.pem] ARCHIVE      ("-" is standard input)

Written from docs/format.md alone: a second reader, to show that the document is enough. It checks the frame, the
inventory's main rules and every content. With --key it also verifies a signature, if `cryptography` is installed;
without it, it shows which keys the archive claims were used to sign, and believes none of it.
"""

import base64
import hashlib
import json
import re
import sys
import unicodedata

BLOCK, SLOT, SLOTS, SEAL_LIMIT = 512, 256, 16, 32 * 1024 * 1024
OPENING = b'{"payload":"'
MIDDLE = b'","payloadType":"application/vnd.in-toto+json","signatures":['
ENTRY_NAME = re.compile(
    r"oci-layout|index\.json|blobs/sha256/[0-9a-f]{64}|blobs/sha512/[0-9a-f]{128}"
    r"|sealift/tuf/[a-z0-9][a-z0-9._-]{0,63}/(metadata/SEGMENT|targets/SEGMENT(/SEGMENT)*)"
    .replace("SEGMENT", r"(?!\.{1,2}(/|$))(?:[\w.~-]|%[0-9A-F]{2})+"),
    re.ASCII,
)


class Refused(Exception):
    pass


def require(condition, reason):
    if not condition:
        raise Refused(reason)


def ustar(name, size, typeflag=b"0"):
    """One header block: "The header" in the document."""
    block = bytearray(BLOCK)

    def put(offset, value):
        block[offset:offset + len(value)] = value

    put(0, name.encode()[:100])
    put(100, b"0000644\0" b"0000000\0" b"0000000\0")
    put(124, b"%011o\0" % size)
    put(136, b"%011o\0" % 0)
    put(148, b" " * 8)
    put(156, typeflag)
    put(257, b"ustar\0" b"00")
    put(148, b"%07o\0" % sum(block))
    return bytes(block)


def header(name, size):
    """All blocks that come before the content."""
    body = b""
    for keyword, value, needed in (("path", name, len(name) > 100), ("size", str(size), size >= 8 ** 11)):
        if needed:
            rest = f" {keyword}={value}\n"
            length = next(n for n in range(len(rest), len(rest) + 9) if len(str(n)) + len(rest) == n)
            body += f"{length}{rest}".encode()
    if not body:
        return ustar(name, size)
    padded = body + bytes(-len(body) % BLOCK)
    return ustar("sealift/pax", len(body), b"x") + padded + ustar(name, size if size < 8 ** 11 else 0)


def read_exactly(file, length):
    content = file.read(length)
    require(len(content) == length, "it was cut short")
    return content


def read_seal(file):
    """The statement's bytes, and the signatures by key id."""
    first = file.read(BLOCK)
    size = int(first[124:135], 8) if re.fullmatch(rb"[0-7]{11}", first[124:135]) else 0
    require(first == header("sealift/seal.json", size), "it does not begin with a seal")
    require(SLOT * SLOTS < size <= SEAL_LIMIT, "the seal is too long or too short")
    seal = read_exactly(file, size)
    head, slots = seal[:-SLOT * SLOTS], seal[-SLOT * SLOTS:]
    statement = base64.b64decode(head[len(OPENING):].split(b'"')[0], validate=True)
    expected = OPENING + base64.b64encode(statement) + MIDDLE
    require(head == expected + b" " * (-len(expected) % BLOCK), "the seal is not in its one form")
    signatures = {}
    for envelope_signature in json.loads(seal)["signatures"]:
        signatures[envelope_signature["keyid"]] = base64.b64decode(envelope_signature["sig"], validate=True)
    expected = b""
    for number, (key, signature) in enumerate(signatures.items()):
        text = '{"keyid":"%s","sig":"%s"}' % (key, base64.b64encode(signature).decode())
        expected += (("," if number else "") + text).encode().ljust(SLOT)
    require(slots == expected.ljust(SLOT * SLOTS - 2) + b"]}", "the signatures are not in their one form")
    require(all(re.fullmatch("[0-9a-f]{64}", key) for key in signatures), "a key id is not a fingerprint")
    return statement, signatures


def no_duplicates(pairs):
    require(len(dict(pairs)) == len(pairs), "a member appears twice")
    return dict(pairs)


def read_inventory(statement):
    parsed = json.loads(statement, object_pairs_hook=no_duplicates)
    require(isinstance(parsed, dict), "the statement is not an object")
    kind, number = str(parsed.get("predicateType")), "(0|[1-9][0-9]*)"
    major = re.fullmatch("sealift:inventory/v" + number, kind)
    require(not major or int(major[1]) <= 1, f"{kind} is newer than this reader")
    require(parsed.get("_type") == "https://in-toto.io/Statement/v1", "what is signed is not an in-toto statement 1")
    require(kind == "sealift:inventory/v1", f"what is signed is not an inventory, but {kind}")
    inventory = parsed["predicate"]
    version = re.fullmatch(number + r"\." + number, str(inventory.get("formatVersion")))
    require(version, "the format version is not a version")
    major, minor = int(version[1]), int(version[2])
    require(major <= 1, f"format version {major} is newer than this reader")
    require(major == 1 and minor < 2 ** 32, "the format version is not a version")
    canonical = json.dumps(parsed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    require(minor > 0 or canonical == statement, "the statement is not canonical")
    entries = inventory["entries"]
    absent = [entry["name"] for entry in entries if entry.get("absent")]
    require(not absent or "base" in inventory, "something is absent, and nothing says why")
    require(all(name.startswith("blobs/") for name in absent), "something is absent that is not a blob")
    names = [entry["name"] for entry in entries]
    require(len(set(names)) == len(names), "a name appears twice")
    require(all(ENTRY_NAME.fullmatch(name) and len(name) <= 1024 for name in names), "a name does not follow the format")
    tuf = [name for name in names if name.startswith("sealift/tuf/")]
    blobs = [name for name in names if name.startswith("blobs/")]
    require(names == ["oci-layout", "index.json"] + sorted(tuf) + blobs, "the entries are not in order")
    folders = {name[:at] for name in tuf for at, letter in enumerate(name) if letter == "/"}
    require(not folders & set(tuf), "a name is both a file's and a folder's")
    lists = [[repository["name"] for repository in inventory["repositories"]]]
    lists += [image["platforms"] for image in images(inventory)]
    lists += [listed for image in images(inventory) for listed in image.get("leftOut", {}).values()]
    choices = [it["referrerChoice"] for it in [*inventory["items"], *images(inventory)] if "referrerChoice" in it]
    lists += [choice["kinds"] for choice in choices]
    require(all(texts == sorted(set(texts)) for texts in lists), "repositories, platforms or kinds are not sorted")
    for entry in entries:
        algorithm, digest = entry["digest"].split(":")
        blob = entry["name"].startswith("blobs/")
        fits = entry["name"] == f"blobs/{algorithm}/{digest}" if blob else algorithm == "sha256"
        require(fits, f"{entry['name']} does not have the digest in its name")
    sizes = {entry["digest"]: entry["size"] for entry in entries if entry["name"].startswith("blobs/")}
    check_files(inventory)
    for descriptor in descriptors(inventory):
        require(sizes.get(descriptor["digest"]) == descriptor["size"], f"{descriptor['digest']} is named but not listed")
    return inventory


def images(inventory):
    for item in inventory["items"]:
        if item["kind"] != "file":
            yield from item["parts"] if item["kind"] == "bundle" else [item]


def check_files(inventory):
    """Plain files: their names and digests, and that none is in another's way."""
    require(all(item["kind"] in ("bundle", "image", "file") for item in inventory["items"]), "an item is of an unknown kind")
    files = [item for item in inventory["items"] if item["kind"] == "file"]
    require(len(files) <= 10000, "there are too many files")
    for file in files:
        name, digests = file["reference"], [file["descriptor"]["digest"], file.get("sha512", "sha512:")]
        require(name.startswith("file:/") and len(name.encode()) <= 1024, f"{name} is not the name of a file")
        parts = name[len("file:/"):].split("/")
        require(all(part not in ("", ".", "..") and len(part.encode()) <= 255 for part in parts), f"{name} leads elsewhere")
        require(not any(unicodedata.category(it) == "Cc" or it == "\\" for it in name), f"{name} has an odd character")
        require([it.split(":")[0] for it in digests] == ["sha256", "sha512"], f"{name} has other digests")
        require(file["descriptor"]["mediaType"] == "application/octet-stream", f"{name} has a media type of its own")
    paths = [file["reference"][len("file:/"):].casefold() for file in files]
    require(len(set(paths)) == len(paths), "two files have one path")
    folders = {path[:at] for path in paths for at, letter in enumerate(path) if letter == "/"}
    require(not folders & set(paths), "a file is in the folder that another one is")


def descriptors(inventory):
    for item in inventory["items"]:
        yield item["descriptor"]
        if "thickBundle" in item:
            yield item["thickBundle"]["descriptor"]
        if "index" in item:
            yield item["index"]
        yield from beside(item)
    for image in images(inventory):
        yield image["descriptor"]
        yield from beside(image)


def beside(item):
    yield from item.get("referrers", [])
    yield from (tagged["descriptor"] for tagged in item.get("tagged", []))


def read_entry(file, name, size, digest, other=None):
    expected = header(name, size)
    require(file.read(len(expected)) == expected, "the header is not the one that the inventory calls for")
    stated = [it.split(":") for it in (digest, other) if it]
    hashers = [hashlib.new(algorithm) for algorithm, _ in stated]
    remaining = size
    while remaining:
        piece = read_exactly(file, min(remaining, 1 << 17))
        for hasher in hashers:
            hasher.update(piece)
        remaining -= len(piece)
    found = [hasher.hexdigest() for hasher in hashers]
    require(found == [hexadecimal for _, hexadecimal in stated], "the content is not what the inventory says")
    require(not any(read_exactly(file, -size % BLOCK)), "the padding is not zeros")


def verify(statement, signatures, pem):
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_public_key(pem)
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    fingerprint = hashlib.sha256(der).hexdigest()
    require(fingerprint in signatures, f"key {fingerprint} did not sign")
    key.verify(signatures[fingerprint], b"DSSEv1 28 application/vnd.in-toto+json %d " % len(statement) + statement)
    return fingerprint


def main(arguments):
    pem = None
    if arguments[:1] == ["--key"]:
        pem = open(arguments[1], "rb").read()
        arguments = arguments[2:]
    (path,) = arguments
    file = sys.stdin.buffer if path == "-" else open(path, "rb")
    place = "sealift/seal.json"
    try:
        statement, signatures = read_seal(file)
        for key in signatures:
            print(f"claims to be signed by key {key}")
        if pem:  # unsigned bytes are not read
            print(f"verified: signed by key {verify(statement, signatures, pem)}")
        inventory = read_inventory(statement)
        print(f"claims to be exported at {inventory['exportedAt']}")
        others = {item["descriptor"]["digest"]: item["sha512"] for item in inventory["items"] if "sha512" in item}
        for entry in inventory["entries"]:
            place = entry["name"]
            if entry.get("absent"):
                print(f"{'absent':>12}  {entry['name']}")
                continue
            read_entry(file, entry["name"], entry["size"], entry["digest"], others.get(entry["digest"]))
            print(f"{entry['size']:>12}  {entry['name']}")
        place = "the end"
        require(file.read(2 * BLOCK + 1) == bytes(2 * BLOCK), "the archive does not end where it should")
    except Exception as error:  # whatever is wrong, the bytes are refused
        sys.exit(f"refused at {place}: {type(error).__name__}: {error}")
    carried = [entry for entry in inventory["entries"] if not entry.get("absent")]
    print(f"{len(carried)} entries, every digest right")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Makes the worked example of docs/format.md from the document alone: from what it says is in it, and from its rules.

Usage: from_the_document.py FORMAT.md > ARCHIVE
"""

import base64
import hashlib
import json
import re
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

text = open(sys.argv[1], encoding="utf-8").read()
example = text[text.index("\n## Worked example\n"):text.index("\n## References\n")]
listed = example[example.index("### What is in it"):example.index("### Where everything lies")]
contents = {name: content.encode() for name, content in re.findall(r"^`(.*)`:\n\n    (.*)\n", listed, re.M)}
zeros = bytes(int(re.search(r"(\d+) zeros: an empty tar file", listed)[1]))
sha256 = lambda content: hashlib.sha256(content).hexdigest()
blob = lambda content: f"blobs/sha256/{sha256(content)}"
contents[blob(zeros)] = zeros


def ustar(name, size, typeflag=b"0"):
    fields = [(name.encode()[:100], 100), (b"0000644\0", 8), (b"0000000\0", 8), (b"0000000\0", 8), (b"%011o\0" % size, 12)]
    fields += [(b"%011o\0" % 0, 12), (b" " * 8, 8), (typeflag, 1), (b"", 100), (b"ustar\0", 6), (b"00", 2), (b"", 247)]
    block = b"".join(value.ljust(length, b"\0") for value, length in fields)
    return block[:148] + b"%07o\0" % sum(block) + block[156:]


def record(name, content):
    padded = content + bytes(-len(content) % 512)
    if len(name) <= 100:
        return ustar(name, len(content)) + padded
    pair = f" path={name}\n"
    length = next(n for n in range(1, 2000) if n == len(str(n)) + len(pair))
    body = f"{length}{pair}".encode()
    return ustar("sealift/pax", len(body), b"x") + body + bytes(-len(body) % 512) + ustar(name, len(content)) + padded


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def described(content, media_type):
    return {"digest": "sha256:" + sha256(content), "mediaType": media_type, "size": len(content)}


documents = {name: json.loads(content) for name, content in contents.items() if content.startswith(b"{")}
bundle = next(contents[name] for name, value in documents.items() if "invocationImages" in value)
manifest = next(contents[name] for name, value in documents.items() if "layers" in value)
index = json.loads(contents["index.json"])
image = {"reference": json.loads(bundle)["invocationImages"][0]["image"], "kind": "invocation", "referrers": [],
         "complete": "allPlatforms", "platforms": [],
         "descriptor": described(manifest, index["manifests"][0]["mediaType"])}
# What a person chooses: the names, the time, the program.
statement = canonical({
    "_type": "https://in-toto.io/Statement/v1", "predicateType": "sealift:inventory/v1",
    "subject": [{"name": "example.com/shop:1.4", "digest": {"sha256": sha256(bundle)}}],
    "predicate": {
        "formatVersion": "1.0", "exportedAt": "2026-01-02T03:04:05Z", "exporter": {"name": "example", "version": "1.0"},
        "repositories": [{"name": "main"}],
        "items": [{"kind": "bundle", "reference": "example.com/shop:1.4", "target": {"name": "example.com/shop:1.4"},
                     "descriptor": described(bundle, "application/json"), "parts": [image]}],
        "entries": [{"name": name, "size": len(content), "digest": "sha256:" + sha256(content)}
                    for name, content in contents.items()]}})
key = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
fingerprint = sha256(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
signature = key.sign(b"DSSEv1 28 application/vnd.in-toto+json %d " % len(statement) + statement)
head = b'{"payload":"' + base64.b64encode(statement) + b'","payloadType":"application/vnd.in-toto+json","signatures":['
slot = b'{"keyid":"%s","sig":"%s"}' % (fingerprint.encode(), base64.b64encode(signature))
seal = head + b" " * (-len(head) % 512) + slot.ljust(16 * 256 - 2) + b"]}"
archive = record("sealift/seal.json", seal) + b"".join(record(*entry) for entry in contents.items()) + bytes(1024)
sys.stdout.buffer.write(archive)

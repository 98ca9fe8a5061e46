"""Prints the length of the receipt of many images, as `docs/receipt.md` fixes its form and `sealift` writes it, and what it unpacks to.

Usage: receipt_size.py [IMAGES] [LAYERS OF ITS OWN] [BASE IMAGES] [LAYERS OF A BASE]; 300, 5, 20 and 3 without arguments.
"""

import base64
import gzip
import hashlib
import json
import sys

images, own, bases, shared = (int(it) for it in (sys.argv[1:] + [300, 5, 20, 3][len(sys.argv) - 1:]))


def digest(*of):
    return "sha256:" + hashlib.sha256(repr(of).encode()).hexdigest()


holds = []
for image in range(images):
    layers = [digest("own", image, at) for at in range(own)]
    # A base is listed for the first repository that has it.
    layers += [digest("base", image, at) for at in range(shared) if image < bases]
    holds.append({"blobs": sorted(layers), "name": f"mirror/registry.example.com/team-{image % 9}/service-{image:03}"})
statement = {
    "_type": "https://in-toto.io/Statement/v1",
    "predicate": {
        "holds": holds,
        "madeAt": "2026-01-03T08:00:00Z",
        "place": "registry.internal:5000/mirror",
        "site": "plant-7",
        "tuf": {"acme": {"floor": "2026-01-02T03:04:05Z", "versions": {"root": 3, "snapshot": 41, "targets": 41, "timestamp": 90}}},
    },
    "predicateType": "sealift:receipt/v1",
    "subject": [{"digest": {"sha256": digest(week)[7:]}, "name": "2026-01-02T03:04:05Z"} for week in range(52)],
}
payload = json.dumps(statement, separators=(",", ":")).encode()
envelope = {
    "payload": base64.b64encode(payload).decode(),
    "payloadType": "application/vnd.in-toto+json",
    "signatures": [{"keyid": digest("key")[7:], "sig": base64.b64encode(bytes(64)).decode()}],
}
receipt = json.dumps(envelope, separators=(",", ":")).encode() + b"\n"
layers = sum(len(it["blobs"]) for it in holds)
print(f"{images} images, {layers} layers: {len(gzip.compress(receipt, 9)):,} bytes, and {len(receipt):,} unpacked")

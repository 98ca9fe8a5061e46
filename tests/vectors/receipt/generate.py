#!/usr/bin/env python3
"""Makes receipts from docs/receipt.md alone: files, compressed files and lines, right ones and ones that are broken in one way.

    python generate.py            writes vectors.json beside this file; needs `cryptography`

Each vector has the bytes of a file in base64, and the verdict of a reader that has pinned the keys in `receivers`: `accepted`, with the digest of
the statement and what it holds; or why it is refused.
"""
import base64, gzip, hashlib, json, os, urllib.parse
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TYPE = "application/vnd.in-toto+json"
PLANT, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (7, 9))


def spki(key, encoding=Encoding.DER):
    return key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def statement(place="registry.internal:5000/mirror", site="plant-7", brief=False, archives=("week 2", "week 1"), **more):
    layers = ["sha256:" + it for it in sorted([digest("layer 1"), digest("layer 2")])]
    roles = {"root": 3, "snapshot": 41, "targets": 41, "timestamp": 90}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "predicate": {
            "holds": [] if brief else [{"blobs": layers, "name": "mirror/example.com/shop"}],
            "madeAt": "2026-01-03T08:00:00Z",
            "place": place,
            "site": site,
            "tuf": {} if brief else {"acme": {"floor": "2026-01-02T03:04:05Z", "versions": roles}},
            **more,
        },
        "predicateType": "sealift:receipt/v1",
        "subject": [{"digest": {"sha256": digest(it)}, "name": "2026-01-02T03:04:05Z"} for it in archives],
    }


def encoded(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode()


def signature(payload, key):
    return key.sign(b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(payload), payload))


def envelope(value, key=PLANT, changed=lambda payload: payload):
    payload = value if isinstance(value, bytes) else encoded(value)
    signed = {"keyid": hashlib.sha256(spki(key)).hexdigest(), "sig": base64.b64encode(signature(payload, key)).decode()}
    body = {"payload": base64.b64encode(changed(payload)).decode(), "payloadType": TYPE, "signatures": [signed]}
    return encoded(body) + b"\n"


def packed(content):
    return gzip.compress(content, 9, mtime=0)


def line(place="registry.internal:5000/mirror", key=PLANT, site="plant-7"):
    payload = encoded(statement(place, site, True, ["week 2"]))
    signed = base64.urlsafe_b64encode(signature(payload, key)).decode().rstrip("=")
    written = urllib.parse.quote(place, safe="/:~_.-")
    parts = ["sealift:receipt/v1", site, "2026-01-03T08:00:00Z", "2026-01-02T03:04:05Z", "sha256:" + digest("week 2"), written, signed]
    return ",".join(parts).encode()


FILE, LINE = envelope(statement()), line()
TEXT = LINE.decode()
SPACED = line("oci:/srv/all images, Wörk")
SHORT = statement(brief=True, archives=["week 2"])
LONG = FILE + b" " * ((16 << 20) - len(FILE))


def replaced(old, new, text=TEXT):
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1).encode()


def with_last_bits(text):
    """The same signature by a reader that ignores the last bits of its last character."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return (text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]).encode()


ACCEPTED = [
    ("a file that is compressed", packed(FILE), statement()),
    ("a file that is not compressed", FILE, statement()),
    ("a file without a line feed", FILE[:-1], statement()),
    ("a file with a name and a time in the header of its member", gzip.compress(FILE, 1, mtime=1_767_427_200), statement()),
    ("a file that lists no layers", packed(envelope(SHORT)), SHORT),
    ("a file that unpacks to the limit", packed(LONG), statement()),
    ("a line", LINE, SHORT),
    ("a line with a line feed", LINE + b"\n", SHORT),
    ("a line whose place has spaces, a comma and a letter outside ASCII", SPACED, statement("oci:/srv/all images, Wörk", brief=True, archives=["week 2"])),
]
CUT = packed(FILE)
REFUSED = [
    ("damaged", "an empty file", b""),
    ("damaged", "a member that is cut", CUT[:-1]),
    ("damaged", "a member with a wrong checksum", CUT[:-8] + bytes([CUT[-8] ^ 1]) + CUT[-7:]),
    ("damaged", "a member with a wrong length", CUT[:-1] + bytes([CUT[-1] ^ 1])),
    ("damaged", "a byte after the member", CUT + b"\n"),
    ("damaged", "two members", packed(FILE[:100]) + packed(FILE[100:])),
    ("damaged", "a member in a member", packed(CUT)),
    ("damaged", "a line in a member", packed(LINE)),
    ("damaged", "a file that unpacks to a byte more than the limit", packed(LONG + b" ")),
    ("damaged", "a statement with a member that is not known", packed(envelope(statement(more=1)))),
    ("damaged", "a statement that confirms nothing", packed(envelope(statement(archives=[])))),
    ("damaged", "a statement that confirms too many archives", packed(envelope(statement(archives=["week"] * 1_001)))),
    ("damaged", "a place with a control character", packed(envelope(statement("a\tb")))),
    ("damaged", "a statement that is not JSON", packed(envelope(b"{"))),
    ("damaged", "a place in a line with a control character", line("a\tb")),
    ("damaged", "a place in a line that is empty", line("")),
    ("damaged", "a place in a line that is too long", line("a" * 1_025)),
    ("damaged", "a line with two line feeds", LINE + b"\n\n"),
    ("damaged", "a line that ends as on Windows", LINE + b"\r\n"),
    ("damaged", "a line that was wrapped", LINE[:100] + b"\n" + LINE[100:]),
    ("damaged", "a line that begins with a space", b" " + LINE),
    ("damaged", "a line that is cut within its signature", LINE[:-1]),
    ("damaged", "a line without its signature", LINE[:LINE.rindex(b",")]),
    ("damaged", "a line with a part more", LINE + b",a"),
    ("damaged", "a line of another version", replaced("receipt/v1", "receipt/v2")),
    ("damaged", "a line whose signature has other last bits", with_last_bits(TEXT)),
    ("damaged", "a line whose signature is padded", LINE + b"=="),
    ("damaged", "a line with a time that is written in another way", replaced("08:00:00Z", "09:00:00+01:00")),
    ("damaged", "a line with a time of parts of a second that are zero", replaced("08:00:00Z", "08:00:00.0Z")),
    ("damaged", "a line with a digest in capitals", replaced(digest("week 2"), digest("week 2").upper())),
    ("damaged", "a line that encodes what is written as it is", replaced("registry.internal", "registry%2Einternal")),
    ("damaged", "a line that encodes in small letters", SPACED.replace(b"%2C", b"%2c")),
    ("damaged", "a line with a space in its place", SPACED.replace(b"%20", b" ")),
    ("damaged", "a line whose place is not UTF-8", replaced("registry.internal", "%FF")),
    ("unknown-receiver", "a file that another key signed", packed(envelope(statement(), OTHER))),
    ("unknown-site", "a line of a site whose key is not pinned", line(site="plant-8")),
    ("other-site", "a file of a site that signs under another name", packed(envelope(statement(site="plant-8")))),
    ("forged", "a file whose place was changed", packed(envelope(statement(), changed=lambda it: it.replace(b"internal", b"external")))),
    ("forged", "a file that was changed and is not JSON any more", packed(envelope(statement(), changed=lambda it: b"{"))),
    ("forged", "a line that another key signed", line(key=OTHER)),
    ("forged", "a line whose place was changed", replaced("internal", "external")),
    ("forged", "a line with a later time", replaced("2026-01-03", "2026-01-04")),
    ("forged", "a line with another digest", replaced(digest("week 2"), digest("week 3"))),
    ("forged", "a line with another time of the export", replaced("03:04:05Z", "03:04:06Z")),
    ("forged", "a line whose signature is of no length", LINE[:LINE.rindex(b",") + 1]),
]


def accepted(name, file, value):
    return {"name": name, "file": base64.b64encode(file).decode(), "verdict": "accepted", "statement": hashlib.sha256(encoded(value)).hexdigest(),
            "archives": len(value["subject"]), "layers": sum(len(it["blobs"]) for it in value["predicate"]["holds"]), "place": value["predicate"]["place"]}


if __name__ == "__main__":
    vectors = [accepted(*it) for it in ACCEPTED]
    vectors += [{"name": name, "file": base64.b64encode(file).decode(), "verdict": verdict} for verdict, name, file in REFUSED]
    result = {"receivers": {"plant-7": spki(PLANT, Encoding.PEM).decode()}, "vectors": vectors}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1, ensure_ascii=False)
        file.write("\n")

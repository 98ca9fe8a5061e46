#!/usr/bin/env python3
"""Writes vectors.json: OpenPGP keys and signatures made by GnuPG and read by securesystemslib, with expected verdicts.

Needs `gpg` (2.2 or later) and the Python package `securesystemslib`. Every run makes new keys. Each vector fails for one
reason, and names the class of failure; where securesystemslib has a verdict of its own, it is recorded beside ours.

    python3 tests/vectors/openpgp/generate.py
"""

import copy
import json
import os
import pathlib
import subprocess
import tempfile

HOME = tempfile.mkdtemp(prefix="gnupg-")
os.environ["GNUPGHOME"] = HOME
os.environ["GNUPG"] = "gpg"

from securesystemslib._gpg import common, functions  # noqa: E402
from securesystemslib._gpg.exceptions import KeyExpirationError  # noqa: E402

MADE = "20260101T000000"
SIGNED = "20260102T000000"
JUDGED = "2026-02-01T00:00:00Z"
MESSAGE = b'{"_type":"link","name":"build"}'


def gpg(*arguments, data=None, time=MADE):
    command = ["gpg", "--batch", "--quiet", "--yes", "--faked-system-time", time, "--pinentry-mode", "loopback",
               "--passphrase", "", *arguments]
    return subprocess.run(command, input=data, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


def make(name, algorithm, usage="sign,cert", expire="0"):
    user_id = f"{name} <{name}@example.com>"
    gpg("--quick-generate-key", user_id, algorithm, usage, expire)
    listing = gpg("--list-keys", "--with-colons", user_id).decode()
    return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr")).lower()


def add_subkey(primary, algorithm, usage="sign", expire="0"):
    before = fingerprints(primary)
    gpg("--quick-add-key", primary.upper(), algorithm, usage, expire)
    return next(fingerprint for fingerprint in fingerprints(primary) if fingerprint not in before)


def fingerprints(primary):
    listing = gpg("--list-keys", "--with-colons", primary.upper()).decode()
    return [line.split(":")[9].lower() for line in listing.splitlines() if line.startswith("fpr")]


def sign(key, *options, message=MESSAGE, time=SIGNED):
    return gpg("--detach-sign", "--digest-algo", "SHA256", "--local-user", key.upper() + "!", *options,
               data=message, time=time)


def as_json(packet):
    signature = common.parse_signature_packet(packet, supported_signature_types={0x00, 0x01},
                                              supported_hash_algorithms={0x02, 0x08, 0x0A})
    signature.pop("short_keyid", None)
    return signature


def certificate(key, *options):
    return gpg("--armor", "--export", *options, key.upper()).decode()


def exported(key):
    return common.get_pubkey_bundle(gpg("--export", key.upper()), key)


def reference(key, signature, message):
    """What securesystemslib says: its clock is the day of generation, so expiry is left to the test."""
    try:
        valid = functions.verify_signature(copy.deepcopy(signature), key, message)
        return "valid" if valid else "refused"
    except KeyExpirationError:
        return "expired"
    except Exception as error:  # The reference raises many kinds.
        return f"error: {type(error).__name__}"


VECTORS = []


def vector(name, key, signature, expect, message=MESSAGE, at=JUDGED):
    VECTORS.append({
        "name": name,
        "key": key,
        "signature": signature,
        "message": message.decode(),
        "at": at,
        "expect": expect,
        "securesystemslib": reference(key, signature, message),
    })


def changed(document, path, value):
    document = copy.deepcopy(document)
    *parents, last = path
    target = document
    for parent in parents:
        target = target[parent]
    target[last] = value
    return document


def flip(hexadecimal, index=-1):
    data = bytearray.fromhex(hexadecimal)
    data[index] ^= 1
    return data.hex()


rsa, dsa, eddsa = make("rsa", "rsa2048"), make("dsa", "dsa2048"), make("eddsa", "ed25519")
dsa_3072 = make("dsa-3072", "dsa3072")
# securesystemslib reads neither subkeys nor expiry of a key whose packets have lengths of one octet, as EdDSA's have:
# what needs them in JSON is RSA or DSA.
family = make("family", "rsa2048", usage="cert")
family_one, family_two = add_subkey(family, "rsa2048"), add_subkey(family, "rsa2048")
family_three = add_subkey(family, "dsa2048")
family_encrypts = add_subkey(family, "rsa2048", usage="encr")
small = make("small", "ed25519", usage="cert")
small_one = add_subkey(small, "ed25519")
short_lived = make("short-lived", "rsa2048", expire="20260115T000000")
parent = make("parent", "rsa2048")
short_lived_subkey = add_subkey(parent, "rsa2048", expire="20260115T000000")
weak = make("weak", "rsa1024")
weak_dsa = make("weak-dsa", "dsa1024")
revoked = make("revoked", "ed25519")

for name, key in {"rsa": rsa, "dsa": dsa, "dsa-3072": dsa_3072, "eddsa": eddsa}.items():
    public, good = exported(key), as_json(sign(key))
    vector(f"{name}: a good signature", public, good, "valid")
    vector(f"{name}: another message", public, good, "BadSignature", message=MESSAGE + b" ")
    vector(f"{name}: a changed signature", public, changed(good, ["signature"], flip(good["signature"])), "BadSignature")
    # The last octet of the headers of gpg is of the signature's creation time.
    headers = flip(good["other_headers"])
    vector(f"{name}: changed headers", public, changed(good, ["other_headers"], headers), "BadSignature")
    sha512 = as_json(sign(key, "--digest-algo", "SHA512"))
    vector(f"{name}: SHA-512", public, sha512, "UnsupportedHash")
    text = as_json(sign(key, "--textmode"))
    vector(f"{name}: a signature over text", public, text, "SignatureType")

rsa_key, rsa_signature = exported(rsa), as_json(sign(rsa))
eddsa_key, eddsa_signature = exported(eddsa), as_json(sign(eddsa))
vector("another key's signature", rsa_key, eddsa_signature, "NotThisKey")
other = changed(eddsa_signature, ["keyid"], rsa)
vector("another algorithm's signature under this key's id", rsa_key, other, "AlgorithmMismatch")
second_rsa = make("second-rsa", "rsa2048")
other = changed(as_json(sign(second_rsa)), ["keyid"], rsa)
vector("another issuer's signature under this key's id", rsa_key, other, "IssuerMismatch")
vector("a header cut short", rsa_key, changed(rsa_signature, ["other_headers"], rsa_signature["other_headers"][:-2]),
       "Packet")
vector("a header with more behind it", rsa_key, changed(rsa_signature, ["other_headers"],
                                                        rsa_signature["other_headers"] + "00"), "Packet")
vector("version 3", rsa_key, changed(rsa_signature, ["other_headers"], "03" + rsa_signature["other_headers"][2:]),
       "UnsupportedVersion")
vector("a header that is not hexadecimal", rsa_key, changed(rsa_signature, ["other_headers"], "zz"), "Field")
vector("a changed creation time", changed(rsa_key, ["creation_time"], rsa_key["creation_time"] + 1), rsa_signature,
       "KeyIdMismatch")
vector("changed key material", changed(rsa_key, ["keyval", "public", "n"], flip(rsa_key["keyval"]["public"]["n"])),
       rsa_signature, "KeyIdMismatch")
vector("another key id", changed(rsa_key, ["keyid"], eddsa), rsa_signature, "KeyIdMismatch")
vector("a method of another type", changed(rsa_key, ["method"], "pgp+eddsa-ed25519"), rsa_signature,
       "UnsupportedMethod")
without_time = copy.deepcopy(rsa_key)
del without_time["creation_time"]
vector("without a creation time the key id is a label", without_time, rsa_signature, "valid")
vector("a validity period without a creation time", {**without_time, "validity_period": 1}, rsa_signature, "Field")
vector("a signature that expired", rsa_key, as_json(sign(rsa, "--default-sig-expire", "20260110T000000")),
       "SignatureExpired")
vector("a signature that will expire", rsa_key, as_json(sign(rsa, "--default-sig-expire", "20260301T000000")), "valid")
vector("an RSA key of 1024 bits", exported(weak), as_json(sign(weak)), "KeySize")
vector("a DSA key of 1024 bits", exported(weak_dsa), as_json(sign(weak_dsa)), "KeySize")
vector("a critical notation", rsa_key, as_json(sign(rsa, "--sig-notation", "!build@example.com=1")),
       "CriticalSubpacket")
vector("a notation", rsa_key, as_json(sign(rsa, "--sig-notation", "build@example.com=1")), "valid")

family_key = exported(family)
vector("the first subkey", family_key, as_json(sign(family_one)), "valid")
vector("the second subkey", family_key, as_json(sign(family_two)), "valid")
alone = copy.deepcopy(family_key)
del alone["subkeys"][family_one]
vector("a subkey that the key does not list", alone, as_json(sign(family_one)), "NotThisKey")
misnamed = copy.deepcopy(family_key)
misnamed["subkeys"][rsa] = misnamed["subkeys"].pop(family_one)
vector("a subkey listed under another name", misnamed, as_json(sign(family_one)), "Field")

short_key, short_signature = exported(short_lived), as_json(sign(short_lived))
vector("before the key expires", short_key, short_signature, "valid", at="2026-01-14T23:59:59Z")
vector("the moment the key expires", short_key, short_signature, "KeyExpired", at="2026-01-15T00:00:00Z")
vector("after the key expired, though signed before", short_key, short_signature, "KeyExpired")
parent_key, subkey_signature = exported(parent), as_json(sign(short_lived_subkey))
vector("before the subkey expires", parent_key, subkey_signature, "valid", at="2026-01-10T00:00:00Z")
vector("after the subkey expired", parent_key, subkey_signature, "KeyExpired")
vector("the primary key outlives the subkey", parent_key, as_json(sign(parent)), "valid")
expired_parent = changed(parent_key, ["validity_period"], 9 * 24 * 3600)
vector("a subkey expires with its primary key", expired_parent, subkey_signature, "KeyExpired",
       at="2026-01-12T00:00:00Z")

CERTIFICATES = []


def file(name, armored, expect, signatures=()):
    CERTIFICATES.append({
        "name": name,
        "certificate": armored,
        "expect": expect,
        "at": JUDGED,
        "message": MESSAGE.decode(),
        "signatures": [{"signature": signature, "expect": verdict} for signature, verdict in signatures],
    })


def armored(data):
    return subprocess.run(["gpg", "--enarmor"], input=data, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout.decode().replace("ARMORED FILE", "PUBLIC KEY BLOCK")


for name, key in {"rsa": rsa, "dsa": dsa, "eddsa": eddsa}.items():
    file(name, certificate(key), "valid", [(as_json(sign(key)), "valid")])
file("family", certificate(family), "valid", [
    (as_json(sign(family_one)), "valid"),
    (as_json(sign(family_two)), "valid"),
    (as_json(sign(family_three)), "valid"),
    ({**as_json(sign(family_two)), "keyid": family}, "NotForSigning"),
    ({**as_json(sign(family_two)), "keyid": family_encrypts}, "NotThisKey"),
])
file("a small family", certificate(small), "valid", [(as_json(sign(small_one)), "valid")])
file("an expired key", certificate(short_lived), "valid", [(short_signature, "KeyExpired")])
file("an expired subkey", certificate(parent), "valid",
     [(subkey_signature, "KeyExpired"), (as_json(sign(parent)), "valid")])
file("two keys", armored(gpg("--export", rsa.upper()) + gpg("--export", eddsa.upper())), "UnexpectedPacket")
wrong_sum = "\n".join("=AAAA" if line.startswith("=") else line for line in certificate(eddsa).splitlines())
file("a wrong checksum", wrong_sum, "Armor")
file("a private key's label", certificate(eddsa).replace("PUBLIC", "PRIVATE"), "Armor")
file("cut short", armored(gpg("--export", eddsa.upper())[:-1]), "Packet")

packets = gpg("--export", eddsa.upper())
file("no user id at all", armored(packets[: 2 + packets[1]]), "NoSelfSignature")
weakly = make("weakly", "rsa2048")
strong = gpg("--export", weakly.upper())
gpg("--cert-digest-algo", "SHA1", "--quick-add-uid", weakly.upper(), "sha1@example.com", time=SIGNED)
gpg("--quick-revoke-uid", weakly.upper(), "weakly <weakly@example.com>", time=SIGNED)
file("only a SHA-1 self-signature left", certificate(weakly), "NoSelfSignature")

# A subkey taken from one key and put behind another.
stolen = gpg("--export", parent.upper())
position = 0
parts = []
while position < len(stolen):
    _, _, _, length = common.gpg_util.parse_packet_header(stolen[position:])
    parts.append(stolen[position: position + length])
    position += length
file("another key's subkey", armored(packets + b"".join(parts[3:])), "valid", [(subkey_signature, "NotThisKey")])

revocation = (pathlib.Path(HOME) / "openpgp-revocs.d" / f"{revoked.upper()}.rev").read_text()
before = certificate(revoked)
gpg("--import", data=revocation.replace(":-----BEGIN", "-----BEGIN").encode())
file("a key", before, "valid")
file("the same key, revoked", certificate(revoked), "Revoked")

OUT = pathlib.Path(__file__).with_name("vectors.json")
OUT.write_text(json.dumps({"signatures": VECTORS, "certificates": CERTIFICATES}, indent=1, sort_keys=True) + "\n")
subprocess.run(["gpgconf", "--kill", "all"], check=False)
for entry in VECTORS:
    ours, theirs = entry["expect"], entry["securesystemslib"]
    if (ours == "valid") != (theirs == "valid"):
        print(f"securesystemslib differs: {entry['name']}: {ours} here, {theirs} there")
print(f"{len(VECTORS)} signatures, {len(CERTIFICATES)} certificates")

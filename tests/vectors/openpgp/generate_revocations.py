#!/usr/bin/env python3
"""Writes revocations.json: key files of GnuPG with revocations in every place, with expected verdicts.

Needs `gpg` (2.2 or later). Every run makes new keys. Beside the verdict that is expected here stands what gpg itself says of
the same file: whether the key is revoked, and which of its subkeys are.

    python3 tests/vectors/openpgp/generate_revocations.py
"""

import base64
import json
import os
import pathlib
import subprocess
import tempfile

HOME = tempfile.mkdtemp(prefix="gnupg-")
MADE = "20260101T000000"
REVOKED = "20260102T000000"


def gpg(*arguments, data=None, time=MADE, home=HOME, check=True):
    command = ["gpg", "--homedir", home, "--batch", "--quiet", "--yes", "--faked-system-time", time,
               "--pinentry-mode", "loopback", "--passphrase", "", *arguments]
    return subprocess.run(command, input=data, check=check, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


def edit(key, *lines, options=(), time=REVOKED):
    script = "".join(f"{line}\n" for line in lines).encode()
    command = ["gpg", "--homedir", HOME, "--no-batch", "--quiet", "--yes", "--no-tty", "--faked-system-time", time,
               "--pinentry-mode", "loopback", "--passphrase", "", "--command-fd", "0", *options, "--edit-key", key]
    subprocess.run(command, input=script, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def listed(kind, key=None, home=HOME):
    listing = gpg("--list-keys", "--with-colons", "--with-fingerprint", "--with-fingerprint", *([key] if key else []),
                  home=home, check=False).decode()
    found, waiting = [], None
    for line in listing.splitlines():
        fields = line.split(":")
        if fields[0] in ("pub", "sub"):
            waiting = fields
        elif fields[0] == "fpr" and waiting:
            if waiting[0] == kind:
                found.append((fields[9].lower(), waiting[1]))
            waiting = None
    return found


def make(name, algorithm="ed25519"):
    gpg("--quick-generate-key", f"{name} <{name}@example.com>", algorithm, "sign,cert", "0")
    return listed("pub", name)[0][0].upper()


def dearmor(text):
    return gpg("--dearmor", data=text)


def packets(data):
    """The packets of a file, each with its header; only the lengths that gpg writes."""
    parts, position = [], 0
    while position < len(data):
        first = data[position]
        width = 1 << (first & 3)
        length = int.from_bytes(data[position + 1: position + 1 + width], "big")
        end = position + 1 + width + length
        parts.append(data[position:end])
        position = end
    return parts


def is_signature(packet, kind=None):
    if (packet[0] >> 2) & 15 != 2:
        return False
    body = packet[1 + (1 << (packet[0] & 3)):]
    return kind is None or body[1] == kind


def says_gpg(data):
    home = tempfile.mkdtemp(prefix="gnupg-")
    gpg("--import", data=data, home=home, check=False, time=REVOKED)
    key = listed("pub", home=home)
    return {"key": key[0][1] == "r" if key else None, "subkeys": sorted(f for f, v in listed("sub", home=home) if v == "r")}


CASES = []


def case(name, parts, expect, subkeys=None):
    """`subkeys`: those that are left, where the key is valid."""
    data = b"".join(parts)
    CASES.append({
        "name": name,
        "file": base64.b64encode(data).decode(),
        "expect": expect,
        "subkeys": sorted(subkeys) if subkeys is not None else None,
        "gpg": says_gpg(data),
    })


def revocation_of(key, *options):
    """A revocation of the whole key, as `gpg --gen-revoke` makes it."""
    command = ["gpg", "--homedir", HOME, "--no-batch", "--quiet", "--yes", "--no-tty", "--faked-system-time", REVOKED,
               "--pinentry-mode", "loopback", "--passphrase", "", "--command-fd", "0", *options, "--gen-revoke", key]
    made = subprocess.run(command, input=b"y\n0\n\ny\n", check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return dearmor(made.stdout)


def changed(packet):
    return packet[:-1] + bytes([packet[-1] ^ 1])


for algorithm in ["ed25519", "rsa2048", "dsa2048"]:
    key = make(f"whole-{algorithm}", algorithm)
    gpg("--quick-add-uid", key, "second@example.com")
    for _ in range(2):
        gpg("--quick-add-key", key, "ed25519", "sign", "0")
    subkeys = [fingerprint for fingerprint, _ in listed("sub", key)]
    whole = packets(gpg("--export", key))
    case(f"{algorithm}: not revoked", whole, "valid", subkeys)
    revocation = revocation_of(key)
    places = range(1, len(whole) + 1) if algorithm == "ed25519" else [1, len(whole)]
    for place in places:
        case(f"{algorithm}: revoked, after packet {place}", whole[:place] + [revocation] + whole[place:], "Revoked")

    if algorithm != "dsa2048":
        sha1 = revocation_of(key, "--cert-digest-algo", "SHA1", "--allow-weak-key-signatures")
        case(f"{algorithm}: revoked with SHA-1, at the end", whole + [sha1], "Revoked")

    other = make(f"other-{algorithm}", algorithm)
    case(f"{algorithm}: another key's revocation", whole + [revocation_of(other)], "RevocationNotChecked")
    for place in [1, len(whole)]:
        parts = whole[:place] + [changed(revocation)] + whole[place:]
        case(f"{algorithm}: a revocation that does not verify, after packet {place}", parts, "RevocationNotChecked")
    width = 1 + (1 << (revocation[0] & 3))
    for what, octet, number in [("hash RIPEMD-160", 3, 3), ("algorithm ECDSA", 2, 19), ("algorithm 99", 2, 99)]:
        unknown = revocation[:width + octet] + bytes([number]) + revocation[width + octet + 1:]
        case(f"{algorithm}: a revocation of {what}", whole + [unknown], "RevocationNotChecked")
    for version in [3, 5]:
        old = revocation[:width] + bytes([version]) + (b"\x05" if version == 3 else b"") + revocation[width + 1:]
        # The length in the header grows with the octet.
        old = bytes([0x89]) + (len(old) - width).to_bytes(2, "big") + old[width:]
        case(f"{algorithm}: a revocation of version {version}", whole + [old], "RevocationNotChecked")
    case(f"{algorithm}: a valid revocation beside one that is not", whole + [changed(revocation), revocation], "Revoked")
    another = packets(gpg("--export", other))
    case(f"{algorithm}: a second key", whole + another, "UnexpectedPacket")
    case(f"{algorithm}: a second key, and the first one's revocation", whole + another + [revocation], "UnexpectedPacket")
    case(f"{algorithm}: a subkey's binding at another subkey", whole[:-1] + [whole[-3]], "Misplaced")
    first_self_signature = next(packet for packet in whole if is_signature(packet))
    case(f"{algorithm}: a user id's self-signature at the end", whole + [first_self_signature], "Misplaced")
    case(f"{algorithm}: a user id's self-signature at another user id",
         [whole[0], whole[1], *whole[2:5], first_self_signature, *whole[5:]], "Misplaced")

    edit(key, "key 1", "revkey", "y", "0", "", "y", "save")
    one_revoked = packets(gpg("--export", key))
    [of_subkey] = [packet for packet in one_revoked if is_signature(packet, 0x28)]
    [gone] = [fingerprint for fingerprint, validity in listed("sub", key) if validity == "r"]
    left = [subkey for subkey in subkeys if subkey != gone]
    case(f"{algorithm}: a revoked subkey", one_revoked, "valid", left)
    for place in range(1, len(whole) + 1):
        parts = whole[:place] + [of_subkey] + whole[place:]
        case(f"{algorithm}: a revoked subkey, after packet {place}", parts, "valid", left)
    at = one_revoked.index(of_subkey)
    twice = one_revoked + [one_revoked[at - 1], *[packet for packet in one_revoked[at + 1: at + 2]]]
    case(f"{algorithm}: a revoked subkey, and the same again without its revocation", twice, "valid", left)
    case(f"{algorithm}: a subkey's revocation that does not verify", whole + [changed(of_subkey)], "RevocationNotChecked")
    case(f"{algorithm}: a revocation of a subkey that is not there", whole[:-4] + [of_subkey], "RevocationNotChecked")

    gpg("--quick-revoke-uid", key, "second@example.com", time=REVOKED)
    uid_revoked = packets(gpg("--export", key))
    [of_user_id] = [packet for packet in uid_revoked if is_signature(packet, 0x30)]
    case(f"{algorithm}: a revoked user id", uid_revoked, "valid", left)
    case(f"{algorithm}: a revoked user id, at the end", whole + [of_user_id], "valid", subkeys)
    # What is left of a key with one user id says nothing once that is revoked.
    second = next(index for index, packet in enumerate(whole) if b"second@example.com" in packet)
    single = [whole[0], whole[second], whole[second + 1], *whole[5:]]
    case(f"{algorithm}: the only user id, revoked at the end", single + [of_user_id], "NoSelfSignature")
    case(f"{algorithm}: a user id's revocation that does not verify", whole + [changed(of_user_id)],
         "RevocationNotChecked")

# A designated revoker's revocation counts for gpg where it has the revoker's key; here no other key is known.
owner, revoker = make("owner"), make("revoker")
edit(owner, "addrevoker", revoker, "y", "save")
granted = packets(gpg("--export", owner))
case("with a designated revoker", granted, "valid", [])
designated = ["gpg", "--homedir", HOME, "--no-batch", "--quiet", "--yes", "--no-tty", "--faked-system-time", REVOKED,
              "--pinentry-mode", "loopback", "--passphrase", "", "--command-fd", "0", "--desig-revoke", owner]
made = subprocess.run(designated, input=b"y\ny\n0\n\ny\n", check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
by_revoker = packets(dearmor(made.stdout))
by_revoker = [packet for packet in by_revoker if is_signature(packet, 0x20)]
assert by_revoker
case("revoked by its designated revoker", [granted[0], *by_revoker, *granted[1:]], "RevocationNotChecked")
case("revoked by its designated revoker, at the end", granted + by_revoker, "RevocationNotChecked")

# Someone else's signature on a user id, and its revocation, mean nothing.
signed, signer = make("signed"), make("signer")
gpg("--local-user", signer, "--quick-sign-key", signed)
edit(signed, "revsig", "n", "y", "y", "0", "", "y", "save", options=("--local-user", signer))
with_others = packets(gpg("--export", signed))
assert any(is_signature(packet, 0x30) for packet in with_others)
case("a certification that its signer revoked", with_others, "valid", [])

OUT = pathlib.Path(__file__).with_name("revocations.json")
OUT.write_text(json.dumps(CASES, indent=1, sort_keys=True) + "\n")
subprocess.run(["gpgconf", "--homedir", HOME, "--kill", "all"], check=False)
print(f"{len(CASES)} files")
for it in CASES:
    said = it["gpg"]
    print(it["name"], "|", it["expect"], "| gpg:", said["key"], len(said["subkeys"]))

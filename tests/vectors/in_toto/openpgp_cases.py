"""Cases whose functionaries sign with OpenPGP keys, made by gpg through python in-toto's own signer."""

import copy
import os
import subprocess
import tempfile

from in_toto.models._signer import GPGSigner
from in_toto.models.link import Link
from in_toto.models.metadata import Metablock
from securesystemslib._gpg.functions import export_pubkey

from cases import BOB, CAROL, OWNER
from chain import Chain, file_name


class PgpPerson:
    """A primary key in a fresh keyring, perhaps with a signing subkey."""

    def __init__(self, home, name, algorithm, subkey=None, expires="0"):
        self.home = home
        gpg(home, "--quick-generate-key", name, algorithm, "sign", expires)
        self.id = fingerprints(home, name)[0]
        self.subkeys = []
        for algorithm in subkey or []:
            gpg(home, "--quick-add-key", self.id, algorithm, "sign", "0")
        self.subkeys = fingerprints(home, name)[1:]

    def key(self):
        return export_pubkey(self.id, self.home)

    def with_(self, key_id):
        """The same person, signing with that subkey. The `!` stops gpg from choosing another one."""
        other = copy.copy(self)
        other.id, other.signing = key_id, key_id + "!"
        return other

    @property
    def signer(self):
        return GPGSigner(getattr(self, "signing", self.id + "!"), self.home)


def gpg(home, *arguments):
    options = ["--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    return subprocess.run(["gpg", "--homedir", home, *options, *arguments], check=True, capture_output=True, text=True).stdout


def fingerprints(home, name):
    lines = gpg(home, "--with-colons", "--list-keys", name).splitlines()
    return [line.split(":")[9].lower() for line in lines if line.startswith("fpr:")]


def sign(signed, people):
    block = Metablock(signed=Link.read(copy.deepcopy(signed)), compact_json=True)
    for person in people:
        block.create_signature(person.signer)
    return str(block)


def first_step(person, people, threshold=1):
    """The first step by OpenPGP keys."""
    chain = Chain(OWNER, BOB, BOB)
    chain.step(0)["pubkeys"] = [it.id for it in people]
    chain.step(0)["threshold"] = threshold
    chain.layout["keys"].update({it.id: it.key() for it in people if it.key()["keyid"] == it.id})
    chain.signers["write"] = []
    chain.files = {file_name("write", it): sign(chain.write, [it]) for it in person}
    return chain


def all_cases():
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o700)
        rsa, dsa, eddsa, other = (
            PgpPerson(home, name, algorithm)
            for name, algorithm in [("rsa", "rsa2048"), ("dsa", "dsa2048"), ("eddsa", "ed25519"), ("other", "rsa2048")]
        )
        tree = PgpPerson(home, "tree", "rsa2048", ["rsa2048", "rsa2048"])
        one, two = (tree.with_(subkey) for subkey in tree.subkeys)
        for name, person in (("rsa", rsa), ("dsa", dsa), ("eddsa", eddsa)):
            yield first_step([person], [person]).case(f"openpgp/{name}", "accept")
            tampered = first_step([person], [person])
            file = file_name("write", person)
            tampered.files[file] = tampered.files[file].replace("source.txt", "other.txt")
            yield tampered.case(f"openpgp/{name}-tampered", "threshold")
        yield first_step([other], [rsa]).case("openpgp/key-that-the-step-does-not-name", "threshold")
        yield first_step([one], [tree]).case("openpgp/subkey", "accept")
        yield first_step([one, two], [tree], 2).case("openpgp/two-subkeys-are-one-signer", "threshold")
        yield first_step([tree, one], [tree], 2).case("openpgp/subkey-and-its-primary-are-one-signer", "threshold")
        yield first_step([one, rsa], [tree, rsa], 2).case("openpgp/2-of-2", "accept")

        def by_subkey_one(chain):
            chain.layout["keys"][tree.id] = tree.key()
            chain.step(0)["pubkeys"] = [one.id]
            return chain

        yield by_subkey_one(first_step([one], [tree])).case("openpgp/step-names-a-subkey", "accept")
        yield by_subkey_one(first_step([two], [tree])).case("openpgp/step-names-another-subkey", "threshold")
        forged = by_subkey_one(first_step([], [tree]))
        forged.files = {file_name("write", one): sign(forged.write, [tree])}
        yield forged.case(
            "openpgp/step-names-a-subkey-and-the-primary-signed", "threshold",
            "who names a subkey means that subkey; the reference takes the whole key's word")
        expiring = PgpPerson(home, "expiring", "rsa2048", expires="seconds=2")
        signed = first_step([expiring], [expiring])
        subprocess.run(["sleep", "3"], check=True)
        yield signed.case("openpgp/expired", "threshold")
        mixed = first_step([rsa], [rsa], 2)
        mixed.layout["keys"][CAROL.id] = CAROL.key()
        mixed.step(0)["pubkeys"] = [rsa.id, CAROL.id]
        mixed.files[file_name("write", CAROL)] = mixed.signed(mixed.write, [CAROL])
        yield mixed.case("openpgp/with-an-ed25519-functionary", "accept")

"""Runs in-toto's public data sets through our stand-in for `in-toto-verify`, and prints counts.

    python tests/conformance/in_toto_data_sets.py REFERENCES [--command target/release/in-toto-verify]

REFERENCES is a folder with clones of in-toto/in-toto, in-toto/in-toto-golang, secure-systems-lab/go-securesystemslib and
secure-systems-lab/dsse, each called OWNER+NAME. Needs an interpreter with in-toto 3.1, and gpg. Nothing of the data sets is
changed but copies: layouts that come as unsigned templates are signed, with the keys that lie beside them.
"""

import argparse
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from in_toto.models._signer import GPGSigner
from in_toto.models.layout import Layout
from in_toto.models.metadata import Envelope, Metablock
from securesystemslib._gpg.functions import export_pubkey
from securesystemslib.signer import CryptoSigner

TAMPERED = b"tampered"


class Runs:
    def __init__(self, command):
        self.command, self.counts, self.wrong = command, {}, []

    def run(self, group, name, expect, folder, layout, keys, link_dir=None, says=""):
        """Verifies in `folder`, which holds the final product; `says` must be part of the reason of a refusal."""
        arguments = [self.command, "--run-inspections", "--layout", layout, "--verification-keys", *keys]
        arguments += ["--link-dir", link_dir or folder]
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True)
        verdict = {0: "accept", 1: "refuse"}.get(done.returncode, f"exit status {done.returncode}")
        right = verdict == expect and (expect == "accept" or says in done.stderr)
        counts = self.counts.setdefault(group, [0, 0])
        counts[0] += right
        counts[1] += 1
        print(f"{'ok   ' if right else 'WRONG'} {group}: {name}: {verdict}{': ' + done.stderr.strip() if done.stderr else ''}")
        if not right:
            self.wrong.append(name)


def folder_with(source, pattern="*"):
    folder = pathlib.Path(tempfile.mkdtemp())
    for path in source.glob(pattern):
        if path.is_file():
            shutil.copy(path, folder)
    return folder


def sign(layout, signer, form):
    if form == "dsse":
        envelope = Envelope.from_signable(layout)
        envelope.create_signature(signer)
        return json.dumps(envelope.to_dict())
    block = Metablock(signed=layout, compact_json=True)
    block.create_signature(signer)
    return str(block)


def template(path):
    """A layout template. The sandbox has the system's programs only: without a `python` there, tar does what the script does."""
    document = json.loads(path.read_text())
    payload = document["signed"] if "signed" in document else json.loads(base64.b64decode(document["payload"]))
    for inspection in payload["inspect"]:
        if inspection["run"][:2] == ["python", "./scripts/tar"] and not os.path.exists("/usr/bin/python"):
            inspection["run"] = ["tar", *inspection["run"][2:]]
    return Layout.read(payload)


def python_demo(runs, tests):
    """demo_files (Metablock), demo_dsse_files and demo_files_gpg, as the reference's own tests use them."""
    alice = load_pem_private_key((tests / "demo_files/alice").read_bytes(), None)
    owner = CryptoSigner(alice)
    for group, name, form in (("python demo_files", "demo_files", "metablock"), ("python demo_dsse_files", "demo_dsse_files", "dsse")):
        def fresh():
            folder = folder_with(tests / name)
            for extra in ("foo.tar.gz", "alice.pub", "bob.pub"):
                shutil.copy(tests / "demo_files" / extra, folder)
            shutil.copytree(tests / "scripts", folder / "scripts")
            (folder / "root.layout").write_text(sign(template(tests / name / "demo.layout.template"), owner, form))
            return folder
        demo(runs, group, fresh, "alice.pub", "bob.pub")
    home = pathlib.Path(tempfile.mkdtemp())
    shutil.copytree(tests / "gpg_keyrings/rsa", home, dirs_exist_ok=True)
    home.chmod(0o700)
    listed = subprocess.run(
        ["gpg", "--homedir", home, "--with-colons", "--list-secret-keys"], capture_output=True, text=True, check=True).stdout
    fingerprints = re.findall(r"^fpr:+([0-9A-F]{40}):", listed, re.M)
    # The functionaries have two of the keys; the owner signs with another.
    gpg_owner = next(it for it in fingerprints if it.lower()[:8] not in ("7b3abb26", "8288ef56"))
    other = next(it for it in fingerprints if it.lower()[:8] == "8288ef56")

    def fresh():
        folder = folder_with(tests / "demo_files_gpg")
        for name, key in (("owner.pub", gpg_owner), ("other.pub", other)):
            (folder / name).write_text(json.dumps(export_pubkey(key, str(home))))
        signer = GPGSigner(gpg_owner, str(home))
        (folder / "root.layout").write_text(sign(template(tests / "demo_files_gpg/demo.layout.template"), signer, "metablock"))
        return folder
    demo(runs, "python demo_files_gpg", fresh, "owner.pub", "other.pub")


def demo(runs, group, fresh, owner, other):
    folder = fresh()
    runs.run(group, "as it is", "accept", folder, "root.layout", [owner])
    runs.run(group, "another layout key", "refuse", folder, "root.layout", [other], says="not signed by key")
    runs.run(group, "one more layout key", "refuse", folder, "root.layout", [owner, other], says="not signed by key")
    runs.run(group, "no links", "refuse", folder, "root.layout", [owner], tempfile.mkdtemp(), "there is no link")
    folder = fresh()
    (folder / "foo.tar.gz").write_bytes(TAMPERED)
    runs.run(group, "tampered product", "refuse", folder, "root.layout", [owner], says="foo.tar.gz")
    for link in sorted(path.name for path in fresh().glob("*.link")):
        folder = fresh()
        (folder / link).unlink()
        runs.run(group, f"without {link}", "refuse", folder, "root.layout", [owner], says="there is no link")
        folder = fresh()
        document = json.loads((folder / link).read_text())
        if "signed" in document:
            document["signed"]["products"] = {}
        else:
            payload = json.loads(base64.b64decode(document["payload"]))
            payload["products"] = {}
            document["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
        (folder / link).write_text(json.dumps(document))
        runs.run(group, f"tampered {link}", "refuse", folder, "root.layout", [owner], says="0 count")


def golang(runs, data):
    group = "golang test/data"
    layouts = {
        "demo.layout": ("refuse", "certificate constraints"),  # go verifies it: it supports ITE-7
        "demo.dsse.layout": ("accept", ""),
        "dsse-only.root.layout": ("accept", ""),
        "super.layout": ("refuse", "not signed by key"),  # it carries no signature
    }
    for name, (expect, says) in layouts.items():
        links, product = folder_with(data, "*.link"), folder_with(data, "foo.tar.gz")
        runs.run(group, name, expect, product, data / name, [data / "alice.pub"], links, says)
        if expect == "accept":
            runs.run(group, f"{name} by dan", "refuse", product, data / name, [data / "dan.pub"], links, "not signed by key")
    product = folder_with(data, "foo.tar.gz")
    (product / "foo.tar.gz").write_bytes(TAMPERED)
    links = folder_with(data, "*.link")
    runs.run(group, "tampered product", "refuse", product, data / "demo.dsse.layout", [data / "alice.pub"], links, "foo.tar.gz")
    # The sublayout, as the layout that it is.
    runs.run(group, "sub_layout as a layout", "accept", folder_with(data, "foo.tar.gz"), data / "sub_layout.70ca5750.link",
             [data / "alice.pub"], links)
    # Every public key file, as a layout key: read, and found not to have signed; or refused for its curve.
    for key, says in {"alice": None, "carol": "not signed by", "dan": "not signed by", "erin": "cannot be used",
                      "frank": "cannot be used", "grace": "not signed by", "heidi": "cannot be used"}.items():
        if says:
            runs.run(group, f"{key}.pub", "refuse", product, data / "demo.dsse.layout", [data / f"{key}.pub"], links, says)


def go_securesystemslib(runs, data):
    """Each link, under a layout that names the key it was signed with."""
    group = "go-securesystemslib links"
    owner = CryptoSigner.generate_ed25519()
    folder = folder_with(data, "*.link")
    (folder / "owner.pub").write_text(owner.public_key.keyval["public"])
    keys = {}
    for link in sorted(folder.glob("*.link")):
        document = json.loads(link.read_text())
        kind = document["signed"]["name"].removeprefix("test-")
        for path in sorted(data.glob(f"{kind}-test-key*.pub")):
            keys[path.name] = (kind, document["signatures"][0]["keyid"], path)
    for name, (kind, key_id, path) in keys.items():
        for signed_by, expect in ((kind, "accept"), (next(it for it, *_ in keys.values() if it != kind), "refuse")):
            public = path.read_text()
            key = json.loads(public) if public.startswith("{") else {
                "keytype": kind, "keyval": {"public": public},
                "scheme": {"rsa": "rsassa-pss-sha256", "ecdsa": "ecdsa-sha2-nistp256", "ed25519": "ed25519"}[kind]}
            step = {"_type": "step", "name": f"test-{signed_by}", "threshold": 1, "pubkeys": [key_id], "expected_command": [],
                    "expected_materials": [], "expected_products": []}
            layout = Layout.read({"_type": "layout", "expires": "2099-01-01T00:00:00Z", "readme": "", "inspect": [],
                                  "keys": {key_id: {**key, "keyid": key_id}}, "steps": [step]})
            (folder / "root.layout").write_text(sign(layout, owner, "metablock"))
            runs.run(group, f"{name} for the link test-{signed_by}", expect, folder, "root.layout", ["owner.pub"], says="0 count")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("references", type=pathlib.Path)
    parser.add_argument("--command", type=pathlib.Path, default="target/release/in-toto-verify")
    arguments = parser.parse_args()
    references, runs = arguments.references.resolve(), Runs(arguments.command.resolve())
    if not os.path.exists("/usr/bin/python"):
        print("note: there is no /usr/bin/python, so the templates' inspection python ./scripts/tar becomes tar")
    python_demo(runs, references / "in-toto+in-toto/tests")
    golang(runs, references / "in-toto+in-toto-golang/test/data")
    go_securesystemslib(runs, references / "secure-systems-lab+go-securesystemslib/signerverifier/test-data")
    print()
    for group, (right, total) in runs.counts.items():
        print(f"{group}: {right} of {total} as expected")
    sys.exit(1 if runs.wrong else 0)


main()

"""Cases made by python in-toto 2.2.0 and the securesystemslib of its time; run by `generate.py`, prints JSON."""

import base64
import json

from in_toto.models.layout import Layout
from in_toto.models.link import Link
from in_toto.models.metadata import Envelope, Metablock
from securesystemslib import keys
from securesystemslib.signer import CryptoSigner, SSlibKey
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import hashlib


class Old:
    """A key in the dictionary form of securesystemslib before signers."""

    def __init__(self, kind):
        self.key = {
            "ed25519": keys.generate_ed25519_key,
            "ecdsa": keys.generate_ecdsa_key,
            "rsa": lambda: keys.generate_rsa_key(2048),
        }[kind]()

    @property
    def id(self):
        return self.key["keyid"]

    def public(self):
        return {**self.key, "keyval": {"public": self.key["keyval"]["public"], "private": ""}}

    def signer(self):
        private = self.key["keyval"]["private"]
        if self.key["keytype"] == "ed25519":
            private = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
        else:
            private = load_pem_private_key(private.encode(), None)
        dictionary = {name: self.key[name] for name in ("keytype", "scheme")}
        public = SSlibKey.from_dict(self.id, {**dictionary, "keyval": {"public": self.key["keyval"]["public"]}})
        return CryptoSigner(private, public)


def sign(signable, person, form):
    if form == "metablock":
        block = Metablock(signed=signable, compact_json=True)
        block.sign(person.key)
        return str(block)
    envelope = Envelope.from_signable(signable)
    envelope.create_signature(person.signer())
    return json.dumps(envelope.to_dict())


def hashed(content):
    return {"sha256": hashlib.sha256(content.encode()).hexdigest()}


def case(kind, form, tampered):
    owner, alice = Old(kind), Old(kind)
    layout = Layout.read({
        "_type": "layout", "expires": "2099-01-01T00:00:00Z", "readme": "", "inspect": [],
        "keys": {alice.id: alice.public()},
        "steps": [{
            "_type": "step", "name": "pack", "threshold": 1, "pubkeys": [alice.id], "expected_command": [],
            "expected_materials": [["DISALLOW", "*"]], "expected_products": [["CREATE", "bundle.json"], ["DISALLOW", "*"]],
        }],
    })
    link = Link(name="pack", products={"bundle.json": hashed("{}")}, materials={}, command=[], environment={}, byproducts={})
    signed = sign(link, alice, form)
    if tampered and form == "metablock":
        signed = signed.replace("bundle.json", "bundle.xxxx")
    elif tampered:
        envelope = json.loads(signed)
        payload = base64.b64decode(envelope["payload"]).replace(b"bundle.json", b"bundle.xxxx")
        envelope["payload"] = base64.b64encode(payload).decode()
        signed = json.dumps(envelope)
    return {
        "name": f"old/{kind}-{form}" + ("-tampered" if tampered else ""), "layout": sign(layout, owner, form),
        "layout_keys": {"owner": json.dumps(owner.public())}, "links": {f"pack.{alice.id[:8]}.link": signed},
        "expect": "threshold" if tampered else "accept", "product": {"bundle.json": "{}"}, "parameters": {}, "note": "",
        "made_with": "python in-toto 2.2.0", "inspections": "",
    }


print(json.dumps([
    case(kind, form, tampered)
    for kind in ("ed25519", "ecdsa", "rsa") for form in ("metablock", "dsse") for tampered in (False, True)
]))

"""Builds in-toto chains with python in-toto: signers, documents, and the chain that most cases start from.

A chain is a plain dictionary until it is signed, so that a case can change one thing in it.
"""

import copy
import json
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from in_toto.models.layout import Layout
from in_toto.models.link import Link
from in_toto.models.metadata import Envelope, Metablock
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner, SSlibKey

import base64
import hashlib

FAR = "2099-01-01T00:00:00Z"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


class Person:
    """A key pair of some scheme, and what it is called."""

    def __init__(self, scheme="ed25519", label=None):
        private = {
            "ed25519": ed25519.Ed25519PrivateKey.generate,
            "ecdsa-sha2-nistp256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "ecdsa-sha2-nistp384": lambda: ec.generate_private_key(ec.SECP384R1()),
            "weak-rsa": lambda: rsa.generate_private_key(65537, 1024),
        }.get(scheme, lambda: rsa.generate_private_key(65537, 2048))()
        scheme = "rsassa-pss-sha256" if scheme == "weak-rsa" else scheme
        self.private = private
        self.public_key = SSlibKey.from_crypto(private.public_key(), scheme=scheme, keyid=label)
        self.signer = CryptoSigner(private, self.public_key)

    @property
    def id(self):
        return self.public_key.keyid

    @property
    def pem(self):
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def key(self):
        return {"keyid": self.id, **self.public_key.to_dict()}

    def called(self, label):
        """The same key under another label."""
        other = copy.copy(self)
        dictionary = self.public_key.to_dict()
        other.public_key = SSlibKey.from_dict(label, dictionary)
        other.signer = CryptoSigner(self.private, other.public_key)
        return other

    def sign(self, message):
        return self.signer.sign(message).to_dict()


def document(signed, signers, form="metablock", raw=False):
    """Signs a layout or link. `raw` signs the dictionary as it is; otherwise in-toto's own classes do it all."""
    if raw:
        return raw_document(signed, signers, form)
    signable = (Layout if signed["_type"] == "layout" else Link).read(copy.deepcopy(signed))
    if form == "metablock":
        block = Metablock(signed=signable, compact_json=True)
        for signer in signers:
            block.create_signature(signer.signer)
        return str(block)
    envelope = Envelope.from_signable(signable)
    for signer in signers:
        envelope.create_signature(signer.signer)
    return json.dumps(envelope.to_dict())


def raw_document(signed, signers, form):
    if form == "metablock":
        message = encode_canonical(signed).encode()
        return json.dumps({"signed": signed, "signatures": [it.sign(message) for it in signers]})
    payload = json.dumps(signed).encode()
    message = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    encode = lambda data: base64.b64encode(data).decode()
    signatures = [
        {"keyid": it.id, "sig": encode(bytes.fromhex(it.sign(message)["sig"]))} for it in signers
    ]
    return json.dumps({"payload": encode(payload), "payloadType": PAYLOAD_TYPE, "signatures": signatures})


def hashes(content):
    return {"sha256": hashlib.sha256(content.encode()).hexdigest()}


def link(name, materials=None, products=None, command=None):
    listed = lambda files: {name: hashes(content) for name, content in (files or {}).items()}
    return {
        "_type": "link", "name": name, "materials": listed(materials), "products": listed(products),
        "byproducts": {}, "command": command or [], "environment": {},
    }


def step(name, people, threshold=1, materials=None, products=None, command=None):
    return {
        "_type": "step", "name": name, "threshold": threshold, "pubkeys": [it.id for it in people],
        "expected_command": command or [], "expected_materials": materials or [], "expected_products": products or [],
    }


def inspection(name, run, materials=None, products=None):
    return {
        "_type": "inspection", "name": name, "run": run,
        "expected_materials": materials or [], "expected_products": products or [],
    }


def layout(steps, people, inspect=None, expires=FAR):
    return {
        "_type": "layout", "steps": steps, "inspect": inspect or [], "keys": {it.id: it.key() for it in people},
        "expires": expires, "readme": "",
    }


def file_name(step_name, person):
    return f"{step_name}.{person.id[:8]}.link"


def rule(text):
    return text.split(" ")


@dataclass
class Case:
    """What goes into a vector."""

    name: str
    layout: str
    layout_keys: dict
    links: dict
    expect: str
    product: dict = field(default_factory=dict)
    parameters: dict = field(default_factory=dict)
    note: str = ""
    made_with: str = "python in-toto 3.1.0"
    inspections: str = ""


class Chain:
    """alice writes bundle.json, bob packs it; owner signs the layout. Cases change the parts before `case` signs."""

    SOURCE = "source"
    BUNDLE = '{"name":"shop"}'

    def __init__(self, owner, alice, bob, form="metablock"):
        self.owner, self.alice, self.bob, self.form = owner, alice, bob, form
        self.raw = False
        self.owners = [owner]
        self.keys_given = {"owner": owner}
        self.layout = layout(
            [
                step("write", [alice], products=[rule("CREATE source.txt"), rule("DISALLOW *")]),
                step(
                    "pack", [bob], command=["pack"],
                    materials=[rule("MATCH source.txt WITH PRODUCTS FROM write"), rule("DISALLOW *")],
                    products=[rule("CREATE bundle.json"), rule("ALLOW source.txt"), rule("DISALLOW *")],
                ),
            ],
            [alice, bob],
        )
        self.write = link("write", {}, {"source.txt": self.SOURCE})
        self.pack = link(
            "pack", {"source.txt": self.SOURCE}, {"source.txt": self.SOURCE, "bundle.json": self.BUNDLE}, ["pack"]
        )
        self.signers = {"write": [alice], "pack": [bob]}
        self.files = {}
        self.product = {"bundle.json": self.BUNDLE}
        self.parameters = {}

    def step(self, index):
        return self.layout["steps"][index]

    def signed(self, signed, signers, raw=None):
        return document(signed, signers, self.form, self.raw if raw is None else raw)

    def default_files(self):
        files = {}
        for name in ("write", "pack"):
            signers = self.signers[name]
            if signers:
                files[file_name(name, signers[0])] = self.signed(getattr(self, name), signers)
        return files

    def case(self, name, expect, note="", **more):
        files = {**self.default_files(), **self.files}
        return Case(
            name=name, layout=self.signed(self.layout, self.owners),
            layout_keys={label: key if isinstance(key, str) else key.pem for label, key in self.keys_given.items()},
            links={file: text for file, text in files.items() if text is not None},
            expect=expect, product=self.product, parameters=self.parameters, note=note, **more,
        )

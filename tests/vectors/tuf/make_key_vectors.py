"""Makes one self-signed root for each kind of key, with python-tuf and securesystemslib.

usage: python make_key_vectors.py [FOLDER]     (needs the packages tuf and securesystemslib[crypto])
Each run makes new keys. Every file is named SCHEME.FORM.root.json; all must be accepted, and refused with any other
signature in them.
"""

import sys
from datetime import datetime, timezone
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Metadata, Root
from tuf.api.serialization.json import JSONSerializer

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "keys")
rsa_key = rsa.generate_private_key(65537, 2048)
p256_key = ec.generate_private_key(ec.SECP256R1())
ed25519_key = ed25519.Ed25519PrivateKey.generate()


def pem(private):
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def declared(scheme, private, keytype=None, public=None):
    """A signer, and the key object as metadata declares it when that differs from what the signer is made of."""
    signer = CryptoSigner(private, SSlibKey.from_crypto(private.public_key(), scheme=scheme))
    return signer, keytype or signer.public_key.keytype, public or signer.public_key.keyval["public"]


point = p256_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint).hex()
CASES = {
    "ed25519.hex": declared("ed25519", ed25519_key),
    "ed25519.pem": declared("ed25519", ed25519_key, public=pem(ed25519_key)),
    "ecdsa-sha2-nistp256.pem": declared("ecdsa-sha2-nistp256", p256_key),
    "ecdsa-sha2-nistp256.pem-old-keytype": declared("ecdsa-sha2-nistp256", p256_key, keytype="ecdsa-sha2-nistp256"),
    "ecdsa-sha2-nistp256.hex": declared("ecdsa-sha2-nistp256", p256_key, public=point),
    "ecdsa-sha2-nistp384.pem": declared("ecdsa-sha2-nistp384", ec.generate_private_key(ec.SECP384R1())),
    "rsassa-pss-sha256.pem": declared("rsassa-pss-sha256", rsa_key),
    "rsassa-pss-sha512.pem": declared("rsassa-pss-sha512", rsa_key),
    "rsa-pkcs1v15-sha256.pem": declared("rsa-pkcs1v15-sha256", rsa_key),
}

FOLDER.mkdir(exist_ok=True)
for name, (signer, keytype, public) in CASES.items():
    key = SSlibKey("declared", keytype, signer.public_key.scheme, {"public": public})
    signer.public_key.keyid = "declared"
    root = Root(expires=datetime(2100, 1, 1, tzinfo=timezone.utc), consistent_snapshot=True)
    for role in ("root", "timestamp", "snapshot", "targets"):
        root.add_key(key, role)
    metadata = Metadata(root)
    metadata.sign(signer)
    (FOLDER / f"{name}.root.json").write_bytes(metadata.to_bytes(JSONSerializer(compact=False)) + b"\n")

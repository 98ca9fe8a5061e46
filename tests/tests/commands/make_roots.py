"""Makes the TUF roots that trust.md pins, with python-tuf: run as `python make_roots.py`."""

from datetime import datetime, timezone
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root

INPUT = Path(__file__).parent / "trust.in"


def make(seed: int, version: int) -> bytes:
    """A root of that version, whose one key has every role."""
    signer = CryptoSigner(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))
    root = Root(version=version, expires=datetime(2040, 1, 1, tzinfo=timezone.utc))
    for role in ("root", "timestamp", "snapshot", "targets"):
        root.add_key(signer.public_key, role)
    metadata = Metadata(root)
    metadata.sign(signer)
    return metadata.to_bytes()


root = make(1, 1)
(INPUT / "root.json").write_bytes(root)
(INPUT / "other-root.json").write_bytes(make(2, 1))
(INPUT / "forged-root.json").write_bytes(root.replace(b'"version":1', b'"version":2'))

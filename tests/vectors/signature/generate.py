#!/usr/bin/env python3
"""Writes vectors.json: public keys and signatures of every scheme, made by pyca/cryptography, with expected verdicts.

Every run makes new keys. Each vector fails for one reason, and names the class of failure.

    python3 tests/vectors/signature/generate.py
"""

import base64
import hashlib
import json
import math
import pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

MESSAGE = b'{"_type":"root","version":1}'
VECTORS = []


def vector(name, key, signature, expect, scheme=None, form="pem", message=MESSAGE):
    """`form` is how the key is written: pem, ed25519 (32 bytes in hexadecimal) or point (SEC1 in hexadecimal)."""
    VECTORS.append({"name": name, "form": form, "key": key, "scheme": scheme, "message": message.hex(),
                    "signature": signature.hex(), "expect": expect})


def spki(key):
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def pem(label, der):
    text = base64.b64encode(der).decode()
    lines = [text[at: at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def flip(data, index=-1):
    data = bytearray(data)
    data[index] ^= 1
    return bytes(data)


def der(tag, content):
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def integer(number):
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def rsa_pem(modulus, exponent):
    return pem("RSA PUBLIC KEY", der(0x30, integer(modulus) + integer(exponent)))


# Ed25519

ORDER = 2**252 + 27742317777372353535851937790883648493
key = ed25519.Ed25519PrivateKey.generate()
public = key.public_key()
raw = public.public_bytes_raw().hex()
good = key.sign(MESSAGE)
vector("ed25519: PEM", spki(public), good, "valid")
vector("ed25519: PEM, scheme named", spki(public), good, "valid", scheme="ed25519")
vector("ed25519: hexadecimal", raw, good, "valid", form="ed25519")
vector("ed25519: the empty message", raw, key.sign(b""), "valid", form="ed25519", message=b"")
vector("ed25519: another message", raw, good, "BadSignature", form="ed25519", message=MESSAGE + b" ")
vector("ed25519: a changed signature", raw, flip(good), "BadSignature", form="ed25519")
vector("ed25519: cut short", raw, good[:-1], "BadSignature", form="ed25519")
vector("ed25519: one byte more", raw, good + b"\0", "BadSignature", form="ed25519")
vector("ed25519: no signature", raw, b"", "BadSignature", form="ed25519")
malleable = good[:32] + (int.from_bytes(good[32:], "little") + ORDER).to_bytes(32, "little")
vector("ed25519: S plus the group order", raw, malleable, "BadSignature", form="ed25519")
vector("ed25519: an RSA scheme", spki(public), good, "SchemeMismatch", scheme="rsassa-pss-sha256")
vector("ed25519: 31 bytes", raw[:-2], good, "Malformed", form="ed25519")
vector("ed25519: 33 bytes", raw + "00", good, "Malformed", form="ed25519")
# With a key of small order, R = the neutral element and S = 0 signs everything that the order divides.
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]
NOT_CANONICAL = [
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    # y = 3 and y = 2**255 - 16: the same point, not of small order.
    "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]
everything = bytes.fromhex(SMALL_ORDER[0]) + bytes(32)
for index, point in enumerate(SMALL_ORDER):
    vector(f"ed25519: small order {index}", point, everything, "Malformed", form="ed25519")
    vector(f"ed25519: R of small order {index}", raw, bytes.fromhex(point) + bytes(32), "BadSignature", form="ed25519")


# The curve, in affine coordinates (RFC 8032 5.1). Whoever knows a key can make R of small order fit, for the neutral element; with a key that
# has a part of small order, for all such points. The equation holds then, and only the strict check refuses R.
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def point_of(encoded):
    number = int.from_bytes(encoded, "little")
    y, sign = number % 2**255, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square
    return (P - x if x % 2 != sign else x), y


def encoded(point):
    return (point[1] | (point[0] % 2) << 255).to_bytes(32, "little")


def add(one, other):
    product = D * one[0] * other[0] * one[1] * other[1] % P
    x = (one[0] * other[1] + one[1] * other[0]) * pow(1 + product, -1, P) % P
    return x, (one[1] * other[1] + one[0] * other[0]) * pow(1 - product, -1, P) % P


def times(number, point):
    total = (0, 1)
    for _ in range(number % 8):
        total = add(total, point)
    return total


secret = bytearray(hashlib.sha512(key.private_bytes_raw()).digest()[:32])
secret[0] &= 248
secret[31] = secret[31] & 127 | 64
secret = int.from_bytes(secret, "little")
part = point_of(bytes.fromhex(SMALL_ORDER[4]))
mixed = encoded(add(point_of(public.public_bytes_raw()), part))
for index, small in enumerate(SMALL_ORDER):
    signer, order = (public.public_bytes_raw(), 0) if index == 0 else (mixed, 1)
    small, attempt = bytes.fromhex(small), 0
    while True:
        message = MESSAGE + b" " * attempt
        factor = int.from_bytes(hashlib.sha512(small + signer + message).digest(), "little") % ORDER
        if encoded(times(-factor * order, part)) == small:
            break
        attempt += 1
    fitting = small + (factor * secret % ORDER).to_bytes(32, "little")
    vector(f"ed25519: R of small order {index}, which fits", signer.hex(), fitting, "BadSignature", form="ed25519",
           message=message)
for index, point in enumerate(NOT_CANONICAL):
    vector(f"ed25519: not canonical {index}", point, everything, "Malformed", form="ed25519")

# ECDSA

for name, curve, algorithm, bits in [
    ("ecdsa-sha2-nistp256", ec.SECP256R1(), hashes.SHA256(), 256),
    ("ecdsa-sha2-nistp384", ec.SECP384R1(), hashes.SHA384(), 384),
]:
    key = ec.generate_private_key(curve)
    public = key.public_key()
    encode = lambda form: public.public_bytes(serialization.Encoding.X962, form)  # noqa: E731
    point = encode(serialization.PublicFormat.UncompressedPoint)
    compressed = encode(serialization.PublicFormat.CompressedPoint)
    good = key.sign(MESSAGE, ec.ECDSA(algorithm))
    r, s = utils.decode_dss_signature(good)
    vector(f"{name}: PEM", spki(public), good, "valid")
    vector(f"{name}: PEM, scheme named", spki(public), good, "valid", scheme=name)
    vector(f"{name}: point", point.hex(), good, "valid", scheme=name, form="point")
    vector(f"{name}: another message", spki(public), good, "BadSignature", message=MESSAGE + b" ")
    vector(f"{name}: a changed signature", spki(public), flip(good), "BadSignature")
    vector(f"{name}: more behind it", spki(public), good + b"\0", "BadSignature")
    both = b"".join(number.to_bytes(bits // 8, "big") for number in (r, s))
    vector(f"{name}: r and s side by side", spki(public), both, "BadSignature")
    vector(f"{name}: r and s are zero", spki(public), utils.encode_dss_signature(0, 0), "BadSignature")
    vector(f"{name}: s is zero", spki(public), utils.encode_dss_signature(r, 0), "BadSignature")
    vector(f"{name}: another hash", spki(public), key.sign(MESSAGE, ec.ECDSA(hashes.SHA512())), "BadSignature")
    vector(f"{name}: a compressed point", compressed.hex(), good, "Malformed", scheme=name, form="point")
    header = spki(public).splitlines()[1:-1]
    whole = base64.b64decode("".join(header))
    vector(f"{name}: a point off the curve", flip(point).hex(), good, "BadSignature", scheme=name, form="point")
    hybrid = bytes([6 + point[-1] % 2]) + point[1:]
    vector(f"{name}: a hybrid point", hybrid.hex(), good, "Malformed", scheme=name, form="point")
    vector(f"{name}: no point", "00", good, "Malformed", scheme=name, form="point")
    oid = {256: "2a8648ce3d030107", 384: "2b81040022"}[bits]
    algorithm_identifier = der(0x30, der(6, bytes.fromhex("2a8648ce3d0201")) + der(6, bytes.fromhex(oid)))
    assert der(0x30, algorithm_identifier + der(3, b"\0" + point)) == whole
    vector(f"{name}: a compressed point in PEM", pem("PUBLIC KEY", der(0x30, algorithm_identifier + der(3, b"\0" + compressed))),
           good, "Malformed")
    vector(f"{name}: more inside the PEM", pem("PUBLIC KEY", whole + b"\0"), good, "Malformed")
    vector(f"{name}: an RSA scheme", spki(public), good, "SchemeMismatch", scheme="rsassa-pss-sha256")
    other = {256: "ecdsa-sha2-nistp384", 384: "ecdsa-sha2-nistp256"}[bits]
    vector(f"{name}: the other curve's scheme", spki(public), good, "SchemeMismatch", scheme=other)
    vector(f"{name}: the other curve's scheme, point", point.hex(), good, "Malformed", scheme=other, form="point")

for curve in [ec.SECP521R1(), ec.SECP256K1()]:
    key = ec.generate_private_key(curve)
    vector(f"ecdsa over {curve.name}", spki(key.public_key()), key.sign(MESSAGE, ec.ECDSA(hashes.SHA256())),
           "UnsupportedAlgorithm")

# RSA

HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


def pss(algorithm, salt):
    return padding.PSS(mgf=padding.MGF1(algorithm), salt_length=salt)


key = rsa.generate_private_key(65537, 2048)
public = key.public_key()
numbers = public.public_numbers()
for name, algorithm in HASHES.items():
    scheme = f"rsassa-pss-{name}"
    good = key.sign(MESSAGE, pss(algorithm, algorithm.digest_size), algorithm)
    vector(f"{scheme}: PEM", spki(public), good, "valid", scheme=scheme)
    vector(f"{scheme}: another message", spki(public), good, "BadSignature", scheme=scheme, message=MESSAGE + b" ")
    vector(f"{scheme}: a changed signature", spki(public), flip(good), "BadSignature", scheme=scheme)
    vector(f"{scheme}: presented as PKCS #1", spki(public), good, "BadSignature", scheme=f"rsa-pkcs1v15-{name}")
    for salt, length in {"no salt": 0, "the longest salt": padding.PSS.MAX_LENGTH}.items():
        signature = key.sign(MESSAGE, pss(algorithm, length), algorithm)
        vector(f"{scheme}: {salt}", spki(public), signature, "valid", scheme=scheme)
    scheme = f"rsa-pkcs1v15-{name}"
    good = key.sign(MESSAGE, padding.PKCS1v15(), algorithm)
    vector(f"{scheme}: PEM", spki(public), good, "valid", scheme=scheme)
    vector(f"{scheme}: another message", spki(public), good, "BadSignature", scheme=scheme, message=MESSAGE + b" ")
    vector(f"{scheme}: a changed signature", spki(public), flip(good), "BadSignature", scheme=scheme)
    vector(f"{scheme}: presented as PSS", spki(public), good, "BadSignature", scheme=f"rsassa-pss-{name}")
    vector(f"{scheme}: a leading zero more", spki(public), b"\0" + good, "BadSignature", scheme=scheme)
    vector(f"{scheme}: plus the modulus", spki(public),
           (int.from_bytes(good, "big") + numbers.n).to_bytes(257, "big"), "BadSignature", scheme=scheme)

sha256 = HASHES["sha256"]
good = key.sign(MESSAGE, pss(sha256, 32), sha256)
vector("rsa: the usual scheme is PSS with SHA-256", spki(public), good, "valid")
vector("rsa: PKCS #1 PEM", rsa_pem(numbers.n, numbers.e), good, "valid")
vector("rsa: another hash than the scheme's", spki(public), key.sign(MESSAGE, pss(HASHES["sha512"], 64), HASHES["sha512"]),
       "BadSignature", scheme="rsassa-pss-sha256")
vector("rsa: another hash for the mask", spki(public),
       key.sign(MESSAGE, padding.PSS(mgf=padding.MGF1(HASHES["sha512"]), salt_length=32), sha256), "BadSignature")
# Encodings that only the owner of the key can sign, and that RFC 8017 §9.1.2 refuses.


def mgf1(seed, length):
    blocks = range((length + 31) // 32)
    return b"".join(hashlib.sha256(seed + counter.to_bytes(4, "big")).digest() for counter in blocks)[:length]


def pss_encoding(salt=b"s" * 32, bits=2047, padding_byte=0, separator=1, trailer=0xBC, top=None, hashed=None):
    length = (bits + 7) // 8
    hashed = hashed or hashlib.sha256(bytes(8) + hashlib.sha256(MESSAGE).digest() + salt).digest()
    zeros = bytes([padding_byte]) * (length - len(salt) - 32 - 2)
    masked = bytearray(a ^ b for a, b in zip(zeros + bytes([separator]) + salt, mgf1(hashed, length - 33)))
    masked[0] &= 0xFF >> (8 * length - bits)
    if top is not None:
        masked[0] |= top
    return bytes(masked) + hashed + bytes([trailer])


def signed_as_it_is(encoded):
    private = key.private_numbers()
    return pow(int.from_bytes(encoded, "big"), private.d, numbers.n).to_bytes(256, "big")


for name, encoded, expect in [
    ("as it should be", pss_encoding(), "valid"),
    ("no room for padding", pss_encoding(b"s" * (256 - 34)), "valid"),
    ("another trailer", pss_encoding(trailer=0xCC), "BadSignature"),
    ("padding that is not zero", pss_encoding(padding_byte=2), "BadSignature"),
    ("another separator", pss_encoding(separator=2), "BadSignature"),
    ("no separator", pss_encoding(separator=0, salt=bytes(32)), "BadSignature"),
    ("another hash", pss_encoding(hashed=hashlib.sha256(b"").digest()), "BadSignature"),
    ("nothing but the trailer", b"\xbc", "BadSignature"),
    ("zero", b"\0", "BadSignature"),
]:
    vector(f"rsa pss encoding: {name}", spki(public), signed_as_it_is(encoded), expect)
# A bit above those that the encoding may use: the number must still lie below the modulus.
for attempt in range(1000):
    encoded = pss_encoding(top=0x80, salt=attempt.to_bytes(32, "big"))
    if int.from_bytes(encoded, "big") < numbers.n:
        vector("rsa pss encoding: a bit too many", spki(public), signed_as_it_is(encoded), "BadSignature")
        break
good = key.sign(MESSAGE, pss(sha256, 32), sha256)
vector("rsa pss: a leading zero more", spki(public), b"\0" + good, "BadSignature")
vector("rsa pss: no signature", spki(public), b"", "BadSignature")
vector("rsa pss: plus the modulus", spki(public), (int.from_bytes(good, "big") + numbers.n).to_bytes(257, "big"), "BadSignature")
vector("rsa pss: the modulus itself", spki(public), numbers.n.to_bytes(256, "big"), "BadSignature")
for exponent in [0, 1, 2, 65538, (1 << 33) + 1]:
    vector(f"rsa pss: exponent {exponent}", rsa_pem(numbers.n, exponent), pss_encoding().rjust(256, b"\0"), "BadSignature")
vector("rsa pss: an even modulus", rsa_pem(numbers.n - 1, 65537), good, "BadSignature")
# The number must lie below the modulus, also where the same bytes hold a greater one that is congruent to it.
roomy = rsa.generate_private_key(65537, 2050)
good = roomy.sign(MESSAGE, pss(sha256, 32), sha256)
vector("rsa pss: 2050 bits", spki(roomy.public_key()), good, "valid")
vector("rsa pss: plus the modulus, in as many bytes", spki(roomy.public_key()),
       (int.from_bytes(good, "big") + roomy.public_key().public_numbers().n).to_bytes(257, "big"), "BadSignature")
# Where the encoding is a byte shorter than the modulus, that byte must be zero.
# (OpenSSL makes no moduli of 2,049 bits, so this one is put together.)
primes = (roomy.private_numbers().p, key.private_numbers().p)
modulus = primes[0] * primes[1]
while modulus.bit_length() != 2049:
    primes = (rsa.generate_private_key(65537, 2050).private_numbers().p, primes[1])
    modulus = primes[0] * primes[1]
private = pow(65537, -1, math.lcm(primes[0] - 1, primes[1] - 1))
for salt in [b"", b"s" * 32, b"s" * (256 - 34)]:
    signature = pow(int.from_bytes(pss_encoding(salt, bits=2048), "big"), private, modulus).to_bytes(257, "big")
    vector(f"rsa pss: 2049 bits, salt {len(salt)}", rsa_pem(modulus, 65537), signature, "valid")
salts = (number.to_bytes(32, "big") for number in range(10_000))
candidates = ((1 << 2048) + int.from_bytes(pss_encoding(salt, bits=2048), "big") for salt in salts)
encoded = next(number for number in candidates if number < modulus)
signature = pow(encoded, private, modulus).to_bytes(257, "big")
vector("rsa pss: a byte too many in the encoding", rsa_pem(modulus, 65537), signature, "BadSignature")
# A signature is as long as the modulus.
while good[0]:
    good = roomy.sign(MESSAGE, pss(sha256, 32), sha256)
vector("rsa pss: begins with zero", spki(roomy.public_key()), good, "valid")
vector("rsa pss: without its leading zero", spki(roomy.public_key()), good[1:], "BadSignature")
# What the owner of a key signs under an exponent longer than any in use.
lambda_n = math.lcm(key.private_numbers().p - 1, key.private_numbers().q - 1)
exponent = next(e for e in range((1 << 33) + 1, 1 << 34, 2) if math.gcd(e, lambda_n) == 1)
signature = pow(int.from_bytes(pss_encoding(), "big"), pow(exponent, -1, lambda_n), numbers.n).to_bytes(256, "big")
vector("rsa pss: an exponent of 34 bits", rsa_pem(numbers.n, exponent), signature, "BadSignature")
exponent = next(e for e in range((1 << 32) + 1, 1 << 33, 2) if math.gcd(e, lambda_n) == 1)
signature = pow(int.from_bytes(pss_encoding(), "big"), pow(exponent, -1, lambda_n), numbers.n).to_bytes(256, "big")
vector("rsa pss: an exponent of 33 bits", rsa_pem(numbers.n, exponent), signature, "valid")
for bits in [2052, 2056]:
    odd = rsa.generate_private_key(65537, bits)
    for length in [0, 32, padding.PSS.MAX_LENGTH]:
        vector(f"rsa pss: {bits} bits, salt {length}", spki(odd.public_key()), odd.sign(MESSAGE, pss(sha256, length), sha256), "valid")
good = key.sign(MESSAGE, pss(sha256, 32), sha256)
vector("rsa: an ECDSA scheme", spki(public), good, "SchemeMismatch", scheme="ecdsa-sha2-nistp256")
vector("rsa: an ed25519 scheme", spki(public), good, "SchemeMismatch", scheme="ed25519")
vector("rsa: SHA-1", spki(public), key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA1()), "BadSignature",
       scheme="rsa-pkcs1v15-sha256")
for bits in [3072, 4096]:
    larger = rsa.generate_private_key(65537, bits)
    vector(f"rsa: {bits} bits", spki(larger.public_key()), larger.sign(MESSAGE, pss(sha256, 32), sha256), "valid")
three = rsa.generate_private_key(3, 2048)
vector("rsa: exponent 3", spki(three.public_key()), three.sign(MESSAGE, pss(sha256, 32), sha256), "valid")
weak = rsa.generate_private_key(65537, 1024)
vector("rsa: 1024 bits", spki(weak.public_key()), weak.sign(MESSAGE, pss(sha256, 32), sha256), "RsaSize")
vector("rsa: 2047 bits", rsa_pem(numbers.n >> 1 | 1, 65537), good, "RsaSize")
vector("rsa: 8200 bits", rsa_pem(1 << 8199 | 1, 65537), good, "RsaSize")
vector("rsa: a modulus of nothing", rsa_pem(0, 65537), good, "RsaSize")
# Under exponent 1 the padded hash is its own signature.
prefix = bytes.fromhex("3031300d060960864801650304020105000420")
digest = hashes.Hash(sha256)
digest.update(MESSAGE)
padded = prefix + digest.finalize()
padded = b"\0\1" + b"\xff" * (256 - 3 - len(padded)) + b"\0" + padded
for exponent in [0, 1, 2]:
    vector(f"rsa: exponent {exponent}", rsa_pem(numbers.n, exponent), padded, "BadSignature", scheme="rsa-pkcs1v15-sha256")
negative = der(2, numbers.n.to_bytes(256, "big"))
vector("rsa: a negative modulus", pem("RSA PUBLIC KEY", der(0x30, negative + integer(65537))), good, "Malformed")
padded_modulus = der(2, b"\0\0" + numbers.n.to_bytes(256, "big"))
vector("rsa: a modulus with another leading zero", pem("RSA PUBLIC KEY", der(0x30, padded_modulus + integer(65537))), good,
       "Malformed")
vector("a private key's label", spki(public).replace("PUBLIC KEY", "PRIVATE KEY"), good, "Malformed")
vector("two PEM blocks", spki(public) * 2, good, "Malformed")
vector("PEM cut short", spki(public)[:-30], good, "Malformed")
vector("PEM with white space around it", f"\n {spki(public)}\n\n", good, "valid")
vector("PEM with line ends of two characters", spki(public).replace("\n", "\r\n"), good, "valid")
unwrapped = "".join(spki(public).splitlines()[1:-1])
for width in [48, 76, len(unwrapped)]:
    lines = [unwrapped[at: at + width] for at in range(0, len(unwrapped), width)]
    text = "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])
    vector(f"PEM in lines of {width}", text, good, "valid")
vector("PEM without a last line end", spki(public).rstrip("\n"), good, "valid")
vector("no PEM at all", "ssh-ed25519 AAAA", good, "Malformed")
vector("longer than any key", spki(public) + " " * 20_000, good, "TooLong")

OUT = pathlib.Path(__file__).with_name("vectors.json")
OUT.write_text(json.dumps(VECTORS, indent=1, sort_keys=True) + "\n")
print(f"{len(VECTORS)} vectors, {sum(entry['expect'] == 'valid' for entry in VECTORS)} of them valid")

#!/usr/bin/env python3
"""Makes sets of volumes from docs/volumes.md alone: the arithmetic of the field, the code by its formula, and the layout.

    python generate.py            writes vectors.json and one_file.json beside this file

Each vector has the archive by a recipe, and of every volume the SHA-256 and, where that is short, nothing else. In one_file.json, the volumes of a
set stand one after another in one file; parts of it are destroyed, and the vector says what becomes of the archive.
"""
import hashlib, json, os

CHUNK = 65_536
# The field: polynomials over GF(2) modulo x^16 + x^5 + x^3 + x^2 + 1, written in the basis of docs/volumes.md, "The code".
POLYNOMIAL = 0x1002D
BASIS = [0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E, 0x914C, 0x4012, 0x6C98, 0x10D8, 0x6A72, 0xB900, 0xFDB8, 0xFB34, 0xFF38, 0x991E]


def product_of_polynomials(a, b):
    result = 0
    while b:
        if b & 1:
            result ^= a
        a, b = a << 1, b >> 1
        if a >> 16:
            a ^= POLYNOMIAL
    return result


def tables():
    """Logarithms and powers of numbers in the basis: x is a generator of the field."""
    of_number = [0] * 65_536
    for bit, element in enumerate(BASIS):
        for number in range(1 << bit):
            of_number[number | 1 << bit] = of_number[number] ^ element
    number_of = [0] * 65_536
    for number, element in enumerate(of_number):
        number_of[element] = number
    power, logarithm, element = [0] * 65_535, [0] * 65_536, 1
    for exponent in range(65_535):
        power[exponent] = number_of[element]
        logarithm[number_of[element]] = exponent
        element = product_of_polynomials(element, 2)
    return power, logarithm


POWER, LOGARITHM = tables()


def multiply(a, b):
    return POWER[(LOGARITHM[a] + LOGARITHM[b]) % 65_535] if a and b else 0


def divide(a, b):
    return POWER[(LOGARITHM[a] - LOGARITHM[b]) % 65_535] if a else 0


def factor(parity_count, parity, data):
    """What data chunk number `data` is multiplied with for parity chunk number `parity`."""
    points = 1
    while points < parity_count:
        points *= 2
    result = 1
    for other in range(points):
        if other != parity:
            result = multiply(result, divide((points + data) ^ other, parity ^ other))
    return result


def split_bytes(number):
    """For each byte value: the products, in one table for low and one for high bytes of numbers."""
    return [multiply(number, low) for low in range(256)], [multiply(number, high << 8) for high in range(256)]


def add_multiple(to, chunk, number):
    """Blocks of 64 bytes hold 32 numbers: the low bytes first, then the high bytes."""
    low, high = split_bytes(number)
    for block in range(0, CHUNK, 64):
        for index in range(block, block + 32):
            product = low[chunk[index]] ^ high[chunk[index + 32]]
            to[index] ^= product & 255
            to[index + 32] ^= product >> 8


def header(set_id, length, data, parity, number):
    content = b"sealift-volume/1" + set_id + length.to_bytes(8, "big") + bytes([data, parity, number])
    content = content.ljust(480, b"\0")
    return content + hashlib.sha256(content).digest()


def record(set_id, number, stripe, chunk):
    place = b"sealift-volume-chunk/1" + set_id + bytes([number]) + stripe.to_bytes(8, "big")
    return bytes(chunk) + hashlib.sha256(place + chunk).digest()


def volumes(archive, seal, data, parity):
    length = len(archive)
    set_id = hashlib.sha256(b"sealift-volume-set/1" + bytes([data, parity]) + length.to_bytes(8, "big") + seal).digest()
    result = [bytearray(header(set_id, length, data, parity, number + 1)) for number in range(data + parity)]
    stripes = -(-length // (data * CHUNK))
    for stripe in range(stripes):
        content = archive[stripe * data * CHUNK:(stripe + 1) * data * CHUNK].ljust(data * CHUNK, b"\0")
        chunks = [content[index * CHUNK:(index + 1) * CHUNK] for index in range(data)]
        for index in range(parity):
            chunk = bytearray(CHUNK)
            for position in range(data):
                add_multiple(chunk, chunks[position], factor(parity, index, position))
            chunks.append(chunk)
        for position, chunk in enumerate(chunks):
            result[position] += record(set_id, position + 1, stripe, chunk)
    for number in range(data + parity):
        result[number] += header(set_id, length, data, parity, number + 1)
    return set_id, result


def archive_of(length):
    """Bytes that follow from their length: SHA-256 of "volume vector " and a count, one after the other."""
    pieces = (hashlib.sha256(b"volume vector %d" % count).digest() for count in range(-(-length // 32)))
    return b"".join(pieces)[:length]


CASES = [
    ("the worked example", 100_000, 2, 1),
    ("one byte", 1, 1, 0),
    ("parity that is a power of two", 300_000, 3, 2),
    ("parity that is not a power of two", 200_000, 4, 3),
    ("more parity than data", 70_000, 1, 5),
    ("a chunk to the byte", CHUNK, 1, 1),
    ("a stripe to the byte", 2 * CHUNK, 2, 1),
    ("many volumes", 1_500_000, 20, 4),
]

def destroyed(file, spoilt, length):
    """The file with the bytes of these ranges turned over, cut or filled up with zeros to a length."""
    file = bytearray(file)
    for start, end in spoilt:
        for index in range(start, min(end, len(file))):
            file[index] ^= 0xFF
    return bytes(file[:length].ljust(length, b"\0"))


def header_at(file, offset):
    content = file[offset:offset + 512]
    is_one = content.startswith(b"sealift-volume/1") and hashlib.sha256(content[:480]).digest() == content[480:]
    return (content[16:48], int.from_bytes(content[48:56], "big"), content[56], content[57], content[58]) if is_one else None


def length_of_volume(found):
    return 1024 + -(-found[1] // (found[2] * CHUNK)) * (CHUNK + 32)


def any_header(file):
    """The first header, the last one, or one where the file would be cut into equal parts."""
    for offset in [0, len(file) - 512]:
        if offset >= 0 and (found := header_at(file, offset)):
            return found
    for count in range(2, 256):
        each = len(file) // count
        if len(file) % count == 0:
            for offset in [each, each - 512]:
                found = header_at(file, offset) if offset >= 0 else None
                if found and length_of_volume(found) == each:
                    return found
    return None


def outcome(file):
    """What becomes of the archive: whole, restored, lost because too much is damaged, or no volumes at all."""
    first = any_header(file)
    if first is None:
        return "no-volumes"
    set_id, _, data, parity, _ = first
    each = length_of_volume(first)
    found = {}
    for start in range(0, len(file), each):
        section = file[start:start + each]
        header = header_at(section, 0) or (header_at(section, len(section) - 512) if len(section) >= 512 else None)
        if header and header[0] == set_id:
            found[header[4]] = section
    if data + parity - len(found) > parity:
        return "too-much"
    is_whole = True
    for stripe in range((each - 1024) // (CHUNK + 32)):
        lost = set(range(1, data + parity + 1))
        for number, section in found.items():
            content = section[512 + stripe * (CHUNK + 32):][:CHUNK + 32]
            if content == record(set_id, number, stripe, content[:CHUNK]):
                lost.discard(number)
        if len(lost) > parity:
            return "too-much"
        # Parity that is not needed need not be read.
        is_whole = is_whole and min(lost, default=data + 1) > data
    return "whole" if is_whole else "restored"


EACH = 1024 + 2 * (CHUNK + 32)
# The name, k and m of an archive of 500,000 bytes, the ranges that are destroyed, and the length that is left. Four data volumes have two stripes.
ONE_FILE_CASES = [
    ("nothing is destroyed", 2, [], 6 * EACH),
    ("the first header", 2, [(0, 512)], 6 * EACH),
    ("both headers of the first volume", 2, [(0, 512), (EACH - 512, EACH)], 6 * EACH),
    ("the first header and the last", 2, [(0, 512), (6 * EACH - 512, 6 * EACH)], 6 * EACH),
    ("a scratch of two volumes from the beginning", 2, [(0, 2 * EACH)], 6 * EACH),
    ("a scratch of two volumes across three", 2, [(EACH // 2, 2 * EACH + EACH // 2)], 6 * EACH),
    ("a scratch of a byte more than two volumes across four", 2, [(EACH - 513, 3 * EACH + 513)], 6 * EACH),
    ("three volumes", 2, [(EACH, 4 * EACH)], 6 * EACH),
    ("one byte in the first chunk of three volumes", 2, [(512 + 9, 522), (EACH + 521, EACH + 522), (2 * EACH + 521, 2 * EACH + 522)], 6 * EACH),
    ("one byte in other chunks of three volumes", 2, [(512 + 9, 522), (EACH + 521, EACH + 522), (3 * EACH - 600, 3 * EACH - 599)], 6 * EACH),
    ("the end is cut off", 2, [], 4 * EACH + 700),
    ("too much is cut off", 2, [], 3 * EACH + 700),
    ("something follows", 2, [], 6 * EACH + 300),
    ("everything", 2, [(0, 6 * EACH)], 6 * EACH),
]

if __name__ == "__main__":
    vectors = []
    for name, length, data, parity in CASES:
        archive = archive_of(length)
        set_id, files = volumes(archive, archive[:512], data, parity)
        vectors.append({
            "name": name,
            "length": length,
            "data": data,
            "parity": parity,
            "archive": hashlib.sha256(archive).hexdigest(),
            "set": set_id.hex(),
            "volumes": [hashlib.sha256(file).hexdigest() for file in files],
        })
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors.json"), "w", encoding="utf-8") as file:
        json.dump(vectors, file, indent=1)
        file.write("\n")
    vectors = []
    archive = archive_of(500_000)
    for name, parity, spoilt, length in ONE_FILE_CASES:
        _, files = volumes(archive, archive[:512], 4, parity)
        file = destroyed(b"".join(files), spoilt, length)
        vectors.append({
            "name": name,
            "archiveLength": len(archive),
            "data": 4,
            "parity": parity,
            "destroyed": spoilt,
            "length": length,
            "file": hashlib.sha256(file).hexdigest(),
            "outcome": outcome(file),
        })
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "one_file.json"), "w", encoding="utf-8") as file:
        json.dump(vectors, file, indent=1)
        file.write("\n")

#!/usr/bin/env python3
"""forge.py CHECKPOINT: other weights, under a header that commits to them, as who owns the disk can do (doc/formats/checkpoint.md)."""
import hashlib
import struct
import sys

CHUNK = 65536 * 4


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def merkle(leaves):
    """RFC 6962, 2.1, over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha(b"\x01", merkle(leaves[:k]), merkle(leaves[k:]))


def head(data, at):
    """A CBOR head: its value, and where it ends."""
    short = data[at] & 31
    if short < 24:
        return short, at + 1
    n = {24: 1, 25: 2, 26: 4, 27: 8}[short]
    return int.from_bytes(data[at + 1:at + 1 + n], "big"), at + 1 + n


def forge(path):
    data = bytearray(open(path, "rb").read())
    assert data[:8] == b"AICCKPT2", "no checkpoint"
    length = struct.unpack(">Q", data[8:16])[0]
    end = 16 + length
    items, at = head(data, 16)
    assert items == 4
    n, state_at = head(data, at)
    state = bytes(data[state_at:state_at + n])
    root_at = head(data, state_at + n)[1]
    opening_at = head(data, root_at + 32)[1]
    pairs = head(data, opening_at + 32)[0]
    leaves_at = end + 32
    for chunks in range(1, 1 << 20):  # as many as make the committed root
        leaves = [sha(b"\x00", state)] + [bytes(data[leaves_at + 32 * i:leaves_at + 32 * i + 32]) for i in range(chunks)]
        if merkle(leaves) == bytes(data[root_at:root_at + 32]):
            break
    values = leaves_at + 32 * chunks + 8 * pairs
    values += -values % 64
    for i in range(values, values + 4000, 4):
        data[i:i + 4] = struct.pack("<f", struct.unpack("<f", data[i:i + 4])[0] * 0.5)
    parameters = (len(data) - values) // 4 // 3
    first = bytes(data[values:values + min(CHUNK, parameters * 4)])
    leaves[1] = sha(b"\x00", first)
    data[leaves_at:leaves_at + 32] = leaves[1]
    data[root_at:root_at + 32] = merkle(leaves)
    data[end:end + 32] = sha(bytes(data[:end]))
    open(path, "r+b").write(data)


forge(sys.argv[1])

#!/usr/bin/env python3
"""forge.py: sends a batch of receipts to aicacctd as aicnoded does, but with whatever key, node and caller one likes. Written
from doc/formats/receipt.md and rpc.md alone.

    forge.py batch KEY.pem NODE RECEIPT...   the signed batch, on standard output
    forge.py send MUNGE-SOCKET AICACCTD-SOCKET <BATCH   sends it as who runs this; prints the answer's code and message
"""
import hashlib
import os
import socket
import struct
import subprocess
import sys
import tempfile


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for extra, form in ((24, ">B"), (25, ">H"), (26, ">I")):
        if n < 1 << 8 * struct.calcsize(form):
            return bytes([major << 5 | extra]) + struct.pack(form, n)
    raise ValueError(n)


def encode(value):
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(4, len(value)) + b"".join(map(encode, value))


def decode(data, at=0):
    """One item of unsigned, bytes, text, array: the value and where the next begins."""
    major, n = data[at] >> 5, data[at] & 31
    at += 1
    if n >= 24:
        size = 1 << n - 24
        n, at = int.from_bytes(data[at:at + size], "big"), at + size
    if major == 0:
        return n, at
    if major in (2, 3):
        value = data[at:at + n]
        return (value.decode() if major == 3 else value), at + n
    values = []
    for _ in range(n):
        value, at = decode(data, at)
        values.append(value)
    return values, at


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def batch(key, node, *receipts):
    public = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")[-32:]
    signed = encode([node, public, [open(path, "rb").read() for path in receipts]])
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"aic/receipts/v1\0" + signed)
        file.flush()
        signature = openssl("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", file.name)
    sys.stdout.buffer.write(encode([signed, signature]))


def receive(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            sys.exit("cut off without an answer")
        data += more
    return data


def send(munge_socket, address):
    body = encode(["receipts", sys.stdin.buffer.read()])
    payload = hashlib.sha256(b"aic/rpc/v1" + b"acct" + body).digest() + os.urandom(16)
    credential = subprocess.run(["munge", "--socket", munge_socket], input=payload, check=True, capture_output=True).stdout.strip()
    frame = struct.pack(">I", len(credential)) + credential + body
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(address)
        s.sendall(struct.pack(">I", len(frame)) + frame)
        answer = receive(s, struct.unpack(">I", receive(s, 4))[0])
    items, _ = decode(answer, 4 + struct.unpack(">I", answer[:4])[0])
    print(*items)


{"batch": batch, "send": send}[sys.argv[1]](*sys.argv[2:])

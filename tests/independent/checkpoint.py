"""checkpoint.py: signed notes and cosignatures as C2SP describes them, from the specifications and RFC 8032 alone.

    checkpoint.py vectors                        the ones that ledger/audit/checkpoint_test.c has
    checkpoint.py check NOTE SITEKEY [VKEY...]   a real one: signed by that site key (hex), cosigned by these witnesses
"""
import base64
import hashlib
import struct
import sys

# --- Ed25519, RFC 8032 section 6 ---
p, q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
d = -121665 * pow(121666, p - 2, p) % p


def sha512(s):
    return int.from_bytes(hashlib.sha512(s).digest(), "little")


def add(P, Q):
    A, B = (P[1] - P[0]) * (Q[1] - Q[0]) % p, (P[1] + P[0]) * (Q[1] + Q[0]) % p
    C, D = 2 * P[3] * Q[3] * d % p, 2 * P[2] * Q[2] % p
    E, F, G, H = B - A, D - C, D + C, B + A
    return E * F, G * H, F * G, E * H


def mul(s, P):
    Q = (0, 1, 1, 0)
    while s:
        if s & 1:
            Q = add(Q, P)
        P, s = add(P, P), s >> 1
    return Q


def recover(y, sign):
    x2 = (y * y - 1) * pow(d * y * y + 1, p - 2, p) % p
    x = pow(x2, (p + 3) // 8, p)
    if (x * x - x2) % p:
        x = x * pow(2, (p - 1) // 4, p) % p
    if (x * x - x2) % p:
        raise ValueError("no point")
    return p - x if x & 1 != sign else x


gy = 4 * pow(5, p - 2, p) % p
gx = recover(gy, 0)
G = (gx, gy, 1, gx * gy % p)


def compress(P):
    zinv = pow(P[2], p - 2, p)
    x, y = P[0] * zinv % p, P[1] * zinv % p
    return int.to_bytes(y | (x & 1) << 255, 32, "little")


def decompress(s):
    y = int.from_bytes(s, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = recover(y, sign)
    return x, y, 1, x * y % p


def expand(secret):
    h = hashlib.sha512(secret).digest()
    a = int.from_bytes(h[:32], "little")
    return a & (1 << 254) - 8 | 1 << 254, h[32:]


def public(secret):
    return compress(mul(expand(secret)[0], G))


def sign(secret, msg):
    a, prefix = expand(secret)
    A = compress(mul(a, G))
    r = sha512(prefix + msg) % q
    R = compress(mul(r, G))
    return R + int.to_bytes((r + sha512(R + A + msg) % q * a) % q, 32, "little")


def verify(key, msg, sig):
    R, s = decompress(sig[:32]), int.from_bytes(sig[32:], "little")
    h = sha512(sig[:32] + key + msg) % q
    left, right = mul(s, G), add(R, mul(h, decompress(key)))
    return s < q and (left[0] * right[2] - right[0] * left[2]) % p == 0 and (left[1] * right[2] - right[1] * left[2]) % p == 0


# --- notes ---
def key_id(name, algorithm, key):
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + key).digest()[:4]


def line(name, blob):
    return f"\u2014 {name} {base64.b64encode(blob).decode()}\n"


def body(chain, size, root):
    return f"aic-ledger/{chain.hex()}\n{size}\n{base64.b64encode(root).decode()}\n"


def site_line(text, secret):
    origin = text.split("\n")[0]
    return line(origin, key_id(origin, 1, public(secret)) + sign(secret, text.encode()))


def cosignature(text, name, secret, time):
    message = f"cosignature/v1\ntime {time}\n{text}".encode()
    return line(name, key_id(name, 4, public(secret)) + struct.pack(">Q", time) + sign(secret, message))


def vkey(name, key):
    return f"{name}+{key_id(name, 4, key).hex()}+{base64.b64encode(bytes([4]) + key).decode()}"


def vectors():
    text = body(hashlib.sha256(b"chain").digest(), 1234567, hashlib.sha256(b"root").digest())
    site, witness = bytes([1] * 32), bytes([2] * 32)
    note = text + "\n" + site_line(text, site) + cosignature(text, "witness.example.org/w1", witness, 1764000000)
    return note + vkey("witness.example.org/w1", public(witness)) + "\n"


def check(path, site, witnesses):
    note = open(path, encoding="utf-8").read()
    text, signatures = note.split("\n\n", 1)
    text += "\n"
    found = {}
    for one in signatures.splitlines():
        dash, name, blob = one.split(" ")
        assert dash == "\u2014"
        found.setdefault(name, []).append(base64.b64decode(blob, validate=True))
    origin = text.split("\n")[0]
    key = bytes.fromhex(site)
    assert any(b[:4] == key_id(origin, 1, key) and verify(key, text.encode(), b[4:]) for b in found[origin]), "site"
    for one in witnesses:
        name, ident, rest = one.split("+", 2)
        key = base64.b64decode(rest)[1:]
        assert key_id(name, 4, key).hex() == ident
        good = False
        for b in found[name]:
            time = struct.unpack(">Q", b[4:12])[0]
            good |= b[:4] == bytes.fromhex(ident) and verify(key, f"cosignature/v1\ntime {time}\n{text}".encode(), b[12:])
        assert good, name
    print(f"{text.split(chr(10))[1]} blocks, {1 + len(witnesses)} signatures hold")


if sys.argv[1] == "vectors":
    sys.stdout.write(vectors())
else:
    check(sys.argv[2], sys.argv[3], sys.argv[4:])

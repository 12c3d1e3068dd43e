"""secrets.py KEYFILE... -- FILE...: says which of these files hold the private half of one of these keys, in whatever form."""
import base64
import os
import re
import sys


def forms(path):
    pem = open(path).read()
    der = base64.b64decode(re.sub(r"-----[^-]*-----|\s", "", pem))
    seed = der[-32:]  # PKCS#8 of an Ed25519 key ends with it
    return [seed, seed.hex().encode(), seed.hex().upper().encode(), base64.b64encode(seed).rstrip(b"="), base64.b64encode(der)[-40:]]


split = sys.argv.index("--")
secrets = [form for path in sys.argv[1:split] for form in forms(path)]
found = 0
for path in sys.argv[split + 1:]:
    if not os.path.isfile(path) and not path.startswith("/proc/"):
        continue
    data = open(path, "rb").read()
    if any(form in data for form in secrets):
        print(path)
        found += 1
print(f"{found} of {len(sys.argv) - split - 1} files")
sys.exit(found > 0)

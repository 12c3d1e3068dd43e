#!/usr/bin/env python3
"""Random economies, paid twice: by `aic simulate`, and here, from doc/economics.md with Python's integers. Usage:
simulate_check.py AIC COUNT [FIRST_SEED]. Prints TAP; an economy that differs is named by its seed and replays exactly."""
import json
import os
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import economics as e

STATES = ["COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "OUT_OF_MEMORY", "DEADLINE", "REVOKED", "REQUEUED",
          "LAUNCH_FAILED"]
GPUS = ["a100", "h100", "k80", ""]


def decimal(units):
    return f"{units // e.AIC}.{units % e.AIC:018d}"


def units(text):
    whole, _, part = text.partition(".")
    return int(whole) * e.AIC + int(part.ljust(18, "0"))


def issuance(policy, fees):
    return e.issuance(fees, a_max=policy["a_max"])


# --- an economy ---------------------------------------------------------------------------------------------------

def make_assets(r):
    """{(name, is model): (owner, per job, per GPU hour, [(parent, ppm)])}; a parent comes before what was made from it."""
    owners = ["provider/lab-one", "provider/lab-two", "account/maths", "account/physics", "site"]
    assets = {}
    for name, is_model in [("raw", False), ("web", False), ("base", True), ("raw", True), ("faces", False), ("net", True)]:
        parents, left = [], e.PPM
        for parent in r.sample(list(assets), r.choice([0, 0, 1, 2, 3]) if len(assets) > 2 else 0):
            ppm = r.choice([left, r.randrange(left + 1), 1, 333_333])
            if 0 < ppm <= left:
                parents.append((parent, ppm))
                left -= ppm
        assets[name, is_model] = (r.choice(owners), r.choice([0, r.randrange(10), r.randrange(e.AIC)]), r.choice([0, r.randrange(e.AIC)]), parents)
    return assets


def make_policy(r):
    nodes = [f"n{i}" for i in range(1, r.randint(2, 7))]
    owners = [r.choice(["lab-one", "lab-two", None]) for _ in nodes]
    nodes, owners = nodes + ["n8", "n9"], owners + ["lab-one", "lab-two"]
    organisations = ["math", "physics", "bio"]
    p = {"site": "uni",
         "rates": e.Rates(gpu={g: r.randrange(1, 5 * e.AIC) for g in GPUS[:3] if r.random() < 0.6},
                          gpu_default=r.randrange(e.AIC), cpu=r.randrange(e.AIC // 10), mem_gib=r.randrange(e.AIC // 100)),
         "providers": {name: (r.choice(organisations + [name]), [n for n, o in zip(nodes, owners) if o == name])
                       for name in ("lab-one", "lab-two")},
         "accounts": {a: r.choice(organisations) for a in ("physics", "biology", "maths") if r.random() < 0.7},
         "assets": make_assets(r),
         "fee_ppm": r.randrange(0, 300_001), "rho": r.randrange(0, 450_001), "kappa": r.randrange(1, 350_001),
         "fees_total": r.choice([0, r.randrange(10**9) * e.AIC]),
         "ratings": {w: r.randrange(0, 10**6 + 1) for w in ("provider/lab-one", "site") if r.random() < 0.5}}
    # the most that keeps circular payments from earning (section 2, "Refused")
    most = 4 * p["kappa"] * e.X_SCALE * ((1 << 64) - e.logistic(e.X0 << 32)) // ((1 << 64) * e.PPM)
    p["a_max"] = r.randrange(min(most, e.A_MAX) + 1)
    p["issued"] = r.choice([0, issuance(p, p["fees_total"]), issuance(p, p["fees_total"]) // 2])
    return p, nodes


def make_job(r, job, nodes):
    submit = r.randrange(10**6, 10**9)
    start = submit + r.randrange(1000)
    base = {"cluster": "lab", "job_id": job, "user": r.choice(["anna", "ben"]), "account": r.choice(["physics", "biology", "maths", ""]),
            "partition": "gpu", "submit": submit, "dataset": r.choice(["", "faces", "faces", "unheard"]), "model": r.choice(["", "", "net"]),
            "time_limit": r.choice([None, r.randrange(1, 200000)])}
    runs = []
    for restart in range(r.choice([1, 1, 1, 2, 3])):
        held = [{"name": n, "cpus": r.randrange(65), "mem_mib": r.randrange(200000),
                 "gpus": [{"type": g, "count": r.randrange(1, 5)} for g in r.sample(GPUS, r.choice([0, 0, 1, 2]))]}
                for n in sorted(r.sample(nodes, r.randrange(1, len(nodes) + 1)))]
        length = r.choice([0, r.randrange(1, 100), r.randrange(1, 100000)])
        run = dict(base, restart=restart, start=start, end=start + length, resize=0, preempt=0, suspended=0, suspend_time=0,
                   state=r.choice(STATES), nodes=held)
        if r.random() < 0.15:
            run["preempt"] = start + length // 2
            run["state"] = r.choice(["COMPLETED", "PREEMPTED", "REQUEUED", "CANCELLED"])
        if r.random() < 0.2:
            run["suspended"] = r.randrange(length + 50)
        if r.random() < 0.05:
            run["start"] = 0
        if length > 10 and run["start"] and r.random() < 0.2:
            runs += resize(r, run)
        else:
            runs.append(run)
        start += length + r.randrange(1, 1000)
    return runs


def resize(r, run):
    """One or two resizes: Slurm puts the end of a resized segment into `resize`, the projected end into `end`."""
    cuts = sorted(r.sample(range(run["start"] + 1, run["end"]), r.choice([1, 2])))
    segments = []
    for cut in cuts:
        segments.append(dict(run, state="RESIZING", resize=cut, end=run["start"] + 10**6, preempt=0,
                             suspended=min(run["suspended"], cut - run["start"])))
    segments.append(dict(run, resize=cuts[-1]))
    return segments


def make_receipts(r, runs):
    out, seen = [], set()
    for run in runs:
        if not run["start"]:
            continue
        for node in run["nodes"]:
            for step in range(r.choice([0, 1, 1, 2])):
                key = (run["job_id"], run["restart"], node["name"], step)
                if key in seen:
                    continue
                seen.add(key)
                a = run["start"] + r.randrange(50)
                b = max(a, run["end"] - r.randrange(50)) if run["state"] != "RESIZING" else run["resize"] + 1000
                seconds = max(1, b - a)
                out.append({"cluster": "lab", "job_id": run["job_id"], "restart": run["restart"], "node": node["name"], "step_id": step,
                            "start": a, "end": max(a, b), "cpu_ms": r.choice([None, 0, r.randrange(seconds * 1000 * 32)]),
                            "gpu_ms": r.choice([None, r.randrange(seconds * 1000 * 4)])})
    return out


# --- the second calculation ------------------------------------------------------------------------------------------

def segments_of(run):
    """[(record, start, end, suspended, limit left)] of the records of one run."""
    resized = sorted((x for x in run if x["state"] == "RESIZING"), key=lambda x: x["resize"])
    last = [x for x in run if x["state"] != "RESIZING"]
    out, start, told, used = [], None, 0, 0
    for x in resized + last:
        limit = 10**18 if x["time_limit"] is None else x["time_limit"]
        if x["state"] == "RESIZING":
            begin, end = (x["start"] if start is None else start), x["resize"]
        else:
            begin, end = x["resize"] or x["start"], x["end"]
        suspended = max(0, x["suspended"] - told)
        out.append((x, begin, end, suspended, max(0, limit - used)))
        used += max(0, end - begin - suspended)
        if x["state"] == "RESIZING":
            start, told = end, x["suspended"]
    return out


def use_ppm(held, seconds, begin, end, divided, node, receipts):
    """Mean use of what the node gave, and whether anything was measured."""
    used, kind = 0, "gpu_ms" if held[1] else "cpu_ms"
    for x in receipts:
        if x["node"] != node or (divided and min(x["end"] + 1, end) <= max(x["start"], begin)) or x[kind] is None:
            continue
        if not divided:
            used += x[kind]
        elif x["end"] > x["start"]:
            used += x[kind] * max(0, min(x["end"], end) - max(x["start"], begin)) // (x["end"] - x["start"])
        elif begin <= x["start"] < end:
            used += x[kind]
    total = (held[1] or held[0]) * seconds * 1000
    return min(e.PPM, used * e.PPM // total) if total else 0


def lines_of_job(policy, runs, receipts):
    """(payer, payee, kind, gross, quality) of every line of a job."""
    by_restart, due = {}, True
    for run in runs:
        by_restart.setdefault(run["restart"], []).append(run)
    for restart in sorted(by_restart):
        run = by_restart[restart]
        mine = [x for x in receipts if x["restart"] == restart and x["job_id"] == run[0]["job_id"]]
        for x, begin, end, suspended, limit in segments_of(run):
            if not x["start"]:
                continue
            seconds = e.billable(begin, end, suspended, limit)
            preempted = x["state"] == "PREEMPTED" or (x["preempt"] and x["preempt"] >= x["start"])
            ppm = e.state_ppm(x["state"], preempted)
            charged = seconds > 0 and ppm > 0
            pays, due = due and charged, due and not charged
            if x["account"]:
                yield from lines_of_segment(policy, x, begin, end, seconds, ppm, pays, len(run) > 1, mine)


def organisation(policy, wallet):
    kind, _, name = wallet.partition("/")
    if kind == "account":
        return policy["accounts"].get(name, name)
    if kind == "provider":
        return policy["providers"][name][0] if name in policy["providers"] else name
    return policy["site"]


def lines_of_segment(policy, x, begin, end, seconds, ppm, pays, divided, receipts):
    payer = "account/" + x["account"]
    verified = 500_000 if receipts else 0
    held = {n["name"]: (n["cpus"], sum(g["count"] for g in n["gpus"])) for n in x["nodes"]}
    uses = {n: use_ppm(h, seconds, begin, end, divided, n, receipts) for n, h in held.items()}

    def line(payee, kind, gross, mean):
        same = organisation(policy, payer) == organisation(policy, payee)
        return payer, payee, kind, gross, e.quality(verified if seconds else 0, min(e.PPM, 2 * mean), same)

    for n in x["nodes"]:
        owner = next((name for name, (_, nodes) in policy["providers"].items() if n["name"] in nodes), None)
        kinds = {}
        for g in n["gpus"]:
            kinds[g["type"]] = kinds.get(g["type"], 0) + g["count"]
        gross = e.charge_node(policy["rates"], seconds, ppm, n["cpus"], n["mem_mib"], kinds)
        yield line("provider/" + owner if owner else "site", "hardware", gross, uses[n["name"]])
    gpus = sum(h[1] for h in held.values())
    weight = {n: h[1] if gpus else h[0] for n, h in held.items()}
    mean = sum(uses[n] * w for n, w in weight.items()) // sum(weight.values()) if sum(weight.values()) else 0
    for kind, name, is_model in (("data", x["dataset"], False), ("model", x["model"], True)):
        if not name or (name, is_model) not in policy["assets"] or not seconds:
            continue
        _, per_job, per_gpu_hour, _ = policy["assets"][name, is_model]
        gross = e.charge_asset(per_job if pays else 0, per_gpu_hour, gpus * seconds) if ppm else 0
        families = {a: parents for a, (_, _, _, parents) in policy["assets"].items()}
        for asset, part in e.divide(families, (name, is_model), gross).items():
            yield line(policy["assets"][asset][0], kind, part, mean)


def pay(policy, jobs, receipts):
    sums = {}
    for runs in jobs:
        for payer, payee, kind, gross, quality in lines_of_job(policy, runs, receipts):
            if not gross:
                continue
            fee = e.fee_of(gross, policy["fee_ppm"])
            n, g, f, s = sums.get((payer, payee, kind), (0, 0, 0, 0))
            sums[payer, payee, kind] = (n + 1, g + gross, f + fee, s + fee * quality)
    fees = policy["fees_total"] + sum(f for _, _, f, _ in sums.values())
    proven = {k: s * policy["ratings"].get(k[1], 500_000) // e.PPM for k, (_, _, _, s) in sums.items()}
    total = sum(proven.values())
    pool = min(max(0, issuance(policy, fees) - policy["issued"]), policy["kappa"] * total // e.PPM**2)
    return {k: (n, g, f, policy["rho"] * proven[k] // e.PPM**2, pool * proven[k] // total if total else 0)
            for k, (n, g, f, _) in sums.items()}


# --- against aic simulate ------------------------------------------------------------------------------------------------

def write_policy(path, p):
    rates = p["rates"]
    gpu = ", ".join([f"default: '{decimal(rates.gpu_default)}'"] + [f"{g}: '{decimal(v)}'" for g, v in rates.gpu.items()])
    text = [f"site: {p['site']}",
            f"rates: {{gpu: {{{gpu}}}, cpu: '{decimal(rates.cpu)}', mem_gib: '{decimal(rates.mem_gib)}'}}",
            f"parameters: {{fee_ppm: {p['fee_ppm']}, rho_ppm: {p['rho']}, kappa_ppm: {p['kappa']}, verify_ppm: 100000, a_max: '{decimal(p['a_max'])}'}}",
            f"state: {{fees_total: '{decimal(p['fees_total'])}', issued: '{decimal(p['issued'])}'}}"]
    if p["providers"]:
        text.append("providers:")
        text += [f"  - {{name: {n}, organisation: {o}, nodes: '{','.join(nodes)}'}}" for n, (o, nodes) in p["providers"].items()]
    if p["accounts"]:
        text.append("accounts:")
        text += [f"  - {{account: {a}, organisation: {o}}}" for a, o in p["accounts"].items()]
    text.append("assets:")
    for (n, m), (o, j, h, parents) in p["assets"].items():
        made_of = ", ".join(f"{{name: {a}, kind: {'model' if b else 'data'}, share_ppm: {ppm}}}" for (a, b), ppm in parents)
        text.append(f"  - {{name: {n}, kind: {'model' if m else 'data'}, owner: {o}, per_job: '{decimal(j)}', per_gpu_hour: '{decimal(h)}',"
                    f" parents: [{made_of}]}}")
    if p["ratings"]:
        text.append("ratings: {" + ", ".join(f"{w}: {v}" for w, v in p["ratings"].items()) + "}")
    with open(path, "w") as f:
        f.write("\n".join(text) + "\n")


def write_lines(path, objects):
    with open(path, "w") as f:
        for o in objects:
            f.write(json.dumps(o) + "\n")


def disturb(r, records):
    """In any order, some twice, some told again by Slurm with a longer, wrong duration."""
    out = list(records)
    for x in records:
        if r.random() < 0.1:
            out.append(x)
        elif x["state"] != "RESIZING" and x["start"] and r.random() < 0.1:
            out.append(dict(x, end=x["end"] + r.randrange(1, 5000), state="NODE_FAIL"))
    r.shuffle(out)
    return out


def economy(aic, seed, folder):
    r = random.Random(seed)
    policy, nodes = make_policy(r)
    jobs = [make_job(r, i + 1, nodes) for i in range(r.randrange(1, 25))]
    records = [x for runs in jobs for x in runs]
    receipts = make_receipts(r, records)
    names = {kind: os.path.join(folder, f"{seed}.{kind}") for kind in ("yaml", "records", "receipts")}
    write_policy(names["yaml"], policy)
    write_lines(names["records"], disturb(r, records))
    write_lines(names["receipts"], receipts)
    done = subprocess.run([aic, "simulate", "--policy", names["yaml"], "--records", names["records"], "--receipts", names["receipts"], "-P"],
                          capture_output=True, text=True)
    for name in names.values():
        os.unlink(name)
    if done.returncode:
        return f"seed {seed}: {done.stderr.strip()}"
    got = {}
    for row in done.stdout.splitlines()[1:]:
        payee, payer, kind, n, gross, fee, _, first, second, total = row.split("|")
        got[payer, payee, kind] = (int(n), units(gross), units(fee), units(first), units(second))
        if units(total) != units(gross) - units(fee) + units(first) + units(second):
            return f"seed {seed}: {row}: the total is not the sum"
    want = pay(policy, jobs, receipts)
    for key in sorted(set(got) | set(want)):
        if got.get(key) != want.get(key):
            return f"seed {seed}: {key}: aic {got.get(key)}, here {want.get(key)}"
    return None


def main():
    aic, count = sys.argv[1], int(sys.argv[2])
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [x for x in pool.map(lambda s: economy(aic, s, folder), range(first, first + count)) if x]
    for line in wrong[:10]:
        print("#", line)
    print(f"{'not ok' if wrong else 'ok'} 1 - {count} random economies are paid as economics.md says, to the unit")
    print("1..1")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

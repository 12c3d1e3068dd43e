#!/usr/bin/env python3
"""Compares what Slurm says happened (sacct) with what AIC charged, run by run and to the unit.

compare.py --sacct FILE --db accounting.db --usage FILE --uncharged FILE [--kills FILE] [--window SECONDS]

FILE of --sacct: `sacct -P -X -D` with the columns in SACCT_COLUMNS, times in epoch seconds; of --usage and --uncharged: `aic
report ... --format json`; of --kills: a line "TIME_DOWN TIME_UP" for each kill of slurmctld. The charges are computed a second
time by tests/independent/economics.py. Prints a line "ok TEXT" or "no TEXT" for each check, after lines "# ..." that explain it.
"""
import argparse
import collections
import json
import os
import re
import sqlite3
import sys
from decimal import Decimal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "independent"))
import economics  # noqa: E402

SACCT_COLUMNS = "JobIDRaw,Account,User,Partition,State,Submit,Start,End,AllocTRES,NodeList"
FINISHED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY",
            "REVOKED", "REQUEUED"}
# The lab's rates (etc/lab/aic.sh), in units per hour.
RATES = economics.Rates(gpu={"a100": 300 * economics.AIC}, gpu_default=120 * economics.AIC, cpu=60 * economics.AIC,
                        mem_gib=economics.AIC * 3 // 2)
FORGETS = 12  # seconds before its death of which slurmctld may not have saved its own state (it does every 5 s), and of slurmdbd's messages
CHARGED, CHARGED_PART, CHARGED_NOTHING, OUT_OF_SCOPE = range(4)

SlurmRun = collections.namedtuple("SlurmRun", "job account user partition state submit start end cpus mem gpus nodes")
AicRun = collections.namedtuple("AicRun", "job account user submit restart start end status reason gross lines duplicates")


def say(passed, text, explanation=()):
    for line in explanation:
        print("#", line)
    print("ok" if passed else "no", text)


# --- reading ---

def mebibytes(text):
    number, unit = re.fullmatch(r"([0-9.]+)([KMGT]?)", text).groups()
    return int(float(number) * {"K": 1 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024 ** 2}[unit])


def epoch(text):
    return int(text) if text.isdigit() else 0


def count_nodes(text):
    """n1, n[1-2,4]: how many."""
    inside = re.fullmatch(r"n\[(.*)\]", text)
    if not inside:
        return 1
    return sum(int(p.split("-")[-1]) - int(p.split("-")[0]) + 1 for p in inside.group(1).split(","))


def read_sacct(path):
    finished, others = [], []
    with open(path) as f:
        names = f.readline().strip().split("|")
        for line in f:
            row = dict(zip(names, line.rstrip("\n").split("|")))
            tres = dict(item.split("=") for item in row["AllocTRES"].split(",") if item)
            run = SlurmRun(int(row["JobIDRaw"]), row["Account"], row["User"], row["Partition"], row["State"].split()[0],
                           epoch(row["Submit"]), epoch(row["Start"]), epoch(row["End"]), int(tres.get("cpu", 0)),
                           mebibytes(tres.get("mem", "0M")), int(tres.get("gres/gpu", 0)), count_nodes(row["NodeList"]))
            (finished if run.state in FINISHED else others).append(run)
    return finished, others


def read_aic(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = db.execute("SELECT id, job, account, user, submit, restart, started, ended, status, reason FROM record").fetchall()
    gross, lines = collections.Counter(), collections.Counter()
    for record, amount in db.execute("SELECT record, gross FROM line"):
        gross[record] += int.from_bytes(amount, "big")
        lines[record] += 1
    double = collections.Counter(r for (r,) in db.execute("SELECT record FROM duplicate"))
    return [AicRun(*row[1:], gross[row[0]], lines[row[0]], double[row[0]]) for row in rows]


def units(text):
    return int(Decimal(text) * economics.AIC)


# --- checks ---

def near_kill(kills, moment, window):
    return any(down - window <= moment <= up + window for down, up in kills)


def check_once(slurm, aic, kills, window):
    """Each run that Slurm finished stands in AIC once; what is missing ended while slurmctld was killed, and is named."""
    by_job = collections.defaultdict(list)
    for run in aic:
        by_job[run.job, run.submit].append(run)
    want = collections.Counter((r.job, r.submit) for r in slurm)
    double = [f"job {job} of {submit}: {len(by_job[job, submit])} runs in AIC, {n} in Slurm"
              for (job, submit), n in want.items() if len(by_job[job, submit]) > n]
    say(not double, f"no run is in AIC twice ({len(aic)} runs)", double)

    missing = [r for r in slurm if len(by_job[r.job, r.submit]) < want[r.job, r.submit]]
    excused = [r for r in missing if near_kill(kills, r.end, window)]
    for r in excused:
        print(f"# lost with slurmctld: job {r.job} of {r.user}, {r.state}, ended at {r.end}, within {window} s of a kill")
    lost = [f"job {r.job} of {r.user} ({r.account}), {r.state}, {r.start} to {r.end} is not in AIC" for r in missing
            if r not in excused]
    say(not lost, f"every one of {len(slurm)} runs that Slurm reports finished is in AIC"
        + (f", but {len(excused)} within {window} s of slurmctld's death, listed" if excused else ""), lost)

    known = set(want)
    extra = [r for r in aic if (r.job, r.submit) not in known]
    for r in extra:
        print(f"# AIC knows job {r.job} of {r.user}, ended at {r.end}; Slurm's database does not say that it finished")
    strange = [f"job {r.job} of {r.user}" for r in extra if not near_kill(kills, r.end, FORGETS)]
    say(not strange, "AIC charges no run of which Slurm knows nothing", strange)
    return by_job


def expected(run, state, start, end):
    """The charge of a run of equal shares on its nodes, from economics.md alone."""
    seconds = economics.billable(start, end, 0, 10**9)
    share = economics.charge_node(RATES, seconds, economics.state_ppm(state, 0), run.cpus // run.nodes, run.mem // run.nodes,
                                  {"a100": run.gpus // run.nodes} if run.gpus else {})
    return share * run.nodes


def check_amounts(slurm, by_job, kills):
    wrong, moved = [], 0
    seen = collections.Counter((r.job, r.submit) for r in slurm)
    for r in slurm:
        mine = by_job[r.job, r.submit]
        if seen[r.job, r.submit] != 1 or len(mine) != 1 or not r.start:
            continue
        a, states = mine[0], [r.state]
        if (a.start, a.end) != (r.start, r.end):
            moved += 1
            # Slurm's later record of a run that had ended when slurmctld died, or a second start of it: the earlier one counts.
            if a.end > r.end or not near_kill(kills, a.end, FORGETS):
                wrong.append(f"job {r.job}: AIC has {a.start} to {a.end}, Slurm {r.start} to {r.end}")
            states.append("COMPLETED")  # a slurmctld that forgot the end finds no such job on the node: NODE_FAIL
        due = [expected(r, state, a.start, a.end) for state in states]
        if a.gross not in due:
            wrong.append(f"job {r.job}: charged {a.gross} units, {' or '.join(map(str, due))} by doc/economics.md"
                         f" ({r.state}, {a.end - a.start} s, {r.cpus} CPUs, {r.mem} MiB, {r.gpus} GPUs on {r.nodes} nodes)")
        if a.status == CHARGED and a.lines != r.nodes:
            wrong.append(f"job {r.job}: {a.lines} lines for {r.nodes} nodes")
    say(not wrong, "times and charges are right to the unit"
        + (f", {moved} with the end before slurmctld's death rather than Slurm's later one" if moved else ""), wrong)


def check_reports(aic, usage, uncharged):
    runs, charge = collections.Counter(), collections.Counter()
    for r in aic:
        if r.status != OUT_OF_SCOPE:
            runs[r.account, r.user] += 1
            charge[r.account, r.user] += r.gross
    told = {(u["account"], u["user"]): (u["runs"], units(u["charge"])) for u in usage}
    mine = {key: (runs[key], charge[key]) for key in runs}
    differ = [f"{key}: the report has {told.get(key)}, the lines {mine.get(key)}" for key in sorted(set(told) | set(mine))
              if told.get(key) != mine.get(key)]
    say(not differ, f"aic report usage adds up to the unit: {sum(charge.values())} units in {sum(runs.values())} runs", differ)

    listed = collections.Counter(int(row["job"]) for row in uncharged)
    due = collections.Counter()
    for r in aic:
        due[r.job] += (r.status in (CHARGED_PART, CHARGED_NOTHING)) + r.duplicates
    differ = [f"job {job}: listed {listed[job]} times, due {due[job]}" for job in sorted(set(listed) | set(due))
              if listed[job] != due[job]]
    differ += [f"job {row['job']} has no reason" for row in uncharged if not row["reason"]]
    say(not differ, f"aic report uncharged lists what was not charged, with reasons ({sum(listed.values())} rows,"
                    f" {sum(r.duplicates for r in aic)} of them second records)", differ)


def main():
    parser = argparse.ArgumentParser()
    for name in ("sacct", "db", "usage", "uncharged"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--kills")
    parser.add_argument("--window", type=int, default=2)
    o = parser.parse_args()
    kills = []
    if o.kills:
        with open(o.kills) as f:
            kills = [tuple(map(int, line.split())) for line in f]
    slurm, others = read_sacct(o.sacct)
    for r in others:
        print(f"# Slurm's database leaves job {r.job} of {r.user} {r.state} for ever")
    aic = read_aic(o.db)
    by_job = check_once(slurm, aic, kills, o.window)
    check_amounts(slurm, by_job, kills)
    with open(o.usage) as u, open(o.uncharged) as n:
        check_reports(aic, json.load(u), json.load(n))


main()

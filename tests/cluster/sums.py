#!/usr/bin/env python3
"""sums.py: checks on `aic ... --format json` by exact integers (units of 10^-18 AIC), from economics.md alone.

    aic report payouts --format json | sums.py sums              gross = fee + net, reward and total, line by line
    aic report payouts --format json | sums.py total gross       the sum of a column, in units
    aic report payouts --format json | sums.py field PAYEE gross [PAYER]  one payee's sum, in units
    aic balance --format json | sums.py balance ACCOUNT          in units
    aic balance --format json | sums.py supply                   sum of all balances, in units
    sums.py charge SECONDS CPUS MIB GPUS                         of one node, economics.md 1, at the lab's rates
    sums.py calc EXPRESSION                                      exact integers, for the tests' own sums
"""
import json
import sys
from decimal import Decimal, getcontext

getcontext().prec = 60
UNIT = 10 ** 18


def units(text):
    value = Decimal(text) * UNIT
    assert value == value.to_integral_value(), f"{text} AIC is no whole number of units"
    return int(value)


def sums(rows):
    for row in rows:
        gross, fee, net = units(row["gross"]), units(row["fee"]), units(row["net"])
        assert gross == fee + net, f"{row}: gross is not fee + net"
        assert gross // 10 - row["lines"] < fee <= gross // 10, f"{row}: the fee is no tenth"
        if "reward" in row:
            assert units(row["total"]) == net + units(row["reward"]), f"{row}: total is not net + reward"
    print("exact")


def charge(seconds, cpus, mib, gpus):
    """rates of etc/lab/aic.sh: 60 AIC an hour for a CPU, 1.5 for a GiB, 300 for an a100"""
    per_hour_1024 = (60 * cpus + 300 * gpus) * UNIT * 1024 + 3 * UNIT // 2 * mib
    return seconds * per_hour_1024 // (1024 * 3600)


def main(verb, *words):
    if verb == "charge":
        return print(charge(*map(int, words)))
    if verb == "calc":
        return print(eval(words[0], {"__builtins__": {}}))
    rows = json.load(sys.stdin)
    if verb == "sums":
        sums(rows)
    elif verb == "total":
        print(sum(units(row[words[0]]) for row in rows))
    elif verb == "field":
        payee, column, payer = words[0], words[1], words[2] if len(words) > 2 else None
        print(sum(units(r[column]) for r in rows if r["payee"] == payee and payer in (None, r["payer"])))
    elif verb == "balance":
        print(next(units(r["balance"]) for r in rows if r["account"] == words[0]))
    elif verb == "supply":
        print(sum(units(r["balance"]) for r in rows))
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])

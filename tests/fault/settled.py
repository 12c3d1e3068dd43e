#!/usr/bin/env python3
"""settled.py BALANCES-BEFORE BALANCES-AFTER PAYOUTS STATUS-BEFORE STATUS-AFTER, all JSON of `aic`: does every wallet hold what
it held, less what the payout report charges it, plus what that pays it, to the unit, and is what is new in all wallets
together what the ledger says it issued? Prints each difference, and "all add up" where there is none."""
import collections
import json
import sys
from decimal import Decimal, getcontext

getcontext().prec = 60


def read(path):
    with open(path) as f:
        return json.load(f, parse_float=Decimal)


def units(text):
    return int(Decimal(text) * 10**18)


before, after, payouts, status_before, status_after = map(read, sys.argv[1:6])
moved = collections.Counter()
for row in payouts:
    moved[row["payer"]] -= units(row["gross"])
    moved[row["payee"].removeprefix("account/")] += units(row["total"])
    moved["treasury"] += units(row["fee"]) - units(row["reward"])
issued = units(status_after[0]["issued"]) - units(status_before[0]["issued"])
moved["treasury"] += issued

held = {row["account"]: units(row["balance"]) for row in before}
differences = []
for row in after:
    name = row["account"]
    if units(row["balance"]) != held.get(name, 0) + moved[name]:
        differences.append(f"{name}: {held.get(name, 0)} + {moved[name]} is not {units(row['balance'])} units")
    if units(row["unsettled"]) != 0:
        differences.append(f"{name}: {row['unsettled']} AIC stay unsettled")
if not payouts or sum(units(row["gross"]) for row in payouts) == 0:
    differences.append("the report has no payouts")
if sum(units(row["balance"]) for row in after) - sum(held.values()) != issued:
    differences.append(f"all wallets together do not differ by the {issued} units that the ledger issued")
print("\n".join(differences) if differences else "all add up")

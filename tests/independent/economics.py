"""The charges and payouts of AIC, computed a second time: from doc/economics.md alone, in another language, with
Python's exact integers. Nothing here is shared with the C code; the tests compare the two to the unit.

Units: 1 AIC = 10**18. ppm factors are integers 0..10**6. Every // is one of the specification's floors.
"""
from dataclasses import dataclass, field
from fractions import Fraction

AIC = 10**18
PPM = 10**6


# --- section 1: charges -------------------------------------------------------------------------------------------

@dataclass
class Rates:
    gpu: dict = field(default_factory=dict)   # type -> units per hour
    gpu_default: int = AIC // 2
    cpu: int = AIC // 100
    mem_gib: int = AIC // 1000


def charge_node(rates, billable, state_ppm, cpus, mem_mib, gpus):
    """gpus: {type: count}. The single floor is at the very end."""
    per_hour = Fraction(rates.mem_gib * mem_mib, 1024) + rates.cpu * cpus
    for kind, count in gpus.items():
        per_hour += rates.gpu.get(kind, rates.gpu_default) * count
    total = billable * state_ppm * per_hour / (3600 * PPM)
    return total.numerator // total.denominator


def charge_asset(per_job, per_gpu_hour, gpu_seconds):
    return per_job + per_gpu_hour * gpu_seconds // 3600


def divide(families, asset, amount):
    """Section 5: {asset: its part}, of an asset with families = {asset: [(parent, ppm)]}, parents in their order."""
    def generation(a):
        return 1 + max((generation(p) for p, _ in families[a]), default=0)

    parts, waiting = {}, {asset: amount}
    while waiting:
        a = max(waiting, key=generation)
        shares = families[a] + [(a, PPM - sum(ppm for _, ppm in families[a]))]
        got = waiting.pop(a)
        whole = [got * ppm // PPM for _, ppm in shares]
        order = sorted(range(len(shares)), key=lambda i: (-(got * shares[i][1] % PPM), i))
        for i in order[:got - sum(whole)]:
            whole[i] += 1
        for (heir, _), part in zip(shares[:-1], whole):
            waiting[heir] = waiting.get(heir, 0) + part
        parts[a] = whole[-1]
    return parts


NOT_CHARGED = {"NODE_FAIL", "BOOT_FAIL", "REVOKED", "LAUNCH_FAILED"}


def state_ppm(state, preempt_time):
    if state in NOT_CHARGED:
        return 0
    return 500_000 if preempt_time else PPM


def billable(start, end, suspended, limit, resize_end=None):
    if not start:
        return 0
    stop = resize_end if resize_end is not None else end
    return min(max(0, stop - start - suspended), limit)


# --- section 2: Proof of Value --------------------------------------------------------------------------------------

X0 = -2
X_SCALE = 1_700_000_000 * AIC
A_MAX = 2_000_000_000 * AIC


def _isqrt_rounded(n):
    """sqrt(n) rounded to the nearest integer."""
    from math import isqrt
    r = isqrt(n)
    return r + 1 if n - r * r > r else r


def _power_table():
    """c_i = 2^64 * 2^(-2^-i) to nearest, i = 1..64, by repeated square roots with 400 guard bits."""
    guard = 400
    value = 1 << (64 + guard - 1)            # 2^(64 + guard) * 2^-1: the 0th, halving exponent
    table = []
    one = 1 << (64 + guard)
    for _ in range(64):
        value = _isqrt_rounded(value * one)
        table.append((value + (1 << (guard - 1))) >> guard)
    return table


_C = _power_table()


def _log2_e_q63():
    """floor(log2(e) * 2^63) from the series of ln 2 = sum 1 / (k 2^k)."""
    bits = 300
    ln2 = sum((1 << bits) // (k << k) for k in range(1, 320))
    return (1 << (63 + bits)) // ln2


_L = _log2_e_q63()


def logistic(x):
    """f(x) * 2^64 for x in Q32.32."""
    y = -x if x < 0 else x
    t = (y * _L) >> 31
    n, fraction = t >> 64, t & ((1 << 64) - 1)
    p = 1 << 64
    for i in range(1, 65):
        if fraction >> (64 - i) & 1:
            p = (p * _C[i - 1]) >> 64
    e = p >> n if n < 65 else 0
    f = (1 << 128) // ((1 << 64) + e)
    return (1 << 64) - f if x < 0 else f


def issuance(fees_total, a_max=A_MAX, x_scale=X_SCALE, x0=X0):
    """S(X) in units."""
    whole = fees_total * (1 << 32) // x_scale
    x = min((x0 << 32) + whole, ((1 << 31) - 1) << 32)
    f0 = logistic(x0 << 32)
    return a_max * (logistic(x) - f0) // ((1 << 64) - f0)


def rating(alpha, beta):
    return PPM * (alpha + PPM) // (alpha + beta + 2 * PPM)


def quality(verified, useful, same_organisation):
    return 0 if same_organisation else verified * useful // PPM


def fee_of(gross, fee_ppm=100_000):
    return gross * fee_ppm // PPM


@dataclass
class Ledger:
    balances: dict                               # wallet -> units
    ratings: dict = field(default_factory=dict)  # wallet -> (alpha, beta)
    fees_total: int = 0
    issued: int = 0
    rho: int = 450_000
    kappa: int = 350_000
    treasury: str = "treasury"

    def settle(self, lines):
        """lines: [(payer, payee, kind, n, gross, fee, stake)]; returns [(first, second)] terms of the reward."""
        debit = {}
        for payer, _, _, _, gross, _, _ in lines:
            debit[payer] = debit.get(payer, 0) + gross
        for payer, gross in debit.items():
            if self.balances.get(payer, 0) < gross:
                raise ValueError(f"{payer} lacks funds")
        self.fees_total += sum(line[5] for line in lines)
        proven = []
        for _, payee, _, _, _, _, stake in lines:
            alpha, beta = self.ratings.get(payee, (0, 0))
            proven.append(stake * rating(alpha, beta) // PPM)
        total = sum(proven)
        pool = min(max(0, issuance(self.fees_total) - self.issued), self.kappa * total // PPM**2)
        rewards = []
        for (payer, payee, _, _, gross, fee, _), p in zip(lines, proven):
            first = self.rho * p // PPM**2
            second = pool * p // total if total else 0
            self.balances[payer] -= gross
            self.balances[payee] = self.balances.get(payee, 0) + gross - fee + first + second
            self.balances[self.treasury] = self.balances.get(self.treasury, 0) + fee - first
            self.issued += second
            rewards.append((first, second))
        return rewards


def self_test():
    family = {1: [], 2: [], 3: [(1, 300_000), (2, 200_000)], 4: [(2, 100_000), (3, 400_000)]}
    assert divide(family, 4, 1000) == {4: 500, 3: 200, 2: 180, 1: 120}
    assert divide({1: [], 2: [(1, 500_000)]}, 2, 5) == {1: 3, 2: 2}
    assert issuance(1000 * AIC) == 140213709540212759709
    assert issuance(10**8 * AIC) == 14340973527415157528226113
    rates = Rates(gpu={"a100": AIC})
    gross = charge_node(rates, 7200, PPM, 8, 64000, {"a100": 2})
    assert gross == 4285 * AIC // 1000 and fee_of(gross) == 428_500_000_000_000_000


if __name__ == "__main__":
    self_test()
    print("ok 1 - golden values of the specification")

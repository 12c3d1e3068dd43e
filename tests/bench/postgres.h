/* postgres.h: PostgreSQL 15 as a yardstick for ledger_bench: a private server in a folder, on a Unix socket, by a user without rights,
 * that makes double-entry transfers between wallets with synchronous_commit on. */
#ifndef AIC_BENCH_POSTGRES_H
#define AIC_BENCH_POSTGRES_H

#include <stdbool.h>

typedef struct {
	double wall, cpu; /* seconds; cpu: of the server's backend */
} postgres_time;

/* Starts it in `dir` (made by the caller, who removes it) with that many wallets and transfers between random ones to come. False where
 * PostgreSQL 15 is not installed. Any other trouble ends the program. */
bool postgres_start(const char *dir, unsigned wallets, unsigned transfers);
/* Transfers [from, from + n), 1,000 a transaction: one insert, one grouped update of balances. */
postgres_time postgres_in_sets(unsigned from, unsigned n);
/* The same, a transaction a transfer. */
postgres_time postgres_one_by_one(unsigned from, unsigned n);
void postgres_stop(void);

#endif

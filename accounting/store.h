/* store.h: aicacctd's database, STATE/accounting.db. SQLite in WAL mode with synchronous=FULL: what a transaction
 * committed stands after a power cut. The schema has a version (PRAGMA user_version); a newer one is refused.
 *
 * The wallets live in memory too: name to number, and what each owes that is not settled yet. They are written
 * with the transaction that changes them. */
#ifndef AIC_ACCOUNTING_STORE_H
#define AIC_ACCOUNTING_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "accounting/spans.h"
#include "accounting/sql.h"
#include "accounting/usage.h"
#include "common/receipt.h"
#include "common/record.h"

typedef struct {
	int64_t id;
	char name[AIC_NAME_LEN];         /* "account/physics" */
	char organisation[AIC_NAME_LEN]; /* "" until known */
	bool registered;                 /* on the ledger, with that organisation */
	aic_amount balance, debt;        /* as the ledger said last */
	int64_t balance_at;              /* when; 0: never */
	uint64_t rating_ppm;
	aic_amount unsettled;            /* gross of all its lines that no posted batch contains */
	bool dirty;
} aic_wallet_row;

typedef struct {
	size_t n, cap;
	aic_receipt *receipt;
} aic_receipts;

typedef struct {
	aic_sql *db;
	size_t n_wallets, cap_wallets;
	aic_wallet_row **wallet;         /* by id - 1; pointers stay valid until close */
	size_t slots; uint32_t *slot;    /* hash of names: index + 1, 0 empty */
	int64_t next_line;               /* id of the next payment line */
	int64_t open_floor;              /* open lines have at least this id, or are in late_line: the view open_line */
	uint64_t version;                /* grows with each transaction of this process */
	aic_usage *usage;
	aic_spans spans;
	aic_receipts receipts;           /* of the record that is being rated */
	size_t waiting;                  /* receipts that were taken and not sorted in yet (receipts.h) */
} aic_store;

aic_code aic_store_open(aic_store **s, const char *path, aic_error *err);
/* One more connection that writes nothing and sees one moment, for a thread of its own. */
aic_code aic_store_open_reader(aic_store **s, const char *path, aic_error *err);
/* One more that writes rows of which nothing is held in memory (sessions.h), for a thread of its own: wallets are
 * as they were when it was opened. */
aic_code aic_store_open_writer(aic_store **s, const char *path, aic_error *err);
void aic_store_close(aic_store *s);

aic_code aic_store_begin(aic_store *s, aic_error *err);
/* Writes the changed wallets, then commits. On failure everything is rolled back, in memory too. */
aic_code aic_store_commit(aic_store *s, aic_error *err);
void aic_store_rollback(aic_store *s);

aic_wallet_row *aic_store_wallet_find(const aic_store *s, const char *name); /* NULL if unknown */
/* The wallet of that name, made if new (inside a transaction). */
aic_code aic_store_wallet(aic_store *s, const char *name, aic_wallet_row **out, aic_error *err);
aic_wallet_row *aic_store_wallet_by_id(const aic_store *s, int64_t id);
void aic_store_owe(aic_wallet_row *w, aic_amount amount);
aic_code aic_store_unowe(aic_wallet_row *w, aic_amount amount, aic_error *err);

/* Small values by name. */
aic_code aic_store_meta_set(aic_store *s, const char *key, int64_t value, aic_error *err);
int64_t aic_store_meta(aic_store *s, const char *key, int64_t absent);

/* Called by tests at named instants, to die there; NULL otherwise. */
extern void (*aic_store_failpoint)(const char *where);
#define AIC_FAILPOINT(where) do { if (aic_store_failpoint) aic_store_failpoint(where); } while (0)

#endif

/* snapshot.h: the read-only file by which aicacctd tells the plugins what they may need: mode, scope, rates,
 * assets' terms, and each account's available balance. Written anew each time (aic_file_write_atomic), memory-mapped
 * and looked up by job_submit/aic: no allocation, no lock, no parsing. Drawn in doc/formats/snapshot.md.
 *
 * Layout: fixed header (magic "AICSNAP1", version, total length, written_at, counts and offsets of the tables), tables of
 * fixed-size rows sorted by name, SHA-256 over all before it. */
#ifndef AIC_SNAPSHOT_H
#define AIC_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/amount.h"
#include "common/bytes.h"
#include "common/error.h"
#include "common/price.h"

typedef struct {
	char name[AIC_NAME_LEN];
	aic_amount available;        /* balance less what is reserved and not yet settled */
	aic_amount balance;
	uint32_t rating_ppm;         /* of the wallet, 0 to 10^6 */
} aic_snapshot_account;

typedef struct {
	char name[AIC_NAME_LEN];
	bool is_model;
	aic_asset_terms terms;
} aic_snapshot_asset;

/* What goes in; arrays are borrowed and need not be sorted. */
typedef struct {
	int64_t written_at;
	bool enforce;                /* mode: false is observe */
	bool refuse_unfunded;        /* policy: refuse at submit; false: hold */
	bool closed_when_stale;      /* policy: false lets jobs pass when the snapshot is too old */
	int64_t stale_after;         /* seconds */
	aic_rates rates;
	size_t accounts; const aic_snapshot_account *account;
	size_t assets; const aic_snapshot_asset *asset;
	size_t partitions; const char (*partition)[AIC_NAME_LEN];       /* scope; none: all */
	size_t scope_accounts; const char (*scope_account)[AIC_NAME_LEN]; /* scope; none: all */
} aic_snapshot_content;

void aic_snapshot_encode(aic_bytes *out, const aic_snapshot_content *c);

/* A mapped snapshot. Opening verifies magic, version, length and checksum once, and
 * makes an index of the accounts; a lookup of an account is O(1), of anything else O(log n). */
typedef struct aic_snapshot aic_snapshot;
aic_code aic_snapshot_open(aic_snapshot **s, const char *path, aic_error *err);
/* Re-opens if the file was replaced (stat's device, inode, mtime); keeps the old mapping and returns the failure when the new one is damaged. */
aic_code aic_snapshot_refresh(aic_snapshot **s, const char *path, aic_error *err);
void aic_snapshot_close(aic_snapshot *s);

bool aic_snapshot_enforce(const aic_snapshot *s);
bool aic_snapshot_refuse_unfunded(const aic_snapshot *s);
bool aic_snapshot_closed_when_stale(const aic_snapshot *s);
int64_t aic_snapshot_age(const aic_snapshot *s, int64_t now);
bool aic_snapshot_stale(const aic_snapshot *s, int64_t now);
const aic_rates *aic_snapshot_rates(const aic_snapshot *s);
bool aic_snapshot_account_find(const aic_snapshot *s, const char *name, aic_snapshot_account *out);
bool aic_snapshot_asset_find(const aic_snapshot *s, const char *name, bool model, aic_snapshot_asset *out);
bool aic_snapshot_in_scope(const aic_snapshot *s, const char *partition, const char *account);

#endif

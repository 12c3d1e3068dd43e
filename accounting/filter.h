/* filter.h: which payment lines a report is about, where it is not about all: sums of a batch know neither users nor nodes nor assets, so
 * these are added up line by line. */
#ifndef AIC_ACCOUNTING_FILTER_H
#define AIC_ACCOUNTING_FILTER_H

#include "accounting/access.h"
#include "accounting/batch.h"
#include "common/cbor.h"

typedef struct {
	char account[AIC_NAME_LEN], provider[AIC_NAME_LEN], user[AIC_NAME_LEN], node[AIC_NAME_LEN], cluster[AIC_NAME_LEN],
		asset[AIC_NAME_LEN]; /* "": any */
	bool any;                /* one of them is set */
} aic_filter;

/* Six texts, the last arguments of an operation that takes them; nothing where the arguments end before. */
void aic_filter_read(aic_filter *f, aic_cbor *args);

/* Sums of the lines of a batch (NULL: of the open ones that ended before `end`) that pass, with the parts of `all`'s rewards that their
 * stakes make, rounded down. A viewer who sees sums of an account alone gets the lines of the own jobs. */
aic_code aic_filter_tally(const aic_filter *f, const aic_batches *b, const aic_viewer *v, const aic_batch *batch, int64_t end,
                          uint64_t fee_ppm, const aic_tally *all, aic_tally *out, aic_error *err);

typedef struct {
	char account[AIC_NAME_LEN], user[AIC_NAME_LEN];
	aic_usage_sums sums;
} aic_filter_usage;
/* One more of them at the end, with sums of 0; *out grows by doubling. */
aic_filter_usage *aic_filter_usage_add(aic_filter_usage **out, size_t *n, size_t *cap, const char *account, const char *user);
/* Use of the runs that ended in [start, end), by account and user. With a node or a provider: what the run held there, and paid for that;
 * with an asset: all that the run held, and what it paid for the asset. *out malloc'ed. */
aic_code aic_filter_use(const aic_filter *f, aic_store *s, const aic_viewer *v, int64_t start, int64_t end, aic_filter_usage **out,
                        size_t *n, aic_error *err);
/* Whether a record with these lines passes. */
aic_code aic_filter_record(const aic_filter *f, aic_store *s, int64_t first, int64_t last, bool *passes, aic_error *err);

#endif

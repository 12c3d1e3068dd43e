/* source.h: where another site's archive comes from: a peer over HTTPS, an export's directory, or a file of records. What it gives
 * is not trusted: follow.h checks it. */
#ifndef AIC_LEDGER_ARCHIVE_SOURCE_H
#define AIC_LEDGER_ARCHIVE_SOURCE_H

#include "common/config.h"
#include "common/crypto.h"

#define AIC_SOURCE_AT_ONCE (4u << 20) /* bytes of records that one read aims at; it may be one record more */

typedef struct {
	char name[AIC_PATH_LEN];  /* for messages */
	/* Appends whole records from height `from` on; none: it has no more. */
	aic_code (*read)(void *self, uint64_t from, aic_bytes *records, aic_error *err);
	void (*close)(void *self);
	void *self;
} aic_source;

static inline void aic_source_close(aic_source *s)
{
	if (s->close)
		s->close(s->self);
	*s = (aic_source){.read = NULL};
}

/* path: a directory of `aic ledger export`, or records one after the other, ascending. Read in ascending order. */
aic_code aic_source_file(aic_source *s, const char *path, aic_error *err);

/* A peer's aicledgerd. `me` is this site's key; pins are `n` keys, of which the peer must show one (n of at least 1). */
aic_code aic_source_peer(aic_source *s, const char *url, const aic_key *me, const uint8_t (*pin)[AIC_PUBLIC_LEN], size_t n, aic_error *err);

#endif

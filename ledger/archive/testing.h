/* testing.h: a ledger of three members whose first has blocks, attested by it and the second, for tests of archives. */
#ifndef AIC_LEDGER_ARCHIVE_TESTING_H
#define AIC_LEDGER_ARCHIVE_TESTING_H

#include "ledger/archive/join.h"
#include "ledger/archive/record.h"
#include "ledger/testing.h"

typedef struct {
	char dir[64];
	test_site site;
	aic_key member[3]; /* [0] is the site's own */
} archive_site;

void archive_site_make(archive_site *s);
void archive_site_remove(archive_site *s);
/* n more blocks, each of a transfer, attested by two of three. */
void archive_grow(archive_site *s, int n);
/* Another block for that height, well signed by the site, with no attestation. */
void archive_forge(archive_site *s, uint64_t height, aic_bytes *block);

/* The records of heights first .. last. */
aic_bytes archive_records(archive_site *s, uint64_t first, uint64_t last);
/* Where the record of that height, counted from the first one, begins. */
size_t archive_offset(const aic_bytes *records, uint64_t n);
void archive_write(const char *path, const aic_bytes *bytes, size_t len);
/* A source named "memory" that gives them all at once; borrowed, needs no closing. */
aic_source archive_memory(const aic_bytes *records);
/* Removes what a join has begun in dir/joined. */
void archive_forget(const char *dir);

#endif

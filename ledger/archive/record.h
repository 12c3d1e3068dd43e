/* record.h: one height as it travels between sites and lies in exports: doc/formats/export.md.
 *
 *     record = u32 BE length of item || item || SHA-256(length || item)
 *     item   = [height, block: bytes, [* attestation: bytes]]        canonical CBOR; block 0 is genesis */
#ifndef AIC_LEDGER_ARCHIVE_RECORD_H
#define AIC_LEDGER_ARCHIVE_RECORD_H

#include "common/cbor.h"
#include "ledger/audit/copy.h"
#include "ledger/block.h"

#define AIC_RECORD_MAX (AIC_BLOCK_MAX + (1u << 20))

typedef struct {
	uint64_t height;
	const uint8_t *block;   /* borrowed from the record's bytes */
	size_t len;
	size_t attestations;
	aic_cbor rest;          /* before the next attestation */
} aic_record;

/* attestations: n CBOR byte strings, one after the other. */
void aic_record_put(aic_bytes *out, uint64_t height, const void *block, size_t len, const aic_bytes *attestations, size_t n);
/* The record of that height from a site's copy, appended. AIC_NOT_FOUND above its head. */
aic_code aic_record_read(aic_bytes *out, aic_copy *copy, uint64_t height, aic_error *err);

/* Size of the record that data begins with, by its first 4 bytes; 0 where that is absurd. */
size_t aic_record_size(const uint8_t data[4]);
/* Reads the record that data begins with; *used gets its size. AIC_CORRUPT where it is cut off or damaged. */
aic_code aic_record_get(aic_record *r, const uint8_t *data, size_t len, size_t *used, aic_error *err);
/* The next of its attestations, borrowed; false behind the last, or where it cannot be read. */
bool aic_record_attestation(aic_record *r, const uint8_t **bytes, size_t *len);

#endif

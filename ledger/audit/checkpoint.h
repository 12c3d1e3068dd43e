/* checkpoint.h: what the ledger says of itself in a form that outside witnesses know: C2SP tlog-checkpoint, a signed note
 * (https://c2sp.org/tlog-checkpoint, signed-note, tlog-cosignature). doc/formats/ledger-checkpoint.md draws it.
 *
 *     aic-ledger/CHAIN            origin, CHAIN the chain id in hexadecimal digits
 *     SIZE                        blocks 0 .. SIZE-1
 *     ROOT                        base64 of their RFC 6962 root: what the header of block SIZE calls the root of blocks before it
 *                                 (an empty line)
 *     — NAME BASE64               signatures, NAME the origin for a member site, the witness's own for a cosignature */
#ifndef AIC_LEDGER_CHECKPOINT_H
#define AIC_LEDGER_CHECKPOINT_H

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"

#define AIC_NOTE_MAX 65536
#define AIC_NOTE_NAME_LEN 128

typedef struct aic_note {
	aic_hash chain, root;
	uint64_t size;
	aic_bytes note;  /* the whole text */
	size_t body;     /* of it, what is signed */
} aic_note;

/* Unsigned. */
void aic_note_make(aic_note *n, const aic_hash *chain, uint64_t size, const aic_hash *root);
void aic_note_free(aic_note *n);
/* A note with at least one signature line; whose, and whether they hold, is asked below. */
aic_code aic_note_parse(aic_note *n, const void *text, size_t len, aic_error *err);
/* Appends a signature: of a member site by its key, of a witness of that name over the time too (cosignature/v1). */
void aic_note_sign(aic_note *n, const aic_key *site);
aic_code aic_note_cosign(aic_note *n, const char *name, const aic_key *witness, int64_t time, aic_error *err);

/* Whether it is signed by that site key. */
bool aic_note_signed_by(const aic_note *n, const uint8_t key[AIC_PUBLIC_LEN]);

/* "NAME+KEYID+BASE64", as witnesses publish theirs. */
typedef struct {
	char name[AIC_NOTE_NAME_LEN];
	uint8_t key[AIC_PUBLIC_LEN];
} aic_witness;
aic_code aic_witness_parse(aic_witness *w, const char *vkey, aic_error *err);
char *aic_witness_text(const aic_witness *w); /* malloc'ed */
/* Whether that witness has cosigned it, and when. */
bool aic_note_cosigned_by(const aic_note *n, const aic_witness *w, int64_t *time);

#endif

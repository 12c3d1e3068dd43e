/* session_record.h: what a training keeps of its session, in its own folder and in the one in the store
 * (doc/formats/session-dir.md). It holds the token, and is handed out to nobody. */
#ifndef AIC_SESSION_RECORD_H
#define AIC_SESSION_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/session_call.h"

#define AIC_SESSION_RECORD_FILE "session-record"
#define AIC_SESSION_PATH_LEN 512

typedef enum {
	AIC_SESSION_ASKED = 0,  /* the token is chosen, no answer is known */
	AIC_SESSION_OPENED = 1, /* name and entropy are the ledger's */
	AIC_SESSION_WITHOUT = 2 /* trains with the specification's own seed */
} aic_session_standing;

typedef struct {
	uint64_t standing;           /* aic_session_standing */
	aic_session_name name;
	aic_hash entropy;
	aic_job_step step;           /* of the first run */
	uint64_t determinism;        /* aic_session_class as opened */
	char device[96];             /* class D1: in words; their SHA-256 is the opening's device */
	uint64_t shards;
	uint64_t spec_seed, seed;    /* the specification's; what the training runs with */
	uint8_t spec_salt[32], data_salt[32], code_salt[32];
	aic_hash spec, data;         /* SHA-256 of the specification's file; what aic-train calls the data's */
	char code[64];               /* the release's name; its SHA-256 is salted */
	char spec_file[AIC_SESSION_PATH_LEN]; /* absolute: the specification's paths are relative to its folder */
	uint64_t every, steps;       /* steps between checkpoints; in all */
	char store[AIC_SESSION_PATH_LEN]; /* the session's folder; "": nothing is committed */
} aic_session_record;

void aic_session_record_encode(aic_bytes *out, const aic_session_record *r);
aic_code aic_session_record_decode(aic_session_record *r, const void *data, size_t len, aic_error *err);
/* FOLDER/session-record, read without following a link; AIC_NOT_FOUND where there is none. */
aic_code aic_session_record_load(aic_session_record *r, const char *folder, aic_error *err);
aic_code aic_session_record_save(const aic_session_record *r, const char *folder, mode_t mode, aic_error *err);
/* The opening that this record asks for; model and assets are the caller's to add. */
void aic_session_record_opening(const aic_session_record *r, aic_session_opening *o);
/* Number of the checkpoint at `step` of `steps`, `every` steps apart; false where it is none that is committed to. */
bool aic_session_number(uint64_t every, uint64_t steps, uint64_t step, uint64_t *number);

#endif

/* verify_testing.h: sessions for tests: trained in this process, honestly or not, with what a verifier is asked about them. */
#ifndef AIC_VERIFY_TESTING_H
#define AIC_VERIFY_TESTING_H

#include <limits.h>

#include "common/verification.h"
#include "mpi-runner/session_dir.h"
#include "mpi-runner/training.h"

typedef struct {
	char folder[PATH_MAX];   /* the session's: spec, session, checkpoints */
	char spec[PATH_MAX];     /* what was trained */
	aic_session_file file;
	aic_verification_question asked; /* all segments */
} trained;

/* What a provider does otherwise than its specification says; zeros: nothing. Steps count from 0. */
typedef struct {
	uint64_t another_seed;     /* added to the session's */
	uint32_t shards;           /* fewer */
	bool skips;                /* the work of step `at` */
	bool reorders;             /* step `at` gets the batch of the one after it */
	bool forges;               /* one bit of the weights before step `at` */
	uint64_t at;
	bool conceals;             /* identity and seed in the checkpoints are those that are expected */
} cheating;

/* Writes a specification of a small model of text, and its data, into the folder. steps is a multiple of every. */
void verify_testing_spec(char path[PATH_MAX], const char *folder, unsigned steps, unsigned every);
/* Trains it in t->folder, which exists; id tells sessions apart. */
void verify_testing_train(trained *t, const char *folder, const char *spec, uint8_t id, const cheating *how);
/* Writes t->asked, segments [first, first + n) alone, to `path`. */
void verify_testing_ask(const trained *t, size_t first, size_t n, const char *path);

#endif

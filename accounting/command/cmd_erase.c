/* cmd_erase.c: aic erase USER; aic batch verify. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "accounting/command/ask.h"
#include "accounting/command/review.h"
#include "accounting/commands.h"

/* One request: as much as the daemon does at once. */
static aic_code erase_some(const aic_words *w, uint64_t *erased, uint64_t *waiting, bool *more, aic_error *err)
{
	aic_question q = {.config = &w->base.config};

	aic_rpc_begin(&q.body, "erase", 1);
	aic_cbor_put_text(&q.body, w->arg[0]);
	aic_code rc = aic_ask(&q, err);
	if (rc == AIC_OK) {
		*erased = aic_cbor_uint(&q.answer);
		*waiting = aic_cbor_uint(&q.answer);
		*more = aic_cbor_bool(&q.answer);
		rc = aic_cbor_finish(&q.answer, err);
	}
	aic_question_end(&q);
	return rc;
}

int aic_cmd_erase(int argc, char **argv)
{
	aic_words w = {.max_args = 1};
	uint64_t erased = 0, waiting = 0;
	aic_error err = {0};
	bool more = true;
	int status = aic_words_begin(&w, "USER", "Takes out of a user's settled records what names the person: user, uid and job names. Sums, payments and"
	                                         " proofs stay; runs that are not settled yet follow when they are. USER: a name or a uid.", argc, argv);

	if (status)
		return status;
	aic_code rc = w.n_args ? AIC_OK : aic_fail(&err, AIC_USAGE, "whose records? Give the user's name or uid");
	while (rc == AIC_OK && more) {
		rc = erase_some(&w, &erased, &waiting, &more, &err);
		if (more && isatty(STDERR_FILENO))
			fprintf(stderr, "\r%llu records", (unsigned long long)erased);
	}
	if (rc == AIC_OK)
		printf("%llu records no longer name %s; %llu are not settled yet and follow by themselves. Backups and Slurm's own records are not"
		       " touched.\n", (unsigned long long)erased, w.arg[0], (unsigned long long)waiting);
	return aic_words_end(&w, argv, rc, &err);
}

int aic_batch_verify_command(int argc, char **argv)
{
	aic_words w = {.max_args = 1};
	aic_question q = {.config = &w.base.config};
	char name[48] = "", hex[80] = "";
	uint64_t lines = 0, erased = 0;
	aic_error err = {0};
	int status = aic_words_begin(&w, "[PERIOD/NUMBER]", "Computes the evidence of a posted batch anew from its lines, and compares it with what was posted.",
	                             argc, argv);

	if (status)
		return status;
	aic_rpc_begin(&q.body, "batch-verify", 2);
	aic_code rc = aic_batch_key_put(&q.body, w.n_args ? w.arg[0] : "", &err);
	if (rc == AIC_OK)
		rc = aic_ask(&q, &err);
	if (rc == AIC_OK) {
		aic_cbor_text(&q.answer, name, sizeof(name));
		lines = aic_cbor_uint(&q.answer);
		erased = aic_cbor_uint(&q.answer);
		aic_cbor_text(&q.answer, hex, sizeof(hex));
		rc = aic_cbor_finish(&q.answer, &err);
	}
	if (rc == AIC_OK)
		printf("Batch %s stands: its %llu lines give the evidence that was posted, %s (%llu of erased records).\n", name,
		       (unsigned long long)lines, hex, (unsigned long long)erased);
	aic_question_end(&q);
	return aic_words_end(&w, argv, rc, &err);
}

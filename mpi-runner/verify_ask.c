/* verify_ask.c: for tests and benchmarks: makes a session of a run that no ledger knows, and asks for all of its segments.
 *
 *     aic-verify-ask seed SPEC              the seed with which to train it
 *     aic-verify-ask ask SPEC RUN QUESTION  writes RUN/session, RUN/spec and QUESTION; RUN holds the checkpoints of that training */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/session_call.h"
#include "common/verification.h"
#include "mpi-runner/checkpoint.h"
#include "mpi-runner/session_dir.h"
#include "mpi-runner/training.h"

static const aic_session_file session = {.session = {{1}}, .entropy = {{2}}, .spec_salt = {3}, .data_salt = {4}, .code_salt = {5}, .code = PACKAGE_STRING};

static aic_code write_bytes(const char *folder, const char *name, aic_bytes *b, aic_error *err)
{
	char path[PATH_MAX];
	aic_code rc = aic_path_join(path, sizeof(path), folder, name, err);

	return rc == AIC_OK ? aic_file_write_atomic(path, b->data, b->len, 0644, err) : rc;
}

static aic_code add_point(aic_verification_question *q, const char *folder, size_t number, int64_t step, aic_error *err)
{
	aic_verification_point p = {.step = (uint64_t)step};
	char path[PATH_MAX];
	aic_checkpoint c;

	aic_checkpoint_path(path, folder, step);
	aic_code rc = aic_checkpoint_head(&c, &p.root, path, err);
	p.chain = c.state.chain;
	aic_segment_free(&c.segment);
	if (number < AIC_VERIFICATION_SEGMENTS_MAX)
		q->segment[number] = (aic_verification_segment){.number = number, .from = p};
	if (number > 0)
		q->segment[number - 1].to = p;
	return rc;
}

static aic_code ask(const aic_training *t, const char *folder, const char *question, aic_error *err)
{
	aic_hash spec = aic_sha256_of(t->spec_text.data, t->spec_text.len), code = aic_sha256_of(PACKAGE_STRING, strlen(PACKAGE_STRING));
	aic_verification_question q = {.session = session.session, .entropy = session.entropy, .shards = t->spec->shards,
	                               .determinism = t->spec->fast, .spec = aic_session_salted(session.spec_salt, &spec),
	                               .data = aic_session_salted(session.data_salt, &t->data->digest), .code = aic_session_salted(session.code_salt, &code)};
	aic_session_file file = session;
	aic_bytes b = {0};
	int64_t *steps;
	size_t n = aic_checkpoint_list(folder, &steps);
	aic_code rc = n >= 2 && n - 1 <= AIC_VERIFICATION_SEGMENTS_MAX ? AIC_OK : aic_fail(err, AIC_USAGE, "%s holds %zu checkpoints: 2 to %d are wanted", folder, n,
	                                                                                 AIC_VERIFICATION_SEGMENTS_MAX + 1);

	for (size_t i = 0; rc == AIC_OK && i < n; i++) /* they are listed newest first */
		rc = add_point(&q, folder, i, steps[n - 1 - i], err);
	q.n = n - 1;
	free(steps);
	if (rc == AIC_OK)
		rc = write_bytes(folder, AIC_SESSION_SPEC, (aic_bytes *)&t->spec_text, err);
	aic_str_copy(file.name, sizeof(file.name), t->spec_name);
	aic_session_file_put(&b, &file);
	if (rc == AIC_OK)
		rc = write_bytes(folder, AIC_SESSION_FILE, &b, err);
	aic_bytes_clear(&b);
	aic_verification_question_put(&b, &q);
	if (rc == AIC_OK)
		rc = aic_file_write_atomic(question, b.data, b.len, 0644, err);
	aic_bytes_free(&b);
	return rc;
}

int main(int argc, char **argv)
{
	bool seed = argc == 3 && strcmp(argv[1], "seed") == 0;
	aic_training t = {.spec_path = argc > 2 ? argv[2] : ""};
	aic_error err = {0};

	if (!seed && (argc != 5 || strcmp(argv[1], "ask") != 0)) {
		fprintf(stderr, "usage: aic-verify-ask seed SPEC | ask SPEC RUN QUESTION\n");
		return 2;
	}
	char *name = realpath(argv[2], NULL);
	t.spec_name = name ? name : argv[2];
	if (aic_collective_self(&t.c, &err) != AIC_OK || aic_training_open(&t, &err) != AIC_OK)
		return aic_error_report("aic-verify-ask", &err);
	if (seed)
		printf("%" PRIu64 "\n", aic_session_seed(t.spec->seed, &session.session, &session.entropy));
	else if (ask(&t, argv[3], argv[4], &err) != AIC_OK)
		aic_error_report("aic-verify-ask", &err);
	aic_training_close(&t);
	aic_collective_close(t.c);
	free(name);
	return aic_exit_code(err.code);
}

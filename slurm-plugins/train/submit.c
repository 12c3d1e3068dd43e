/* submit.c: from the files that a client sent to a job of Slurm's; repeated as often as it takes, it is one job. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/time.h"
#include "slurm-plugins/option.h"
#include "slurm-plugins/train/question.h"
#include "slurm-plugins/train/slurm.h"

typedef struct {
	aic_train_run run;
	char dataset[AIC_NAME_LEN];
	aic_train_option option[AIC_TRAIN_OPTIONS_MAX];
	size_t n;
} order;

/* [token, specification's path, name, account, data set, [* [option, value]]] */
static aic_code take_order(aic_train_question *q, order *o, aic_error *err)
{
	char spec[AIC_TRAIN_PATH_LEN + 8];
	aic_code rc = aic_train_take_file(q, o->run.token, spec, err);

	if (rc != AIC_OK)
		return rc;
	aic_str_copy(o->run.spec, sizeof(o->run.spec), strchr(spec, '/') + 1);
	aic_cbor_text(q->args, o->run.name, sizeof(o->run.name));
	aic_cbor_text(q->args, o->run.account, sizeof(o->run.account));
	aic_cbor_text(q->args, o->dataset, sizeof(o->dataset));
	o->n = aic_cbor_array(q->args, AIC_TRAIN_OPTIONS_MAX);
	for (size_t i = 0; i < o->n && aic_cbor_ok(q->args); i++) {
		aic_cbor_array_exact(q->args, 2);
		aic_cbor_text(q->args, o->option[i].name, sizeof(o->option[i].name));
		aic_cbor_text(q->args, o->option[i].value, sizeof(o->option[i].value));
	}
	return aic_cbor_ok(q->args) ? AIC_OK : aic_fail(err, AIC_USAGE, "a training is submitted as doc/formats/rpc-train.md says: %s",
	                                                q->args->err.message);
}

static aic_code check_words(const order *o, aic_error *err)
{
	if (!aic_train_value_valid(o->run.name) || (o->run.account[0] && !aic_train_value_valid(o->run.account)) ||
	    (o->dataset[0] && !aic_option_valid(o->dataset)))
		return aic_fail(err, AIC_USAGE, "name, account and data set may hold letters, digits and . _ - only");
	for (size_t i = 0; i < o->n; i++) {
		if (!aic_train_option_known(o->option[i].name))
			return aic_fail(err, AIC_USAGE, "--%s is no option of `aic train`: aic-train-submit(1) lists them", o->option[i].name);
		if (!aic_train_value_valid(o->option[i].value))
			return aic_fail(err, AIC_USAGE, "--%s=%s: the value may hold letters, digits and . _ - + : , = / [ ] @ & | * %% only",
			                o->option[i].name, o->option[i].value);
	}
	return AIC_OK;
}

static aic_code check_number(aic_train_question *q, aic_error *err)
{
	aic_train_run *all;
	size_t n, own = 0;
	aic_code rc = aic_train_run_list(&all, &n, q->d->home, err);

	for (size_t i = 0; i < n; i++)
		own += all[i].uid == q->who->uid;
	free(all);
	if (rc == AIC_OK && own >= AIC_TRAIN_RUNS_MAX)
		return aic_fail(err, AIC_FULL, "%zu trainings of yours are kept, the limit is %d: `aic train remove JOB` those that you have fetched",
		                own, AIC_TRAIN_RUNS_MAX);
	return rc;
}

static aic_code identify(aic_train_question *q, order *o, aic_error *err)
{
	const struct passwd *pw = getpwuid(q->who->uid);

	if (!pw)
		return aic_fail(err, AIC_REFUSED, "uid %u has no name on this host: the site's administrator makes users known here", (unsigned)q->who->uid);
	o->run.uid = q->who->uid;
	aic_str_copy(o->run.user, sizeof(o->run.user), pw->pw_name);
	return aic_train_account(o->run.account, o->run.user, q->d->config->train.user, err);
}

/* From incoming to runs, where nobody sends anything to it any more. */
static aic_code take_over(aic_train_question *q, order *o, aic_error *err)
{
	char from[PATH_MAX], to[PATH_MAX], spec[PATH_MAX];
	struct stat st;
	aic_code rc = aic_train_incoming(from, q->d->home, q->who->uid, o->run.token, NULL, err);

	if (rc == AIC_OK)
		rc = aic_train_path(to, q->d->home, o->run.token, NULL, err);
	if (rc == AIC_OK && (snprintf(spec, sizeof(spec), "%s/spec/%s", from, o->run.spec) >= (int)sizeof(spec) || stat(spec, &st)))
		return aic_fail(err, AIC_USAGE, "the specification %s was not sent: start `aic train` again", o->run.spec);
	o->run.submitted = aic_now();
	aic_str_copy(o->run.state, sizeof(o->run.state), "PENDING");
	if (rc == AIC_OK)
		rc = aic_train_run_write(&o->run, from, err);
	if (rc == AIC_OK && rename(from, to))
		return aic_fail_errno(err, "cannot take over %s", from);
	return rc;
}

static aic_code submit(aic_train_question *q, order *o, aic_bytes *words, aic_error *err)
{
	char folder[PATH_MAX];
	aic_code rc = aic_train_path(folder, q->d->home, o->run.token, NULL, err);

	if (rc != AIC_OK)
		return rc;
	rc = aic_train_sbatch(&o->run, q->d->home, q->d->config->train.user, o->dataset, o->option, o->n, words, err);
	if (rc == AIC_OK) {
		aic_info("job %u: %s of %s, account %s", o->run.job, o->run.name, o->run.user, o->run.account);
		return aic_train_run_write(&o->run, folder, err);
	}
	if (rc == AIC_REFUSED)
		aic_dir_remove(folder, NULL);
	return rc;
}

static void put_answer(aic_train_question *q, const aic_train_run *r, const aic_bytes *words)
{
	aic_cbor_put_uint(q->out, r->job);
	aic_cbor_put_text(q->out, r->account);
	aic_cbor_put_text(q->out, words->data ? (const char *)words->data : "");
	*q->items = 3;
}

aic_code aic_train_answer_submit(aic_train_question *q, aic_error *err)
{
	order *o = aic_xcalloc(1, sizeof(*o));
	aic_bytes words = {0};
	aic_train_run before;
	aic_code rc = take_order(q, o, err);

	if (rc == AIC_OK)
		rc = check_words(o, err);
	if (rc == AIC_OK && aic_train_run_read(&before, q->d->home, o->run.token, NULL) == AIC_OK) { /* asked before */
		if (before.uid != q->who->uid)
			rc = aic_fail(err, AIC_REFUSED, "that training is another user's: start `aic train` again");
		o->run = before;
		if (rc == AIC_OK && !before.job)
			rc = submit(q, o, &words, err);
	} else if (rc == AIC_OK && (rc = identify(q, o, err)) == AIC_OK && (rc = check_number(q, err)) == AIC_OK &&
	           (rc = take_over(q, o, err)) == AIC_OK) {
		rc = submit(q, o, &words, err);
	}
	if (rc == AIC_OK)
		put_answer(q, &o->run, &words);
	aic_bytes_free(&words);
	free(o);
	return rc;
}

#include "accounting/flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

#define USE_LOW_PPM 100000   /* of `useful`, which is twice the mean use: 5 % */
#define UNUSUAL_TIMES 10
#define UNUSUAL_RUNS 5       /* a user with fewer has no usual */
#define GPU_WEIGHT 50        /* a GPU second counts as so many CPU seconds: the ratio of the default rates */

typedef struct {
	char user[AIC_NAME_LEN];
	int64_t runs, mean;
} usual;

struct aic_flagger {
	size_t n_users;
	usual *user;           /* by name */
	size_t n_payees;
	int64_t *single;       /* payees with one payer, ascending */
};

static aic_code learn_users(aic_flagger *f, aic_store *s, aic_error *err)
{
	sqlite3_stmt *st;
	size_t cap = 0;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT user, sum(runs), sum(cpu_seconds + 50 * gpu_seconds) / sum(runs) FROM usage"
	                                             " GROUP BY user HAVING sum(runs) > 0 ORDER BY user", "");

	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (f->n_users == cap) {
			cap = cap ? 2 * cap : 64;
			f->user = aic_xrealloc(f->user, cap * sizeof(*f->user));
		}
		usual *u = &f->user[f->n_users++];
		aic_str_copy(u->user, sizeof(u->user), aic_sql_text(st, 0));
		u->runs = sqlite3_column_int64(st, 1);
		u->mean = sqlite3_column_int64(st, 2);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

#define SINGLE(from) "SELECT payee FROM " from " gross > zeroblob(16) GROUP BY payee HAVING count(DISTINCT payer) = 1 ORDER BY payee"

static aic_code learn_payees(aic_flagger *f, aic_store *s, int64_t batch, aic_error *err)
{
	sqlite3_stmt *st;
	size_t cap = 0;
	aic_code rc = batch ? aic_sql_start(s->db, &st, err, SINGLE("taken_line WHERE batch=?1 AND"), "i", batch)
	                    : aic_sql_start(s->db, &st, err, SINGLE("open_line WHERE"), "");

	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (f->n_payees == cap) {
			cap = cap ? 2 * cap : 64;
			f->single = aic_xrealloc(f->single, cap * sizeof(*f->single));
		}
		f->single[f->n_payees++] = sqlite3_column_int64(st, 0);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

aic_code aic_flagger_new(aic_flagger **out, aic_store *s, int64_t batch, aic_error *err)
{
	aic_flagger *f = aic_xcalloc(1, sizeof(*f));
	aic_code rc = learn_users(f, s, err);

	if (rc == AIC_OK)
		rc = learn_payees(f, s, batch, err);
	*out = f;
	if (rc != AIC_OK) {
		aic_flagger_free(f);
		*out = NULL;
	}
	return rc;
}

void aic_flagger_free(aic_flagger *f)
{
	if (!f)
		return;
	free(f->user);
	free(f->single);
	free(f);
}

static int by_user(const void *key, const void *u)
{
	return strcmp(key, ((const usual *)u)->user);
}

static int by_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void say(char *out, size_t size, const char *text)
{
	size_t at = strlen(out);

	if (at + 1 < size)
		snprintf(out + at, size - at, "%s%s", at ? "; " : "", text);
}

static void flag_use(const aic_flagged *l, char *out, size_t size)
{
	char text[80];

	if (!l->rated || !l->charged)
		return;
	if (l->reason == AIC_QUALITY_NO_RECEIPT || l->reason == AIC_QUALITY_NO_NODE_RECEIPT || l->reason == AIC_QUALITY_SAME_ORGANISATION) {
		say(out, size, aic_quality_reason_text(l->reason));
	} else if ((l->reason == AIC_QUALITY_OK || l->reason == AIC_QUALITY_IDLE) && l->useful < USE_LOW_PPM) {
		snprintf(text, sizeof(text), "use of %llu.%llu %% is under 5 %%", (unsigned long long)l->useful / 20000,
		         (unsigned long long)l->useful / 2000 % 10);
		say(out, size, text);
	}
}

static void flag_unusual(const aic_flagger *f, const aic_flagged *l, char *out, size_t size)
{
	const usual *u = f->n_users ? bsearch(l->user, f->user, f->n_users, sizeof(*f->user), by_user) : NULL;
	int64_t size_of_run = l->cpu_seconds + GPU_WEIGHT * l->gpu_seconds;
	char text[80];

	if (!u || u->runs <= UNUSUAL_RUNS || u->mean <= 0)
		return;
	int64_t others = (u->mean * u->runs - size_of_run) / (u->runs - 1);
	if (others <= 0 || size_of_run / others < UNUSUAL_TIMES)
		return;
	snprintf(text, sizeof(text), "%lld times the user's usual run", (long long)(size_of_run / others));
	say(out, size, text);
}

void aic_flags_of(const aic_flagger *f, const aic_flagged *l, char *out, size_t size)
{
	out[0] = '\0';
	flag_use(l, out, size);
	if (l->is_double)
		say(out, size, "Slurm told this run twice");
	flag_unusual(f, l, out, size);
	if (l->charged && f->n_payees && bsearch(&l->payee, f->single, f->n_payees, sizeof(*f->single), by_id))
		say(out, size, "the payee has a single customer");
}

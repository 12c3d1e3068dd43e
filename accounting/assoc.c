#define _GNU_SOURCE
#include "accounting/assoc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <slurm/slurm.h>
#include <slurm/slurmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/cbor.h"
#include "common/file.h"
#include "common/log.h"
#include "common/time.h"

#define ANSWER_MAX (64u << 20)

struct aic_assoc {
	pid_t child;
	int fd;                /* pipe from the child, -1 */
	int64_t started, last; /* monotonic ms */
	aic_bytes answer;
	bool complained;
};

/* --- in the child --- */

typedef struct {
	aic_bytes accounts, members;
	size_t n_accounts, n_members;
} listing;

static bool cluster_wanted(const aic_config *c, const char *cluster)
{
	for (size_t i = 0; i < c->n_clusters; i++)
		if (!strcmp(c->clusters[i], cluster))
			return true;
	return c->n_clusters == 0;
}

static void put_member(listing *l, const char *cluster, const char *user, const char *account, bool coordinator)
{
	aic_cbor_put_array(&l->members, 4);
	aic_cbor_put_text(&l->members, cluster);
	aic_cbor_put_text(&l->members, user);
	aic_cbor_put_text(&l->members, account);
	aic_cbor_put_bool(&l->members, coordinator);
	l->n_members++;
}

static void list_associations(listing *l, const aic_config *c, struct xlist *rows)
{
	struct listIterator *it = slurm_list_iterator_create(rows);
	slurmdb_assoc_rec_t *a;

	while ((a = slurm_list_next(it))) {
		if (!a->cluster || !a->acct || !cluster_wanted(c, a->cluster))
			continue;
		if (a->user && a->user[0]) {
			put_member(l, a->cluster, a->user, a->acct, false);
			continue;
		}
		aic_cbor_put_array(&l->accounts, 3);
		aic_cbor_put_text(&l->accounts, a->cluster);
		aic_cbor_put_text(&l->accounts, a->acct);
		aic_cbor_put_text(&l->accounts, a->parent_acct ? a->parent_acct : "");
		l->n_accounts++;
	}
	slurm_list_iterator_destroy(it);
}

/* Coordinators belong to an account on every cluster: cluster "". Asked by user, which all releases of Slurm understand alike. */
static void list_coordinators(listing *l, struct xlist *users)
{
	struct listIterator *it = slurm_list_iterator_create(users);
	slurmdb_user_rec_t *u;

	while ((u = slurm_list_next(it))) {
		if (!u->coord_accts || !u->name)
			continue;
		struct listIterator *ci = slurm_list_iterator_create(u->coord_accts);
		slurmdb_coord_rec_t *account;
		while ((account = slurm_list_next(ci)))
			put_member(l, "", u->name, account->name, true);
		slurm_list_iterator_destroy(ci);
	}
	slurm_list_iterator_destroy(it);
}

static void child_say(int fd, const char *failure, const listing *l)
{
	aic_bytes out = {0};

	aic_cbor_put_array(&out, 3);
	aic_cbor_put_text(&out, failure);
	aic_cbor_put_array(&out, l->n_accounts);
	aic_bytes_append(&out, l->accounts.data, l->accounts.len);
	aic_cbor_put_array(&out, l->n_members);
	aic_bytes_append(&out, l->members.data, l->members.len);
	if (aic_write_all(fd, out.data, out.len))
		_exit(1);
	_exit(0);
}

static void child_main(int fd, const aic_config *c)
{
	slurmdb_assoc_cond_t assoc_cond = {0};
	slurmdb_user_cond_t user_cond = {.with_coords = 1};
	listing l = {0};
	uint16_t flags = 0;
	struct xlist *rows;
	void *db;

	slurm_init(c->slurm_conf[0] ? c->slurm_conf : NULL);
	db = slurmdb_connection_get(&flags);
	if (!db)
		child_say(fd, "no connection to slurmdbd", &l);
	rows = slurmdb_associations_get(db, &assoc_cond);
	if (!rows)
		child_say(fd, strerror(errno), &l);
	list_associations(&l, c, rows);
	rows = slurmdb_users_get(db, &user_cond);
	if (rows)
		list_coordinators(&l, rows);
	child_say(fd, "", &l);
}

/* --- in the daemon --- */

aic_assoc *aic_assoc_new(void)
{
	aic_assoc *a = aic_xcalloc(1, sizeof(*a));

	a->fd = -1;
	return a;
}

static void child_end(aic_assoc *a)
{
	if (a->child > 0) {
		kill(a->child, SIGKILL);
		while (waitpid(a->child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (a->fd >= 0)
		close(a->fd);
	a->child = 0;
	a->fd = -1;
	aic_bytes_clear(&a->answer);
}

void aic_assoc_free(aic_assoc *a)
{
	if (!a)
		return;
	child_end(a);
	aic_bytes_free(&a->answer);
	free(a);
}

static void complain(aic_assoc *a, const char *what)
{
	if (!a->complained)
		aic_warn("slurmdbd: %s: the associations that it gave last stay in force", what);
	a->complained = true;
}

static void child_start(aic_assoc *a, const aic_config *c)
{
	int fds[2];

	a->last = a->started = aic_monotonic_ms();
	if (pipe2(fds, O_CLOEXEC)) {
		complain(a, strerror(errno));
		return;
	}
	fflush(NULL);
	a->child = fork();
	if (a->child == 0) {
		signal(SIGTERM, SIG_DFL);
		alarm(AIC_ASSOC_SECONDS + 5);
		close(fds[0]);
		if (!freopen("/dev/null", "w", stderr)) /* libslurm's own words; the reason goes through the pipe */
			_exit(1);
		child_main(fds[1], c);
		_exit(1);
	}
	close(fds[1]);
	if (a->child < 0) {
		close(fds[0]);
		a->child = 0;
		complain(a, strerror(errno));
		return;
	}
	a->fd = fds[0];
	fcntl(a->fd, F_SETFL, O_NONBLOCK);
}

/* True at the end of the answer. */
static bool child_read(aic_assoc *a)
{
	uint8_t buf[65536];

	for (;;) {
		ssize_t n = read(a->fd, buf, sizeof(buf));
		if (n == 0)
			return true;
		if (n < 0)
			return errno != EAGAIN && errno != EINTR;
		aic_bytes_append(&a->answer, buf, (size_t)n);
		if (a->answer.len > ANSWER_MAX)
			return true;
	}
}

void aic_assoc_tick(aic_assoc *a, aic_store *s, const aic_config *c, int64_t every, bool *changed)
{
	int64_t now = aic_monotonic_ms();
	aic_error e = {0};

	*changed = false;
	if (a->fd < 0) {
		if (!a->last || now - a->last >= every * 1000)
			child_start(a, c);
		return;
	}
	if (!child_read(a)) {
		if (now - a->started > AIC_ASSOC_SECONDS * 1000) {
			complain(a, "no answer within 20 s");
			child_end(a);
		}
		return;
	}
	if (aic_assoc_apply(s, a->answer.data, a->answer.len, aic_now(), &e) == AIC_OK) {
		*changed = true;
		if (a->complained)
			aic_info("slurmdbd answers again");
		a->complained = false;
	} else {
		complain(a, e.message);
	}
	child_end(a);
}

int64_t aic_assoc_age(aic_store *s, int64_t now)
{
	int64_t at = aic_store_meta(s, "associations", 0);

	return at ? now - at : -1;
}

static aic_code apply_rows(aic_store *s, aic_cbor *c, aic_error *err)
{
	char cluster[AIC_NAME_LEN], name[AIC_NAME_LEN], other[AIC_NAME_LEN];
	aic_code rc = aic_sql_run(s->db, err, "DELETE FROM association", "");

	if (rc == AIC_OK)
		rc = aic_sql_run(s->db, err, "DELETE FROM member", "");
	size_t n = aic_cbor_array(c, 1u << 24);
	for (size_t i = 0; i < n && rc == AIC_OK && aic_cbor_ok(c); i++) {
		aic_cbor_array_exact(c, 3);
		aic_cbor_text(c, cluster, sizeof(cluster));
		aic_cbor_text(c, name, sizeof(name));
		aic_cbor_text(c, other, sizeof(other));
		rc = aic_sql_run(s->db, err, "INSERT OR REPLACE INTO association(cluster, account, parent) VALUES(?1, ?2, ?3)", "ttt",
		                 cluster, name, other);
	}
	n = aic_cbor_array(c, 1u << 24);
	for (size_t i = 0; i < n && rc == AIC_OK && aic_cbor_ok(c); i++) {
		aic_cbor_array_exact(c, 4);
		aic_cbor_text(c, cluster, sizeof(cluster));
		aic_cbor_text(c, name, sizeof(name));
		aic_cbor_text(c, other, sizeof(other));
		rc = aic_sql_run(s->db, err, "INSERT INTO member(cluster, user, account, coordinator) VALUES(?1, ?2, ?3, ?4)"
		                             " ON CONFLICT DO UPDATE SET coordinator = max(coordinator, excluded.coordinator)", "ttti",
		                 cluster, name, other, (int64_t)aic_cbor_bool(c));
	}
	return rc == AIC_OK ? aic_cbor_finish(c, err) : rc;
}

aic_code aic_assoc_apply(aic_store *s, const void *data, size_t len, int64_t now, aic_error *err)
{
	char failure[256];
	aic_cbor c;
	aic_code rc;

	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 3);
	aic_cbor_text(&c, failure, sizeof(failure));
	if (!aic_cbor_ok(&c))
		return aic_fail(err, AIC_UNREACHABLE, "the query ended without an answer");
	if (failure[0])
		return aic_fail(err, AIC_UNREACHABLE, "%s", failure);
	rc = aic_store_begin(s, err);
	if (rc != AIC_OK)
		return rc;
	rc = apply_rows(s, &c, err);
	if (rc == AIC_OK)
		rc = aic_store_meta_set(s, "associations", now, err);
	if (rc == AIC_OK)
		return aic_store_commit(s, err);
	aic_store_rollback(s);
	return rc;
}

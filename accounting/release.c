#define _GNU_SOURCE
#include "accounting/release.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accounting/acctd.h"
#include "common/file.h"
#include "common/log.h"

#define CHILD_SECONDS 60
#define ANSWER_MAX (1u << 20)

struct aic_release {
	aic_reservations book;
	struct timespec read_at;  /* mtime of the file that the book is from */
	bool fresh;               /* the book was not acted upon yet */
	bool complained;
	pid_t child;
	int fd;                   /* pipe from the child, -1 */
	int64_t started;          /* monotonic ms */
	aic_bytes answer;
};

/* --- which --- */

static int by_account_and_submit(const void *a, const void *b)
{
	const aic_held_job *x = *(const aic_held_job *const *)a, *y = *(const aic_held_job *const *)b;
	int order = strcmp(x->account, y->account);

	if (order)
		return order;
	if (x->submitted != y->submitted)
		return x->submitted < y->submitted ? -1 : 1;
	return x->job < y->job ? -1 : x->job > y->job;
}

size_t aic_release_choose(uint32_t *job, const aic_reservations *book,
                          aic_amount (*available)(const void *ctx, const char *account), const void *ctx)
{
	const aic_held_job **sorted = aic_xcalloc(book->n_held + 1, sizeof(const aic_held_job *));
	aic_amount left = 0;
	size_t n = 0;

	for (size_t i = 0; i < book->n_held; i++)
		sorted[i] = &book->held[i];
	qsort(sorted, book->n_held, sizeof(const aic_held_job *), by_account_and_submit);
	for (size_t i = 0; i < book->n_held; i++) {
		const aic_held_job *h = sorted[i];

		if (i == 0 || strcmp(h->account, sorted[i - 1]->account)) {
			left = available(ctx, h->account);
			if (!aic_amount_sub(&left, left, aic_reservations_of(book, h->account)))
				left = 0;
		}
		if (!h->own && aic_amount_sub(&left, left, h->cost))
			job[n++] = h->job;
	}
	free(sorted);
	return n;
}

/* --- in the child --- */

static void child_main(int fd, const aic_config *c, const uint32_t *job, size_t n)
{
	size_t released = 0;
	int failed = 0;
	char line[64];

	slurm_init(c->slurm_conf[0] ? c->slurm_conf : NULL);
	for (size_t i = 0; i < n; i++) {
		job_desc_msg_t change;

		slurm_init_job_desc_msg(&change);
		change.job_id = job[i];
		change.priority = INFINITE;
		change.comment = (char *)AIC_RELEASE_MARK;
		if (slurm_update_job(&change) == SLURM_SUCCESS)
			released++;
		else if (errno != ESLURM_ACCOUNTING_POLICY) /* job_submit/aic has not seen the funds yet, or knows better */
			failed = errno;
	}
	snprintf(line, sizeof(line), "%zu %d", released, failed);
	_exit(aic_write_all(fd, line, strlen(line)) ? 1 : 0);
}

/* --- in the daemon --- */

aic_release *aic_release_new(void)
{
	aic_release *r = aic_xcalloc(1, sizeof(*r));

	r->fd = -1;
	return r;
}

static void child_end(aic_release *r)
{
	if (r->child > 0) {
		kill(r->child, SIGKILL);
		while (waitpid(r->child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (r->fd >= 0)
		close(r->fd);
	r->child = 0;
	r->fd = -1;
	aic_bytes_clear(&r->answer);
}

void aic_release_free(aic_release *r)
{
	if (!r)
		return;
	child_end(r);
	aic_reservations_free(&r->book);
	aic_bytes_free(&r->answer);
	free(r);
}

static void complain(aic_release *r, const char *what)
{
	if (!r->complained)
		aic_warn("held jobs: %s; tried again every 10 s", what);
	r->complained = true;
}

static void child_start(aic_release *r, const aic_config *c, const uint32_t *job, size_t n)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC)) {
		complain(r, strerror(errno));
		return;
	}
	r->started = aic_monotonic_ms();
	fflush(NULL);
	r->child = fork();
	if (r->child == 0) {
		signal(SIGTERM, SIG_DFL);
		alarm(CHILD_SECONDS + 5);
		close(fds[0]);
		if (!freopen("/dev/null", "w", stderr)) /* libslurm's own words; the reason goes through the pipe */
			_exit(1);
		child_main(fds[1], c, job, n);
	}
	close(fds[1]);
	if (r->child < 0) {
		close(fds[0]);
		r->child = 0;
		complain(r, strerror(errno));
		return;
	}
	r->fd = fds[0];
	fcntl(r->fd, F_SETFL, O_NONBLOCK);
}

static void child_judge(aic_release *r, const aic_config *c)
{
	char words[1024];
	size_t released;
	int failed;

	aic_bytes_append(&r->answer, "", 1);
	if (sscanf((const char *)r->answer.data, "%zu %d", &released, &failed) != 2) {
		complain(r, "the process that releases them ended without an answer");
		return;
	}
	if (released)
		aic_info("held jobs: %zu released, as their accounts can pay now", released);
	if (!failed) {
		r->complained = false;
		return;
	}
	snprintf(words, sizeof(words), "slurmctld refuses to release them (%s)%s%s%s", slurm_strerror(failed),
	         failed == ESLURM_ACCESS_DENIED || failed == ESLURM_USER_ID_MISSING ? ": `sacctmgr modify user " : "",
	         failed == ESLURM_ACCESS_DENIED || failed == ESLURM_USER_ID_MISSING ? c->user : "",
	         failed == ESLURM_ACCESS_DENIED || failed == ESLURM_USER_ID_MISSING ? " set adminlevel=operator` lets aicacctd" : "");
	complain(r, words);
}

static void collect(aic_release *r, const aic_config *c)
{
	uint8_t buf[256];

	for (;;) {
		ssize_t n = read(r->fd, buf, sizeof(buf));

		if (n > 0 && r->answer.len < ANSWER_MAX) {
			aic_bytes_append(&r->answer, buf, (size_t)n);
			continue;
		}
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			if (aic_monotonic_ms() - r->started <= CHILD_SECONDS * 1000)
				return;
			complain(r, "slurmctld does not answer within a minute");
		} else {
			child_judge(r, c);
		}
		child_end(r);
		return;
	}
}

static void look(aic_release *r, const aic_config *c)
{
	char path[AIC_PATH_LEN];
	aic_reservations book;
	struct stat st;
	aic_error e = {0};

	if (aic_path_join(path, sizeof(path), c->spool, AIC_RESERVATIONS_NAME, &e) != AIC_OK || stat(path, &st))
		return;
	if (st.st_mtim.tv_sec == r->read_at.tv_sec && st.st_mtim.tv_nsec == r->read_at.tv_nsec)
		return;
	r->read_at = st.st_mtim;
	if (aic_reservations_load(&book, path, &e) != AIC_OK) {
		complain(r, e.message);
		aic_reservations_free(&book);
		return;
	}
	aic_reservations_free(&r->book);
	r->book = book;
	r->fresh = true;
}

static aic_amount wallet_available(const void *ctx, const char *account)
{
	char name[AIC_NAME_LEN];
	const aic_wallet_row *w;

	snprintf(name, sizeof(name), "account/%.*s", AIC_NAME_LEN - 9, account);
	w = aic_store_wallet_find(ctx, name);
	return w ? aic_available(w) : 0;
}

void aic_release_tick(aic_release *r, const aic_store *s, const aic_config *c)
{
	look(r, c);
	if (r->fd >= 0) {
		collect(r, c);
		return;
	}
	if (!r->fresh)
		return;
	r->fresh = false;
	if (!c->enforce || !r->book.n_held)
		return;
	uint32_t *job = aic_xcalloc(r->book.n_held, sizeof(*job));
	size_t n = aic_release_choose(job, &r->book, wallet_available, s);
	if (n)
		child_start(r, c, job, n);
	free(job);
}

aic_amount aic_release_reserved(const aic_release *r, const char *account)
{
	return aic_reservations_of(&r->book, account);
}

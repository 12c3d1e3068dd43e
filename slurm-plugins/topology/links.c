#define _GNU_SOURCE /* strverscmp */
#include "slurm-plugins/topology/links.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER "aic-links 1"

typedef struct {
	char a[AIC_NAME_LEN], b[AIC_NAME_LEN];
	aic_link link;
} row;

typedef struct {
	row *row;
	size_t n, room;
} rows;

static int by_name(const void *a, const void *b)
{
	return strverscmp(a, b);
}

static void add_row(rows *r, const row *x)
{
	if (r->n == r->room) {
		r->room = r->room ? 2 * r->room : 256;
		r->row = aic_xrealloc(r->row, r->room * sizeof(*r->row));
	}
	r->row[r->n++] = *x;
}

static size_t number_of(const aic_links *l, const char *name)
{
	const char (*found)[AIC_NAME_LEN] = bsearch(name, l->name, l->n, sizeof(*l->name), by_name);

	return (size_t)(found - (const char (*)[AIC_NAME_LEN])l->name);
}

/* A matrix of all nodes of the rows; of two rows of one link the last stands. */
static void build(aic_links *l, const rows *r)
{
	*l = (aic_links){.name = aic_xcalloc(2 * r->n + 1, sizeof(*l->name))};
	for (size_t i = 0; i < r->n; i++) {
		memcpy(l->name[2 * i], r->row[i].a, AIC_NAME_LEN);
		memcpy(l->name[2 * i + 1], r->row[i].b, AIC_NAME_LEN);
	}
	qsort(l->name, 2 * r->n, sizeof(*l->name), by_name);
	for (size_t i = 0; i < 2 * r->n; i++)
		if (!l->n || strcmp(l->name[l->n - 1], l->name[i]))
			memmove(l->name[l->n++], l->name[i], AIC_NAME_LEN);
	l->link = aic_xcalloc(l->n * l->n + 1, sizeof(*l->link));
	for (size_t i = 0; i < r->n; i++) {
		size_t a = number_of(l, r->row[i].a), b = number_of(l, r->row[i].b);

		l->link[a * l->n + b] = l->link[b * l->n + a] = r->row[i].link;
	}
}

static bool is_name(const char *s)
{
	return *s && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(s);
}

static bool read_row(row *x, const char *line, int64_t at)
{
	long long when;
	int fields, end = 0;

	fields = sscanf(line, "%127s %127s %lf %lf%n %lf %lld%n", x->a, x->b, &x->link.latency_ns, &x->link.bytes_per_s, &end, &x->link.weight,
	                &when, &end);
	x->link.at = fields == 6 ? when : at;
	if (fields == 4)
		x->link.weight = 1;
	return (fields == 4 || fields == 6) && !line[end] && is_name(x->a) && is_name(x->b) && strcmp(x->a, x->b) && x->link.latency_ns > 0 &&
	       x->link.bytes_per_s > 0 && x->link.weight > 0 && isfinite(x->link.latency_ns) && isfinite(x->link.bytes_per_s) &&
	       isfinite(x->link.weight);
}

aic_code aic_links_parse(aic_links *l, const char *text, const char *path, int64_t at, aic_error *err)
{
	aic_code rc = AIC_OK;
	unsigned number = 0;
	rows r = {0};

	*l = (aic_links){0};
	for (const char *p = text; *p && rc == AIC_OK; p += strcspn(p, "\n"), p += *p == '\n') {
		char line[512];
		row x = {0};

		number++;
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(p, "\n"), p);
		if (number == 1 && strcmp(line, HEADER))
			rc = aic_fail(err, AIC_USAGE, "%s:1: \"%.80s\" is no list of links: its first line is \"" HEADER "\"", path, line);
		else if (number > 1 && !read_row(&x, line, at))
			rc = aic_fail(err, AIC_USAGE, "%s:%u: \"%.80s\" is no link: two nodes, nanoseconds and bytes a second, all above 0", path, number, line);
		else if (number > 1)
			add_row(&r, &x);
	}
	if (rc == AIC_OK && !number)
		rc = aic_fail(err, AIC_USAGE, "%s is empty: nothing was measured", path);
	if (rc == AIC_OK)
		build(l, &r);
	free(r.row);
	if (rc == AIC_OK && l->n > AIC_LINKS_NODES_MAX) {
		rc = aic_fail(err, AIC_FULL, "%s has %zu nodes, at most %d are compared: measure a partition at a time", path, l->n, AIC_LINKS_NODES_MAX);
		aic_links_free(l);
	}
	return rc;
}

void aic_links_write(aic_bytes *out, const aic_links *l)
{
	aic_bytes_append_str(out, HEADER "\n");
	for (size_t a = 0; a < l->n; a++)
		for (size_t b = a + 1; b < l->n; b++) {
			const aic_link *x = aic_links_at(l, a, b);

			if (x->weight > 0)
				aic_bytes_printf(out, "%s %s %.3f %.0f %.6f %lld\n", l->name[a], l->name[b], x->latency_ns, x->bytes_per_s, x->weight, (long long)x->at);
		}
}

static void put_all(rows *r, const aic_links *l)
{
	for (size_t a = 0; a < l->n; a++)
		for (size_t b = a + 1; b < l->n; b++)
			if (aic_links_at(l, a, b)->weight > 0) {
				row x = {.link = *aic_links_at(l, a, b)};

				aic_str_copy(x.a, sizeof(x.a), l->name[a]);
				aic_str_copy(x.b, sizeof(x.b), l->name[b]);
				add_row(r, &x);
			}
}

static aic_link mean(aic_link old, aic_link now, double half_life_s)
{
	double age = now.at > old.at ? (double)(now.at - old.at) : 0;
	double had = old.weight * exp2(-age / half_life_s), sum = had + now.weight;

	return (aic_link){
		.latency_ns = (had * old.latency_ns + now.weight * now.latency_ns) / sum,
		.bytes_per_s = (had * old.bytes_per_s + now.weight * now.bytes_per_s) / sum,
		.weight = sum, .at = now.at > old.at ? now.at : old.at,
	};
}

void aic_links_merge(aic_links *history, const aic_links *now, int64_t half_life_s, int64_t at)
{
	rows r = {0};
	size_t kept = 0;

	put_all(&r, history);
	for (size_t i = 0; i < r.n; i++)
		if (at - r.row[i].link.at <= AIC_LINKS_FORGET * half_life_s)
			r.row[kept++] = r.row[i];
	r.n = kept;
	put_all(&r, now);
	aic_links old = *history;
	build(history, &r);
	for (size_t i = 0; i < kept && history->n; i++) {
		size_t a = number_of(history, r.row[i].a), b = number_of(history, r.row[i].b);
		aic_link *x = &history->link[a * history->n + b];

		if (memcmp(x, &r.row[i].link, sizeof(*x))) /* measured anew */
			*x = history->link[b * history->n + a] = mean(r.row[i].link, *x, (double)half_life_s);
	}
	aic_links_free(&old);
	free(r.row);
}

void aic_links_free(aic_links *l)
{
	free(l->name);
	free(l->link);
	*l = (aic_links){0};
}

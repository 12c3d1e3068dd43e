#include "common/split.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN "{aic:1 "

/* --- writing --- */

static bool plain(const char *name)
{
	return name[0] && !name[strcspn(name, " {}[]:=,")];
}

/* Digits at the end of a node's name: their number, 0 for none, and their value. */
static size_t tail(const char *name, uint64_t *value)
{
	size_t len = strlen(name), digits = 0;

	while (digits < len && digits < 9 && isdigit((unsigned char)name[len - digits - 1]))
		digits++;
	*value = digits ? strtoull(name + len - digits, NULL, 10) : 0;
	return digits;
}

static bool follows(const char *a, const char *b)
{
	uint64_t x, y;
	size_t n = tail(a, &x), m = tail(b, &y), len = strlen(a);

	return n && n == m && strlen(b) == len && y == x + 1 && !strncmp(a, b, len - n);
}

static bool same_share(const aic_node_share *a, const aic_node_share *b)
{
	if (a->cpus != b->cpus || a->mem_mib != b->mem_mib || a->gpu_types != b->gpu_types)
		return false;
	for (uint32_t i = 0; i < a->gpu_types; i++)
		if (a->gpu[i].count != b->gpu[i].count || strcmp(a->gpu[i].type, b->gpu[i].type))
			return false;
	return true;
}

static void put_group(aic_bytes *out, const aic_node_share *first, const aic_node_share *last)
{
	uint64_t value;
	size_t digits = tail(first->name, &value);

	if (first == last)
		aic_bytes_printf(out, " %s", first->name);
	else
		aic_bytes_printf(out, " %.*s[%s-%s]", (int)(strlen(first->name) - digits), first->name, first->name + strlen(first->name) - digits,
		                 last->name + strlen(last->name) - digits);
	aic_bytes_printf(out, ":%" PRIu32 ":%" PRIu64, first->cpus, first->mem_mib);
	for (uint32_t i = 0; i < first->gpu_types; i++)
		aic_bytes_printf(out, "%c%s=%" PRIu32, i ? ',' : ':', first->gpu[i].type, first->gpu[i].count);
}

static bool fits(const aic_job_record *r)
{
	if (!r->nodes || (r->dataset[0] && !plain(r->dataset)) || (r->model[0] && !plain(r->model)))
		return false;
	for (uint32_t i = 0; i < r->nodes; i++) {
		if (!plain(r->node[i].name))
			return false;
		for (uint32_t k = 0; k < r->node[i].gpu_types; k++)
			if (r->node[i].gpu[k].type[0] && !plain(r->node[i].gpu[k].type))
				return false;
	}
	return true;
}

bool aic_split_put(aic_bytes *out, const char *comment, const aic_job_record *r)
{
	const char *before = comment ? strstr(comment, BEGIN) : NULL;
	size_t kept = comment ? before ? (size_t)(before - comment) : strlen(comment) : 0;

	while (kept && comment[kept - 1] == ' ')
		kept--;
	aic_bytes_append(out, comment, kept);
	size_t start = out->len;
	if (!fits(r))
		return false;
	aic_bytes_printf(out, "%s" BEGIN "restart=%" PRIu32, kept ? " " : "", r->restart);
	if (r->resize)
		aic_bytes_printf(out, " segment=%" PRId64, r->resize);
	if (r->dataset[0])
		aic_bytes_printf(out, " dataset=%s", r->dataset);
	if (r->model[0])
		aic_bytes_printf(out, " model=%s", r->model);
	for (uint32_t i = 0, from = 0; i < r->nodes && out->len - start < AIC_SPLIT_MAX; i++) {
		if (i + 1 < r->nodes && follows(r->node[i].name, r->node[i + 1].name) && same_share(&r->node[i], &r->node[i + 1]))
			continue;
		put_group(out, &r->node[from], &r->node[i]);
		from = i + 1;
	}
	aic_bytes_append(out, "}", 1);
	if (out->len - start <= AIC_SPLIT_MAX)
		return true;
	out->len = start;
	return false;
}

/* --- reading --- */

static bool number(const char **at, uint64_t max, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return false;
	*out = strtoull(*at, &end, 10);
	*at = end;
	return *out <= max;
}

static bool name(const char **at, const char *stop, char out[AIC_NAME_LEN])
{
	size_t len = strcspn(*at, stop);

	if (!len || len >= AIC_NAME_LEN)
		return false;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at += len;
	return true;
}

static bool read_share(const char **at, aic_node_share *s)
{
	uint64_t cpus, count;

	memset(s, 0, sizeof(*s));
	if (*(*at)++ != ':' || !number(at, UINT32_MAX, &cpus) || *(*at)++ != ':' || !number(at, UINT64_MAX / 2, &s->mem_mib))
		return false;
	s->cpus = (uint32_t)cpus;
	while (**at == ':' || (**at == ',' && s->gpu_types)) {
		aic_gpu_count *g = &s->gpu[s->gpu_types];
		++*at;
		if (s->gpu_types == AIC_GPU_TYPES_MAX || (**at != '=' && !name(at, "=", g->type)) || *(*at)++ != '=' ||
		    !number(at, UINT32_MAX, &count))
			return false;
		g->count = (uint32_t)count;
		s->gpu_types++;
	}
	return true;
}

static bool add_nodes(aic_job_record *r, const char *prefix, const char *digits, uint64_t from, uint64_t to, const aic_node_share *share)
{
	if (to < from || to - from >= AIC_RECORD_NODES_MAX - r->nodes)
		return false;
	r->node = aic_xrealloc(r->node, (r->nodes + (size_t)(to - from) + 1) * sizeof(*r->node));
	for (uint64_t k = from; k <= to; k++) {
		aic_node_share *n = &r->node[r->nodes++];
		*n = *share;
		int len = digits ? snprintf(n->name, sizeof(n->name), "%s%0*" PRIu64, prefix, (int)strlen(digits), k)
		                 : snprintf(n->name, sizeof(n->name), "%s", prefix);
		if (len < 0 || (size_t)len >= sizeof(n->name))
			return false;
	}
	return true;
}

/* "n[1-3]:8:64000:a100=2" or "n4:4:32000" */
static bool read_group(const char **at, aic_job_record *r)
{
	char prefix[AIC_NAME_LEN] = "", first[AIC_NAME_LEN], last[AIC_NAME_LEN];
	uint64_t from = 0, to = 0;
	aic_node_share share;

	if (**at != '[' && !name(at, "[: }", prefix))
		return false;
	bool range = **at == '[';
	if (range) {
		++*at;
		if (!name(at, "-", first) || *(*at)++ != '-' || !name(at, "]", last) || *(*at)++ != ']' || strlen(first) > 9 || strlen(last) > 9)
			return false;
		const char *a = first, *b = last;
		if (!number(&a, UINT32_MAX, &from) || *a || !number(&b, UINT32_MAX, &to) || *b)
			return false;
	}
	return read_share(at, &share) && add_nodes(r, prefix, range ? first : NULL, from, to, &share);
}

static bool read_word(const char **at, aic_job_record *r)
{
	static const char *const keys[] = {"restart=", "segment=", "dataset=", "model="};
	uint64_t value;

	for (int k = 0; k < 4; k++) {
		if (strncmp(*at, keys[k], strlen(keys[k])))
			continue;
		*at += strlen(keys[k]);
		if (k >= 2)
			return name(at, " }", k == 2 ? r->dataset : r->model);
		if (!number(at, k ? INT64_MAX : UINT32_MAX, &value))
			return false;
		if (k)
			r->resize = (int64_t)value;
		else
			r->restart = (uint32_t)value;
		return true;
	}
	return read_group(at, r);
}

bool aic_split_get(aic_job_record *r, const char *comment)
{
	const char *at = comment ? strstr(comment, BEGIN) : NULL;
	aic_job_record found = *r;

	if (!at)
		return false;
	found.nodes = 0;
	found.node = NULL;
	at += sizeof(BEGIN) - 1;
	bool good;
	while ((good = read_word(&at, &found)) && *at == ' ')
		at++;
	if (!good || *at != '}' || !found.nodes) {
		free(found.node);
		return false;
	}
	free(r->node);
	*r = found;
	return true;
}

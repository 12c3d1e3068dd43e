/* tres.c: the texts in which Slurm's options arrive: TRES requests and array expressions. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "slurm-plugins/job_submit/estimate.h"

/* Digits with Slurm's optional suffix (k, m, g, t: powers of 1024); -1 where text is something else. */
static int64_t read_count(const char *text, size_t len)
{
	static const char suffix[] = "kmgt";
	uint64_t v = 0;
	size_t i = 0;

	for (; i < len && isdigit((unsigned char)text[i]); i++)
		if ((v = v * 10 + (uint64_t)(text[i] - '0')) > UINT32_MAX)
			return -1;
	if (i == 0)
		return -1;
	if (i + 1 == len && tolower((unsigned char)text[i]) && strchr(suffix, tolower((unsigned char)text[i]))) {
		v <<= 10 * (strchr(suffix, tolower((unsigned char)text[i])) - suffix + 1);
		i++;
	}
	return i == len && v <= UINT32_MAX ? (int64_t)v : -1;
}

/* "gres:gpu", "gres/gpu" or "gpu" and then its end or a separator: what follows; NULL for another resource. */
static const char *after_gpu(const char *item)
{
	if (!strncmp(item, "gres:", 5) || !strncmp(item, "gres/", 5))
		item += 5;
	return !strncmp(item, "gpu", 3) && strchr(":=,;", item[3]) ? item + 3 : NULL;
}

static aic_code add_item(aic_gpu_list *list, const char *p, aic_error *err)
{
	size_t n = strcspn(p, ",;"), type_len = 0;
	const char *count = NULL, *type = NULL;
	int64_t v = 1;
	uint32_t i = 0;
	char name[AIC_NAME_LEN] = "";

	if (n > 0) {
		size_t sep;

		type = p + 1;
		type_len = sep = strcspn(type, ":=,;");
		if (type[sep] == ':' || type[sep] == '=')
			count = type + sep + 1;
		else if (*p == '=' || read_count(type, type_len) >= 0)
			count = type, type_len = 0;
	}
	if (count && (v = read_count(count, strcspn(count, ",;"))) < 0)
		return aic_fail(err, AIC_USAGE, "\"gpu%.*s\" is no GPU request: give gpu:COUNT or gpu:TYPE:COUNT", (int)n, p);
	if (type_len >= AIC_NAME_LEN)
		return aic_fail(err, AIC_USAGE, "a GPU type has %zu characters, at most %d are possible", type_len, AIC_NAME_LEN - 1);
	memcpy(name, type ? type : "", type_len);
	while (i < list->n && strcmp(list->gpu[i].type, name))
		i++;
	if (i == AIC_GPU_TYPES_MAX)
		return aic_fail(err, AIC_USAGE, "more than %d GPU types in one request", AIC_GPU_TYPES_MAX);
	if (i == list->n)
		memcpy(list->gpu[list->n++].type, name, sizeof(name));
	list->gpu[i].count += (uint32_t)v;
	return AIC_OK;
}

aic_code aic_gpu_list_parse(aic_gpu_list *list, const char *tres, aic_error *err)
{
	for (const char *p = tres; p && *p; p += strcspn(p, ",;"), p += *p != '\0') {
		const char *rest = after_gpu(p);
		aic_code rc = rest ? add_item(list, rest, err) : AIC_OK;

		if (rc)
			return rc;
	}
	return AIC_OK;
}

uint64_t aic_per_gpu_parse(const char *tres, uint64_t unset)
{
	for (const char *p = tres; p && *p; p += strcspn(p, ",;"), p += *p != '\0') {
		const char *rest = after_gpu(p);
		const char *last = rest;

		if (!rest)
			continue;
		for (const char *q = rest; *q && *q != ',' && *q != ';'; q++)
			if (*q == ':' || *q == '=')
				last = q + 1;
		if (isdigit((unsigned char)*last))
			return strtoull(last, NULL, 10);
	}
	return unset;
}

/* One item of an array expression: N, A-B or A-B:STEP. 0 where it is none. */
static uint64_t count_range(const char **text)
{
	char *end;
	uint64_t first, last, step = 1;

	if (!isdigit((unsigned char)**text))
		return 0;
	first = last = strtoul(*text, &end, 10);
	if (*end == '-' && isdigit((unsigned char)end[1]))
		last = strtoul(end + 1, &end, 10);
	if (*end == ':' && isdigit((unsigned char)end[1]))
		step = strtoul(end + 1, &end, 10);
	*text = end;
	return last >= first && step ? (last - first) / step + 1 : 0;
}

uint32_t aic_array_count(const char *expression)
{
	uint64_t total = 0;
	const char *p = expression;

	for (;;) {
		uint64_t n;

		p += *p == '[';
		n = count_range(&p);
		if (!n || (total += n) > UINT32_MAX)
			return 0;
		p += *p == ']';
		if (*p == '\0' || *p == '%')
			return (uint32_t)total;
		if (*p++ != ',')
			return 0;
	}
}

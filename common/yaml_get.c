/* yaml_get.c: what readers ask of a document's tree, and the sentences about what does not fit. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/bytes.h"
#include "common/yaml.h"
#include "common/yaml_node.h"

#define HINT_DISTANCE 2 /* letters by which a key may differ from the one that is offered for it */
#define HINT_LEN_MAX 64

aic_yaml_kind aic_yaml_kind_of(const aic_yaml_node *n)
{
	return n->kind;
}

int aic_yaml_line(const aic_yaml_node *n)
{
	return n->line;
}

aic_code aic_yaml_fail(const aic_yaml_node *n, aic_error *err, const char *fmt, ...)
{
	char message[640];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	return aic_fail(err, AIC_USAGE, "%s:%d: %s", n->doc->name, n->line, message);
}

size_t aic_yaml_count(const aic_yaml_node *n)
{
	return n == NULL ? 0 : n->count;
}

const aic_yaml_node *aic_yaml_item(const aic_yaml_node *list, size_t i)
{
	return list->item[i];
}

const char *aic_yaml_key(const aic_yaml_node *map, size_t i)
{
	return map->key[i].text;
}

const aic_yaml_node *aic_yaml_value(const aic_yaml_node *map, size_t i)
{
	map->key[i].asked = true;
	return map->item[i];
}

const char *aic_yaml_text(const aic_yaml_node *scalar)
{
	return scalar == NULL || scalar->kind != AIC_YAML_SCALAR ? NULL : scalar->text;
}

/* The tree is the reader's to look at; what was asked for is the document's own book-keeping. */
static void remember(const aic_yaml_node *map, const char *key)
{
	aic_yaml_node *m = (aic_yaml_node *)(uintptr_t)map;
	for (size_t i = 0; i < m->use.n_known; i++) {
		if (strcmp(m->use.known[i], key) == 0)
			return;
	}
	m->use.known = aic_xrealloc(m->use.known, (m->use.n_known + 1) * sizeof *m->use.known);
	m->use.known[m->use.n_known++] = aic_xstrdup(key);
}

const aic_yaml_node *aic_yaml_get(const aic_yaml_node *map, const char *key)
{
	if (map == NULL || map->kind != AIC_YAML_MAP)
		return NULL;
	remember(map, key);
	for (size_t i = 0; i < map->count; i++) {
		if (strcmp(map->key[i].text, key) == 0)
			return aic_yaml_value(map, i);
	}
	return NULL;
}

/* The scalar under key in *out, NULL where the key is absent. */
static aic_code get_scalar(const aic_yaml_node *map, const char *key, const char **out, const aic_yaml_node **node,
                           aic_error *err)
{
	*node = aic_yaml_get(map, key);
	*out = aic_yaml_text(*node);
	if (*node != NULL && *out == NULL)
		return aic_yaml_fail(*node, err, "\"%s\" must be one value, not a %s", key,
		                     (*node)->kind == AIC_YAML_LIST ? "list" : "map");
	return AIC_OK;
}

aic_code aic_yaml_get_text(const aic_yaml_node *map, const char *key, char *out, size_t size, aic_error *err)
{
	const char *text;
	const aic_yaml_node *node;
	aic_code code = get_scalar(map, key, &text, &node, err);
	if (text == NULL)
		return code;
	if (strlen(text) >= size)
		return aic_yaml_fail(node, err, "\"%s\" has %zu bytes, %zu are the limit: shorten it", key, strlen(text), size - 1);
	memcpy(out, text, strlen(text) + 1);
	return AIC_OK;
}

aic_code aic_yaml_get_uint(const aic_yaml_node *map, const char *key, uint64_t *out, uint64_t min, uint64_t max, aic_error *err)
{
	const char *text;
	const aic_yaml_node *node;
	aic_code code = get_scalar(map, key, &text, &node, err);
	if (text == NULL)
		return code;
	char *end;
	errno = 0;
	uint64_t v = strtoull(text, &end, 10);
	if (text[strspn(text, "0123456789")] != '\0' || *text == '\0' || *end != '\0' || errno != 0 || v < min || v > max)
		return aic_yaml_fail(node, err, "\"%s: %s\" must be a whole number from %llu to %llu", key, text,
		                     (unsigned long long)min, (unsigned long long)max);
	*out = v;
	return AIC_OK;
}

aic_code aic_yaml_get_bool(const aic_yaml_node *map, const char *key, bool *out, aic_error *err)
{
	const char *text;
	const aic_yaml_node *node;
	aic_code code = get_scalar(map, key, &text, &node, err);
	if (text == NULL)
		return code;
	bool yes = strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0 || strcasecmp(text, "on") == 0;
	bool no = strcasecmp(text, "false") == 0 || strcasecmp(text, "no") == 0 || strcasecmp(text, "off") == 0;
	if (!yes && !no)
		return aic_yaml_fail(node, err, "\"%s: %s\" must be true or false", key, text);
	*out = yes;
	return AIC_OK;
}

aic_code aic_yaml_get_amount(const aic_yaml_node *map, const char *key, aic_amount *out, aic_error *err)
{
	const char *text;
	const aic_yaml_node *node;
	aic_code code = get_scalar(map, key, &text, &node, err);
	if (text == NULL)
		return code;
	aic_error why = {0};
	aic_amount v;
	if (aic_amount_parse(&v, text, &why) != AIC_OK)
		return aic_yaml_fail(node, err, "\"%s\" must be an amount in AIC such as 0.5: %s", key, why.message);
	*out = v;
	return AIC_OK;
}

aic_code aic_yaml_get_double(const aic_yaml_node *map, const char *key, double *out, double min, double max, aic_error *err)
{
	const char *text;
	const aic_yaml_node *node;
	aic_code code = get_scalar(map, key, &text, &node, err);
	if (text == NULL)
		return code;
	char *end;
	double v = strtod(text, &end);
	if (text[strspn(text, "+-.0123456789eE")] != '\0' || end == text || *end != '\0' || !isfinite(v) || v < min || v > max)
		return aic_yaml_fail(node, err, "\"%s: %s\" must be a number from %g to %g", key, text, min, max);
	*out = v;
	return AIC_OK;
}

/* Levenshtein's distance, for keys of up to HINT_LEN_MAX letters. */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(b), row[HINT_LEN_MAX + 1];
	if (strlen(a) > HINT_LEN_MAX || n > HINT_LEN_MAX)
		return HINT_LEN_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 1; j <= n; j++) {
			size_t change = diagonal + (a[i] != b[j - 1]);
			size_t shorter = row[j] < row[j - 1] ? row[j] : row[j - 1];
			diagonal = row[j];
			row[j] = change < shorter + 1 ? change : shorter + 1;
		}
	}
	return row[n];
}

static const char *nearest(const aic_yaml_node *map, const char *key)
{
	const char *best = NULL;
	size_t least = HINT_DISTANCE + 1;
	for (size_t i = 0; i < map->use.n_known; i++) {
		size_t d = distance(key, map->use.known[i]);
		if (d < least) {
			least = d;
			best = map->use.known[i];
		}
	}
	return best;
}

aic_code aic_yaml_unknown(const aic_yaml_node *map, aic_error *err)
{
	if (map == NULL || map->kind != AIC_YAML_MAP)
		return AIC_OK;
	for (size_t i = 0; i < map->count; i++) {
		const aic_yaml_key_entry *key = &map->key[i];
		if (key->asked)
			continue;
		const char *hint = nearest(map, key->text);
		if (hint != NULL)
			return aic_fail(err, AIC_USAGE, "%s:%d: key \"%s\" is not known: did you mean \"%s\"?", map->doc->name,
			                key->line, key->text, hint);
		return aic_fail(err, AIC_USAGE, "%s:%d: key \"%s\" is not known here: take it out, or look for its place in the manual",
		                map->doc->name, key->line, key->text);
	}
	return AIC_OK;
}

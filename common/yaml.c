/* yaml.c: builds the tree from libyaml's events; getters are in yaml_get.c. */
#include "common/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/yaml_node.h"

#define DEPTH_MAX 32
#define FILE_MAX (16u << 20)
#define NODES_MAX 1000000u

typedef struct {
	aic_yaml *doc;
	yaml_parser_t parser;
	unsigned depth;
	size_t nodes;
	aic_error *err;
} builder;

static void free_node(aic_yaml_node *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->count; i++) {
		free_node(n->item[i]);
		if (n->kind == AIC_YAML_MAP)
			free(n->key[i].text);
	}
	for (size_t i = 0; i < n->use.n_known; i++)
		free(n->use.known[i]);
	free(n->use.known);
	free(n->item);
	free(n->key);
	free(n->text);
	free(n);
}

void aic_yaml_free(aic_yaml *y)
{
	if (y == NULL)
		return;
	free_node(y->root);
	free(y->name);
	free(y);
}

const aic_yaml_node *aic_yaml_root(const aic_yaml *y)
{
	return y->root;
}

static aic_code fail_at(builder *b, size_t line, const char *what)
{
	return aic_fail(b->err, AIC_USAGE, "%s:%zu: %s", b->doc->name, line + 1, what);
}

static aic_code next_event(builder *b, yaml_event_t *e)
{
	if (yaml_parser_parse(&b->parser, e))
		return AIC_OK;
	const char *problem = b->parser.problem != NULL ? b->parser.problem : "cannot be read";
	size_t line = b->parser.problem_mark.line;
	if (b->parser.error == YAML_READER_ERROR) {
		line = 0; /* no mark there: count the lines up to the byte */
		for (size_t i = 0; i < b->parser.problem_offset && i < b->doc->len; i++)
			line += b->doc->bytes[i] == '\n';
	}
	return aic_fail(b->err, AIC_USAGE, "%s:%zu: not valid YAML: %s%s%s: correct that line (indent with spaces, a space behind "
	                "\":\", quotes around text with special characters)", b->doc->name, line + 1, problem,
	                b->parser.context != NULL ? " " : "", b->parser.context != NULL ? b->parser.context : "");
}

static aic_yaml_node *new_node(builder *b, aic_yaml_kind kind, const yaml_event_t *e)
{
	aic_yaml_node *n = aic_xcalloc(1, sizeof *n);
	n->kind = kind;
	n->doc = b->doc;
	n->line = (int)e->start_mark.line + 1;
	b->nodes++;
	return n;
}

/* NULL where the event is what AIC's files need. */
static const char *objection(builder *b, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return "aliases (*name) are not used here: write the value out";
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
		if (strlen((const char *)e->data.scalar.value) != e->data.scalar.length)
			return "a NUL character stands in a value: take it out";
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
		break;
	default:
		break;
	}
	if (anchor != NULL)
		return "anchors (&name) are not used here: write the value out";
	if (tag != NULL)
		return "tags (!name) are not used here: take it out";
	if (b->depth >= DEPTH_MAX)
		return "nested more than 32 deep: flatten it";
	return b->nodes >= NODES_MAX ? "more than 1,000,000 values: split the file" : NULL;
}

static aic_code build(builder *b, yaml_event_t *e, aic_yaml_node **out);

static aic_yaml_node **add_item(aic_yaml_node *n)
{
	if (n->count == n->cap) {
		n->cap = n->cap == 0 ? 8 : 2 * n->cap;
		n->item = aic_xrealloc(n->item, n->cap * sizeof *n->item);
		if (n->kind == AIC_YAML_MAP)
			n->key = aic_xrealloc(n->key, n->cap * sizeof *n->key);
	}
	n->item[n->count] = NULL;
	if (n->kind == AIC_YAML_MAP)
		memset(&n->key[n->count], 0, sizeof *n->key);
	return &n->item[n->count++];
}

static int by_text(const void *a, const void *b)
{
	const aic_yaml_key_entry *const *x = a, *const *y = b;
	int order = strcmp((*x)->text, (*y)->text);
	return order != 0 ? order : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

static aic_code check_duplicates(builder *b, const aic_yaml_node *map)
{
	if (map->count < 2)
		return AIC_OK;
	const aic_yaml_key_entry **sorted = aic_xcalloc(map->count, sizeof *sorted);
	for (size_t i = 0; i < map->count; i++)
		sorted[i] = &map->key[i];
	qsort(sorted, map->count, sizeof *sorted, by_text);
	aic_code code = AIC_OK;
	for (size_t i = 1; i < map->count && code == AIC_OK; i++) {
		if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0)
			code = aic_fail(b->err, AIC_USAGE, "%s:%d: key \"%s\" is there twice, first in line %d: keep one",
			                b->doc->name, sorted[i]->line, sorted[i]->text, sorted[i - 1]->line);
	}
	free(sorted);
	return code;
}

static aic_code read_key(builder *b, aic_yaml_node *map, const yaml_event_t *e)
{
	const char *why = e->type == YAML_SCALAR_EVENT ? objection(b, e) : "a key must be plain text";
	if (why != NULL)
		return fail_at(b, e->start_mark.line, why);
	add_item(map);
	aic_yaml_key_entry *key = &map->key[map->count - 1];
	key->text = aic_xstrdup((const char *)e->data.scalar.value);
	key->line = (int)e->start_mark.line + 1;
	b->nodes++;
	return AIC_OK;
}

/* Items until the end event of the list or map. */
static aic_code build_items(builder *b, aic_yaml_node *n)
{
	yaml_event_type_t end = n->kind == AIC_YAML_LIST ? YAML_SEQUENCE_END_EVENT : YAML_MAPPING_END_EVENT;
	aic_code code = AIC_OK;
	b->depth++;
	while (code == AIC_OK) {
		yaml_event_t e;
		code = next_event(b, &e);
		if (code != AIC_OK)
			break;
		if (e.type == end) {
			yaml_event_delete(&e);
			break;
		}
		if (n->kind == AIC_YAML_LIST) {
			code = build(b, &e, add_item(n));
			continue;
		}
		code = read_key(b, n, &e);
		yaml_event_delete(&e);
		if (code == AIC_OK)
			code = next_event(b, &e);
		if (code == AIC_OK)
			code = build(b, &e, &n->item[n->count - 1]);
	}
	b->depth--;
	return code == AIC_OK && n->kind == AIC_YAML_MAP ? check_duplicates(b, n) : code;
}

/* The node that the event starts; takes the event over. */
static aic_code build(builder *b, yaml_event_t *e, aic_yaml_node **out)
{
	const char *why = objection(b, e);
	aic_code code = why != NULL ? fail_at(b, e->start_mark.line, why) : AIC_OK;
	bool nested = false;
	if (code == AIC_OK && e->type == YAML_SCALAR_EVENT) {
		*out = new_node(b, AIC_YAML_SCALAR, e);
		(*out)->text = aic_xstrdup((const char *)e->data.scalar.value);
	} else if (code == AIC_OK && e->type == YAML_SEQUENCE_START_EVENT) {
		*out = new_node(b, AIC_YAML_LIST, e);
		nested = true;
	} else if (code == AIC_OK && e->type == YAML_MAPPING_START_EVENT) {
		*out = new_node(b, AIC_YAML_MAP, e);
		nested = true;
	} else if (code == AIC_OK) {
		code = fail_at(b, e->start_mark.line, "something else than a value stands here");
	}
	yaml_event_delete(e);
	return nested ? build_items(b, *out) : code;
}

static aic_code build_document(builder *b)
{
	yaml_event_t e;
	aic_code code;
	bool documents = false;
	while ((code = next_event(b, &e)) == AIC_OK) {
		yaml_event_type_t type = e.type;
		size_t line = e.start_mark.line;
		if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_END_EVENT || type == YAML_STREAM_END_EVENT) {
			yaml_event_delete(&e);
			if (type == YAML_STREAM_END_EVENT)
				break;
		} else if (type == YAML_DOCUMENT_START_EVENT) {
			yaml_event_delete(&e);
			if (documents)
				return fail_at(b, line, "a second document (\"---\") starts: put it into a file of its own");
			documents = true;
		} else {
			code = build(b, &e, &b->doc->root);
			if (code != AIC_OK)
				return code;
		}
	}
	if (code == AIC_OK && b->doc->root == NULL)
		return aic_fail(b->err, AIC_USAGE, "%s:1: the file is empty", b->doc->name);
	return code;
}

aic_code aic_yaml_parse(aic_yaml **y, const char *name, const char *text, size_t len, aic_error *err)
{
	if (len > FILE_MAX)
		return aic_fail(err, AIC_USAGE, "%s has %zu bytes, the limit is %u", name, len, FILE_MAX);
	builder b = {.doc = aic_xcalloc(1, sizeof *b.doc), .err = err};
	b.doc->name = aic_xstrdup(name);
	b.doc->bytes = text;
	b.doc->len = len;
	if (!yaml_parser_initialize(&b.parser)) {
		aic_yaml_free(b.doc);
		return aic_fail(err, AIC_SYSTEM, "libyaml cannot start: no memory");
	}
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	aic_code code = build_document(&b);
	yaml_parser_delete(&b.parser);
	b.doc->bytes = NULL; /* the caller's */
	if (code != AIC_OK)
		aic_yaml_free(b.doc);
	else
		*y = b.doc;
	return code;
}

aic_code aic_yaml_load(aic_yaml **y, const char *path, aic_error *err)
{
	aic_bytes text = {0};
	aic_code code = aic_file_read(&text, path, FILE_MAX, err);
	if (code == AIC_OK)
		code = aic_yaml_parse(y, path, text.data != NULL ? (const char *)text.data : "", text.len, err);
	aic_bytes_free(&text);
	return code;
}

/* wire.c: forms of settlements and their results between client and daemon. */
#include <stdlib.h>
#include <string.h>

#include "ledger/service.h"
#include "ledger/state/execute.h"
#include "ledger/state/settlement.h"

#define LINES_MAX 65536
#define APPROVERS_MAX 16

void aic_wire_put_settlement(aic_bytes *out, const aic_settlement *s)
{
	aic_cbor_put_array(out, 7);
	aic_cbor_put_text(out, s->period);
	aic_cbor_put_uint(out, s->number);
	aic_cbor_put_bytes(out, s->evidence.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, s->batch.b, AIC_HASH_LEN);
	aic_cbor_put_array(out, s->n_approvals);
	for (uint32_t i = 0; i < s->n_approvals; i++)
		aic_cbor_put_uint(out, s->approver[i]);
	aic_approvals_put(out, s->signed_by, s->n_signed);
	aic_cbor_put_array(out, s->n_lines);
	for (size_t i = 0; i < s->n_lines; i++)
		aic_settlement_leaf(out, &s->line[i]);
}

static void get_line(aic_cbor *c, aic_settlement_line *l)
{
	aic_cbor_array_exact(c, 7);
	aic_cbor_bytes_exact(c, l->payer.b, AIC_ADDRESS_LEN);
	aic_cbor_bytes_exact(c, l->payee.b, AIC_ADDRESS_LEN);
	uint64_t kind = aic_cbor_uint(c);
	if (aic_cbor_ok(c) && kind > AIC_KIND_STORAGE)
		aic_cbor_fail(c, "kind %llu of a line is unknown", (unsigned long long)kind);
	l->kind = (aic_line_kind)kind;
	l->n = aic_cbor_uint(c);
	l->gross = aic_cbor_amount(c);
	l->fee = aic_cbor_amount(c);
	l->stake = aic_cbor_amount(c);
}

void aic_wire_get_settlement(aic_cbor *c, aic_settlement *s)
{
	memset(s, 0, sizeof(*s));
	aic_cbor_array_exact(c, 7);
	aic_cbor_text(c, s->period, sizeof(s->period));
	s->number = aic_cbor_uint(c);
	aic_cbor_bytes_exact(c, s->evidence.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(c, s->batch.b, AIC_HASH_LEN);
	s->n_approvals = (uint32_t)aic_cbor_array(c, APPROVERS_MAX);
	for (uint32_t i = 0; i < s->n_approvals && aic_cbor_ok(c); i++)
		s->approver[i] = (uint32_t)aic_cbor_uint(c);
	s->n_signed = (uint32_t)aic_approvals_get(c, s->signed_by);
	s->n_lines = aic_cbor_array(c, LINES_MAX);
	aic_settlement_line *line = aic_xcalloc(s->n_lines + 1, sizeof(*line));
	s->line = line;
	for (size_t i = 0; i < s->n_lines && aic_cbor_ok(c); i++)
		get_line(c, &line[i]);
}

void aic_wire_put_result(aic_bytes *out, const aic_settlement_result *r)
{
	aic_cbor_put_array(out, 7);
	aic_cbor_put_bool(out, r->posted);
	aic_cbor_put_bool(out, r->final);
	aic_cbor_put_uint(out, r->height);
	aic_cbor_put_bytes(out, r->tx.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, r->evidence.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, r->batch.b, AIC_HASH_LEN);
	aic_cbor_put_array(out, r->n_lines);
	for (size_t i = 0; i < r->n_lines; i++) {
		aic_cbor_put_array(out, 2);
		aic_cbor_put_amount(out, r->reward[i]);
		aic_cbor_put_amount(out, r->issued[i]);
	}
}

void aic_wire_get_result(aic_cbor *c, aic_settlement_result *r)
{
	memset(r, 0, sizeof(*r));
	aic_cbor_array_exact(c, 7);
	r->posted = aic_cbor_bool(c);
	r->final = aic_cbor_bool(c);
	r->height = aic_cbor_uint(c);
	aic_cbor_bytes_exact(c, r->tx.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(c, r->evidence.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(c, r->batch.b, AIC_HASH_LEN);
	r->n_lines = aic_cbor_array(c, LINES_MAX);
	r->reward = aic_xcalloc(r->n_lines + 1, sizeof(*r->reward));
	r->issued = aic_xcalloc(r->n_lines + 1, sizeof(*r->issued));
	for (size_t i = 0; i < r->n_lines && aic_cbor_ok(c); i++) {
		aic_cbor_array_exact(c, 2);
		r->reward[i] = aic_cbor_amount(c);
		r->issued[i] = aic_cbor_amount(c);
	}
}

void aic_settlement_result_clear(aic_settlement_result *r)
{
	free(r->reward);
	free(r->issued);
	memset(r, 0, sizeof(*r));
}

static const char *const kinds[] = {"hardware", "data", "model", "storage"};

const char *aic_line_kind_name(aic_line_kind k)
{
	return (size_t)k < sizeof(kinds) / sizeof(kinds[0]) ? kinds[k] : "unknown";
}

bool aic_line_kind_parse(aic_line_kind *k, const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i], name) == 0) {
			*k = (aic_line_kind)i;
			return true;
		}
	}
	return false;
}

static const char *const roles[] = {[AIC_ROLE_SITE] = "site", [AIC_ROLE_NODE] = "node", [AIC_ROLE_ADMIN] = "admin"};

const char *aic_role_name(aic_role role)
{
	return role >= AIC_ROLE_SITE && role <= AIC_ROLE_ADMIN ? roles[role] : "unknown";
}

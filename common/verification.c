#include "common/verification.h"

#include <string.h>

#include "common/cbor.h"

#define QUESTION "aic/verify/v1"
#define RESULT "aic/verified/v1"

enum { QUESTION_ITEMS = 10, RESULT_ITEMS = 10 };

const char *aic_found_name(uint64_t result)
{
	static const char *const names[] = {"agrees", "differs", "withheld", "declined"};

	return result < sizeof(names) / sizeof(*names) ? names[result] : "?";
}

static void put_hash(aic_bytes *out, const aic_hash *h)
{
	aic_cbor_put_bytes(out, h->b, AIC_HASH_LEN);
}

static void get_hash(aic_cbor *in, aic_hash *h)
{
	aic_cbor_bytes_exact(in, h->b, AIC_HASH_LEN);
}

static void get_domain(aic_cbor *in, const char *domain)
{
	char text[32] = "";

	aic_cbor_text(in, text, sizeof(text));
	if (aic_cbor_ok(in) && strcmp(text, domain) != 0)
		aic_cbor_fail(in, "\"%s\", not %s", text, domain);
}

/* --- question --- */

static void put_point(aic_bytes *out, const aic_verification_point *p)
{
	aic_cbor_put_array(out, 3);
	aic_cbor_put_uint(out, p->step);
	put_hash(out, &p->chain);
	put_hash(out, &p->root);
}

void aic_verification_question_put(aic_bytes *out, const aic_verification_question *q)
{
	aic_cbor_put_array(out, QUESTION_ITEMS);
	aic_cbor_put_text(out, QUESTION);
	put_hash(out, &q->session);
	aic_cbor_put_uint(out, q->round);
	put_hash(out, &q->entropy);
	aic_cbor_put_uint(out, q->determinism);
	aic_cbor_put_uint(out, q->shards);
	put_hash(out, &q->spec);
	put_hash(out, &q->data);
	put_hash(out, &q->code);
	aic_cbor_put_array(out, q->n);
	for (size_t i = 0; i < q->n; i++) {
		aic_cbor_put_array(out, 3);
		aic_cbor_put_uint(out, q->segment[i].number);
		put_point(out, &q->segment[i].from);
		put_point(out, &q->segment[i].to);
	}
}

static void get_point(aic_cbor *in, aic_verification_point *p)
{
	aic_cbor_array_exact(in, 3);
	p->step = aic_cbor_uint(in);
	get_hash(in, &p->chain);
	get_hash(in, &p->root);
}

static void get_segments(aic_cbor *in, aic_verification_question *q)
{
	q->n = aic_cbor_array(in, AIC_VERIFICATION_SEGMENTS_MAX);
	if (aic_cbor_ok(in) && !q->n)
		aic_cbor_fail(in, "no segment is asked for");
	for (size_t i = 0; i < q->n && aic_cbor_ok(in); i++) {
		aic_verification_segment *s = &q->segment[i];

		aic_cbor_array_exact(in, 3);
		s->number = aic_cbor_uint(in);
		get_point(in, &s->from);
		get_point(in, &s->to);
		if (aic_cbor_ok(in) && i && s->number <= s[-1].number)
			aic_cbor_fail(in, "segment %llu after %llu: they ascend", (unsigned long long)s->number, (unsigned long long)s[-1].number);
		if (aic_cbor_ok(in) && s->to.step <= s->from.step)
			aic_cbor_fail(in, "segment %llu leads from step %llu to %llu", (unsigned long long)s->number, (unsigned long long)s->from.step,
			              (unsigned long long)s->to.step);
	}
}

aic_code aic_verification_question_get(aic_verification_question *q, const void *data, size_t len, aic_error *err)
{
	aic_cbor in;

	*q = (aic_verification_question){.n = 0};
	aic_cbor_init(&in, data, len);
	aic_cbor_array_exact(&in, QUESTION_ITEMS);
	get_domain(&in, QUESTION);
	get_hash(&in, &q->session);
	q->round = aic_cbor_uint(&in);
	get_hash(&in, &q->entropy);
	q->determinism = aic_cbor_uint(&in);
	q->shards = aic_cbor_uint(&in);
	get_hash(&in, &q->spec);
	get_hash(&in, &q->data);
	get_hash(&in, &q->code);
	if (aic_cbor_ok(&in) && q->determinism > 1)
		aic_cbor_fail(&in, "class %llu is none that can be verified", (unsigned long long)q->determinism);
	get_segments(&in, q);
	return aic_cbor_finish(&in, err) ? aic_error_prefix(err, "what a verifier is asked") : AIC_OK;
}

/* --- result --- */

void aic_verification_result_put(aic_bytes *out, const aic_verification_result *r)
{
	aic_cbor_put_array(out, RESULT_ITEMS);
	aic_cbor_put_text(out, RESULT);
	put_hash(out, &r->session);
	aic_cbor_put_uint(out, r->round);
	aic_cbor_put_uint(out, r->result);
	aic_cbor_put_uint(out, r->segment);
	aic_cbor_put_uint(out, r->step);
	aic_cbor_put_uint(out, r->steps);
	put_hash(out, &r->committed);
	put_hash(out, &r->computed);
	aic_cbor_put_text(out, r->note);
}

aic_code aic_verification_result_get(aic_verification_result *r, const void *data, size_t len, aic_error *err)
{
	aic_cbor in;

	*r = (aic_verification_result){.result = 0};
	aic_cbor_init(&in, data, len);
	aic_cbor_array_exact(&in, RESULT_ITEMS);
	get_domain(&in, RESULT);
	get_hash(&in, &r->session);
	r->round = aic_cbor_uint(&in);
	r->result = aic_cbor_uint(&in);
	r->segment = aic_cbor_uint(&in);
	r->step = aic_cbor_uint(&in);
	r->steps = aic_cbor_uint(&in);
	get_hash(&in, &r->committed);
	get_hash(&in, &r->computed);
	aic_cbor_text(&in, r->note, sizeof(r->note));
	if (aic_cbor_ok(&in) && r->result > AIC_FOUND_DECLINED)
		aic_cbor_fail(&in, "result %llu is unknown", (unsigned long long)r->result);
	if (aic_cbor_ok(&in) && (r->result == AIC_FOUND_DIFFERS) != (r->step > 0))
		aic_cbor_fail(&in, "a step is named where something differs, and only there");
	return aic_cbor_finish(&in, err) ? aic_error_prefix(err, "a verifier's result") : AIC_OK;
}

aic_hash aic_verification_evidence(const void *data, size_t len)
{
	return aic_sha256_of(data, len);
}

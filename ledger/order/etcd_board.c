/* etcd_board.c: attestations under "att/<site>/<height>", a part of the keys for each site, so that etcd can keep others out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/order/etcd.h"
#include "ledger/order/etcd_kv.h"
#include "ledger/order/etcd_order.h"

#define SITES_PER_ASK 60 /* two requests each; a transaction of etcd has at most 128 (--max-txn-ops) */
#define SITES_MAX 4096
#define ARCHIVE "/archive"

/* What follows a site in the key of its attestation. */
static const char *attestation_of(char rest[AIC_HEIGHT_DIGITS + 2], uint64_t height)
{
	snprintf(rest, AIC_HEIGHT_DIGITS + 2, "/%020" PRIu64, height);
	return rest;
}

aic_code aic_etcd_attest(void *self, const aic_id *site, uint64_t height, const void *bytes, size_t len, aic_error *err)
{
	aic_etcd_order *o = self;
	json_t *txn = aic_etcd_txn(), *answer;
	char key[AIC_ETCD_KEY_MAX], rest[AIC_HEIGHT_DIGITS + 2];

	if (len > AIC_ORDER_ETCD_ATTESTATION_MAX) {
		json_decref(txn);
		return aic_fail(err, AIC_FULL, "an attestation of %zu bytes is larger than %u", len, AIC_ORDER_ETCD_ATTESTATION_MAX);
	}
	aic_etcd_site_key(o, key, site, attestation_of(rest, height));
	aic_etcd_txn_if(txn, aic_etcd_if_absent(key));
	aic_etcd_txn_put(txn, "success", aic_etcd_put(key, bytes, len));
	aic_etcd_txn_get(txn, "failure", aic_etcd_get(key, NULL, 0, false));
	aic_code code = aic_etcd_call(o->etcd, "kv/txn", txn, 0, &answer, err);
	if (code) {
		aic_error_prefix(err, "cannot put %s", key);
		return code;
	}
	if (!aic_etcd_txn_succeeded(answer) && !aic_etcd_value_is(aic_etcd_txn_answer(answer, 0), bytes, len))
		code = aic_fail(err, AIC_REFUSED, "this site has attested something else at height %" PRIu64
		                ": its copy or its key was used twice", height);
	json_decref(answer);
	return code;
}

/* What stands at att/<site>REST for sites first..last-1, and in the gaps before, between and after them whoever has written and
 * is not known yet. */
static json_t *ask_sites(const aic_etcd_order *o, size_t first, size_t last, const char *rest)
{
	json_t *txn = aic_etcd_txn();
	char from[AIC_ETCD_KEY_MAX], to[AIC_ETCD_KEY_MAX];

	snprintf(from, sizeof(from), "%satt/", o->prefix);
	if (first)
		aic_etcd_site_key(o, from, &o->site[first - 1], "0"); /* '0' follows '/' */
	for (size_t i = first; i < last; i++) {
		aic_etcd_site_key(o, to, &o->site[i], "/");
		aic_etcd_txn_get(txn, "success", aic_etcd_get(from, to, 1, true));
		aic_etcd_site_key(o, to, &o->site[i], rest);
		aic_etcd_txn_get(txn, "success", aic_etcd_get(to, NULL, 0, false));
		aic_etcd_site_key(o, from, &o->site[i], "0");
	}
	if (last < o->n_sites)
		aic_etcd_site_key(o, to, &o->site[last], "/");
	else
		snprintf(to, sizeof(to), "%satt0", o->prefix);
	aic_etcd_txn_get(txn, "success", aic_etcd_get(from, to, 1, true));
	return txn;
}

/* The site in a key that lay in the gap before site[at] becomes site[at]. */
static aic_code learn_site(aic_etcd_order *o, size_t at, const json_t *get, aic_error *err)
{
	aic_bytes key = {0};
	size_t prefix = strlen(o->prefix) + strlen("att/"), hex = 2 * sizeof(o->site->b);
	aic_id site;
	bool fine = aic_etcd_pair_key(aic_etcd_pair(get, 0), &key) && key.len > prefix + hex &&
	            (key.len == prefix + hex + 1 + AIC_HEIGHT_DIGITS || key.len == prefix + hex + strlen(ARCHIVE)) &&
	            key.data[prefix + hex] == '/';

	if (fine) {
		key.data[prefix + hex] = '\0';
		fine = aic_unhex(site.b, sizeof(site.b), (char *)key.data + prefix) && o->n_sites < SITES_MAX;
	}
	aic_bytes_free(&key);
	if (!fine)
		return aic_fail(err, AIC_CORRUPT, "etcd holds a key under %satt/ that is no site and height", o->prefix);
	o->site = aic_xrealloc(o->site, (o->n_sites + 1) * sizeof(*o->site));
	memmove(o->site + at + 1, o->site + at, (o->n_sites - at) * sizeof(*o->site));
	o->site[at] = site;
	o->n_sites++;
	return AIC_OK;
}

/* One answer to ask_sites; *learnt where a site turned up, and then nothing was visited. */
static aic_code hear_sites(aic_etcd_order *o, size_t first, size_t last, const json_t *answer, bool *learnt,
                           aic_order_attested visit, void *ctx, aic_error *err)
{
	aic_code code = AIC_OK;

	*learnt = false;
	for (size_t i = last + 1; i-- > first && !code;) { /* from the end: what is learnt moves only those behind it */
		const json_t *gap = aic_etcd_txn_answer(answer, 2 * (i - first));

		if (aic_etcd_found(gap)) {
			code = learn_site(o, i, gap, err);
			*learnt = true;
		}
	}
	for (size_t i = first; i < last && !*learnt && !code; i++) {
		const json_t *get = aic_etcd_txn_answer(answer, 2 * (i - first) + 1);
		aic_bytes bytes = {0};

		if (!aic_etcd_found(get))
			continue;
		if (aic_etcd_pair_value(aic_etcd_pair(get, 0), &bytes))
			code = visit(ctx, &o->site[i], bytes.data, bytes.len, err);
		else
			code = aic_fail(err, AIC_CORRUPT, "etcd gives an attestation that is no base64");
		aic_bytes_free(&bytes);
	}
	return code;
}

static aic_code visit_sites(aic_etcd_order *o, const char *rest, aic_order_attested visit, void *ctx, aic_error *err)
{
	aic_code code = AIC_OK;

	for (size_t first = 0; !code;) {
		size_t last = o->n_sites - first < SITES_PER_ASK ? o->n_sites : first + SITES_PER_ASK;
		size_t expect = (last - first) * AIC_ORDER_ETCD_ATTESTATION_MAX;
		bool learnt;
		json_t *answer;

		code = aic_etcd_call(o->etcd, "kv/txn", ask_sites(o, first, last, rest), expect, &answer, err);
		if (code)
			break;
		code = hear_sites(o, first, last, answer, &learnt, visit, ctx, err);
		json_decref(answer);
		if (learnt)
			continue;
		if (last == o->n_sites)
			break;
		first = last;
	}
	return code;
}

aic_code aic_etcd_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	char rest[AIC_HEIGHT_DIGITS + 2];

	return visit_sites(self, attestation_of(rest, height), visit, ctx, err);
}

aic_code aic_etcd_acknowledge(void *self, const aic_id *site, const void *bytes, size_t len, aic_error *err)
{
	aic_etcd_order *o = self;
	char key[AIC_ETCD_KEY_MAX];
	json_t *answer;

	if (len > AIC_ORDER_ETCD_ATTESTATION_MAX)
		return aic_fail(err, AIC_FULL, "an acknowledgement of %zu bytes is larger than %u", len, AIC_ORDER_ETCD_ATTESTATION_MAX);
	aic_etcd_site_key(o, key, site, ARCHIVE);
	aic_code code = aic_etcd_call(o->etcd, "kv/put", aic_etcd_put(key, bytes, len), 0, &answer, err);
	if (code)
		aic_error_prefix(err, "cannot put %s", key);
	json_decref(answer);
	return code;
}

aic_code aic_etcd_acknowledgements(void *self, aic_order_attested visit, void *ctx, aic_error *err)
{
	return visit_sites(self, ARCHIVE, visit, ctx, err);
}

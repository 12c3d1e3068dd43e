#include "accounting/approve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool aic_approved_enough(const aic_approved *have, const aic_approval_policy *need)
{
	return have->people >= need->people && have->signatures >= need->signatures;
}

const char *aic_approved_text(char out[64], const aic_approved *have, const aic_approval_policy *need)
{
	int at = snprintf(out, 64, "%llu of %llu", (unsigned long long)have->people, (unsigned long long)need->people);

	if (need->signatures)
		snprintf(out + at, 64 - (size_t)at, ", %llu of %llu signed", (unsigned long long)have->signatures,
		         (unsigned long long)need->signatures);
	return out;
}

static aic_code check_signature(aic_store *s, const aic_approval_policy *need, const aic_hash *hash, uid_t uid, const aic_approval *sig,
                                aic_error *err)
{
	int64_t other;
	aic_code rc;

	if (!sig && need->signatures)
		return aic_fail(err, AIC_REFUSED, "this site's policy on the ledger asks for %llu signatures by administrators' keys: add --key FILE",
		                (unsigned long long)need->signatures);
	if (!sig)
		return AIC_OK;
	if (!aic_approval_verify(sig, &need->chain, hash))
		return aic_fail(err, AIC_REFUSED, "the signature is not over this hash and this ledger: look at it again, then sign");
	rc = aic_sql_int(s->db, &other, err, "SELECT uid FROM approved WHERE hash=?1 AND key=?2 AND uid<>?3", "hbi", hash, sig->key,
	                 (size_t)AIC_PUBLIC_LEN, (int64_t)uid);
	if (rc == AIC_OK)
		return aic_fail(err, AIC_REFUSED, "uid %lld has approved with that key already: each administrator has a key of their own",
		                (long long)other);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

aic_code aic_approve(aic_store *s, const aic_approval_policy *need, const aic_hash *hash, uid_t uid, const aic_approval *sig, int64_t now,
                     aic_error *err)
{
	aic_code rc = check_signature(s, need, hash, uid, sig, err);

	if (rc == AIC_OK)
		rc = aic_sql_run(s->db, err, "INSERT OR IGNORE INTO approved(hash, uid, at) VALUES(?1, ?2, ?3)", "hii", hash, (int64_t)uid, now);
	if (rc == AIC_OK && sig)
		rc = aic_sql_run(s->db, err, "UPDATE approved SET key=?3, signature=?4 WHERE hash=?1 AND uid=?2", "hibb", hash, (int64_t)uid,
		                 sig->key, sizeof(sig->key), sig->signature, sizeof(sig->signature));
	return rc;
}

aic_code aic_approved_count(aic_store *s, const aic_hash *hash, aic_approved *out, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT count(*), count(key) FROM approved WHERE hash=?1", "h", hash);

	if (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		*out = (aic_approved){(uint64_t)sqlite3_column_int64(st, 0), (uint64_t)sqlite3_column_int64(st, 1)};
		aic_sql_done(st);
	}
	return rc;
}

aic_code aic_approved_forget(aic_store *s, const aic_hash *hash, aic_error *err)
{
	return aic_sql_run(s->db, err, "DELETE FROM approved WHERE hash=?1", "h", hash);
}

/* --- keys --- */

static bool valid_key(const aic_ledger_key *k, size_t n, const uint8_t key[AIC_PUBLIC_LEN])
{
	for (size_t i = 0; i < n; i++)
		if (k[i].role == AIC_ROLE_ADMIN && k[i].valid && !memcmp(k[i].key, key, AIC_PUBLIC_LEN))
			return true;
	return false;
}

aic_code aic_approver_check(aic_ledger *l, const uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	char hex[2 * AIC_PUBLIC_LEN + 1];
	aic_ledger_key *k = NULL;
	uint64_t needed;
	size_t n = 0;
	aic_code rc = aic_ledger_keys(l, &k, &n, &needed, err);

	if (rc == AIC_OK && !valid_key(k, n, key)) {
		aic_hex(hex, key, AIC_PUBLIC_LEN);
		rc = aic_fail(err, AIC_REFUSED, "%.16s... is no valid administrator's key of this site: `aic key show` lists those that are, `aic"
		                                " key register --role admin` adds one", hex);
	}
	free(k);
	return rc;
}

static void take_approver(aic_approvers *out, sqlite3_stmt *st, const aic_ledger_key *k, size_t n)
{
	aic_approval *a = &out->signed_by[out->n_signed];

	out->uid[out->n++] = (uint32_t)sqlite3_column_int64(st, 0);
	if (sqlite3_column_bytes(st, 1) != AIC_PUBLIC_LEN || sqlite3_column_bytes(st, 2) != AIC_SIGNATURE_LEN)
		return;
	memcpy(a->key, sqlite3_column_blob(st, 1), AIC_PUBLIC_LEN);
	memcpy(a->signature, sqlite3_column_blob(st, 2), AIC_SIGNATURE_LEN);
	out->n_signed += valid_key(k, n, a->key);
}

aic_code aic_approvers_get(aic_store *s, aic_ledger *l, const aic_hash *hash, aic_approvers *out, aic_error *err)
{
	aic_ledger_key *k = NULL;
	aic_approved have;
	sqlite3_stmt *st;
	uint64_t needed;
	size_t n = 0;
	aic_code rc = aic_approved_count(s, hash, &have, err);

	memset(out, 0, sizeof(*out));
	if (rc == AIC_OK && have.signatures)
		rc = aic_ledger_keys(l, &k, &n, &needed, err);
	if (rc == AIC_OK)
		rc = aic_sql_start(s->db, &st, err, "SELECT uid, key, signature FROM approved WHERE hash=?1 ORDER BY uid LIMIT 16", "h", hash);
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK)
		take_approver(out, st, k, n);
	free(k);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

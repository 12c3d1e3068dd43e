/* serve_erase.c: erasing what names a person, and the proof that a posted batch still stands. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"
#include "accounting/erase.h"
#include "common/log.h"

#define RECORDS_A_REQUEST 2000
#define RECORDS_A_TURN 500
#define EVERY_MS 3600000
#define DAY 86400

/* A uid becomes its name where this host knows it. */
static void user_name(char user[AIC_NAME_LEN])
{
	char *rest;
	unsigned long uid = strtoul(user, &rest, 10);
	const struct passwd *pw = user[0] && !*rest ? getpwuid((uid_t)uid) : NULL;

	if (pw)
		aic_str_copy(user, AIC_NAME_LEN, pw->pw_name);
}

/* [user] : records erased, records that wait, whether more of them can be erased at once */
aic_code aic_serve_erase(aic_request *q, aic_error *err)
{
	char user[AIC_NAME_LEN];
	aic_erased e;

	aic_cbor_text(q->args, user, sizeof(user));
	aic_code rc = aic_cbor_finish(q->args, err);
	user_name(user);
	if (rc == AIC_OK)
		rc = aic_erase_user(&q->d->batches, user, q->who->uid, aic_now(), RECORDS_A_REQUEST, &e, err);
	if (rc != AIC_OK)
		return rc;
	aic_info("uid %u erased what names one user: %llu records, %llu wait", (unsigned)q->who->uid, (unsigned long long)e.erased,
	         (unsigned long long)e.waiting);
	aic_cbor_put_uint(q->out, e.erased);
	aic_cbor_put_uint(q->out, e.waiting);
	aic_cbor_put_bool(q->out, e.erased == RECORDS_A_REQUEST);
	*q->items = 3;
	return AIC_OK;
}

/* [period, number] : batch, lines, leaves of erased records, evidence; refused or corrupt where it does not stand */
aic_code aic_serve_batch_verify(aic_request *q, aic_error *err)
{
	uint64_t lines = 0, erased = 0;
	char period[16], name[48], hex[65];
	aic_batch batch;

	aic_cbor_text(q->args, period, sizeof(period));
	uint64_t number = aic_cbor_uint(q->args);
	aic_code rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK)
		rc = aic_batch_find(q->d->store, period, number, &batch, err);
	if (rc == AIC_OK)
		rc = aic_batch_verify(&q->d->batches, &batch, &lines, &erased, err);
	if (rc != AIC_OK)
		return rc;
	snprintf(name, sizeof(name), "%s/%llu", batch.period, (unsigned long long)batch.number);
	aic_hash_hex(hex, &batch.evidence);
	aic_cbor_put_text(q->out, name);
	aic_cbor_put_uint(q->out, lines);
	aic_cbor_put_uint(q->out, erased);
	aic_cbor_put_text(q->out, hex);
	*q->items = 4;
	return AIC_OK;
}

void aic_acctd_erase(aic_acctd *d)
{
	int64_t now = aic_now(), mono = aic_monotonic_ms();
	aic_error e = {0};
	aic_erased done;

	if (d->erased_at && mono - d->erased_at < EVERY_MS)
		return;
	d->erased_at = mono;
	if (aic_erase_due(&d->batches, d->config.retention ? now - d->config.retention * DAY : 0, now, RECORDS_A_TURN, &done, &e) != AIC_OK)
		aic_error_log("erasing what is due: %s", e.message);
	else if (done.erased == RECORDS_A_TURN)
		d->erased_at = 0;
}

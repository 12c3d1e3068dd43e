#include "accounting/evidence.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cbor.h"
#include "common/file.h"

#define SALT_LEN 16

aic_code aic_evidence_key_open(aic_evidence_key *k, const char *path, aic_error *err)
{
	aic_bytes data = {0};
	struct stat sb;
	aic_code rc;

	if (stat(path, &sb)) {
		if (errno != ENOENT)
			return aic_fail_errno(err, "%s: cannot look at the evidence key", path);
		aic_random(k->b, sizeof(k->b));
		return aic_file_write_atomic(path, k->b, sizeof(k->b), 0600, err);
	}
	if (sb.st_mode & 077)
		return aic_fail(err, AIC_REFUSED, "%s: mode %04o lets others read the evidence key: chmod 0600 %s", path,
		                (unsigned)(sb.st_mode & 07777), path);
	rc = aic_file_read(&data, path, 4096, err);
	if (rc == AIC_OK && data.len != sizeof(k->b))
		rc = aic_fail(err, AIC_CORRUPT, "%s: %zu bytes, an evidence key has %zu: restore it from the backup", path, data.len,
		              sizeof(k->b));
	if (rc == AIC_OK)
		memcpy(k->b, data.data, sizeof(k->b));
	aic_bytes_free(&data);
	return rc;
}

static void put_line(aic_bytes *out, const aic_evidence_line *l)
{
	aic_cbor_put_text(out, l->cluster);
	aic_cbor_put_uint(out, l->job);
	aic_cbor_put_int(out, l->submit);
	aic_cbor_put_uint(out, l->restart);
	aic_cbor_put_int(out, l->segment);
	aic_cbor_put_bool(out, l->resizing);
	aic_cbor_put_text(out, l->node);
	aic_cbor_put_text(out, aic_line_kind_name(l->kind));
	aic_cbor_put_text(out, l->asset);
	aic_cbor_put_text(out, l->payer);
	aic_cbor_put_text(out, l->payee);
	aic_cbor_put_amount(out, l->gross);
	aic_cbor_put_amount(out, l->fee);
	aic_cbor_put_int(out, l->billable);
	aic_cbor_put_uint(out, l->state_ppm);
	aic_cbor_put_uint(out, l->quality.verified);
	aic_cbor_put_uint(out, l->quality.useful);
	aic_cbor_put_uint(out, l->quality.quality);
	aic_cbor_put_text(out, aic_quality_reason_text(l->quality.reason));
	aic_cbor_put_text(out, l->act);
	aic_cbor_put_bytes(out, l->record.b, sizeof(l->record.b));
}

void aic_evidence_leaf(aic_bytes *out, aic_hmac *salt, const aic_evidence_line *l)
{
	static const uint8_t room[SALT_LEN];

	aic_cbor_put_array(out, 22);
	aic_cbor_put_bytes(out, room, sizeof(room));
	size_t body = out->len;
	put_line(out, l);
	aic_hash mac = aic_hmac_of(salt, out->data + body, out->len - body);
	memcpy(out->data + body - SALT_LEN, mac.b, SALT_LEN);
}

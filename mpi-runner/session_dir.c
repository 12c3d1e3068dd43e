#include "mpi-runner/session_dir.h"

#include <string.h>

#include "common/cbor.h"

#define DOMAIN "aic/session-dir/v1"

enum { ITEMS = 8 };

void aic_session_file_put(aic_bytes *out, const aic_session_file *f)
{
	aic_cbor_put_array(out, ITEMS);
	aic_cbor_put_text(out, DOMAIN);
	aic_cbor_put_bytes(out, f->session.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, f->entropy.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, f->spec_salt, AIC_SALT_LEN);
	aic_cbor_put_bytes(out, f->data_salt, AIC_SALT_LEN);
	aic_cbor_put_bytes(out, f->code_salt, AIC_SALT_LEN);
	aic_cbor_put_text(out, f->code);
	aic_cbor_put_text(out, f->name);
}

aic_code aic_session_file_get(aic_session_file *f, const void *data, size_t len, aic_error *err)
{
	char domain[sizeof(DOMAIN) + 8] = "";
	aic_cbor in;

	*f = (aic_session_file){.code = ""};
	aic_cbor_init(&in, data, len);
	aic_cbor_array_exact(&in, ITEMS);
	aic_cbor_text(&in, domain, sizeof(domain));
	aic_cbor_bytes_exact(&in, f->session.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&in, f->entropy.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&in, f->spec_salt, AIC_SALT_LEN);
	aic_cbor_bytes_exact(&in, f->data_salt, AIC_SALT_LEN);
	aic_cbor_bytes_exact(&in, f->code_salt, AIC_SALT_LEN);
	aic_cbor_text(&in, f->code, sizeof(f->code));
	aic_cbor_text(&in, f->name, sizeof(f->name));
	if (aic_cbor_ok(&in) && strcmp(domain, DOMAIN) != 0)
		aic_cbor_fail(&in, "\"%s\", not " DOMAIN, domain);
	return aic_cbor_finish(&in, err) ? aic_error_prefix(err, "the session's file") : AIC_OK;
}

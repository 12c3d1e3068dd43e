/* peer.c: an archive over HTTPS; see source.h. Both sides show a certificate over their site's key; the peer's must be one of those
 * that are pinned. Nothing that a peer sends is kept beyond ANSWER_MAX, nor waited for beyond the limits below. */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/archive/certificate.h"
#include "ledger/archive/peer.h"
#include "ledger/archive/record.h"
#include "ledger/archive/source.h"

#define CONNECT_MS 3000
#define SLOW_BYTES 4096 /* a second, over SLOW_SECONDS: below it the peer is too slow */
#define SLOW_SECONDS 5
#define ANSWER_SECONDS 60
#define ANSWER_MAX (AIC_SOURCE_AT_ONCE + AIC_RECORD_MAX + 64)

typedef struct {
	char *url, *pins;
	CURL *http;
	aic_bytes certificate, key;
	aic_bytes *answer;   /* of the request under way */
	char cause[CURL_ERROR_SIZE];
} peer;

static size_t keep(char *data, size_t size, size_t n, void *ctx)
{
	peer *p = ctx;

	if (size * n > ANSWER_MAX - p->answer->len)
		return 0;
	aic_bytes_append(p->answer, data, size * n);
	return size * n;
}

static aic_code explain(const peer *p, CURLcode rc, aic_error *err)
{
	switch (rc) {
	case CURLE_WRITE_ERROR:
		return aic_fail(err, AIC_CORRUPT, "it answers with more than %u bytes where %u were asked for", ANSWER_MAX, AIC_SOURCE_AT_ONCE);
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		return aic_fail(err, AIC_REFUSED, "it does not show the site key that is expected there: compare ledger.archive.peers with the "
		                "key that the site gives");
	case CURLE_OPERATION_TIMEDOUT:
		return aic_fail(err, AIC_UNREACHABLE, "it is too slow (below %d bytes a second for %d s, or %d s for one answer)", SLOW_BYTES,
		                SLOW_SECONDS, ANSWER_SECONDS);
	case CURLE_RECV_ERROR:
	case CURLE_SSL_CONNECT_ERROR:
		return aic_fail(err, AIC_UNREACHABLE, "it ends the connection (%s): is this site's key on the ledger there?",
		                p->cause[0] ? p->cause : curl_easy_strerror(rc));
	default:
		return aic_fail(err, AIC_UNREACHABLE, "%s", p->cause[0] ? p->cause : curl_easy_strerror(rc));
	}
}

static aic_code judge(peer *p, size_t start, aic_error *err)
{
	long status = 0;

	curl_easy_getinfo(p->http, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return AIC_OK;
	aic_bytes_append(p->answer, "", 1); /* a line of text */
	const char *why = (const char *)p->answer->data + start;
	size_t len = strcspn(why, "\r\n");
	p->answer->len = start;
	return aic_fail(err, status == 403 ? AIC_REFUSED : AIC_UNREACHABLE, "it answers %ld: %.*s", status, (int)(len < 200 ? len : 200), why);
}

static aic_code read_peer(void *self, uint64_t from, aic_bytes *records, aic_error *err)
{
	peer *p = self;
	size_t start = records->len;
	char *url = aic_xasprintf("%s" AIC_PEER_PATH "%llu", p->url, (unsigned long long)from);
	CURLcode rc;

	p->answer = records;
	p->cause[0] = '\0';
	curl_easy_setopt(p->http, CURLOPT_URL, url);
	rc = curl_easy_perform(p->http);
	free(url);
	if (rc == CURLE_OK)
		return judge(p, start, err);
	records->len = start;
	return explain(p, rc, err);
}

static void close_peer(void *self)
{
	peer *p = self;

	curl_easy_cleanup(p->http);
	aic_bytes_free(&p->certificate);
	aic_certificate_wipe(&p->key);
	free(p->url);
	free(p->pins);
	free(p);
	curl_global_cleanup();
}

static void set_options(peer *p)
{
	struct curl_blob certificate = {p->certificate.data, p->certificate.len - 1, CURL_BLOB_NOCOPY};
	struct curl_blob key = {p->key.data, p->key.len - 1, CURL_BLOB_NOCOPY};
	CURL *http = p->http;

	curl_easy_setopt(http, CURLOPT_ERRORBUFFER, p->cause);
	curl_easy_setopt(http, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(http, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(http, CURLOPT_PROXY, "");
	curl_easy_setopt(http, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	curl_easy_setopt(http, CURLOPT_SSLCERT_BLOB, &certificate);
	curl_easy_setopt(http, CURLOPT_SSLKEY_BLOB, &key);
	curl_easy_setopt(http, CURLOPT_SSL_VERIFYPEER, 0L); /* no authority signs site keys: the pin decides */
	curl_easy_setopt(http, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(http, CURLOPT_PINNEDPUBLICKEY, p->pins);
	curl_easy_setopt(http, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(http, CURLOPT_TIMEOUT, (long)ANSWER_SECONDS);
	curl_easy_setopt(http, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
	curl_easy_setopt(http, CURLOPT_LOW_SPEED_TIME, (long)SLOW_SECONDS);
	curl_easy_setopt(http, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(http, CURLOPT_WRITEDATA, p);
}

aic_code aic_source_peer(aic_source *s, const char *url, const aic_key *me, const uint8_t (*pin)[AIC_PUBLIC_LEN], size_t n, aic_error *err)
{
	peer *p;
	aic_bytes pins = {0};
	aic_code code;

	*s = (aic_source){.read = NULL};
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return aic_fail(err, AIC_SYSTEM, "libcurl cannot be started");
	p = aic_xcalloc(1, sizeof(*p));
	p->url = aic_xstrdup(url);
	for (size_t i = 0; i < n; i++) {
		char text[AIC_CERTIFICATE_PIN_LEN];

		aic_certificate_pin(text, pin[i]);
		aic_bytes_printf(&pins, "%s%s", i ? ";" : "", text);
	}
	aic_bytes_append(&pins, "", 1);
	p->pins = (char *)pins.data;
	if ((code = aic_certificate_make(me, &p->certificate, &p->key, err)) || !(p->http = curl_easy_init())) {
		close_peer(p);
		return code ? code : aic_fail(err, AIC_SYSTEM, "libcurl has no memory for a connection");
	}
	set_options(p);
	*s = (aic_source){.read = read_peer, .close = close_peer, .self = p};
	aic_str_copy(s->name, sizeof(s->name), url);
	return AIC_OK;
}

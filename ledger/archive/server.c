/* server.c: see server.h. libmicrohttpd does HTTP, GnuTLS below it TLS 1.3; who may read is decided here, by the key. */
#define _GNU_SOURCE
#include "ledger/archive/server.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "ledger/archive/certificate.h"
#include "ledger/archive/peer.h"
#include "ledger/archive/record.h"
#include "ledger/archive/source.h"

#define CONNECTIONS_MAX 16
#define CONNECTIONS_PER_ADDRESS 4
#define IDLE_SECONDS 20
#define FOR_WHOM "archives are for sites whose key is on the ledger and in force: show such a certificate"
#define CANNOT_READ "this site's copy cannot be read: its log says why"
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3"

struct aic_archive_server {
	struct MHD_Daemon *http;
	char *dir;
	aic_bytes certificate, key;
};

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, aic_bytes *body)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);

	*body = (aic_bytes){0}; /* the response's now */
	MHD_add_response_header(r, "Content-Type", status == MHD_HTTP_OK ? "application/octet-stream" : "text/plain; charset=utf-8");
	enum MHD_Result rc = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status, const char *why)
{
	aic_bytes body = {0};

	aic_bytes_printf(&body, "%s\n", why);
	return answer(c, status, &body);
}

/* TLS has proved that the caller has the certificate's key. */
static bool caller_key(struct MHD_Connection *c, uint8_t key[AIC_PUBLIC_LEN])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	unsigned n = 0;
	const gnutls_datum_t *shown = info ? gnutls_certificate_get_peers(info->tls_session, &n) : NULL;

	return shown && n > 0 && aic_certificate_key(shown[0].data, shown[0].size, key);
}

static bool may_read(aic_state *copy, const uint8_t key[AIC_PUBLIC_LEN])
{
	aic_key_row row;

	return !aic_state_key(copy, key, &row, NULL) && row.role == AIC_ROLE_SITE &&
	       (!row.until || aic_state_head(copy)->height < row.until);
}

static aic_code read_blocks(aic_bytes *out, aic_copy *copy, uint64_t from, aic_error *err)
{
	uint64_t last = aic_state_head(copy->state)->height;
	aic_code code = AIC_OK;

	for (uint64_t h = from; h <= last && out->len < AIC_SOURCE_AT_ONCE && !code; h++)
		code = aic_record_read(out, copy, h, err);
	return code;
}

static enum MHD_Result serve(const aic_archive_server *s, struct MHD_Connection *c, uint64_t from)
{
	uint8_t key[AIC_PUBLIC_LEN];
	aic_copy copy;
	aic_bytes body = {0};
	aic_error err = {0};
	enum MHD_Result rc;

	if (!caller_key(c, key))
		return refuse(c, MHD_HTTP_FORBIDDEN, FOR_WHOM);
	if (aic_copy_open(&copy, s->dir, &err)) {
		aic_warn("the archive was asked for and cannot be read: %s", err.message);
		return refuse(c, MHD_HTTP_SERVICE_UNAVAILABLE, CANNOT_READ);
	}
	if (!may_read(copy.state, key)) {
		rc = refuse(c, MHD_HTTP_FORBIDDEN, FOR_WHOM);
	} else if (read_blocks(&body, &copy, from, &err)) {
		aic_warn("height %llu of the archive was asked for: %s", (unsigned long long)from, err.message);
		aic_bytes_free(&body);
		rc = refuse(c, MHD_HTTP_SERVICE_UNAVAILABLE, CANNOT_READ);
	} else {
		rc = answer(c, MHD_HTTP_OK, &body);
	}
	aic_copy_close(&copy);
	return rc;
}

static bool parse_path(const char *path, uint64_t *from)
{
	size_t prefix = strlen(AIC_PEER_PATH);
	const char *digits = path + prefix;

	if (strncmp(path, AIC_PEER_PATH, prefix) != 0 || !*digits || strlen(digits) > 18 || digits[strspn(digits, "0123456789")])
		return false;
	*from = strtoull(digits, NULL, 10);
	return true;
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *path, const char *method, const char *version,
                              const char *upload, size_t *upload_size, void **request)
{
	static int seen;
	uint64_t from;

	(void)version, (void)upload;
	if (*upload_size)
		return MHD_NO;
	if (!*request) { /* called a first time when only the head is there */
		*request = &seen;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
		return refuse(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET");
	if (!parse_path(path, &from))
		return refuse(c, MHD_HTTP_NOT_FOUND, "ask for " AIC_PEER_PATH "HEIGHT");
	return serve(ctx, c, from);
}

static aic_code look_up(const char *text, struct addrinfo **found, aic_error *err)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	char host[256];
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (!colon || !len || len >= sizeof(host))
		return aic_fail(err, AIC_USAGE, "ledger.archive.listen \"%s\" is no host:port", text);
	memcpy(host, text, len);
	host[len] = '\0';
	int rc = getaddrinfo(host, colon + 1, &hints, found);
	return rc ? aic_fail(err, AIC_USAGE, "ledger.archive.listen: %s: %s", host, gai_strerror(rc)) : AIC_OK;
}

/* Signals are for the daemon's own thread. */
static struct MHD_Daemon *start(aic_archive_server *s, const struct addrinfo *at)
{
	sigset_t all, before;
	unsigned flags = MHD_USE_TLS | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;

	if (at->ai_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	struct MHD_Daemon *http = MHD_start_daemon(
		flags, 0, NULL, NULL, handle, s, MHD_OPTION_SOCK_ADDR, at->ai_addr, MHD_OPTION_HTTPS_MEM_KEY, s->key.data,
		MHD_OPTION_HTTPS_MEM_CERT, s->certificate.data,
		MHD_OPTION_HTTPS_MEM_TRUST, s->certificate.data, /* makes it ask for a certificate; which is good, serve() decides */
		MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_PER_ADDRESS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
		MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return http;
}

aic_code aic_archive_server_start(aic_archive_server **out, const char *listen, const char *dir, const aic_key *site, aic_error *err)
{
	aic_archive_server *s = aic_xcalloc(1, sizeof(*s));
	struct addrinfo *at = NULL;
	aic_code code;

	s->dir = aic_xstrdup(dir);
	if (!(code = look_up(listen, &at, err)) && !(code = aic_certificate_make(site, &s->certificate, &s->key, err)) &&
	    !(s->http = start(s, at)))
		code = aic_fail(err, AIC_SYSTEM, "cannot serve the archive on %s: is the address this machine's, and the port free? "
		                "(ledger.archive.listen)", listen);
	if (at)
		freeaddrinfo(at);
	if (code)
		aic_archive_server_stop(s);
	else
		*out = s;
	return code;
}

void aic_archive_server_stop(aic_archive_server *s)
{
	if (!s)
		return;
	if (s->http)
		MHD_stop_daemon(s->http);
	aic_bytes_free(&s->certificate);
	aic_certificate_wipe(&s->key);
	free(s->dir);
	free(s);
}

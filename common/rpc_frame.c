/* rpc_frame.c: frames and credentials of rpc.h (doc/formats/rpc.md). */
#include "common/rpc_frame.h"

#include <arpa/inet.h>
#include <munge.h>
#include <stdlib.h>
#include <string.h>

#include "common/rpc.h"

#define REQUEST_DOMAIN "aic/rpc/v1"

static char munge_socket[512]; /* set once, before threads; "" is libmunge's default */

void aic_rpc_use_munge(const char *socket_path)
{
	aic_str_copy(munge_socket, sizeof munge_socket, socket_path != NULL ? socket_path : "");
}

aic_hash aic_rpc_request_hash(const char *service, const void *body, size_t len)
{
	aic_sha256 *sha = aic_sha256_new();
	aic_sha256_update(sha, REQUEST_DOMAIN, strlen(REQUEST_DOMAIN));
	aic_sha256_update(sha, service, strlen(service));
	aic_sha256_update(sha, body, len);
	aic_hash hash = aic_sha256_final(sha);
	aic_sha256_free(sha);
	return hash;
}

aic_hash aic_rpc_answer_hash(const uint8_t request[AIC_RPC_REQUEST_PAYLOAD], const void *body, size_t len)
{
	aic_sha256 *sha = aic_sha256_new();
	aic_sha256_update(sha, request, AIC_RPC_REQUEST_PAYLOAD);
	aic_sha256_update(sha, body, len);
	aic_hash hash = aic_sha256_final(sha);
	aic_sha256_free(sha);
	return hash;
}

static munge_ctx_t new_context(void)
{
	munge_ctx_t ctx = munge_ctx_create();
	if (ctx != NULL && munge_socket[0] != '\0')
		munge_ctx_set(ctx, MUNGE_OPT_SOCKET, munge_socket);
	return ctx;
}

static aic_code fail_munge(munge_ctx_t ctx, munge_err_t e, const char *what, aic_error *err)
{
	const char *why = ctx != NULL ? munge_ctx_strerror(ctx) : NULL;
	if (why == NULL)
		why = munge_strerror(e);
	if (e == EMUNGE_SOCKET)
		return aic_fail(err, AIC_UNREACHABLE, "munged does not answer at %s (%s): start munge on this host, or correct "
		                "munge_socket in aic.yaml", munge_socket[0] != '\0' ? munge_socket : "its default socket", why);
	if (e == EMUNGE_CRED_EXPIRED || e == EMUNGE_CRED_REWOUND)
		return aic_fail(err, AIC_REFUSED, "MUNGE refuses %s: %s: set the hosts' clocks (chrony, ntpd)", what, why);
	if (e == EMUNGE_CRED_REPLAYED)
		return aic_fail(err, AIC_REFUSED, "MUNGE refuses %s: it was used before (%s)", what, why);
	return aic_fail(err, AIC_REFUSED, "MUNGE refuses %s: %s: do both hosts have the same munge.key?", what, why);
}

aic_code aic_rpc_seal(aic_bytes *frame, const void *payload, size_t payload_len, const void *body, size_t len, aic_error *err)
{
	munge_ctx_t ctx = new_context();
	char *credential = NULL;
	munge_err_t e = munge_encode(&credential, ctx, payload, (int)payload_len);
	aic_code code = AIC_OK;
	if (e != EMUNGE_SUCCESS) {
		code = fail_munge(ctx, e, "to sign", err);
	} else {
		uint8_t head[8];
		size_t credential_len = strlen(credential);
		aic_put_be32(head, (uint32_t)(4 + credential_len + len));
		aic_put_be32(head + 4, (uint32_t)credential_len);
		aic_bytes_reserve(frame, sizeof head + credential_len + len);
		aic_bytes_append(frame, head, sizeof head);
		aic_bytes_append(frame, credential, credential_len);
		aic_bytes_append(frame, body, len);
	}
	free(credential);
	munge_ctx_destroy(ctx);
	return code;
}

/* libmunge gives the payload of a genuine credential even where it refuses it as expired, early or replayed. */
static bool is_genuine(munge_err_t e)
{
	return e == EMUNGE_SUCCESS || e == EMUNGE_CRED_EXPIRED || e == EMUNGE_CRED_REWOUND || e == EMUNGE_CRED_REPLAYED;
}

aic_code aic_rpc_unseal(aic_rpc_seal_info *info, const uint8_t *credential, size_t len, aic_error *err)
{
	memset(info, 0, sizeof *info);
	char text[AIC_RPC_CREDENTIAL_MAX + 1];
	if (len >= sizeof text)
		return aic_fail(err, AIC_REFUSED, "a credential of %zu bytes is above the limit of %u", len, AIC_RPC_CREDENTIAL_MAX);
	memcpy(text, credential, len);
	text[len] = '\0';
	munge_ctx_t ctx = new_context();
	void *payload = NULL;
	int payload_len = 0;
	munge_err_t e = munge_decode(text, ctx, &payload, &payload_len, &info->uid, &info->gid);
	struct in_addr from;
	if (is_genuine(e) && payload != NULL && payload_len > 0 && (size_t)payload_len <= sizeof info->payload) {
		memcpy(info->payload, payload, (size_t)payload_len);
		info->payload_len = (size_t)payload_len;
	}
	if (ctx != NULL && munge_ctx_get(ctx, MUNGE_OPT_ADDR4, &from) == EMUNGE_SUCCESS)
		inet_ntop(AF_INET, &from, info->host, sizeof info->host);
	aic_code code = e == EMUNGE_SUCCESS ? AIC_OK : fail_munge(ctx, e, "the credential", err);
	free(payload);
	munge_ctx_destroy(ctx);
	return code;
}

aic_rpc_frame_state aic_rpc_frame_parse(aic_rpc_frame *f, const uint8_t *data, size_t len, size_t *size)
{
	*size = 4;
	if (len < 4)
		return AIC_FRAME_PARTIAL;
	uint32_t total = aic_get_be32(data);
	if (total < 4 || total > AIC_RPC_TOTAL_MAX)
		return AIC_FRAME_BAD;
	*size = 4 + (size_t)total;
	if (len < 8)
		return AIC_FRAME_PARTIAL;
	uint32_t credential_len = aic_get_be32(data + 4);
	if (credential_len > AIC_RPC_CREDENTIAL_MAX || credential_len > total - 4 ||
	    total - 4 - credential_len > AIC_RPC_BODY_MAX)
		return AIC_FRAME_BAD;
	if (len < *size)
		return AIC_FRAME_PARTIAL;
	f->credential = data + 8;
	f->credential_len = credential_len;
	f->body = data + 8 + credential_len;
	f->body_len = total - 4 - credential_len;
	return AIC_FRAME_WHOLE;
}

bool aic_rpc_is_unix(const char *address)
{
	return address[0] == '/';
}

aic_code aic_rpc_lookup(struct addrinfo **out, const char *address, bool passive, aic_error *err)
{
	char host[256];
	const char *colon = strrchr(address, ':');
	if (colon == NULL || colon == address || colon[1] == '\0' || (size_t)(colon - address) >= sizeof host)
		return aic_fail(err, AIC_USAGE, "address \"%s\" is neither host:port nor the absolute path of a socket", address);
	size_t len = (size_t)(colon - address);
	bool v6 = address[0] == '[' && address[len - 1] == ']';
	aic_str_copy(host, v6 ? len - 1 : len + 1, address + v6);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = passive ? AI_PASSIVE : 0};
	int e = getaddrinfo(host, colon + 1, &hints, out);
	if (e != 0)
		return aic_fail(err, AIC_UNREACHABLE, "address %s cannot be resolved: %s: correct it in aic.yaml, or DNS", address,
		                gai_strerror(e));
	return AIC_OK;
}

/* rpc_frame.h: what the two ends of rpc.h share: frames, MUNGE, addresses. Internal to common/rpc*.c. */
#ifndef AIC_RPC_FRAME_H
#define AIC_RPC_FRAME_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"

#define AIC_RPC_NONCE 16
#define AIC_RPC_REQUEST_PAYLOAD (AIC_HASH_LEN + AIC_RPC_NONCE)
#define AIC_RPC_CREDENTIAL_MAX 4096u
#define AIC_RPC_TOTAL_MAX (4u + AIC_RPC_CREDENTIAL_MAX + AIC_RPC_BODY_MAX)

/* SHA-256("aic/rpc/v1" || service || body). */
aic_hash aic_rpc_request_hash(const char *service, const void *body, size_t len);
/* SHA-256(request payload || answer body). */
aic_hash aic_rpc_answer_hash(const uint8_t request[AIC_RPC_REQUEST_PAYLOAD], const void *body, size_t len);

/* Appends a whole frame: lengths, a fresh credential of this process over payload, the body. */
aic_code aic_rpc_seal(aic_bytes *frame, const void *payload, size_t payload_len, const void *body, size_t len, aic_error *err);

typedef struct {
	uid_t uid;
	gid_t gid;
	char host[64];
	uint8_t payload[AIC_RPC_REQUEST_PAYLOAD];
	size_t payload_len; /* 0 where the credential is not this realm's */
} aic_rpc_seal_info;
/* Asks munged what the credential says. Where it was genuine but expired, early or replayed, it is refused with *info filled.
 * AIC_UNREACHABLE where munged does not answer. */
aic_code aic_rpc_unseal(aic_rpc_seal_info *info, const uint8_t *credential, size_t len, aic_error *err);

typedef struct {
	const uint8_t *credential; size_t credential_len;
	const uint8_t *body; size_t body_len;
} aic_rpc_frame;
typedef enum { AIC_FRAME_PARTIAL, AIC_FRAME_WHOLE, AIC_FRAME_BAD } aic_rpc_frame_state;
/* Looks at received bytes; *size is the frame's, as far as known (at least 4). BAD: lengths beyond the limits. */
aic_rpc_frame_state aic_rpc_frame_parse(aic_rpc_frame *f, const uint8_t *data, size_t len, size_t *size);

/* For tests: how long a half-sent frame may stand still, in place of 10 s. */
struct aic_rpc_server;
void aic_rpc_server_set_patience(struct aic_rpc_server *s, int ms);

bool aic_rpc_is_unix(const char *address);
/* "host:port" or "[v6]:port" by getaddrinfo; the caller frees *out with freeaddrinfo. */
aic_code aic_rpc_lookup(struct addrinfo **out, const char *address, bool passive, aic_error *err);

#endif

/* rpc.h: one request, one answer, between AIC's programs, authenticated by MUNGE in both directions.
 *
 * Over a Unix or TCP socket. Request frame: u32 BE total | u32 BE credential length | credential | body. The credential's
 * payload is SHA-256("aic/rpc/v1" || service || body) || 16 random bytes. Answer frame: the same with payload
 * SHA-256(request payload || answer body), so that a false server cannot answer; the client accepts it only from the uid
 * that it expects. A replayed credential is refused by munged. The body of a request is a CBOR array [operation text, ...],
 * of an answer [code uint, message text, ...]; operations are listed in doc/formats/rpc.md by their rooms.
 * A connection may carry many requests one after the other. */
#ifndef AIC_RPC_H
#define AIC_RPC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/bytes.h"
#include "common/cbor.h"
#include "common/error.h"

#define AIC_RPC_BODY_MAX (64u << 20)

/* Socket path of munged for everything in this process; NULL or "" for libmunge's default. */
void aic_rpc_use_munge(const char *socket_path);

/* --- client --- */
typedef struct aic_rpc aic_rpc;
/* address: "/path/of/socket" or "host:port". server_uid: whose answers count. timeout_ms for connect and for each answer. */
aic_code aic_rpc_open(aic_rpc **rpc, const char *service, const char *address, uid_t server_uid, int timeout_ms, aic_error *err);
/* Sends body; on AIC_OK `answer` is positioned behind code and message, reading from memory that *keep holds (the
 * caller frees keep). An answer with another code becomes *err with the server's message. */
aic_code aic_rpc_call(aic_rpc *rpc, const aic_bytes *body, aic_bytes *keep, aic_cbor *answer, aic_error *err);
/* From the next call on. */
void aic_rpc_set_timeout(aic_rpc *rpc, int timeout_ms);
int aic_rpc_timeout(const aic_rpc *rpc);
void aic_rpc_close(aic_rpc *rpc);

/* --- server: single-threaded poll loop --- */
typedef struct {
	uid_t uid;
	gid_t gid;
	char host[64];      /* address from which the credential was made, as text */
	int64_t waited_ms;  /* since the request was handled first; 0: it is new */
} aic_rpc_caller;

/* Handles one request: op is the operation, args a cursor behind it. Appends the answer's items to out (after code and
 * message, which the server writes) and returns AIC_OK, or fails with err, which is what the caller will be told. With *out_items set to
 * AIC_RPC_LATER there is no answer yet: the same request is handled again after each tick and each other request, until there is one. */
#define AIC_RPC_LATER SIZE_MAX
typedef aic_code (*aic_rpc_handler)(void *ctx, const aic_rpc_caller *who, const char *op, aic_cbor *args, aic_bytes *out,
                                    size_t *out_items, aic_error *err);

typedef struct aic_rpc_server aic_rpc_server;
aic_code aic_rpc_server_new(aic_rpc_server **s, const char *service, aic_rpc_handler handler, void *ctx, aic_error *err);
/* A Unix socket (mode 0666: MUNGE authenticates; a stale one is replaced, a live one is refused) or "host:port". */
aic_code aic_rpc_server_listen(aic_rpc_server *s, const char *address, aic_error *err);
/* Serves until aic_rpc_server_stop() (callable from a signal handler); calls tick every tick_ms and once at the start. */
aic_code aic_rpc_server_run(aic_rpc_server *s, int tick_ms, void (*tick)(void *ctx), aic_error *err);
void aic_rpc_server_stop(aic_rpc_server *s);
void aic_rpc_server_free(aic_rpc_server *s); /* also removes its Unix sockets */

/* Starts a request body: array head of 1 + args items and the operation. */
void aic_rpc_begin(aic_bytes *body, const char *op, size_t args);

#endif

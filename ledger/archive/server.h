/* server.h: aicledgerd's HTTPS port, from which other sites fetch this site's archive. A thread of its own reads the files beside
 * the daemon, with a connection of its own for each request, and writes nothing. */
#ifndef AIC_LEDGER_ARCHIVE_SERVER_H
#define AIC_LEDGER_ARCHIVE_SERVER_H

#include "common/crypto.h"
#include "common/error.h"

typedef struct aic_archive_server aic_archive_server;

/* listen: "host:port", an address of this machine; dir: where state.db and order.db are. Serves whoever shows a site key that
 * stands on the ledger and is in force. */
aic_code aic_archive_server_start(aic_archive_server **s, const char *listen, const char *dir, const aic_key *site, aic_error *err);
void aic_archive_server_stop(aic_archive_server *s); /* NULL is allowed */

#endif

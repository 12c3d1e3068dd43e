/* peer.h: how sites ask one another for their archives: `GET /aic/v1/blocks/HEIGHT` over TLS 1.3, both with a certificate over their
 * site key. doc/formats/archive.md. */
#ifndef AIC_LEDGER_ARCHIVE_PEER_H
#define AIC_LEDGER_ARCHIVE_PEER_H

#define AIC_PEER_PATH "/aic/v1/blocks/"

#endif

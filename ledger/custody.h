/* custody.h: what a site keeps for itself: its signing key, the secret from which addresses come, and which local name stands
 * for which address. None of it is on the ledger. */
#ifndef AIC_LEDGER_CUSTODY_H
#define AIC_LEDGER_CUSTODY_H

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"
#include "common/record.h"
#include "ledger/state/decoy.h"
#include "ledger/state/row.h"

#define AIC_WALLET_TREASURY "treasury"

typedef struct aic_custody aic_custody;

/* state_dir/keys/site.key, state_dir/keys/wallet.key and state_dir/ledger/names.db; made where they are missing. */
aic_code aic_custody_open(aic_custody **c, const char *state_dir, aic_error *err);
void aic_custody_close(aic_custody *c); /* wipes the secrets */
const aic_key *aic_custody_site_key(const aic_custody *c);
/* keys/site.key.next, the site key's successor until the ledger names it: NULL where there is none; made where there is none; put in
 * the place of site.key, which is then gone. */
const aic_key *aic_custody_next_key(const aic_custody *c);
aic_code aic_custody_next_make(aic_custody *c, aic_error *err);
aic_code aic_custody_next_takes_over(aic_custody *c, aic_error *err);

/* Local names of registered keys, "alice" or "node07". A name may be given again: find answers with its latest key, or takes 64
 * hexadecimal digits. */
aic_code aic_custody_key_remember(aic_custody *c, const char *name, const uint8_t key[AIC_PUBLIC_LEN], aic_error *err);
aic_code aic_custody_key_find(aic_custody *c, const char *name, uint8_t key[AIC_PUBLIC_LEN], aic_error *err);
typedef aic_code (*aic_custody_key_visit)(void *ctx, const char *name, const uint8_t key[AIC_PUBLIC_LEN], aic_error *err);
aic_code aic_custody_keys_each(aic_custody *c, aic_custody_key_visit visit, void *ctx, aic_error *err);

/* Keyed (HMAC-SHA256), so that nobody outside can test a name against an address. */
aic_address aic_custody_address(const aic_custody *c, const char *wallet);
aic_id aic_custody_organisation(const aic_custody *c, const char *organisation);

/* A wallet that is to pay for decoys (state/decoy.h): a new one of an organisation of its own, AIC_REFUSED where a customer has it. Sessions
 * that it pays from now on are opened with that segment and step as their mark. */
aic_code aic_custody_decoy_plan(aic_custody *c, const char *wallet, uint64_t segment, uint64_t step, aic_address *address, aic_error *err);
aic_id aic_custody_decoy_house(const aic_custody *c, const char *wallet);
/* What was planned, with the secrets to show it; `content` is of the session. AIC_NOT_FOUND, err untouched: nothing. */
aic_code aic_custody_decoy_get(aic_custody *c, const char *wallet, const aic_hash *content, aic_decoy *out, aic_error *err);
/* The mark of a session that is none, as random to others as a decoy's. */
aic_hash aic_custody_mark(const aic_custody *c, const aic_hash *content);

/* Remembers the pair; a wallet for decoys keeps its organisation. AIC_REFUSED where the wallet stands with another organisation, with both names. */
aic_code aic_custody_remember(aic_custody *c, const char *wallet, const char *organisation, aic_address *address, aic_error *err);
/* "account/physics", "treasury", or a hexadecimal address. AIC_NOT_FOUND with a message. */
aic_code aic_custody_find(aic_custody *c, const char *wallet, aic_address *address, aic_error *err);
/* Local name of an address, else its hexadecimal text. */
void aic_custody_name(aic_custody *c, const aic_address *a, char *name, size_t size);
/* Replaces each known address in a message by its name. */
void aic_custody_translate(aic_custody *c, aic_error *err);
/* All names, sorted. */
typedef aic_code (*aic_custody_visit)(void *ctx, const char *wallet, const char *organisation, const aic_address *a, aic_error *err);
aic_code aic_custody_each(aic_custody *c, aic_custody_visit visit, void *ctx, aic_error *err);

#endif

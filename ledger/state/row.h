/* row.h: the rows of the state, each a canonical CBOR array under SHA-256(table || primary key) in the state tree.
 * doc/formats/state.md lists them. */
#ifndef AIC_LEDGER_ROW_H
#define AIC_LEDGER_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/amount.h"
#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"
#include "ledger/client.h"
#include "ledger/state/issuance.h"

/* Opaque 16-byte ids: of a member site (from its first key), of an organisation (random-looking, keyed at its site). */
typedef struct { uint8_t b[16]; } aic_id;

/* Numbers are part of every key: never reused. */
typedef enum {
	AIC_TABLE_PARAMETERS = 1, /* key "" */
	AIC_TABLE_TOTALS = 2,     /* key "" */
	AIC_TABLE_MEMBER = 3,     /* key site */
	AIC_TABLE_KEY = 4,        /* key public key */
	AIC_TABLE_WALLET = 5,     /* key address */
	AIC_TABLE_DEBT = 6,       /* key debtor || u64 BE number */
	AIC_TABLE_SETTLEMENT = 7, /* key site || u64 BE number || period */
	AIC_TABLE_REVERSAL = 8,   /* key settlement's transaction || u32 BE line: sum; || evidence: each one */
	AIC_TABLE_ALLOWANCE = 9,  /* key owner || spender */
	AIC_TABLE_ASSET = 10,     /* key u256 BE id */
	AIC_TABLE_OPERATOR = 11,  /* key owner || operator */
	AIC_TABLE_MEMBERS = 12,   /* key "": [* [site, since, until]], ascending */
	AIC_TABLE_VOTE = 13,      /* key SHA-256(u64 BE kind || body): [* site], in order of voting */
	AIC_TABLE_PAUSE = 14,     /* key "": there while the ledger is paused */
	AIC_TABLE_RATES = 15,     /* key "": [* [name, units]], the consortium's rates */
	AIC_TABLE_PARTS = 16,     /* key site: what waits of a settlement in parts; || u32 BE part: a piece of it, as it came */
	AIC_TABLE_PARTS_POSTED = 17, /* key as of 7: [* transaction] that brought the pieces */
	AIC_TABLE_REQUEST = 18,   /* key u256 BE id */
	AIC_TABLE_BEACON = 19,    /* key "": [beacon]; absent: the chain id */
	AIC_TABLE_EVIDENCE = 20,  /* key site || kind (1 byte) || u64 BE height: [height at which it was recorded, proof] */
	AIC_TABLE_SESSION = 21,   /* key session; this one and the next ones: session.h */
	AIC_TABLE_SESSION_CHECKPOINT = 22, /* key session || u32 BE number */
	AIC_TABLE_SESSION_NODES = 23,      /* key session */
	AIC_TABLE_VERIFIERS = 24,          /* key "" */
	AIC_TABLE_SESSION_QUEUE = 25,      /* key "": [* session] that wait */
	AIC_TABLE_SESSION_WITHHELD = 26,   /* key provider: how many in a row */
	AIC_TABLE_SESSION_UNDECIDED = 27,  /* key site: how many */
	AIC_TABLE_SESSION_RATED = 28,      /* key settlement's transaction || u32 BE line: sum of the fees that ratings have used */
	AIC_TABLE_VERIFY_BUDGET = 29,      /* key payer: what verdicts on its sessions can cost yet */
	AIC_TABLE_DECOY_PASSED = 30,       /* key party: when a decoy was shown that it had passed */
	AIC_TABLE_DRAWER = 40,             /* key node's id; this one and the next two: drawer.h */
	AIC_TABLE_DRAWERS = 41             /* key "" */
} aic_table_id;

aic_hash aic_row_key(aic_table_id table, const void *key, size_t len);
/* Of a settlement, in tables 7 and 17. */
aic_hash aic_settlement_row_key(aic_table_id table, const aic_id *site, const char *period, uint64_t number);

typedef struct {
	uint64_t wallets, assets; /* assets: not retired */
	aic_amount supply;
	aic_amount issued;        /* by second terms */
	aic_amount fees;          /* X */
	aic_amount burnt;
	aic_amount total;         /* genesis: the most that there can ever be; 0: no bound but a_max */
} aic_totals;

typedef struct {
	uint8_t key[AIC_PUBLIC_LEN];
	uint64_t since, until;    /* heights; until 0: member now */
	uint64_t approvals;       /* administrators' signatures that its settlements need */
} aic_member;

typedef struct {
	uint64_t role;
	aic_id site;
	uint64_t since, until;    /* heights; until 0: valid */
	uint64_t nonce;           /* of its next transaction */
	bool has_vrf;             /* a node that draws for blocks */
	uint8_t vrf[AIC_PUBLIC_LEN];
} aic_key_row;

typedef struct {
	aic_id site;              /* whose custody; all zero: the consortium's treasury */
	aic_id organisation;
	aic_amount balance;
	uint64_t locked_until;    /* height before which nothing leaves */
	aic_amount alpha, beta;   /* as of the month `rated`: aic_wallet_age */
	aic_amount debt;          /* sum of its open debts */
	uint64_t debt_first, debt_next; /* numbers: the oldest open one, the next new one */
	uint64_t assets;          /* number of assets owned: ERC-721 balanceOf */
	uint64_t type;            /* AIC_WALLET_PLAIN ... */
	uint64_t rated;           /* month, counted from January 1970; 0 while it has no rating */
} aic_wallet;

/* How a wallet answers to a safe transfer of an asset. */
enum { AIC_WALLET_PLAIN = 0, AIC_WALLET_REFUSES_ASSETS = 1 };

typedef struct {
	aic_address creditor;
	aic_amount amount;
} aic_debt;

typedef struct {
	uint64_t height;
	aic_hash tx;
	aic_hash content;         /* SHA-256 of the transaction's body */
	aic_hash lines;           /* RFC 6962 root of its lines */
	uint64_t n_lines;
	aic_amount gross, fee, reward, issued;
} aic_settlement_row;

/* Encoders append to out; decoders answer false for anything that an encoder does not write. */
void aic_parameters_put(aic_bytes *out, const aic_parameters *p);
bool aic_parameters_decode(aic_parameters *p, const void *data, size_t len);
void aic_totals_put(aic_bytes *out, const aic_totals *t);
bool aic_totals_decode(aic_totals *t, const void *data, size_t len);
void aic_member_put(aic_bytes *out, const aic_member *m);
bool aic_member_decode(aic_member *m, const void *data, size_t len);
void aic_key_row_put(aic_bytes *out, const aic_key_row *k);
bool aic_key_row_decode(aic_key_row *k, const void *data, size_t len);
void aic_wallet_put(aic_bytes *out, const aic_wallet *w);
bool aic_wallet_decode(aic_wallet *w, const void *data, size_t len);
void aic_debt_put(aic_bytes *out, const aic_debt *d);
bool aic_debt_decode(aic_debt *d, const void *data, size_t len);
void aic_settlement_row_put(aic_bytes *out, const aic_settlement_row *s);
bool aic_settlement_row_decode(aic_settlement_row *s, const void *data, size_t len);

/* R_j = floor(10^6 * (alpha + 10^6) / (alpha + beta + 2 * 10^6)), economics.md 2. */
uint64_t aic_rating_ppm(aic_amount alpha, aic_amount beta);

/* The calendar month (UTC) of a block's time, counted from January 1970. */
uint64_t aic_rating_month(int64_t time);
/* Brings alpha and beta to that month: floor(9 x / 10), once for each month that has begun since (economics.md 2). */
void aic_wallet_age(aic_wallet *w, uint64_t month);
/* Adds to them, after aging; what does not fit 128 bits stays at the largest value. */
void aic_wallet_rate(aic_wallet *w, uint64_t month, aic_amount alpha, aic_amount beta);

/* "0x" and 40 digits: how messages name a wallet. */
#define AIC_ADDRESS_TEXT 43
char *aic_address_text(char buf[AIC_ADDRESS_TEXT], const aic_address *a);
bool aic_address_parse(aic_address *a, const char *text); /* with or without 0x */
int aic_address_cmp(const aic_address *a, const aic_address *b);
bool aic_address_is_zero(const aic_address *a);
/* The consortium's wallet: no key moves it. */
aic_address aic_treasury_address(void);
aic_id aic_site_id(const uint8_t public_key[AIC_PUBLIC_LEN]);
bool aic_id_equal(const aic_id *a, const aic_id *b);

#endif

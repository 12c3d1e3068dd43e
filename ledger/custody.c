/* custody.c: see custody.h. */
#include "ledger/custody.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "ledger/db.h"

#define FOR_DECOYS "aic/decoys" /* in the place of an organisation's name */

struct aic_custody {
	aic_key site, next, wallets;
	bool has_next;
	char keys[AIC_PATH_LEN]; /* their directory */
	sqlite3 *db;
	sqlite3_stmt *put, *by_name, *by_address, *all;
	sqlite3_stmt *key_put, *key_by_name, *key_all;
	sqlite3_stmt *decoy_put, *decoy_get;
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS name(wallet TEXT PRIMARY KEY, organisation TEXT NOT NULL, address BLOB NOT NULL UNIQUE)"
	" WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS key(public BLOB PRIMARY KEY, name TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS decoy(wallet TEXT PRIMARY KEY, segment INTEGER NOT NULL, step INTEGER NOT NULL) WITHOUT ROWID;";

static aic_code open_names(aic_custody *c, const char *path, aic_error *err)
{
	aic_code code;

	if ((code = aic_db_open(&c->db, path, AIC_DB_DURABLE, err)) || (code = aic_db_exec(c->db, schema, err)) ||
	    (code = aic_db_prepare(c->db, &c->put, "INSERT INTO name(wallet, organisation, address) VALUES(?, ?, ?)", err)) ||
	    (code = aic_db_prepare(c->db, &c->by_name, "SELECT organisation, address FROM name WHERE wallet = ?", err)) ||
	    (code = aic_db_prepare(c->db, &c->by_address, "SELECT wallet FROM name WHERE address = ?", err)) ||
	    (code = aic_db_prepare(c->db, &c->key_put, "INSERT INTO key(public, name) VALUES(?, ?)"
	                           " ON CONFLICT(public) DO UPDATE SET name = excluded.name", err)) ||
	    (code = aic_db_prepare(c->db, &c->key_by_name, "SELECT public FROM key WHERE name = ? ORDER BY rowid DESC LIMIT 1", err)) ||
	    (code = aic_db_prepare(c->db, &c->decoy_put, "INSERT OR REPLACE INTO decoy(wallet, segment, step) VALUES(?, ?, ?)", err)) ||
	    (code = aic_db_prepare(c->db, &c->decoy_get, "SELECT segment, step FROM decoy WHERE wallet = ?", err)) ||
	    (code = aic_db_prepare(c->db, &c->key_all, "SELECT name, public FROM key ORDER BY name, rowid", err)))
		return code;
	return aic_db_prepare(c->db, &c->all, "SELECT wallet, organisation, address FROM name ORDER BY wallet", err);
}

static aic_code open_keys(aic_custody *c, aic_error *err)
{
	char *site = aic_xasprintf("%s/site.key", c->keys), *next = aic_xasprintf("%s/site.key.next", c->keys);
	char *wallets = aic_xasprintf("%s/wallet.key", c->keys);
	aic_code code;

	if (!(code = aic_key_open(&c->site, site, err)) && !(code = aic_key_open(&c->wallets, wallets, err))) {
		c->has_next = access(next, F_OK) == 0;
		code = c->has_next ? aic_key_load(&c->next, next, err) : AIC_OK;
	}
	free(site);
	free(next);
	free(wallets);
	return code;
}

aic_code aic_custody_open(aic_custody **out, const char *state_dir, aic_error *err)
{
	aic_custody *c = aic_xcalloc(1, sizeof(*c));
	char *ledger = aic_xasprintf("%s/ledger", state_dir), *names = aic_xasprintf("%s/names.db", ledger);
	aic_code code = aic_path_join(c->keys, sizeof(c->keys), state_dir, "keys", err);

	if (!code && !(code = aic_dir_make(c->keys, 0700, err)) && !(code = aic_dir_make(ledger, 0750, err)) &&
	    !(code = open_keys(c, err)))
		code = open_names(c, names, err);
	free(ledger);
	free(names);
	if (code)
		aic_custody_close(c);
	else
		*out = c;
	return code;
}

void aic_custody_close(aic_custody *c)
{
	if (!c)
		return;
	aic_key_wipe(&c->site);
	aic_key_wipe(&c->next);
	aic_key_wipe(&c->wallets);
	sqlite3_finalize(c->put);
	sqlite3_finalize(c->by_name);
	sqlite3_finalize(c->by_address);
	sqlite3_finalize(c->all);
	sqlite3_finalize(c->key_put);
	sqlite3_finalize(c->key_by_name);
	sqlite3_finalize(c->key_all);
	sqlite3_finalize(c->decoy_put);
	sqlite3_finalize(c->decoy_get);
	aic_db_close(c->db);
	free(c);
}

const aic_key *aic_custody_site_key(const aic_custody *c)
{
	return &c->site;
}

const aic_key *aic_custody_next_key(const aic_custody *c)
{
	return c->has_next ? &c->next : NULL;
}

aic_code aic_custody_next_make(aic_custody *c, aic_error *err)
{
	char *path = aic_xasprintf("%s/site.key.next", c->keys);
	aic_code code = c->has_next ? AIC_OK : aic_key_open(&c->next, path, err);

	c->has_next = !code;
	free(path);
	return code;
}

aic_code aic_custody_next_takes_over(aic_custody *c, aic_error *err)
{
	char *from = aic_xasprintf("%s/site.key.next", c->keys), *to = aic_xasprintf("%s/site.key", c->keys);
	aic_code code = rename(from, to) ? aic_fail_errno(err, "cannot put %s in the place of %s", from, to) : aic_dir_sync(c->keys, err);

	if (!code) {
		c->site = c->next;
		c->has_next = false;
		aic_key_wipe(&c->next);
	}
	free(from);
	free(to);
	return code;
}

aic_code aic_custody_key_remember(aic_custody *c, const char *name, const uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	if (!name[0] || strlen(name) >= AIC_NAME_LEN)
		return aic_fail(err, AIC_REFUSED, "a key's name has 1 to %d characters", AIC_NAME_LEN - 1);
	sqlite3_bind_blob(c->key_put, 1, key, AIC_PUBLIC_LEN, SQLITE_STATIC);
	sqlite3_bind_text(c->key_put, 2, name, -1, SQLITE_STATIC);
	return aic_db_run(c->db, c->key_put, err);
}

aic_code aic_custody_key_find(aic_custody *c, const char *name, uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	if (aic_unhex(key, AIC_PUBLIC_LEN, name))
		return AIC_OK;
	sqlite3_bind_text(c->key_by_name, 1, name, -1, SQLITE_STATIC);
	aic_code code = aic_db_step(c->db, c->key_by_name, err);
	if (!code && !aic_db_column_exact(c->key_by_name, 0, key, AIC_PUBLIC_LEN))
		code = aic_fail(err, AIC_CORRUPT, "names.db: key %s cannot be read: restore names.db from a backup", name);
	sqlite3_reset(c->key_by_name);
	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "this site has no key named %s: `aic key show` lists them", name);
	return code;
}

aic_code aic_custody_keys_each(aic_custody *c, aic_custody_key_visit visit, void *ctx, aic_error *err)
{
	uint8_t key[AIC_PUBLIC_LEN];
	aic_code code;

	while ((code = aic_db_step(c->db, c->key_all, err)) == AIC_OK)
		if (aic_db_column_exact(c->key_all, 1, key, sizeof(key)) &&
		    (code = visit(ctx, (const char *)sqlite3_column_text(c->key_all, 0), key, err)))
			break;
	sqlite3_reset(c->key_all);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

static aic_hash keyed(const aic_custody *c, const char *domain, const char *text)
{
	aic_bytes in = {0};

	aic_bytes_append(&in, domain, strlen(domain) + 1);
	aic_bytes_append_str(&in, text);
	aic_hash h = aic_hmac_sha256(c->wallets.secret, AIC_SECRET_LEN, in.data, in.len);
	aic_bytes_free(&in);
	return h;
}

aic_address aic_custody_address(const aic_custody *c, const char *wallet)
{
	aic_address a;

	if (strcmp(wallet, AIC_WALLET_TREASURY) == 0)
		return aic_treasury_address();
	aic_hash h = keyed(c, "aic/wallet/v1", wallet);
	memcpy(a.b, h.b, sizeof(a.b));
	return a;
}

aic_id aic_custody_organisation(const aic_custody *c, const char *organisation)
{
	aic_hash h = keyed(c, "aic/organisation/v1", organisation);
	aic_id id;

	memcpy(id.b, h.b, sizeof(id.b));
	return id;
}

/* AIC_NOT_FOUND leaves err untouched; organisation may be NULL. */
static aic_code look_up(aic_custody *c, const char *wallet, char *organisation, size_t size, aic_address *address, aic_error *err)
{
	sqlite3_bind_text(c->by_name, 1, wallet, -1, SQLITE_STATIC);
	aic_code code = aic_db_step(c->db, c->by_name, err);

	if (!code && organisation)
		aic_str_copy(organisation, size, (const char *)sqlite3_column_text(c->by_name, 0));
	if (!code && !aic_db_column_exact(c->by_name, 1, address->b, AIC_ADDRESS_LEN))
		code = aic_fail(err, AIC_CORRUPT, "names.db: the address of wallet %s cannot be read: restore names.db from a backup", wallet);
	sqlite3_reset(c->by_name);
	return code;
}

aic_code aic_custody_remember(aic_custody *c, const char *wallet, const char *organisation, aic_address *address, aic_error *err)
{
	char there[AIC_NAME_LEN];
	aic_code code;

	if (!wallet[0] || strlen(wallet) >= AIC_NAME_LEN || strlen(organisation) >= AIC_NAME_LEN)
		return aic_fail(err, AIC_REFUSED, "a wallet's and an organisation's name have 1 to %d characters", AIC_NAME_LEN - 1);
	code = look_up(c, wallet, there, sizeof(there), address, err);
	if (code == AIC_OK && strcmp(there, organisation) != 0 && strcmp(there, FOR_DECOYS) != 0)
		return aic_fail(err, AIC_REFUSED, "wallet %s belongs to organisation %s on the ledger, not to %s: correct aic.yaml", wallet,
		                there, organisation);
	if (code != AIC_NOT_FOUND)
		return code;
	*address = aic_custody_address(c, wallet);
	sqlite3_bind_text(c->put, 1, wallet, -1, SQLITE_STATIC);
	sqlite3_bind_text(c->put, 2, organisation, -1, SQLITE_STATIC);
	sqlite3_bind_blob(c->put, 3, address->b, AIC_ADDRESS_LEN, SQLITE_STATIC);
	return aic_db_run(c->db, c->put, err);
}

aic_code aic_custody_find(aic_custody *c, const char *wallet, aic_address *address, aic_error *err)
{
	if (strncmp(wallet, "0x", 2) == 0 && aic_address_parse(address, wallet))
		return AIC_OK;
	aic_code code = look_up(c, wallet, NULL, 0, address, err);
	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "this site has no wallet named %s: `aic ledger wallets` lists them", wallet);
	return code;
}

void aic_custody_name(aic_custody *c, const aic_address *a, char *name, size_t size)
{
	char text[AIC_ADDRESS_TEXT];

	sqlite3_bind_blob(c->by_address, 1, a->b, AIC_ADDRESS_LEN, SQLITE_STATIC);
	if (aic_db_step(c->db, c->by_address, NULL) == AIC_OK)
		aic_str_copy(name, size, (const char *)sqlite3_column_text(c->by_address, 0));
	else
		aic_str_copy(name, size, aic_address_text(text, a));
	sqlite3_reset(c->by_address);
}

void aic_custody_translate(aic_custody *c, aic_error *err)
{
	aic_bytes out = {0};
	aic_address a;
	char text[AIC_ADDRESS_TEXT], name[AIC_NAME_LEN];

	if (!err)
		return;
	for (const char *p = err->message; *p;) {
		aic_str_copy(text, sizeof(text), p);
		if (strlen(text) == AIC_ADDRESS_TEXT - 1 && text[0] == '0' && text[1] == 'x' && aic_address_parse(&a, text)) {
			aic_custody_name(c, &a, name, sizeof(name));
			aic_bytes_append_str(&out, name);
			p += AIC_ADDRESS_TEXT - 1;
		} else {
			aic_bytes_append(&out, p++, 1);
		}
	}
	aic_bytes_append(&out, "", 1);
	aic_str_copy(err->message, sizeof(err->message), (char *)out.data);
	aic_bytes_free(&out);
}

/* --- decoys --- */

static void nonce_of(const aic_custody *c, const char *wallet, uint8_t nonce[AIC_HASH_LEN])
{
	aic_hash h = keyed(c, "aic/house/v1", wallet);

	memcpy(nonce, h.b, AIC_HASH_LEN);
}

aic_id aic_custody_decoy_house(const aic_custody *c, const char *wallet)
{
	uint8_t nonce[AIC_HASH_LEN];

	nonce_of(c, wallet, nonce);
	return aic_decoy_house(nonce);
}

aic_hash aic_custody_mark(const aic_custody *c, const aic_hash *content)
{
	char hex[2 * AIC_HASH_LEN + 1];

	aic_hash_hex(hex, content);
	return keyed(c, "aic/mark/v1", hex);
}

aic_code aic_custody_decoy_plan(aic_custody *c, const char *wallet, uint64_t segment, uint64_t step, aic_address *address, aic_error *err)
{
	char there[AIC_NAME_LEN];
	aic_code code = look_up(c, wallet, there, sizeof(there), address, err);

	if (code == AIC_OK && strcmp(there, FOR_DECOYS) != 0)
		return aic_fail(err, AIC_REFUSED, "wallet %s is organisation %s's: a decoy is paid by a wallet of its own, give a name that nobody has",
		                wallet, there);
	if (segment > UINT32_MAX || step > INT64_MAX)
		return aic_fail(err, AIC_REFUSED, "segment %llu and step %llu of a decoy: a session has at most %u segments", (unsigned long long)segment,
		                (unsigned long long)step, UINT32_MAX);
	if ((code && code != AIC_NOT_FOUND) || (code = aic_custody_remember(c, wallet, FOR_DECOYS, address, err)))
		return code;
	sqlite3_bind_text(c->decoy_put, 1, wallet, -1, SQLITE_STATIC);
	sqlite3_bind_int64(c->decoy_put, 2, (int64_t)segment);
	sqlite3_bind_int64(c->decoy_put, 3, (int64_t)step);
	return aic_db_run(c->db, c->decoy_put, err);
}

aic_code aic_custody_decoy_get(aic_custody *c, const char *wallet, const aic_hash *content, aic_decoy *out, aic_error *err)
{
	aic_hash salt = aic_custody_mark(c, content);

	sqlite3_bind_text(c->decoy_get, 1, wallet, -1, SQLITE_STATIC);
	aic_code code = aic_db_step(c->db, c->decoy_get, err);
	if (!code) {
		out->segment = (uint64_t)sqlite3_column_int64(c->decoy_get, 0);
		out->step = (uint64_t)sqlite3_column_int64(c->decoy_get, 1);
		memcpy(out->salt, salt.b, AIC_HASH_LEN);
		nonce_of(c, wallet, out->nonce);
	}
	sqlite3_reset(c->decoy_get);
	return code;
}

aic_code aic_custody_each(aic_custody *c, aic_custody_visit visit, void *ctx, aic_error *err)
{
	aic_code code;

	while ((code = aic_db_step(c->db, c->all, err)) == AIC_OK) {
		aic_address a = {{0}};

		aic_db_column_exact(c->all, 2, a.b, sizeof(a.b));
		code = visit(ctx, (const char *)sqlite3_column_text(c->all, 0), (const char *)sqlite3_column_text(c->all, 1), &a, err);
		if (code)
			break;
	}
	sqlite3_reset(c->all);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

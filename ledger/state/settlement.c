/* settlement.c: see settlement.h. Checks first, the figures next, the state last: what is refused has changed nothing. */
#include "ledger/state/settlement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/state/execute.h"
#include "ledger/state/reward.h"
#include "ledger/state/vote.h"

#define LINES_MAX 65536
#define N_MAX 0xffffffffULL
#define NAMED_MAX 5 /* wallets that a refusal lists */
#define PREFETCH 16

typedef struct {
	size_t payer, payee;
	uint64_t kind, n;
	aic_amount gross, fee, stake;
	aic_amount proven, first, second; /* the two terms of the reward */
} line;

typedef struct {
	aic_address address;
	aic_hash key;             /* of its row in the state */
	aic_wallet row;
	aic_amount debit;
	size_t first_line, lines; /* that it pays */
	bool used;
} party;

typedef struct {
	char period[16];
	uint64_t number, approvals;
	aic_hash evidence, batch;
	aic_approval approval[AIC_APPROVALS_MAX];
	size_t n_approvals;
	aic_parameters parameters;
	aic_totals totals;
	size_t n_parties, n_lines;
	party *party;
	line *line;
	aic_frontier leaves;
	aic_bytes leaf;           /* scratch */
	aic_amount gross, fees, firsts, proven, issue, issued;
} settlement;

/* --- reading --- */

static void read_wallets(aic_cbor *c, settlement *s)
{
	s->n_parties = aic_cbor_array(c, 2 * LINES_MAX);
	s->party = aic_xcalloc(s->n_parties + 1, sizeof(*s->party));
	for (size_t i = 0; i < s->n_parties && aic_cbor_ok(c); i++) {
		aic_cbor_bytes_exact(c, s->party[i].address.b, AIC_ADDRESS_LEN);
		if (i && aic_address_cmp(&s->party[i - 1].address, &s->party[i].address) >= 0)
			aic_cbor_fail(c, "wallet %zu does not follow wallet %zu in ascending order", i + 1, i);
	}
}

static bool follows(const line *a, const line *b)
{
	if (a->payer != b->payer)
		return a->payer < b->payer;
	if (a->payee != b->payee)
		return a->payee < b->payee;
	return a->kind < b->kind;
}

static void add_leaf(settlement *s, const line *l)
{
	aic_settlement_line whole = {.payer = s->party[l->payer].address, .payee = s->party[l->payee].address,
	                             .kind = (aic_line_kind)l->kind, .n = l->n, .gross = l->gross, .fee = l->fee, .stake = l->stake};

	aic_bytes_clear(&s->leaf);
	aic_settlement_leaf(&s->leaf, &whole);
	aic_hash leaf = aic_merkle_leaf(s->leaf.data, s->leaf.len);
	aic_frontier_add(&s->leaves, &leaf);
}

static void read_line(aic_cbor *c, settlement *s, size_t i)
{
	line *l = &s->line[i];

	aic_cbor_array_exact(c, 7);
	l->payer = (size_t)aic_cbor_uint(c);
	l->payee = (size_t)aic_cbor_uint(c);
	l->kind = aic_cbor_uint(c);
	l->n = aic_cbor_uint(c);
	l->gross = aic_cbor_amount(c);
	l->fee = aic_cbor_amount(c);
	l->stake = aic_cbor_amount(c);
	if (!aic_cbor_ok(c))
		return;
	if (l->payer >= s->n_parties || l->payee >= s->n_parties)
		aic_cbor_fail(c, "line %zu names a wallet that the settlement does not list", i + 1);
	else if (i && !follows(l - 1, l))
		aic_cbor_fail(c, "line %zu does not follow line %zu by payer, payee and kind", i + 1, i);
	else
		s->party[l->payer].used = s->party[l->payee].used = true;
	if (aic_cbor_ok(c))
		add_leaf(s, l);
}

static aic_code read_body(settlement *s, const void *body, size_t len, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, body, len);
	aic_cbor_array_exact(&c, 8);
	aic_cbor_text(&c, s->period, sizeof(s->period));
	s->number = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, s->evidence.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, s->batch.b, AIC_HASH_LEN);
	s->approvals = aic_cbor_uint(&c);
	s->n_approvals = aic_approvals_get(&c, s->approval);
	read_wallets(&c, s);
	s->n_lines = aic_cbor_array(&c, LINES_MAX);
	s->line = aic_xcalloc(s->n_lines + 1, sizeof(*s->line));
	for (size_t i = 0; i < s->n_lines && aic_cbor_ok(&c); i++)
		read_line(&c, s, i);
	for (size_t i = 0; i < s->n_parties && aic_cbor_ok(&c); i++)
		if (!s->party[i].used)
			aic_cbor_fail(&c, "wallet %zu is in no line", i + 1);
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "settlement") : AIC_OK;
}

/* --- checks --- */

static aic_code check_key(const aic_exec *x, const settlement *s, aic_error *err)
{
	aic_settlement_row row;
	aic_code code;

	if (x->signer.role != AIC_ROLE_SITE)
		return aic_fail(err, AIC_REFUSED, "only a member site's key can post a settlement");
	if (!s->period[0] || !s->number || !s->n_lines)
		return aic_fail(err, AIC_REFUSED, "a settlement needs a period, a number from 1 and at least one line");
	code = aic_state_settlement(x->state, &x->signer.site, s->period, s->number, &row, err);
	if (code == AIC_OK)
		return aic_fail(err, AIC_REFUSED, "settlement %s/%llu of this site was posted at height %llu already", s->period,
		                (unsigned long long)s->number, (unsigned long long)row.height);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

static aic_code check_line(const settlement *s, size_t i, aic_error *err)
{
	const line *l = &s->line[i];
	const aic_wallet *payer = &s->party[l->payer].row, *payee = &s->party[l->payee].row;
	aic_amount due = aic_ppm_of(l->gross, s->parameters.fee_ppm), most;
	char fee[AIC_AMOUNT_TEXT], bound[AIC_AMOUNT_TEXT];

	if (l->kind > AIC_KIND_STORAGE)
		return aic_fail(err, AIC_REFUSED, "line %zu: kind %llu is unknown", i + 1, (unsigned long long)l->kind);
	if (!l->n || l->n > N_MAX)
		return aic_fail(err, AIC_REFUSED, "line %zu: n is %llu, must be 1 to %llu", i + 1, (unsigned long long)l->n, N_MAX);
	if (l->fee > due || due - l->fee > l->n)
		return aic_fail(err, AIC_REFUSED, "line %zu: fee %s AIC is not within %llu units below %s AIC (%llu ppm of gross)", i + 1,
		                aic_amount_format(fee, l->fee), (unsigned long long)l->n, aic_amount_format(bound, due),
		                (unsigned long long)s->parameters.fee_ppm);
	if (!aic_mul_div(&most, l->fee, AIC_PPM, 1) || l->stake > most)
		return aic_fail(err, AIC_REFUSED, "line %zu: stake %s is above fee * 10^6 = %s", i + 1, aic_amount_units(fee, l->stake),
		                aic_amount_units(bound, most));
	if (l->stake && aic_id_equal(&payer->organisation, &payee->organisation))
		return aic_fail(err, AIC_REFUSED, "line %zu: payer and payee belong to one organisation, its stake must be 0", i + 1);
	return AIC_OK;
}

/* The rows of parties [from, from + PREFETCH) will be wanted. */
static void prefetch(const aic_exec *x, const settlement *s, size_t from)
{
	aic_hash key[PREFETCH];
	size_t n = 0;

	while (n < PREFETCH && from + n < s->n_parties) {
		key[n] = s->party[from + n].key;
		n++;
	}
	aic_tree_prefetch(aic_state_tree(x->state), key, n);
}

static aic_code check_parties(const aic_exec *x, settlement *s, aic_error *err)
{
	aic_address treasury = aic_treasury_address();
	uint64_t month = aic_rating_month(x->time);
	char text[AIC_ADDRESS_TEXT];
	aic_code code = AIC_OK;

	for (size_t i = 0; i < s->n_parties; i++)
		s->party[i].key = aic_row_key(AIC_TABLE_WALLET, s->party[i].address.b, AIC_ADDRESS_LEN);
	for (size_t i = 0; i < s->n_parties && !code; i++) {
		party *p = &s->party[i];

		if (i % PREFETCH == 0)
			prefetch(x, s, i);
		if (aic_address_cmp(&p->address, &treasury) == 0)
			return aic_fail(err, AIC_REFUSED, "the treasury (%s) can be neither payer nor payee of a settlement line",
			                aic_address_text(text, &p->address));
		code = aic_state_wallet_at(x->state, &p->key, &p->row, err);
		if (code == AIC_NOT_FOUND)
			code = aic_wallet_need(x->state, &p->address, &p->row, err);
		if (!code)
			aic_wallet_age(&p->row, month);
	}
	return code;
}

/* Sums what each payer owes, before anything is credited: the order of lines must not matter. */
static aic_code add_debits(const aic_exec *x, settlement *s, aic_error *err)
{
	aic_code code;

	for (size_t i = 0; i < s->n_lines; i++) {
		line *l = &s->line[i];
		party *p = &s->party[l->payer];

		if ((code = check_line(s, i, err)))
			return code;
		if (!p->lines++) {
			p->first_line = i;
			if ((code = aic_wallet_may_spend(x, &p->address, &p->row, err))) {
				aic_error_prefix(err, "line %zu", i + 1);
				return code;
			}
		}
		if (!aic_amount_add(&p->debit, p->debit, l->gross) || !aic_amount_add(&s->gross, s->gross, l->gross) ||
		    !aic_amount_add(&s->fees, s->fees, l->fee))
			return aic_fail(err, AIC_REFUSED, "line %zu: the sums up to here do not fit 128 bits", i + 1);
	}
	return AIC_OK;
}

static aic_code check_funds(const settlement *s, aic_error *err)
{
	aic_bytes text = {0};
	size_t short_of = 0;
	char name[AIC_ADDRESS_TEXT], has[AIC_AMOUNT_TEXT], needs[AIC_AMOUNT_TEXT];

	for (size_t i = 0; i < s->n_parties; i++) {
		const party *p = &s->party[i];

		if (p->debit <= p->row.balance || short_of++ >= NAMED_MAX)
			continue;
		aic_bytes_printf(&text, "%s%s holds %s AIC, its %zu line%s (first: line %zu) need%s %s AIC", text.len ? "; " : "",
		                 aic_address_text(name, &p->address), aic_amount_format(has, p->row.balance), p->lines,
		                 p->lines == 1 ? "" : "s", p->first_line + 1, p->lines == 1 ? "s" : "",
		                 aic_amount_format(needs, p->debit));
	}
	if (!short_of)
		return AIC_OK;
	aic_fail(err, AIC_REFUSED, "nothing was posted, %zu wallet%s lack%s funds: %.*s%s; top them up or hold their lines", short_of,
	         short_of == 1 ? "" : "s", short_of == 1 ? "s" : "", (int)text.len, (char *)text.data,
	         short_of > NAMED_MAX ? " and others" : "");
	aic_bytes_free(&text);
	return AIC_REFUSED;
}

/* --- figures: proven, P, I, rewards --- */

static aic_code compute(settlement *s, aic_error *err)
{
	aic_totals *t = &s->totals;
	aic_reward_line *reward = aic_xcalloc(s->n_lines + 1, sizeof(*reward));
	aic_reward_sums sums;
	aic_code code = aic_amount_add(&t->fees, t->fees, s->fees)
	                    ? AIC_OK : aic_fail(err, AIC_REFUSED, "the sum of all fees does not fit 128 bits");

	for (size_t i = 0; i < s->n_lines; i++) {
		const aic_wallet *payee = &s->party[s->line[i].payee].row;

		reward[i].stake = s->line[i].stake;
		reward[i].rating_ppm = aic_rating_ppm(payee->alpha, payee->beta);
	}
	if (!code)
		code = aic_rewards(&s->parameters, t->fees, t->issued, reward, s->n_lines, &sums, err);
	for (size_t i = 0; i < s->n_lines && !code; i++) {
		s->line[i].proven = reward[i].proven;
		s->line[i].first = reward[i].first;
		s->line[i].second = reward[i].second;
	}
	free(reward);
	if (code)
		return code;
	s->firsts = sums.firsts;
	s->proven = sums.proven;
	s->issue = sums.issue;
	s->issued = sums.issued;
	t->issued += s->issued;
	t->supply += s->issued;
	return AIC_OK;
}

/* --- effects --- */

static void log_line(aic_exec *x, const settlement *s, const line *l, const aic_address *treasury)
{
	static const aic_address zero;
	const aic_address *payer = &s->party[l->payer].address, *payee = &s->party[l->payee].address;

	aic_state_log(x->state, AIC_EVENT_TRANSFER, payer, payee, aic_u256_from(l->gross - l->fee + l->first), "");
	if (l->fee > l->first)
		aic_state_log(x->state, AIC_EVENT_TRANSFER, payer, treasury, aic_u256_from(l->fee - l->first), "");
	if (l->second)
		aic_state_log(x->state, AIC_EVENT_TRANSFER, &zero, payee, aic_u256_from(l->second), "");
}

static aic_code book(aic_exec *x, settlement *s, aic_error *err)
{
	aic_address treasury = aic_treasury_address();
	aic_wallet pot;
	aic_code code;

	for (size_t i = 0; i < s->n_parties; i++)
		s->party[i].row.balance -= s->party[i].debit;
	for (size_t i = 0; i < s->n_lines; i++) {
		line *l = &s->line[i];

		s->party[l->payee].row.balance += l->gross - l->fee + l->first + l->second;
		log_line(x, s, l, &treasury);
	}
	for (size_t i = 0; i < s->n_parties; i++) {
		if (i % PREFETCH == 0)
			prefetch(x, s, i);
		aic_state_touch(x->state, &s->party[i].address);
		if ((code = aic_state_wallet_put_at(x->state, &s->party[i].key, &s->party[i].row, err)))
			return code;
	}
	aic_state_touch(x->state, &treasury);
	if ((code = aic_wallet_need(x->state, &treasury, &pot, err)))
		return code;
	pot.balance += s->fees - s->firsts;
	if ((code = aic_state_wallet_put(x->state, &treasury, &pot, err)))
		return code;
	return aic_state_totals_put(x->state, &s->totals, err);
}

/* Debts are served oldest first from what this settlement credited. */
static aic_code serve_debts(aic_exec *x, const settlement *s, aic_error *err)
{
	aic_code code = AIC_OK;

	for (size_t i = 0; i < s->n_parties && !code; i++) {
		aic_amount credit = 0;

		if (!s->party[i].row.debt)
			continue;
		for (size_t k = 0; k < s->n_lines; k++)
			if (s->line[k].payee == i)
				credit += s->line[k].gross - s->line[k].fee + s->line[k].first + s->line[k].second;
		code = aic_debt_serve(x->state, &s->party[i].address, credit, err);
	}
	return code;
}

static aic_code record(aic_exec *x, const settlement *s, aic_error *err)
{
	static const aic_address zero;
	aic_bytes *out = aic_state_result_out(x->state);
	char note[AIC_EVENT_NOTE_LEN];
	aic_settlement_row row = {
		.height = x->height,
		.tx = x->tx->id,
		.content = aic_sha256_of(x->tx->body, x->tx->body_len),
		.lines = aic_frontier_root(&s->leaves),
		.n_lines = s->n_lines,
		.gross = s->gross,
		.fee = s->fees,
		.reward = s->firsts + s->issued,
		.issued = s->issued,
	};

	aic_cbor_put_array(out, s->n_lines);
	for (size_t i = 0; i < s->n_lines; i++) {
		aic_cbor_put_array(out, 2);
		aic_cbor_put_amount(out, s->line[i].first + s->line[i].second);
		aic_cbor_put_amount(out, s->line[i].second);
	}
	snprintf(note, sizeof(note), "%s/%llu", s->period, (unsigned long long)s->number);
	aic_state_emit(x->state, AIC_EVENT_SETTLEMENT, &zero, &zero, aic_u256_from(s->issued), note);
	return aic_state_settlement_put(x->state, &x->signer.site, s->period, s->number, &row, err);
}

static aic_code apply(aic_exec *x, settlement *s, aic_error *err)
{
	aic_code code;

	if ((code = read_body(s, x->tx->body, x->tx->body_len, err)) || (code = check_key(x, s, err)) || (code = aic_approvals_check(x, s->approval, s->n_approvals, &s->batch, err)) ||
	    (code = aic_state_parameters(x->state, &s->parameters, err)) || (code = aic_state_totals(x->state, &s->totals, err)) ||
	    (code = check_parties(x, s, err)) || (code = add_debits(x, s, err)) || (code = check_funds(s, err)) ||
	    (code = compute(s, err)) || (code = book(x, s, err)) || (code = serve_debts(x, s, err)))
		return code;
	return record(x, s, err);
}

aic_code aic_execute_settlement(aic_exec *x, aic_error *err)
{
	settlement s = {0};
	aic_code code = apply(x, &s, err);

	aic_bytes_free(&s.leaf);
	free(s.party);
	free(s.line);
	return code;
}

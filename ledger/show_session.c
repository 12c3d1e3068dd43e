/* show_session.c: a session in words; see show.h. */
#include <stdarg.h>
#include <stdio.h>

#include "common/bytes.h"
#include "ledger/show.h"

const char *aic_session_class_name(uint64_t class)
{
	static const char *const names[] = {"D0", "D1", "D2"};

	return class < 3 ? names[class] : "?";
}

static void put_line(aic_table *t, const char *what, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void put_line(aic_table *t, const char *what, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	aic_table_text(t, what);
	aic_table_text(t, text);
}

static void put_finding(aic_table *t, const char *who, const uint8_t key[AIC_PUBLIC_LEN], const aic_ledger_finding *f)
{
	char hex[2 * AIC_PUBLIC_LEN + 1];

	aic_hex(hex, key, AIC_PUBLIC_LEN);
	if (!f->there)
		put_line(t, who, "%s: no verdict yet", hex);
	else if (f->result == AIC_VERDICT_DIFFERS)
		put_line(t, who, "%s: differs in segment %llu, first wrong step %llu", hex, (unsigned long long)f->segment, (unsigned long long)f->step);
	else
		put_line(t, who, "%s: %s", hex, aic_verdict_result_name(f->result));
}

static void put_challenge(aic_table *t, const aic_ledger_session *s)
{
	char text[256] = "";

	if (!s->n_segments)
		return;
	for (size_t i = 0, at = 0; i < s->n_segments && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%llu", i ? " " : "", (unsigned long long)s->segment[i]);
	put_line(t, "drawn", "at height %llu, round %llu: segments %s", (unsigned long long)s->drawn, (unsigned long long)s->round, text);
	put_finding(t, "verifier", s->verifier, &s->verdict);
	put_finding(t, "third node", s->third, &s->decision);
}

static const char *why(const aic_ledger_session *s)
{
	switch (s->state) {
	case AIC_SESSION_UNCHALLENGED:
		return "closed, and not drawn for a challenge within the verification budget";
	case AIC_SESSION_VERIFIED:
		return "others computed drawn segments again and found the same bits";
	case AIC_SESSION_UNVERIFIABLE:
		return "there are no two independent parties with verifiers: nothing is refuted, it counts as D2";
	case AIC_SESSION_UNPROVEN:
		return s->counts_as == AIC_CLASS_D2 ? "class D2, or nobody else may or can compute it" : "fewer than two checkpoints were committed";
	case AIC_SESSION_REFUTED:
		return "others computed a drawn segment again and found other bits, or it withheld checkpoints twice in a row";
	case AIC_SESSION_WITHHELD:
		return "the checkpoints that were asked for were not handed out";
	case AIC_SESSION_DECOY:
		return "its site laid it to see whether verifiers compute: it counts nothing and rates nobody";
	case AIC_SESSION_EXPIRED:
		return "nobody decided within seven days: it counts as metered";
	default:
		return "waits: its lines are held";
	}
}

void aic_show_session(aic_table *t, const aic_ledger_session *s)
{
	char hex[2 * AIC_HASH_LEN + 1], amount[AIC_AMOUNT_TEXT];
	uint64_t ppm;

	aic_hex(hex, s->id.b, AIC_HASH_LEN);
	put_line(t, "session", "%s", hex);
	put_line(t, "payer", "%s", s->payer);
	for (size_t i = 0; i < s->n_fees; i++)
		put_line(t, "provider", "%s, fee %s AIC%s", s->fee[i].provider, aic_amount_format(amount, s->fee[i].fee),
		         !s->fee[i].rated ? "" : s->state == AIC_SESSION_REFUTED ? ", paid" : ", in its rating");
	put_line(t, "run", "%s, class %s%s, %llu shards", s->run == AIC_RUN_SITE ? "by the site" : "by the user", aic_session_class_name(s->class),
	         s->counts_as != s->class ? " (counts as D2)" : "", (unsigned long long)s->shards);
	put_line(t, "opened", "at height %llu", (unsigned long long)s->opened);
	aic_hex(hex, s->entropy.b, AIC_HASH_LEN);
	put_line(t, "entropy", "%s", hex);
	put_line(t, "checkpoints", "%llu, the last of step %llu", (unsigned long long)s->checkpoints, (unsigned long long)s->last_step);
	if (s->closed)
		put_line(t, "closed", "at height %llu after %llu steps", (unsigned long long)s->closed, (unsigned long long)s->steps);
	put_challenge(t, s);
	if (s->appeals)
		put_line(t, "appeal", "one");
	if (aic_session_counts(s->state, &ppm))
		put_line(t, "state", "%s at height %llu, counts %llu ppm", aic_session_state_name(s->state), (unsigned long long)s->decided,
		         (unsigned long long)ppm);
	else
		put_line(t, "state", "%s", aic_session_state_name(s->state));
	put_line(t, "why", "%s", why(s));
}

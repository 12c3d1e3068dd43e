/* session_words.c: a session in words, for reports: what it counts and why, and what a line waits for. */
#include <stdio.h>

#include "accounting/sessions.h"
#include "common/time.h"

static const char *key_text(char out[17], const uint8_t key[AIC_PUBLIC_LEN])
{
	char hex[2 * AIC_PUBLIC_LEN + 1];

	aic_hex(hex, key, AIC_PUBLIC_LEN);
	aic_str_copy(out, 17, hex);
	return out;
}

/* "by verifier 0123456789abcdef and third node fedcba9876543210" */
static const char *judges(char out[80], const aic_session_row *s)
{
	char first[17], second[17];

	if (!s->has_verifier)
		return "by nobody yet";
	snprintf(out, 80, s->has_third ? "by verifier %s and third node %s" : "by verifier %s", key_text(first, s->verifier),
	         s->has_third ? key_text(second, s->third) : "");
	return out;
}

const char *aic_session_why(char out[AIC_SESSION_WORDS], const aic_session_row *s)
{
	char by[80];

	switch (s->state) {
	case AIC_SESSION_OPEN:
		return s->end == AIC_END_STOPPED ? "stopped, and may be requeued: its lines are held" : "it runs, or its end has not reached the ledger: its lines are held";
	case AIC_SESSION_CLOSED:
		return "the draw of what is checked has not come: its lines are held";
	case AIC_SESSION_CHALLENGED:
		snprintf(out, AIC_SESSION_WORDS, "segments %s are computed again %s: its lines are held", s->segments, judges(by, s));
		return out;
	case AIC_SESSION_DOUBTED:
		snprintf(out, AIC_SESSION_WORDS, "the verifier found something else, a third node computes again, %s: its lines are held", judges(by, s));
		return out;
	case AIC_SESSION_UNCHALLENGED:
		return "not drawn within the verification budget: counts in full";
	case AIC_SESSION_VERIFIED:
		snprintf(out, AIC_SESSION_WORDS, "segments %s were computed again %s, with the same bits", s->segments, judges(by, s));
		return out;
	case AIC_SESSION_UNVERIFIABLE:
		return "no two independent parties have verifiers for it: counts as class D2";
	case AIC_SESSION_UNPROVEN:
		return s->counts_as == AIC_CLASS_D2 ? "class D2: nobody can compute it again bit by bit" : "fewer than two checkpoints were committed";
	case AIC_SESSION_REFUTED:
		if (s->judged && s->result == AIC_VERDICT_DIFFERS)
			snprintf(out, AIC_SESSION_WORDS, "segment %llu differs from step %llu on, found %s%s", (unsigned long long)s->segment,
			         (unsigned long long)s->step, judges(by, s), s->run == AIC_RUN_SITE ? "; run by the site: its lines are void" :
			         "; run by the user: the charge stands");
		else
			snprintf(out, AIC_SESSION_WORDS, "checkpoints were withheld, for the second time in a row");
		return out;
	case AIC_SESSION_WITHHELD:
		return "the checkpoints that were asked for were not handed out";
	case AIC_SESSION_EXPIRED:
		return "nobody decided within seven days: counts as metered";
	case AIC_SESSION_DECOY:
		return "a decoy, which tests who verifies";
	default:
		return "of a state that this version does not know";
	}
}

const char *aic_session_counting(char out[AIC_SESSION_WORDS], const aic_session_row *s)
{
	static const char *const classes[] = {"D0", "D1", "D2"};
	char hex[2 * AIC_HASH_LEN + 1], why[AIC_SESSION_WORDS], weight[40] = "not decided";
	uint64_t ppm;

	if (s->on_ledger)
		aic_hash_hex(hex, &s->session);
	if (aic_session_counts(s->state, &ppm))
		snprintf(weight, sizeof(weight), "counts %llu ppm", (unsigned long long)ppm);
	snprintf(out, AIC_SESSION_WORDS, "%.16s, class %s%s, %llu checkpoints, %s, %s: %.300s", s->on_ledger ? hex : "not on the ledger yet",
	         s->class < 3 ? classes[s->class] : "?", s->counts_as != s->class ? " as D2" : "", (unsigned long long)s->checkpoints,
	         aic_session_state_name(s->state), weight, aic_session_why(why, s));
	return out;
}

int64_t aic_session_seconds(const aic_session_row *s, const aic_session_node_row *n, int64_t now)
{
	int64_t end = n->until ? n->until : now;

	if ((s->state == AIC_SESSION_VERIFIED || s->state == AIC_SESSION_UNCHALLENGED) && s->committed < end)
		end = s->committed;
	return end > n->since ? end - n->since : 0;
}

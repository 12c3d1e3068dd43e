#include "slurm-plugins/job_submit/decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/price.h"

typedef struct {
	aic_snapshot_asset dataset, model;
	const aic_asset_terms *dataset_terms, *model_terms;
} assets;

typedef struct {
	bool endless;
	aic_estimate estimate;   /* of the partition where the job costs most */
	aic_amount cost;
} quote;

static void rule(aic_verdict *v, aic_ruling ruling, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void rule(aic_verdict *v, aic_ruling ruling, const char *fmt, ...)
{
	va_list ap;

	v->ruling = ruling;
	va_start(ap, fmt);
	vsnprintf(v->message, sizeof(v->message), fmt, ap);
	va_end(ap);
}

static bool in_scope(const aic_snapshot *s, const aic_ask *ask, const char *partition)
{
	return aic_snapshot_in_scope(s, partition, ask->account ? ask->account : "");
}

static bool any_in_scope(const aic_snapshot *s, const aic_ask *ask)
{
	const char *name;

	for (uint32_t i = 0; (name = ask->partition(ask->ctx, i, NULL)); i++)
		if (in_scope(s, ask, name))
			return true;
	return false;
}

/* --- the quote --- */

/* GPUs without a type can turn out to be any that the partition has: the dearest counts. */
static void name_untyped(aic_node_share *share, const aic_rates *rates, const aic_partition *p)
{
	const char *dearest = NULL;

	for (uint32_t i = 0; i < p->gpus.n; i++)
		if (!dearest || aic_rate_of_gpu(rates, p->gpus.gpu[i].type) > aic_rate_of_gpu(rates, dearest))
			dearest = p->gpus.gpu[i].type;
	for (uint32_t i = 0; dearest && i < share->gpu_types; i++)
		if (!share->gpu[i].type[0])
			aic_str_copy(share->gpu[i].type, sizeof(share->gpu[i].type), dearest);
}

static void quote_partition(quote *q, const aic_snapshot *s, const aic_ask *ask, const assets *a, const aic_partition *p)
{
	const aic_rates *rates = aic_snapshot_rates(s);
	aic_estimate e;
	aic_amount cost;

	aic_estimate_job(&e, ask->request, p);
	name_untyped(&e.total, rates, p);
	if (e.seconds == AIC_UNLIMITED ||
	    !aic_price_quote(&cost, rates, &e.total, 1, e.seconds, a->dataset_terms, a->model_terms) ||
	    !aic_mul_div(&cost, cost, e.jobs, 1)) {
		q->endless = true;
		return;
	}
	if (cost >= q->cost) {
		q->cost = cost;
		q->estimate = e;
	}
}

static void quote_job(quote *q, const aic_snapshot *s, const aic_ask *ask, const assets *a)
{
	const aic_partition *p;
	const char *name;

	*q = (quote){ 0 };
	for (uint32_t i = 0; (name = ask->partition(ask->ctx, i, &p)); i++)
		if (in_scope(s, ask, name))
			quote_partition(q, s, ask, a, p);
}

/* --- sentences --- */

static const char *say_time(char *buf, size_t size, int64_t seconds)
{
	if (seconds % 86400 == 0)
		snprintf(buf, size, "%lld d", (long long)(seconds / 86400));
	else if (seconds % 3600 == 0)
		snprintf(buf, size, "%lld h", (long long)(seconds / 3600));
	else
		snprintf(buf, size, "%lld min", (long long)(seconds / 60));
	return buf;
}

/* "3 tasks x 2 h x 4 a100, 32 CPUs": what drives the figure. */
static const char *say_job(char *buf, size_t size, const aic_estimate *e)
{
	char time[32];
	size_t n = 0;

	if (e->jobs > 1)
		n += (size_t)snprintf(buf, size, "%u tasks x ", e->jobs);
	n += (size_t)snprintf(buf + n, size - n, "%s x ", say_time(time, sizeof(time), e->seconds));
	for (uint32_t i = 0; i < e->total.gpu_types && n + 160 < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%u %s + ", e->total.gpu[i].count,
		                      e->total.gpu[i].type[0] ? e->total.gpu[i].type : "GPUs");
	n += (size_t)snprintf(buf + n, size - n, "%u CPUs", e->total.cpus);
	if (e->total.mem_mib)
		snprintf(buf + n, size - n, " + %llu MiB", (unsigned long long)e->total.mem_mib);
	return buf;
}

/* Two figures for comparison: what is there rounded down, what is needed rounded up, with as many decimals as tell them apart. */
static void say_amounts(char has[AIC_AMOUNT_TEXT], char needs[AIC_AMOUNT_TEXT], aic_amount available, aic_amount cost)
{
	static const int decimals[] = { 2, 6, 18 };

	for (size_t i = 0; i < sizeof(decimals) / sizeof(*decimals); i++) {
		aic_amount step = 1, up;

		for (int d = decimals[i]; d < 18; d++)
			step *= 10;
		if (!aic_amount_add(&up, cost, step - 1))
			up = cost;
		aic_amount_human(has, available, decimals[i]);
		aic_amount_human(needs, up, decimals[i]);
		if (strcmp(has, needs))
			return;
	}
}

static void rule_unfunded(aic_verdict *v, const aic_snapshot *s, const aic_ask *ask, const aic_snapshot_account *account,
                          const quote *q, aic_amount available)
{
	char has[AIC_AMOUNT_TEXT], needs[AIC_AMOUNT_TEXT], taken[AIC_AMOUNT_TEXT], job[320], others[160] = "";
	bool refuse = aic_snapshot_refuse_unfunded(s);

	say_amounts(has, needs, available, q->cost);
	if (ask->reserved)
		snprintf(others, sizeof(others), " beside %s AIC reserved for its other jobs", aic_amount_human(taken, ask->reserved, 2));
	rule(v, refuse ? AIC_REFUSE : AIC_HOLD, "account %s holds %s AIC%s; this job needs up to %s AIC (%s): %sshorten --time, or ask for a top-up",
	     account->name, has, others, needs, say_job(job, sizeof(job), &q->estimate), refuse ? "" : "it is held; ");
}

/* --- the decision --- */

static bool find_asset(aic_verdict *v, const aic_snapshot *s, const char *name, bool model, aic_snapshot_asset *out,
                       const aic_asset_terms **terms)
{
	*terms = NULL;
	if (!name || !*name)
		return true;
	if (!aic_snapshot_asset_find(s, name, model, out)) {
		rule(v, AIC_REFUSE, "%s \"%.127s\" is not registered: check --aic-%s, or ask its owner to register it",
		     model ? "model" : "data set", name, model ? "model" : "dataset");
		return false;
	}
	*terms = &out->terms;
	return true;
}

static void decide_in_scope(aic_verdict *v, const aic_snapshot *s, const aic_ask *ask, const quote *q)
{
	aic_snapshot_account account;
	aic_amount available;

	if (!ask->account || !*ask->account) {
		rule(v, AIC_REFUSE, "this job has no account, so nobody can be charged: give --account");
		return;
	}
	if (!aic_snapshot_account_find(s, ask->account, &account)) {
		rule(v, AIC_REFUSE, "account %.127s has no wallet here: check --account, or ask an administrator to open one", ask->account);
		return;
	}
	if (q->endless) {
		rule(v, AIC_REFUSE, "this job has no time limit, so its cost has no bound: give --time");
		return;
	}
	v->quoted = true;
	v->cost = q->cost;
	if (!aic_amount_sub(&available, account.available, ask->reserved))
		available = 0;
	if (q->cost > available)
		rule_unfunded(v, s, ask, &account, q, available);
}

bool aic_quote_job(const aic_snapshot *s, const aic_ask *ask, aic_amount *cost)
{
	aic_verdict v;
	assets a;
	quote q;

	if (!any_in_scope(s, ask) || !find_asset(&v, s, ask->dataset, false, &a.dataset, &a.dataset_terms) ||
	    !find_asset(&v, s, ask->model, true, &a.model, &a.model_terms))
		return false;
	quote_job(&q, s, ask, &a);
	*cost = q.cost;
	return !q.endless;
}

static void decide_blind(aic_verdict *v, bool closed, const char *why)
{
	v->blind = true;
	if (closed)
		rule(v, AIC_REFUSE, "AIC cannot tell whether this job is funded: %.400s; the site's policy is to take no jobs meanwhile: "
		     "try again later, or tell an administrator", why);
	else
		rule(v, AIC_ADMIT, "job admitted without a quote: %.400s", why);
}

void aic_decide(aic_verdict *v, const aic_snapshot *s, const char *why, bool closed, int64_t now, const aic_ask *ask)
{
	char age[128];
	assets a;
	quote q;

	*v = (aic_verdict){ .ruling = AIC_ADMIT };
	if (!s) {
		decide_blind(v, closed, why);
		return;
	}
	if (!any_in_scope(s, ask))
		return;
	if (aic_snapshot_enforce(s) && aic_snapshot_stale(s, now)) {
		snprintf(age, sizeof(age), "the snapshot of balances is %lld s old (is aicacctd running?)",
		         (long long)aic_snapshot_age(s, now));
		decide_blind(v, aic_snapshot_closed_when_stale(s), age);
		return;
	}
	if (find_asset(v, s, ask->dataset, false, &a.dataset, &a.dataset_terms) &&
	    find_asset(v, s, ask->model, true, &a.model, &a.model_terms)) {
		quote_job(&q, s, ask, &a);
		decide_in_scope(v, s, ask, &q);
	}
	if (!aic_snapshot_enforce(s))
		v->ruling = AIC_ADMIT;
}

void aic_quote_say(aic_quote *out, const aic_snapshot *s, const char *why, bool closed, int64_t now, const aic_ask *ask)
{
	static const aic_quote_ruling rulings[] = { AIC_QUOTE_ADMIT, AIC_QUOTE_HOLD, AIC_QUOTE_REFUSE };
	aic_snapshot_account account = { 0 };
	aic_verdict v;
	assets a;
	quote q;

	aic_decide(&v, s, why, closed, now, ask);
	*out = (aic_quote){ .ruling = rulings[v.ruling], .quoted = v.quoted, .cost = v.cost, .reserved = ask->reserved };
	aic_str_copy(out->account, sizeof(out->account), ask->account ? ask->account : "");
	aic_str_copy(out->message, sizeof(out->message), v.message);
	if (s && !v.message[0] && !v.quoted)
		aic_str_copy(out->message, sizeof(out->message), "this job is out of AIC's scope: it costs nothing");
	if (!v.quoted)
		return;
	find_asset(&v, s, ask->dataset, false, &a.dataset, &a.dataset_terms);
	find_asset(&v, s, ask->model, true, &a.model, &a.model_terms);
	quote_job(&q, s, ask, &a);
	say_job(out->job, sizeof(out->job), &q.estimate);
	out->seconds = q.estimate.seconds;
	out->tasks = q.estimate.jobs;
	aic_snapshot_account_find(s, ask->account, &account);
	out->available = account.available;
}

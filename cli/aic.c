/* aic: the one command of people. It only dispatches: a subcommand lives in the room of what it shows. */
#include "accounting/commands.h"
#include "common/command.h"
#include "ledger/commands.h"
#include "slurm-plugins/commands.h"

static int cmd_session(int argc, char **argv)
{
	static const aic_subcommand more[] = {
		{"verify", aic_cmd_session_verify, "judge what this site's nodes are asked to, by Slurm jobs"},
		{NULL, NULL, NULL},
	};

	return aic_cmd_session(argc, argv, more);
}

static const aic_subcommand commands[] = {
	{"balance", aic_cmd_balance, "what an account holds, what is reserved, what is left"},
	{"history", aic_cmd_history, "what came in and went out of a wallet"},
	{"org", aic_cmd_org, "organisations, whose wallets earn no reward from each other"},
	{"train", aic_cmd_train, "submit a training that the site runs, and fetch what came out"},
	{"quote", aic_cmd_quote, "the most that a job can cost, before submitting it"},
	{"report", aic_cmd_report, "payouts, usage and uncharged jobs of a period"},
	{"batch", aic_cmd_batch, "list, show, approve and post payout batches (administrators)"},
	{"transfer", aic_cmd_transfer, "move AIC between wallets of this site (administrators)"},
	{"ledger", aic_cmd_ledger, "the site's copy of the ledger: status, verify"},
	{"asset", aic_cmd_asset, "data sets and models of the ledger: their owners, terms and parents"},
	{"session", cmd_session, "training sessions: commitments, challenges, verdicts"},
	{"key", aic_cmd_key, "keys of this site, its nodes and its administrators"},
	{"explain", aic_cmd_explain, "every number of a job, from its record to its payout"},
	{"reconcile", aic_cmd_reconcile, "compare what was charged with what slurmdbd knows (administrators)"},
	{"erase", aic_cmd_erase, "take out of settled records what names a person (administrators)"},
	{"storage", aic_cmd_storage, "what storage providers held, paid by GiB and month (administrators)"},
	{"simulate", aic_cmd_simulate, "what other rates or parameters would have paid, from files alone"},
	{"allocator", aic_cmd_allocator, "lend nodes: plan, apply, check (administrators)"},
	{"lease", aic_cmd_lease, "what is lent now"},
	{"dataset", aic_cmd_dataset, "data sets: into the store, onto nodes, and where they are"},
	{"topology", aic_cmd_topology, "how far nodes are from each other, for Slurm's topology/tree"},
	{"doctor", aic_cmd_doctor, "check this installation; each finding comes with its remedy"},
	{NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	return aic_command_dispatch(commands,
	                            "AIC: what your jobs cost, what your nodes earn, and the ledger that it stands on.", argc,
	                            argv);
}

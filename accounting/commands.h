/* commands.h: the subcommands of `aic` that this room answers for; see common/command.h. */
#ifndef AIC_ACCOUNTING_COMMANDS_H
#define AIC_ACCOUNTING_COMMANDS_H

int aic_cmd_balance(int argc, char **argv);
int aic_cmd_history(int argc, char **argv);
int aic_cmd_quote(int argc, char **argv);
int aic_cmd_report(int argc, char **argv); /* payouts | usage | uncharged */
int aic_cmd_batch(int argc, char **argv);  /* list | show | close | approve | post | lines | hold | release | adjust | void | log */
int aic_cmd_doctor(int argc, char **argv);
int aic_cmd_explain(int argc, char **argv);
int aic_cmd_reconcile(int argc, char **argv);
int aic_cmd_erase(int argc, char **argv);
int aic_cmd_storage(int argc, char **argv); /* held | list */
int aic_cmd_org(int argc, char **argv);
int aic_cmd_simulate(int argc, char **argv);
int aic_cmd_session_verify(int argc, char **argv); /* aic session verify */

#endif

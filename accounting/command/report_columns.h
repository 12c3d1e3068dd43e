/* report_columns.h: the columns of every report, in the order in which aicacctd sends their cells: the one home of their names,
 * which are the keys of csv, parsable and json. */
#ifndef AIC_ACCOUNTING_REPORT_COLUMNS_H
#define AIC_ACCOUNTING_REPORT_COLUMNS_H

#include "common/table.h"

enum { AIC_P_PAYEE, AIC_P_PAYER, AIC_P_KIND, AIC_P_LINES, AIC_P_GROSS, AIC_P_FEE, AIC_P_NET, AIC_P_REWARD, AIC_P_TOTAL, AIC_P_STATE,
       AIC_P_NOTE, AIC_P_COLUMNS };
enum { AIC_U_ACCOUNT, AIC_U_USER, AIC_U_RUNS, AIC_U_CPU, AIC_U_CPU_USED, AIC_U_GPU, AIC_U_GPU_USED, AIC_U_CHARGE, AIC_U_COLUMNS };
enum { AIC_N_JOB, AIC_N_CLUSTER, AIC_N_RESTART, AIC_N_ACCOUNT, AIC_N_USER, AIC_N_STATE, AIC_N_START, AIC_N_END, AIC_N_SECONDS,
       AIC_N_REASON, AIC_N_COLUMNS };
enum { AIC_W_WALLET, AIC_W_ORGANISATION, AIC_W_BALANCE, AIC_W_UNSETTLED, AIC_W_AVAILABLE, AIC_W_DEBT, AIC_W_RATING, AIC_W_REGISTERED,
       AIC_W_AS_OF, AIC_W_COLUMNS };
enum { AIC_R_WALLET, AIC_R_ORGANISATION, AIC_R_RATING, AIC_R_LINES, AIC_R_QUALITY, AIC_R_COLUMNS };
enum { AIC_V_RESOURCE, AIC_V_UNIT, AIC_V_RATE, AIC_V_HOURS, AIC_V_COLUMNS };
enum { AIC_PS_PERIOD, AIC_PS_PAYEE, AIC_PS_NET, AIC_PS_REWARD, AIC_PS_SETTLED, AIC_PS_COLUMNS };
enum { AIC_US_PERIOD, AIC_US_CPU, AIC_US_CPU_METERED, AIC_US_CPU_USED, AIC_US_GPU, AIC_US_GPU_METERED, AIC_US_GPU_USED,
       AIC_US_COLUMNS };

extern const aic_column aic_payout_columns[AIC_P_COLUMNS], aic_usage_columns[AIC_U_COLUMNS], aic_uncharged_columns[AIC_N_COLUMNS],
	aic_wallet_columns[AIC_W_COLUMNS], aic_rating_columns[AIC_R_COLUMNS], aic_value_columns[AIC_V_COLUMNS],
	aic_payout_series_columns[AIC_PS_COLUMNS], aic_usage_series_columns[AIC_US_COLUMNS];

#endif

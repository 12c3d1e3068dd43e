#include "accounting/command/report_columns.h"

const aic_column aic_payout_columns[AIC_P_COLUMNS] = {
	[AIC_P_PAYEE] = {"payee", "PAYEE", AIC_COLUMN_TEXT},      [AIC_P_PAYER] = {"payer", "PAYER", AIC_COLUMN_TEXT},
	[AIC_P_KIND] = {"kind", "KIND", AIC_COLUMN_TEXT},         [AIC_P_LINES] = {"lines", "LINES", AIC_COLUMN_NUMBER},
	[AIC_P_GROSS] = {"gross", "GROSS AIC", AIC_COLUMN_AMOUNT}, [AIC_P_FEE] = {"fee", "FEE AIC", AIC_COLUMN_AMOUNT},
	[AIC_P_NET] = {"net", "NET AIC", AIC_COLUMN_AMOUNT},      [AIC_P_REWARD] = {"reward", "REWARD AIC", AIC_COLUMN_AMOUNT},
	[AIC_P_TOTAL] = {"total", "TOTAL AIC", AIC_COLUMN_AMOUNT}, [AIC_P_STATE] = {"state", "BATCH", AIC_COLUMN_TEXT},
	[AIC_P_NOTE] = {"note", "NOTE", AIC_COLUMN_TEXT},
};

const aic_column aic_usage_columns[AIC_U_COLUMNS] = {
	[AIC_U_ACCOUNT] = {"account", "ACCOUNT", AIC_COLUMN_TEXT},
	[AIC_U_USER] = {"user", "USER", AIC_COLUMN_TEXT},
	[AIC_U_RUNS] = {"runs", "RUNS", AIC_COLUMN_NUMBER},
	[AIC_U_CPU] = {"cpu_seconds", "CPU SECONDS", AIC_COLUMN_NUMBER},
	[AIC_U_CPU_USED] = {"cpu_seconds_used", "CPU USED", AIC_COLUMN_TEXT},
	[AIC_U_GPU] = {"gpu_seconds", "GPU SECONDS", AIC_COLUMN_NUMBER},
	[AIC_U_GPU_USED] = {"gpu_seconds_used", "GPU USED", AIC_COLUMN_TEXT},
	[AIC_U_CHARGE] = {"charge", "CHARGE AIC", AIC_COLUMN_AMOUNT},
};

const aic_column aic_uncharged_columns[AIC_N_COLUMNS] = {
	[AIC_N_JOB] = {"job", "JOB", AIC_COLUMN_TEXT},             [AIC_N_CLUSTER] = {"cluster", "CLUSTER", AIC_COLUMN_TEXT},
	[AIC_N_RESTART] = {"restart", "RESTART", AIC_COLUMN_NUMBER}, [AIC_N_ACCOUNT] = {"account", "ACCOUNT", AIC_COLUMN_TEXT},
	[AIC_N_USER] = {"user", "USER", AIC_COLUMN_TEXT},          [AIC_N_STATE] = {"state", "STATE", AIC_COLUMN_TEXT},
	[AIC_N_START] = {"start", "START", AIC_COLUMN_TIME},       [AIC_N_END] = {"end", "END", AIC_COLUMN_TIME},
	[AIC_N_SECONDS] = {"billable", "SECONDS", AIC_COLUMN_NUMBER}, [AIC_N_REASON] = {"reason", "REASON", AIC_COLUMN_TEXT},
};

const aic_column aic_wallet_columns[AIC_W_COLUMNS] = {
	[AIC_W_WALLET] = {"wallet", "WALLET", AIC_COLUMN_TEXT},
	[AIC_W_ORGANISATION] = {"organisation", "ORGANISATION", AIC_COLUMN_TEXT},
	[AIC_W_BALANCE] = {"balance", "BALANCE AIC", AIC_COLUMN_AMOUNT},
	[AIC_W_UNSETTLED] = {"unsettled", "UNSETTLED AIC", AIC_COLUMN_AMOUNT},
	[AIC_W_AVAILABLE] = {"available", "AVAILABLE AIC", AIC_COLUMN_AMOUNT},
	[AIC_W_DEBT] = {"debt", "DEBT AIC", AIC_COLUMN_AMOUNT},
	[AIC_W_RATING] = {"rating", "RATING", AIC_COLUMN_AMOUNT},
	[AIC_W_REGISTERED] = {"registered", "ON LEDGER", AIC_COLUMN_TEXT},
	[AIC_W_AS_OF] = {"as_of", "AS OF", AIC_COLUMN_TIME},
};

const aic_column aic_rating_columns[AIC_R_COLUMNS] = {
	[AIC_R_WALLET] = {"wallet", "WALLET", AIC_COLUMN_TEXT},
	[AIC_R_ORGANISATION] = {"organisation", "ORGANISATION", AIC_COLUMN_TEXT},
	[AIC_R_RATING] = {"rating", "RATING", AIC_COLUMN_AMOUNT},
	[AIC_R_LINES] = {"lines", "LINES SETTLED", AIC_COLUMN_NUMBER},
	[AIC_R_QUALITY] = {"quality", "MEAN QUALITY", AIC_COLUMN_AMOUNT},
};

const aic_column aic_value_columns[AIC_V_COLUMNS] = {
	[AIC_V_RESOURCE] = {"resource", "RESOURCE", AIC_COLUMN_TEXT},
	[AIC_V_UNIT] = {"unit", "UNIT", AIC_COLUMN_TEXT},
	[AIC_V_RATE] = {"rate", "AIC PER UNIT", AIC_COLUMN_AMOUNT},
	[AIC_V_HOURS] = {"units_per_aic", "UNITS PER AIC", AIC_COLUMN_AMOUNT},
};

const aic_column aic_session_columns[AIC_T_COLUMNS] = {
	[AIC_T_JOB] = {"job", "JOB", AIC_COLUMN_TEXT},             [AIC_T_CLUSTER] = {"cluster", "CLUSTER", AIC_COLUMN_TEXT},
	[AIC_T_ACCOUNT] = {"account", "ACCOUNT", AIC_COLUMN_TEXT}, [AIC_T_USER] = {"user", "USER", AIC_COLUMN_TEXT},
	[AIC_T_SESSION] = {"session", "SESSION", AIC_COLUMN_TEXT}, [AIC_T_RUN] = {"run_by", "RUN BY", AIC_COLUMN_TEXT},
	[AIC_T_CLASS] = {"class", "CLASS", AIC_COLUMN_TEXT},       [AIC_T_NODES] = {"nodes", "NODES", AIC_COLUMN_TEXT},
	[AIC_T_SECONDS] = {"seconds", "SECONDS", AIC_COLUMN_NUMBER}, [AIC_T_CHECKPOINTS] = {"checkpoints", "CHECKPOINTS", AIC_COLUMN_NUMBER},
	[AIC_T_STATE] = {"state", "STATE", AIC_COLUMN_TEXT},       [AIC_T_COUNTS] = {"counts_ppm", "COUNTS PPM", AIC_COLUMN_TEXT},
	[AIC_T_WHY] = {"why", "WHY", AIC_COLUMN_TEXT},
};

const aic_column aic_payout_series_columns[AIC_PS_COLUMNS] = {
	[AIC_PS_PERIOD] = {"period", "PERIOD", AIC_COLUMN_TEXT},  [AIC_PS_PAYEE] = {"payee", "PAYEE", AIC_COLUMN_TEXT},
	[AIC_PS_NET] = {"net", "NET AIC", AIC_COLUMN_AMOUNT},     [AIC_PS_REWARD] = {"reward", "REWARD AIC", AIC_COLUMN_AMOUNT},
	[AIC_PS_SETTLED] = {"settled", "SETTLED", AIC_COLUMN_NUMBER},
};

const aic_column aic_usage_series_columns[AIC_US_COLUMNS] = {
	[AIC_US_PERIOD] = {"period", "PERIOD", AIC_COLUMN_TEXT},
	[AIC_US_CPU] = {"cpu_seconds", "CPU SECONDS", AIC_COLUMN_NUMBER},
	[AIC_US_CPU_METERED] = {"cpu_seconds_metered", "OF THESE METERED", AIC_COLUMN_NUMBER},
	[AIC_US_CPU_USED] = {"cpu_seconds_used", "CPU SECONDS USED", AIC_COLUMN_NUMBER},
	[AIC_US_GPU] = {"gpu_seconds", "GPU SECONDS", AIC_COLUMN_NUMBER},
	[AIC_US_GPU_METERED] = {"gpu_seconds_metered", "OF THESE METERED", AIC_COLUMN_NUMBER},
	[AIC_US_GPU_USED] = {"gpu_seconds_used", "GPU SECONDS USED", AIC_COLUMN_NUMBER},
};

aic_configure() { :; }
aic_stop() { :; }
aic_daemons() { :; }

# doc
dist_man_MANS += doc/man/aic.1

# doc
EXTRA_DIST += doc/install.md
dist_man_MANS += doc/man/aic.1
dist_man_MANS += doc/man/aic.yaml.5
EXTRA_DIST += doc/formats/job-record.md doc/formats/receipt.md doc/formats/rpc.md doc/formats/snapshot.md doc/formats/spool.md

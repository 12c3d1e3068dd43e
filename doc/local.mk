# doc
dist_man_MANS += doc/man/aic.1
dist_man_MANS += doc/man/aic.yaml.5
EXTRA_DIST += doc/architecture.md doc/attacks.md doc/economics.md doc/guide.md doc/install.md doc/formats

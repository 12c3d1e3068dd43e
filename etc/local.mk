# etc: what a real site installs (units, examples), and the lab, which is only distributed.
dist_examples_DATA += etc/aic.yaml etc/providers.yaml etc/slurm.conf.aic etc/plugstack.conf.aic etc/aic.logrotate

systemdunitdir = $(prefix)/lib/systemd/system
nodist_systemdunit_DATA = etc/systemd/aicledgerd.service etc/systemd/aicacctd.service etc/systemd/aicnoded.service \
	etc/systemd/aic-allocator.service etc/systemd/aictraind.service etc/systemd/aic-verify.service
dist_systemdunit_DATA = etc/systemd/aic-allocator.timer etc/systemd/aic-verify.timer
EXTRA_DIST += \
	etc/systemd/aicledgerd.service.in etc/systemd/aicacctd.service.in etc/systemd/aicnoded.service.in \
	etc/systemd/aic-allocator.service.in etc/systemd/aictraind.service.in etc/systemd/aic-verify.service.in etc/systemd/sysusers.conf etc/systemd/tmpfiles.conf
CLEANFILES += $(nodist_systemdunit_DATA)
etc/systemd/aicledgerd.service: etc/systemd/aicledgerd.service.in
etc/systemd/aicacctd.service: etc/systemd/aicacctd.service.in
etc/systemd/aicnoded.service: etc/systemd/aicnoded.service.in
etc/systemd/aic-allocator.service: etc/systemd/aic-allocator.service.in
etc/systemd/aictraind.service: etc/systemd/aictraind.service.in
etc/systemd/aic-verify.service: etc/systemd/aic-verify.service.in
$(nodist_systemdunit_DATA): Makefile
	$(AM_V_GEN)$(MKDIR_P) etc/systemd && sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' $(top_srcdir)/$@.in >$@

install-data-local:
	$(MKDIR_P) $(DESTDIR)$(prefix)/lib/sysusers.d $(DESTDIR)$(prefix)/lib/tmpfiles.d
	$(INSTALL_DATA) $(srcdir)/etc/systemd/sysusers.conf $(DESTDIR)$(prefix)/lib/sysusers.d/aic.conf
	$(INSTALL_DATA) $(srcdir)/etc/systemd/tmpfiles.conf $(DESTDIR)$(prefix)/lib/tmpfiles.d/aic.conf
uninstall-local:
	rm -f $(DESTDIR)$(prefix)/lib/sysusers.d/aic.conf $(DESTDIR)$(prefix)/lib/tmpfiles.d/aic.conf

EXTRA_DIST += etc/packages.txt etc/quickstart.sh etc/lab etc/examples

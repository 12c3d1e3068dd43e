# prepare.sh: packages and sources of the tests. They and the builds stay in AIC_TEST_DIR from run to run.

AIC_TEST_DIR=${AIC_TEST_DIR:-/var/tmp/aic-tests}
export AIC_TEST_DIR AIC_TEST_USR=$AIC_TEST_DIR/usr

# The lab's parts do it, with the folders of the tests.
AIC_LAB=$AIC_TEST_DIR AIC_LAB_USR=$AIC_TEST_USR AIC_LAB_SOURCE=$AIC_TEST_DIR/src
. "$TOP/etc/lab/lab.sh"
SAY_NAME=tests LAB_LOG=$AIC_TEST_DIR/prepare.log

prepare() {
	[ "$(id -u)" = 0 ] || die "the tests need root, for packages, Unix users and slurmd: run them as root (you are $(id -un))."
	packages_platform
	install -d -m 755 "$AIC_TEST_DIR" "$AIC_LAB_SOURCE"
	exec 8>"$AIC_TEST_DIR/.lock"
	flock -n 8 || die "another tests/run.sh works in $AIC_TEST_DIR: wait for it to end, or set AIC_TEST_DIR."
	: >"$LAB_LOG"
	packages_install lab sites test
	prepare_slurm_source
	build_copy "$AIC_LAB_SOURCE/aic"
}

# The quickstart's configured source serves the tests too, where it is the same release.
prepare_slurm_source() {
	local quickstart
	quickstart=/var/lib/aic-lab/src/slurm-$(source_version)
	if [ ! -e "$(source_tree)/.configured" ] && [ -e "$quickstart/.configured" ]; then cp -a "$quickstart" "$AIC_LAB_SOURCE/"; fi
	quickstart=${quickstart%/*}/libcbor-$(source_cbor_version)
	if [ ! -e "$(source_cbor_tree)" ] && [ -e "$quickstart" ]; then cp -a "$quickstart" "$AIC_LAB_SOURCE/"; fi
	source_ready
}

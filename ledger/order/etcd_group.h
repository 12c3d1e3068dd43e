/* etcd_group.h: the end of a test program whose tests share one etcd: it starts, the tests run, it stops; without etcd on this
 * machine they are skipped with a word. */
#ifndef AIC_LEDGER_ORDER_ETCD_GROUP_H
#define AIC_LEDGER_ORDER_ETCD_GROUP_H

#include "common/testing.h"
#include "ledger/order/etcd_testing.h"

static etcd_cluster *etcd_group_cluster;
static etcd_options etcd_group_options;

static int etcd_group_start(void **state)
{
	(void)state;
	etcd_cluster_start(etcd_group_cluster, etcd_group_options);
	return 0;
}

static int etcd_group_stop(void **state)
{
	(void)state;
	etcd_cluster_stop(etcd_group_cluster);
	return 0;
}

/* The program's exit status; tests is an array. */
#define etcd_group_run(tests, cluster, ...)                                                                 \
	(etcd_group_cluster = (cluster), etcd_group_options = (etcd_options){__VA_ARGS__},                      \
	 etcd_installed() ? cmocka_run_group_tests(tests, etcd_group_start, etcd_group_stop)                    \
	                  : (print_message("skipped: etcd is not installed\n"), 0))

#endif

/* proxy_testing.h: a TCP proxy on loopback that loses what a test tells it to lose, of transactions that put something. */
#ifndef AIC_LEDGER_ORDER_PROXY_TESTING_H
#define AIC_LEDGER_ORDER_PROXY_TESTING_H

#include <pthread.h>
#include <stdatomic.h>

typedef enum {
	PROXY_PASS,
	PROXY_LOSE_ANSWER,  /* the request is carried out, then the connection breaks */
	PROXY_HOLD_ANSWER,  /* the request is carried out, then there is silence */
	PROXY_LOSE_REQUEST, /* the connection breaks before */
	PROXY_LATE          /* the connection breaks, and the request is carried out PROXY_LATE_MS later */
} proxy_fault;

#define PROXY_LATE_MS 300
#define PROXY_ALWAYS 1000000

typedef struct {
	int port, upstream, listener;
	pthread_t thread;
	atomic_int fault, times;
	atomic_int skip;               /* so many pass first; a test sets it after arming */
	atomic_int done;               /* how often it has happened */
	atomic_bool stop;
} proxy;

void proxy_start(proxy *p, int upstream_port);
void proxy_stop(proxy *p);
void proxy_arm(proxy *p, proxy_fault fault, int times); /* the next so many transactions */

#endif

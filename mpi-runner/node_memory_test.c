/* Memory that processes of a node share, and the bell in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/time.h"
#include "mpi-runner/node_memory.h"

typedef struct {
	aic_bell to_child, to_parent;
	_Atomic uint32_t question, answer;
} talk;

/* Waits, for a minute at most, until *word is no longer 0. */
static uint32_t hear(aic_bell *b, _Atomic uint32_t *word)
{
	int64_t end = aic_monotonic_ms() + 60000;

	for (;;) {
		uint32_t seen = atomic_load(&b->rung), value = atomic_load(word);
		if (value != 0 || aic_monotonic_ms() > end)
			return value;
		aic_bell_wait(b, seen, 1000);
	}
}

static int answering(const aic_node_memory_place *place)
{
	aic_node_memory m;
	aic_error err;

	if (aic_node_memory_join(&m, place, &err) != AIC_OK)
		return 1;
	talk *t = m.at;
	atomic_store(&t->answer, hear(&t->to_child, &t->question) + 1);
	aic_bell_ring(&t->to_parent);
	aic_node_memory_free(&m);
	return 0;
}

static void two_processes_talk(void **state)
{
	aic_node_memory m;
	aic_node_memory_place place;
	aic_error err;
	int status;

	(void)state;
	assert_int_equal(aic_node_memory_make(&m, 3 * 4096 + 1, &place, &err), AIC_OK);
	assert_int_equal(m.len, 4 * 4096);
	for (size_t i = 0; i < m.len; i++)
		assert_int_equal(((char *)m.at)[i], 0);
	pid_t child = fork();
	if (child == 0)
		_exit(answering(&place));
	talk *t = m.at;
	atomic_store(&t->question, 41);
	aic_bell_ring(&t->to_child);
	assert_int_equal(hear(&t->to_parent, &t->answer), 42);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	aic_node_memory_free(&m);
}

static void a_bell_that_has_rung_is_not_waited_for(void **state)
{
	aic_bell b = {0};
	uint32_t seen = atomic_load(&b.rung);
	int64_t start = aic_monotonic_ms();

	(void)state;
	aic_bell_ring(&b);
	aic_bell_wait(&b, seen, 600000);
	assert_true(aic_monotonic_ms() - start < 300000);
	aic_bell_wait(&b, atomic_load(&b.rung), 5); /* nobody rings: comes back */
	assert_int_equal(atomic_load(&b.waiting), 0);
}

/* Another container's process may have the same number: what is found there is something else. */
static void what_is_not_the_same_memory_is_refused(void **state)
{
	aic_node_memory m, other;
	aic_node_memory_place place;
	aic_error err;

	(void)state;
	assert_int_equal(aic_node_memory_make(&m, 100, &place, &err), AIC_OK);
	place.token++;
	assert_int_equal(aic_node_memory_join(&other, &place, &err), AIC_UNREACHABLE);
	assert_non_null(strstr(err.message, "another node's or container's"));
	place.token--;
	place.len += 4096;
	assert_int_equal(aic_node_memory_join(&other, &place, &err), AIC_UNREACHABLE);
	assert_non_null(strstr(err.message, "another node's or container's"));
	place.len -= 4096;
	aic_node_memory_seal(&m);
	assert_int_equal(aic_node_memory_join(&other, &place, &err), AIC_UNREACHABLE);
	assert_non_null(strstr(err.message, "cannot be opened from here"));
	aic_node_memory_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_processes_talk), cmocka_unit_test(a_bell_that_has_rung_is_not_waited_for),
		cmocka_unit_test(what_is_not_the_same_memory_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

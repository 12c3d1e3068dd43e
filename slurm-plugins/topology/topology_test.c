#define _GNU_SOURCE
#include "common/testing.h"

#include <math.h>

#include "slurm-plugins/topology/show.h"

#define DAY 86400

static uint64_t seed = 1;

/* 1 - spread to 1 + spread. */
static double noise(double spread)
{
	return 1 + spread * (2 * ((double)(test_random(&seed) >> 11) / 0x1p53) - 1);
}

typedef struct {
	size_t nodes, per_leaf, leaves_per_row; /* leaves_per_row 0: no rows */
	double spread;
	size_t bad;              /* a node with a bad cable: nodes for none */
	double times;            /* by which it is worse */
} plan;

/* Latency by the level at which two nodes meet. */
static double planted(const plan *p, size_t a, size_t b)
{
	size_t leaf_a = a / p->per_leaf, leaf_b = b / p->per_leaf;

	if (leaf_a == leaf_b)
		return 1200;
	return !p->leaves_per_row || leaf_a / p->leaves_per_row == leaf_b / p->leaves_per_row ? 2100 : 3900;
}

/* Nodes are named so that those of one leaf do not stand together. */
static unsigned name_of(const plan *p, size_t node)
{
	return (unsigned)(node * (p->nodes % 7 ? 7 : 5) % p->nodes) + 1;
}

static void plant(aic_topology *t, const plan *p)
{
	aic_bytes text = {0};
	aic_links l;

	aic_bytes_append_str(&text, "aic-links 1\n");
	for (size_t a = 0; a < p->nodes; a++)
		for (size_t b = a + 1; b < p->nodes; b++) {
			double times = noise(p->spread) * (a == p->bad || b == p->bad ? p->times : 1);

			aic_bytes_printf(&text, "n%u n%u %.0f %.0f\n", name_of(p, a), name_of(p, b), planted(p, a, b) * times, 12e9 / times);
		}
	aic_bytes_append(&text, "", 1);
	assert_int_equal(aic_links_parse(&l, (char *)text.data, "planted", 1000, NULL), AIC_OK);
	aic_bytes_free(&text);
	aic_topology_make(t, &l);
}

static size_t index_of(const aic_topology *t, unsigned number)
{
	char name[16];
	size_t i = 0;

	snprintf(name, sizeof(name), "n%u", number);
	while (strcmp(t->links.name[i], name))
		i++;
	return i;
}

static void check_leaves(const aic_topology *t, const plan *p)
{
	for (size_t a = 0; a < p->nodes; a++)
		for (size_t b = 0; b < p->nodes; b++) {
			if (a == p->bad || b == p->bad)
				continue;
			size_t i = index_of(t, name_of(p, a)), k = index_of(t, name_of(p, b));

			assert_int_equal(t->switches.of[0][i] == t->switches.of[0][k], a / p->per_leaf == b / p->per_leaf);
		}
}

static void leaves_are_found(void **state)
{
	plan p = {.nodes = 32, .per_leaf = 8, .spread = 0.1, .bad = 32};
	aic_topology t;

	(void)state;
	for (int i = 0; i < 20; i++) {
		plant(&t, &p);
		assert_int_equal(t.switches.levels, 1);
		assert_int_equal(t.switches.count[0], 4);
		check_leaves(&t, &p);
		assert_int_equal(aic_topology_worse(&t), 0);
		aic_topology_free(&t);
	}
}

static void rows_of_leaves_are_found(void **state)
{
	plan p = {.nodes = 48, .per_leaf = 6, .leaves_per_row = 4, .spread = 0.08, .bad = 48};
	aic_topology t;

	(void)state;
	plant(&t, &p);
	assert_int_equal(t.switches.levels, 2);
	assert_int_equal(t.switches.count[0], 8);
	assert_int_equal(t.switches.count[1], 2);
	check_leaves(&t, &p);
	aic_topology_free(&t);
}

static void noise_is_no_switch(void **state)
{
	aic_topology t;

	(void)state;
	for (size_t nodes = 2; nodes < 20; nodes += 3) {
		plan p = {.nodes = nodes, .per_leaf = nodes, .spread = 0.1, .bad = nodes};

		plant(&t, &p);
		assert_int_equal(t.switches.levels, 0);
		aic_topology_free(&t);
	}
}

/* It is put behind the switch that is nearest, where its links are worse than the others'. */
static void a_bad_cable_is_no_switch(void **state)
{
	aic_topology t;
	size_t node, worse;

	(void)state;
	for (size_t bad = 0; bad < 24; bad++) {
		plan p = {.nodes = 24, .per_leaf = 8, .spread = 0.05, .bad = bad, .times = 3};

		plant(&t, &p);
		assert_int_equal(t.switches.levels, 1);
		assert_int_equal(t.switches.count[0], 3);
		check_leaves(&t, &p);
		assert_int_equal(aic_topology_worse(&t), 23);
		assert_true(aic_topology_suspect(&t, &node, &worse));
		assert_int_equal(node, index_of(&t, name_of(&p, bad)));
		assert_int_equal(worse, 23);
		assert_int_equal(t.switches.of[0][node], t.switches.of[0][index_of(&t, name_of(&p, bad / 8 * 8 + (bad % 8 ? 0 : 1)))]);
		aic_topology_free(&t);
	}
}

static void one_slow_link_is_told(void **state)
{
	plan p = {.nodes = 16, .per_leaf = 8, .spread = 0.05, .bad = 16};
	aic_topology t, again;
	aic_links l;
	size_t node, worse, a = 3, b = 5;

	(void)state;
	plant(&t, &p);
	l = t.links;
	t.links = (aic_links){0};
	l.link[a * l.n + b].bytes_per_s = l.link[b * l.n + a].bytes_per_s = 3e9; /* half of the lanes, say */
	aic_topology_make(&again, &l);
	assert_int_equal(aic_topology_worse(&again), 1);
	assert_true(aic_link_is_worse(aic_links_at(&again.links, a, b), &again.usual[aic_link_class(&again.switches, a, b)]));
	assert_false(aic_topology_suspect(&again, &node, &worse));
	aic_topology_free(&t);
	aic_topology_free(&again);
}

/* --- topology.conf --- */

static char *conf_of(const char *links, const char *others)
{
	aic_bytes out = {0};
	aic_topology t;
	aic_links l;

	assert_int_equal(aic_links_parse(&l, links, "links", 1, NULL), AIC_OK);
	aic_topology_make(&t, &l);
	aic_topology_conf(&out, &t, others);
	aic_bytes_append(&out, "", 1);
	aic_topology_free(&t);
	return (char *)out.data;
}

static const char two_leaves[] = "aic-links 1\nn1 n2 1000 1e9\nn3 n10 1100 1e9\nn1 n3 3000 1e9\nn1 n10 3000 1e9\nn2 n3 3000 1e9\nn2 n10 3000 1e9\n";

static void conf_is_what_slurm_reads(void **state)
{
	char *conf = conf_of(two_leaves, NULL);

	(void)state;
	assert_non_null(strstr(conf, "\nSwitchName=leaf1 Nodes=n[1-2]\nSwitchName=leaf2 Nodes=n[3,10]\nSwitchName=top Switches=leaf1,leaf2\n"));
	free(conf);
	conf = conf_of(two_leaves, "n[20-29]");
	assert_non_null(strstr(conf, "SwitchName=unmeasured Nodes=n[20-29]\nSwitchName=top Switches=leaf1,leaf2,unmeasured\n"));
	free(conf);
	conf = conf_of("aic-links 1\na b 1000 1e9\n", NULL);
	assert_non_null(strstr(conf, "\nSwitchName=top Nodes=a,b\n"));
	free(conf);
	conf = conf_of("aic-links 1\na b 1000 1e9\n", "c");
	assert_non_null(strstr(conf, "\nSwitchName=leaf1 Nodes=a,b\nSwitchName=unmeasured Nodes=c\nSwitchName=top Switches=leaf1,unmeasured\n"));
	free(conf);
}

static void conf_of_rows(void **state)
{
	plan p = {.nodes = 48, .per_leaf = 6, .leaves_per_row = 4, .spread = 0.05, .bad = 48};
	aic_bytes out = {0};
	aic_topology t;
	unsigned switches = 0;

	(void)state;
	plant(&t, &p);
	aic_topology_conf(&out, &t, NULL);
	aic_bytes_append(&out, "", 1);
	for (const char *c = (char *)out.data; (c = strstr(c, "SwitchName=")); c++)
		switches++;
	assert_int_equal(switches, 8 + 2 + 1);
	assert_non_null(strstr((char *)out.data, "SwitchName=top Switches=row1,row2\n"));
	aic_bytes_free(&out);
	aic_topology_free(&t);
}

/* --- history --- */

static void merge_text(aic_links *history, const char *text, int64_t at)
{
	aic_links now;

	assert_int_equal(aic_links_parse(&now, text, "now", at, NULL), AIC_OK);
	aic_links_merge(history, &now, 14 * DAY, at);
	aic_links_free(&now);
}

static void old_measurements_fade(void **state)
{
	aic_links h = {0};
	const aic_link *x;

	(void)state;
	merge_text(&h, "aic-links 1\na b 1000 4e9\n", 0);
	merge_text(&h, "aic-links 1\nb a 2000 1e9\n", 14 * DAY); /* the old one counts half: (0.5 * 1000 + 2000) / 1.5 */
	x = aic_links_at(&h, 0, 1);
	assert_float_equal(x->latency_ns, 2500.0 / 1.5, 1e-6);
	assert_float_equal(x->bytes_per_s, (2e9 + 1e9) / 1.5, 1);
	assert_float_equal(x->weight, 1.5, 1e-9);
	assert_memory_equal(x, aic_links_at(&h, 1, 0), sizeof(*x));
	merge_text(&h, "aic-links 1\na b 2000 1e9\n", 28 * DAY);
	assert_float_equal(aic_links_at(&h, 0, 1)->weight, 1.75, 1e-9);
	for (int i = 3; i < 60; i++)
		merge_text(&h, "aic-links 1\na b 3000 1e9\n", (14 * i + 14) * DAY);
	assert_float_equal(aic_links_at(&h, 0, 1)->latency_ns, 3000, 1e-3); /* the link was changed: soon the new figure stands */
	aic_links_free(&h);
}

static void links_that_are_gone_are_forgotten(void **state)
{
	aic_links h = {0};

	(void)state;
	merge_text(&h, "aic-links 1\na b 1000 1e9\na c 1000 1e9\nb c 1000 1e9\n", 0);
	merge_text(&h, "aic-links 1\na b 1000 1e9\n", 139 * DAY);
	assert_int_equal(h.n, 3);
	merge_text(&h, "aic-links 1\na b 1000 1e9\n", 141 * DAY);
	assert_int_equal(h.n, 2);
	aic_links_free(&h);
}

static void a_history_is_read_as_it_was_written(void **state)
{
	aic_links h = {0}, read;
	aic_bytes out = {0}, again = {0};

	(void)state;
	merge_text(&h, two_leaves, 1000);
	merge_text(&h, two_leaves, 90000);
	aic_links_write(&out, &h);
	aic_bytes_append(&out, "", 1);
	assert_int_equal(aic_links_parse(&read, (char *)out.data, "history", 5, NULL), AIC_OK);
	aic_links_write(&again, &read);
	assert_int_equal(again.len, out.len - 1);
	assert_memory_equal(again.data, out.data, again.len);
	aic_links_free(&h);
	aic_links_free(&read);
	aic_bytes_free(&out);
	aic_bytes_free(&again);
}

static void bad_lines_have_their_place(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "f is empty"},
		{"latencies\n", "f:1: \"latencies\" is no list of links"},
		{"aic-links 1\na b 1000\n", "f:2: \"a b 1000\" is no link"},
		{"aic-links 1\na b 1000 1e9\na c 0 1e9\n", "f:3:"},
		{"aic-links 1\na a 1000 1e9\n", "f:2:"},
		{"aic-links 1\na b nan 1e9\n", "f:2:"},
		{"aic-links 1\na b 1000 inf\n", "f:2:"},
		{"aic-links 1\na b -1 1e9\n", "f:2:"},
		{"aic-links 1\na <b> 1000 1e9\n", "f:2:"},
		{"aic-links 1\na b 1000 1e9 1 5 6\n", "f:2:"},
		{"aic-links 1\na b 1000 1e9 0 5\n", "f:2:"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		aic_error err = {0};
		aic_links l;

		assert_int_equal(aic_links_parse(&l, cases[i].text, "f", 1, &err), AIC_USAGE);
		if (!strstr(err.message, cases[i].says))
			fail_msg("\"%s\" does not say %s", err.message, cases[i].says);
	}
}

/* --- heat maps --- */

static void heat_maps(void **state)
{
	plan p = {.nodes = 16, .per_leaf = 8, .spread = 0.01, .bad = 16}, big = {.nodes = 96, .per_leaf = 12, .spread = 0.05, .bad = 96};
	aic_bytes out = {0};
	unsigned cells = 0, lines = 0;
	aic_topology t;

	(void)state;
	plant(&t, &p);
	aic_topology_heat(&out, &t, false);
	aic_bytes_append(&out, "", 1);
	for (size_t i = 0; i < out.len; i++)
		lines += out.data[i] == '\n';
	assert_int_equal(lines, 17);
	assert_non_null(strstr((char *)out.data, "   . . . . . . . @ @ @ @ @ @ @ @ \n")); /* the first node, by its switch */
	aic_bytes_free(&out);
	out = (aic_bytes){0};
	aic_topology_html(&out, &t, 1000);
	aic_bytes_append(&out, "", 1);
	for (const char *c = (char *)out.data; (c = strstr(c, "<rect ")); c++)
		cells++;
	assert_int_equal(cells, 2 * 16 * 15);
	assert_non_null(strstr((char *)out.data, "<p>None.</p>"));
	aic_bytes_free(&out);
	aic_topology_free(&t);

	plant(&t, &big);
	out = (aic_bytes){0};
	aic_topology_heat(&out, &t, false);
	aic_bytes_append(&out, "", 1);
	assert_non_null(strstr((char *)out.data, "leaf8 "));
	assert_non_null(strstr((char *)out.data, "medians between leaf switches"));
	aic_bytes_free(&out);
	aic_topology_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_are_found),
		cmocka_unit_test(rows_of_leaves_are_found),
		cmocka_unit_test(noise_is_no_switch),
		cmocka_unit_test(a_bad_cable_is_no_switch),
		cmocka_unit_test(one_slow_link_is_told),
		cmocka_unit_test(conf_is_what_slurm_reads),
		cmocka_unit_test(conf_of_rows),
		cmocka_unit_test(old_measurements_fade),
		cmocka_unit_test(links_that_are_gone_are_forgotten),
		cmocka_unit_test(a_history_is_read_as_it_was_written),
		cmocka_unit_test(bad_lines_have_their_place),
		cmocka_unit_test(heat_maps),
	};

	printf("# seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}

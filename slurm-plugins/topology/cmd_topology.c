/* cmd_topology.c: aic topology measure, show: how far nodes are from each other, and what Slurm is told of it. */
#include <errno.h>
#include <slurm/slurm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/command.h"
#include "common/file.h"
#include "common/process.h"
#include "common/time.h"
#include "slurm-plugins/commands.h"
#include "slurm-plugins/topology/show.h"

#define HISTORY "topology.links"
#define FILE_MAX (256u << 20)
#define DAY_S 86400
#define PROGRAM AIC_BINDIR "/aic-links"

enum { KEY_FROM = 256, KEY_HISTORY, KEY_HTML, KEY_WRITE, KEY_HALF_LIFE };

typedef struct {
	aic_command base;
	bool measures;
	const char *nodes, *partition, *account, *from, *history, *html, *output;
	bool write;
	unsigned half_life;
} options;

static const struct argp_option show_options[] = {
	{"write", KEY_WRITE, NULL, 0, "write topology.conf beside slurm.conf", 1},
	{"output", 'o', "FILE", 0, "write it there", 1},
	{"html", KEY_HTML, "FILE", 0, "write both matrices as a page with SVG", 1},
	{"history", KEY_HISTORY, "FILE", 0, "what was measured so far [" HISTORY " in paths.state]", 1},
	{0},
};
static const struct argp_option measure_options[] = {
	{"nodelist", 'w', "NODES", 0, "measure these [the partition's idle nodes]", 0},
	{"partition", 'p', "NAME", 0, "of this partition [the default one]", 0},
	{"account", 'A', "NAME", 0, "under this account", 0},
	{"from", KEY_FROM, "FILE", 0, "start nothing: take what aic-links printed into FILE", 0},
	{"half-life", KEY_HALF_LIFE, "DAYS", 0, "after so many a measurement counts half [14]", 0},
	{"write", KEY_WRITE, NULL, 0, "write topology.conf beside slurm.conf", 1},
	{"output", 'o', "FILE", 0, "write it there", 1},
	{"html", KEY_HTML, "FILE", 0, "write both matrices as a page with SVG", 1},
	{"history", KEY_HISTORY, "FILE", 0, "what was measured so far [" HISTORY " in paths.state]", 1},
	{0},
};

static error_t parse_days(options *o, const char *arg, struct argp_state *state)
{
	char *end;
	unsigned long days = strtoul(arg, &end, 10);

	if (*end || days < 1 || days > 3650)
		argp_error(state, "--half-life %s must be a number of days from 1 to 3650", arg);
	o->half_life = (unsigned)days;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &o->base; return 0;
	case 'w': o->nodes = arg; return 0;
	case 'p': o->partition = arg; return 0;
	case 'A': o->account = arg; return 0;
	case 'o': o->output = arg; return 0;
	case KEY_FROM: o->from = arg; return 0;
	case KEY_HISTORY: o->history = arg; return 0;
	case KEY_HTML: o->html = arg; return 0;
	case KEY_WRITE: o->write = true; return 0;
	case KEY_HALF_LIFE: return parse_days(o, arg, state);
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* --- which nodes --- */

static aic_code no_answer(aic_error *err)
{
	return aic_fail(err, AIC_UNREACHABLE, "slurmctld does not answer (%s): start it, or set SLURM_CONF", slurm_strerror(errno));
}

static const partition_info_t *find_partition(const partition_info_msg_t *all, const char *name)
{
	for (uint32_t i = 0; i < all->record_count; i++) {
		const partition_info_t *p = &all->partition_array[i];

		if (name ? !strcmp(p->name, name) : !!(p->flags & PART_FLAG_DEFAULT))
			return p;
	}
	return NULL;
}

/* Nodes of the host list `among` (NULL: all) that are idle, or all of them; NULL for none. The caller frees it. */
static char *pick(const node_info_msg_t *nodes, const char *among, bool idle, struct hostlist *but)
{
	struct hostlist *list = among ? slurm_hostlist_create(among) : NULL, *picked = slurm_hostlist_create("");
	char *text = NULL;

	for (uint32_t i = 0; i < nodes->record_count; i++) {
		const node_info_t *n = &nodes->node_array[i];

		if (n->name && (!list || slurm_hostlist_find(list, n->name) >= 0) && (!but || slurm_hostlist_find(but, n->name) < 0) &&
		    (!idle || n->node_state == NODE_STATE_IDLE))
			slurm_hostlist_push_host(picked, n->name);
	}
	if (slurm_hostlist_count(picked)) {
		size_t size = 64 + (size_t)nodes->record_count * AIC_NAME_LEN;

		text = aic_xmalloc(size);
		slurm_hostlist_ranged_string(picked, size, text);
	}
	if (list)
		slurm_hostlist_destroy(list);
	slurm_hostlist_destroy(picked);
	return text;
}

static aic_code idle_nodes(char **out, const char *partition, aic_error *err)
{
	partition_info_msg_t *partitions = NULL;
	node_info_msg_t *nodes = NULL;
	aic_code rc = AIC_OK;

	if (slurm_load_partitions(0, &partitions, SHOW_ALL) || slurm_load_node(0, &nodes, SHOW_ALL)) {
		rc = no_answer(err);
	} else {
		const partition_info_t *p = find_partition(partitions, partition);

		*out = p && p->nodes ? pick(nodes, p->nodes, true, NULL) : NULL;
		if (!p)
			rc = aic_fail(err, AIC_USAGE, "there is no %s partition%s%s: name one with --partition", partition ? "such" : "default",
			              partition ? " as " : "", partition ? partition : "");
		else if (!*out)
			rc = aic_fail(err, AIC_REFUSED, "no node of partition %s is idle: wait, or name nodes with --nodelist", p->name);
	}
	if (partitions)
		slurm_free_partition_info_msg(partitions);
	if (nodes)
		slurm_free_node_info_msg(nodes);
	return rc;
}

/* --- measuring --- */

static aic_code run_srun(const options *o, const char *nodes, const char *file, aic_error *err)
{
	struct hostlist *list = slurm_hostlist_create(nodes);
	int count = list ? slurm_hostlist_count(list) : 0, status;
	char number[32], output[64];
	const char *argv[20] = {"srun", "--mpi=pmix", "--ntasks-per-node=1", "--exclusive", "--quiet", "--immediate=60", number, output, "-w", nodes};
	size_t n = 10;
	aic_bytes said = {0};

	if (list)
		slurm_hostlist_destroy(list);
	if (count < 2)
		return aic_fail(err, AIC_USAGE, "%s is %d node%s, a link has two ends: name two nodes or more", nodes, count, count == 1 ? "" : "s");
	snprintf(number, sizeof(number), "--nodes=%d", count);
	snprintf(output, sizeof(output), "--output=%s", file);
	if (o->partition)
		argv[n++] = "-p", argv[n++] = o->partition;
	if (o->account)
		argv[n++] = "-A", argv[n++] = o->account;
	argv[n++] = PROGRAM;
	fprintf(stderr, "aic topology: measuring %d links between %d nodes\n", count * (count - 1) / 2, count);
	aic_code rc = aic_process_run(argv, "", &said, &status, err);
	aic_bytes_append(&said, "", 1);
	for (char *p = (char *)said.data; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	if (rc == AIC_OK && status)
		rc = aic_fail(err, AIC_REFUSED, "srun ended with %d: %.400s", status, (const char *)said.data);
	aic_bytes_free(&said);
	return rc;
}

static aic_code read_links(aic_links *l, const char *path, int64_t at, aic_error *err)
{
	aic_bytes text = {0};
	aic_code rc = aic_file_read(&text, path, FILE_MAX, err);

	if (rc == AIC_OK) {
		aic_bytes_append(&text, "", 1);
		rc = aic_links_parse(l, (const char *)text.data, path, at, err);
	}
	aic_bytes_free(&text);
	return rc;
}

static aic_code measure(const options *o, aic_links *l, int64_t at, aic_error *err)
{
	char file[] = "/tmp/aic-links.XXXXXX", *idle = NULL;
	aic_code rc = AIC_OK;

	if (o->from)
		return read_links(l, o->from, at, err);
	if (!o->nodes)
		rc = idle_nodes(&idle, o->partition, err);
	if (rc == AIC_OK) {
		int fd = mkstemp(file);

		if (fd < 0)
			return aic_fail_errno(err, "cannot make a temporary file in /tmp");
		close(fd);
		rc = run_srun(o, o->nodes ? o->nodes : idle, file, err);
		if (rc == AIC_OK)
			rc = read_links(l, file, at, err);
		unlink(file);
	}
	free(idle);
	return rc;
}

static aic_code remember(aic_links *history, const char *path, const aic_links *now, const options *o, int64_t at, aic_error *err)
{
	aic_bytes out = {0};

	aic_links_merge(history, now, (int64_t)o->half_life * DAY_S, at);
	aic_links_write(&out, history);
	aic_code rc = aic_file_write_atomic(path, out.data, out.len, 0644, err);
	aic_bytes_free(&out);
	return rc;
}

/* --- writing --- */

/* One that somebody wrote by hand is not written over. */
static aic_code is_ours(const char *path, aic_error *err)
{
	aic_bytes text = {0};
	aic_code rc = aic_file_read(&text, path, FILE_MAX, err);

	if (rc == AIC_NOT_FOUND)
		return AIC_OK;
	if (rc == AIC_OK && (text.len < strlen(AIC_TOPOLOGY_MARK) || memcmp(text.data, AIC_TOPOLOGY_MARK, strlen(AIC_TOPOLOGY_MARK))))
		rc = aic_fail(err, AIC_REFUSED, "%s was not written by aic topology: move it away, or write elsewhere with --output", path);
	aic_bytes_free(&text);
	return rc;
}

static char *not_measured(const aic_topology *t)
{
	struct hostlist *measured = slurm_hostlist_create("");
	node_info_msg_t *nodes = NULL;
	char *others = NULL;

	for (size_t i = 0; i < t->links.n; i++)
		slurm_hostlist_push_host(measured, t->links.name[i]);
	if (!slurm_load_node(0, &nodes, SHOW_ALL)) {
		others = pick(nodes, NULL, false, measured);
		slurm_free_node_info_msg(nodes);
	}
	slurm_hostlist_destroy(measured);
	return others;
}

static aic_code write_conf(const options *o, const aic_topology *t, aic_error *err)
{
	const char *conf = getenv("SLURM_CONF"), *slash;
	char path[AIC_PATH_LEN];
	aic_bytes out = {0};
	aic_code rc;

	conf = conf ? conf : o->base.config.slurm_conf[0] ? o->base.config.slurm_conf : "/etc/slurm/slurm.conf";
	slash = strrchr(conf, '/');
	if (o->output)
		aic_str_copy(path, sizeof(path), o->output);
	else
		snprintf(path, sizeof(path), "%.*stopology.conf", slash ? (int)(slash + 1 - conf) : 0, conf);
	rc = is_ours(path, err);
	if (rc == AIC_OK) {
		char *others = not_measured(t);

		aic_topology_conf(&out, t, others);
		rc = aic_file_write_atomic(path, out.data, out.len, 0644, err);
		free(others);
	}
	aic_bytes_free(&out);
	if (rc == AIC_OK)
		fprintf(stderr, "aic topology: wrote %s; Slurm reads it with TopologyPlugin=topology/tree in slurm.conf, at a restart of slurmctld\n", path);
	return rc;
}

static aic_code write_page(const options *o, const aic_topology *t, int64_t at, aic_error *err)
{
	aic_bytes out = {0};

	aic_topology_html(&out, t, at);
	aic_code rc = aic_file_write_atomic(o->html, out.data, out.len, 0644, err);
	aic_bytes_free(&out);
	return rc;
}

/* --- showing --- */

static void say_classes(const aic_topology *t)
{
	static const char *const where[] = {"within a leaf switch", "within a row", "within a hall"};

	for (size_t level = 0; level <= t->switches.levels; level++) {
		const aic_link_usual *u = &t->usual[level];

		if (u->links)
			printf("%s: %zu links, usual are %.2f us and %.0f MiB/s\n", level == t->switches.levels ? "under the top switch" : where[level], u->links,
			       u->latency_ns / 1000, u->bytes_per_s / (1 << 20));
	}
	printf("%zu leaf switch%s\n", t->switches.levels ? t->switches.count[0] : 1, t->switches.levels ? "es" : "");
}

static void say_worse(const aic_topology *t)
{
	size_t node, worse, all = aic_topology_worse(t);

	if (!all) {
		printf("No link is worse than its class.\n");
		return;
	}
	printf("%zu link%s worse than usual in the class:\n", all, all == 1 ? " is" : "s are");
	aic_table *rows = aic_topology_table_new();
	aic_topology_table(rows, t, true);
	aic_table_print(rows, AIC_FORMAT_TABLE, stdout);
	aic_table_free(rows);
	if (aic_topology_suspect(t, &node, &worse))
		printf("%zu of the %zu links of %s: look at its cable, its port and its adapter.\n", worse, t->links.n - 1, t->links.name[node]);
}

static void show(const options *o, const aic_topology *t)
{
	aic_table *rows;

	if (o->base.format == AIC_FORMAT_TABLE) {
		aic_bytes map = {0};

		aic_topology_heat(&map, t, isatty(STDOUT_FILENO));
		fwrite(map.data, 1, map.len, stdout);
		aic_bytes_free(&map);
		say_classes(t);
		say_worse(t);
		return;
	}
	rows = aic_topology_table_new();
	aic_topology_table(rows, t, false);
	aic_table_print(rows, o->base.format, stdout);
	aic_table_free(rows);
}

static aic_code run(const options *o, aic_error *err)
{
	char path[AIC_PATH_LEN + sizeof(HISTORY) + 1];
	aic_links history = {0}, now = {0};
	int64_t at = aic_now();
	aic_topology t;
	aic_code rc;

	if (o->base.config.slurm_conf[0])
		setenv("SLURM_CONF", o->base.config.slurm_conf, 0);
	if ((o->measures && !o->from) || o->write || o->output) /* the rest needs no Slurm */
		slurm_init(NULL);
	snprintf(path, sizeof(path), "%s/" HISTORY, o->base.config.state_dir);
	if (o->history)
		aic_str_copy(path, sizeof(path), o->history);
	rc = read_links(&history, path, at, err);
	if (rc == AIC_NOT_FOUND)
		rc = o->measures ? AIC_OK : aic_fail(err, AIC_NOT_FOUND, "%s is not there: nothing was measured yet (aic topology measure)", path);
	if (rc == AIC_OK && o->measures)
		rc = measure(o, &now, at, err);
	if (rc == AIC_OK && o->measures)
		rc = remember(&history, path, &now, o, at, err);
	aic_links_free(&now);
	aic_topology_make(&t, &history);
	if (rc == AIC_OK)
		show(o, &t);
	if (rc == AIC_OK && (o->write || o->output))
		rc = write_conf(o, &t, err);
	if (rc == AIC_OK && o->html)
		rc = write_page(o, &t, at, err);
	aic_topology_free(&t);
	return rc;
}

static int command(int argc, char **argv, bool measures, const struct argp_option *known, const char *doc)
{
	static const struct argp_child children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	const struct argp argp = {known, parse, NULL, doc, children, NULL, NULL};
	options o = {.measures = measures, .half_life = AIC_LINKS_HALF_LIFE};
	aic_error err = {0};
	int status = aic_command_begin(&o.base, &argp, argc, argv, &o);

	if (status)
		return status;
	aic_code rc = run(&o, &err);
	aic_command_end(&o.base);
	return rc == AIC_OK ? 0 : aic_command_fail(argv, &err);
}

static int cmd_measure(int argc, char **argv)
{
	return command(argc, argv, true, measure_options, "Measures latency and bandwidth between each two nodes with a job of its own, and shows what is known.");
}

static int cmd_show(int argc, char **argv)
{
	return command(argc, argv, false, show_options, "What was measured so far: a heat map, the switches it tells, and links that are worse than their class.");
}

int aic_cmd_topology(int argc, char **argv)
{
	static const aic_subcommand commands[] = {
		{"measure", cmd_measure, "measure each two nodes, and remember"},
		{"show", cmd_show, "what was measured so far"},
		{NULL, NULL, NULL},
	};

	return aic_command_dispatch(commands, "How far nodes are from each other.", argc, argv);
}

/* cmd_dataset.c: aic dataset add | list, and what all of its subcommands share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/size.h"
#include "slurm-plugins/commands.h"
#include "slurm-plugins/dataset/add.h"
#include "slurm-plugins/dataset/cmd.h"
#include "slurm-plugins/dataset/store.h"
#include "slurm-plugins/option.h"

error_t aic_dataset_parse(int key, char *arg, struct argp_state *state)
{
	aic_dataset_words *w = state->input;

	switch (key) {
	case 'i':
		w->init = true;
		return 0;
	case 'r':
		w->replace = true;
		return 0;
	case 'n':
		w->dry_run = true;
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &w->base;
		return 0;
	case ARGP_KEY_ARG:
		if (w->n_args == 2)
			argp_error(state, "\"%s\" is one word too many", arg);
		w->arg[w->n_args++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp_child aic_dataset_children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};

static const aic_asset_config *asset_of(const aic_config *c, const char *name)
{
	for (size_t i = 0; i < c->n_assets; i++)
		if (!c->asset[i].is_model && !strcmp(c->asset[i].name, name))
			return &c->asset[i];
	return NULL;
}

static aic_code need_store(const aic_config *c, aic_error *err)
{
	if (c->datasets.store[0])
		return AIC_OK;
	return aic_fail(err, AIC_USAGE, "there is no store of data sets: set datasets.store in %s to a directory that all nodes see", c->path);
}

/* --- add --- */

static void show_progress(void *ctx, const aic_dataset *m)
{
	char size[AIC_SIZE_TEXT];

	(void)ctx;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%zu files, %s  ", m->n_files, aic_size_format(size, m->bytes));
}

static const aic_column added_columns[] = {
	{"dataset", "DATA SET", AIC_COLUMN_TEXT}, {"files", "FILES", AIC_COLUMN_NUMBER}, {"bytes", "BYTES", AIC_COLUMN_NUMBER},
	{"chunks", "CHUNKS", AIC_COLUMN_NUMBER},  {"content", "CONTENT ROOT", AIC_COLUMN_TEXT},
};

static void print_added(const aic_dataset_words *w, const char *name, const aic_dataset *m)
{
	aic_table *t = aic_table_new(added_columns, sizeof(added_columns) / sizeof(*added_columns));
	char root[AIC_ROOT_TEXT];

	aic_hash_hex(root, &m->root);
	aic_table_text(t, name);
	aic_table_number(t, (int64_t)m->n_files);
	aic_table_number(t, (int64_t)m->bytes);
	aic_table_number(t, (int64_t)m->n_chunks);
	aic_table_text(t, root);
	aic_table_print(t, w->base.format, stdout);
	aic_table_free(t);
}

/* What is registered, and what the name meant before, stay what they are. */
static aic_code name_it(const aic_dataset_words *w, const char *name, const aic_dataset *m, aic_error *err)
{
	const aic_config *c = &w->base.config;
	const aic_asset_config *asset = asset_of(c, name);
	char root[AIC_ROOT_TEXT], old[AIC_ROOT_TEXT];
	aic_hash before;
	aic_code rc;

	aic_hash_hex(root, &m->root);
	if (asset && asset->content[0] && strcmp(asset->content, root))
		return aic_fail(err, AIC_REFUSED, "data set %s is registered with the content root %s, and this folder has %s: it is another data "
		                "set; give it another name, or change \"content\" in %s", name, asset->content, root, c->path);
	rc = aic_store_name(&before, c->datasets.store, name, err);
	if (rc == AIC_OK && !aic_hash_equal(&before, &m->root) && !w->replace) {
		aic_hash_hex(old, &before);
		return aic_fail(err, AIC_REFUSED, "data set %s is in the store with the content root %s, and this folder has %s: give --replace, "
		                "or another name", name, old, root);
	}
	if (rc == AIC_OK && aic_hash_equal(&before, &m->root))
		return AIC_OK;
	return rc == AIC_OK || rc == AIC_NOT_FOUND || rc == AIC_CORRUPT ? aic_store_name_put(c->datasets.store, name, &m->root, err) : rc;
}

static aic_code add(aic_dataset_words *w, aic_error *err)
{
	const char *store = w->base.config.datasets.store, *name = w->arg[0];
	aic_dataset m = {0};
	aic_code rc = w->dry_run ? AIC_OK : need_store(&w->base.config, err);

	if (rc == AIC_OK && w->init)
		rc = aic_store_init(store, err);
	if (rc == AIC_OK && w->init && !w->n_args)
		return AIC_OK;
	if (rc == AIC_OK && (w->n_args < 2 || !aic_option_valid(name)))
		rc = aic_fail(err, AIC_USAGE, "which data set, and from where? `aic dataset add NAME FOLDER`; a name has 1 to 127 letters, digits "
		              "and . _ - / + : @");
	if (rc == AIC_OK)
		rc = aic_dataset_add_folder(&m, w->dry_run ? NULL : store, w->arg[1], show_progress, NULL, err);
	if (isatty(STDERR_FILENO) && m.n_files)
		fputc('\n', stderr);
	if (rc == AIC_OK && !w->dry_run)
		rc = name_it(w, name, &m, err);
	if (rc == AIC_OK)
		print_added(w, name, &m);
	aic_dataset_clear(&m);
	return rc;
}

/* --- list --- */

static const aic_column list_columns[] = {
	{"dataset", "DATA SET", AIC_COLUMN_TEXT},  {"files", "FILES", AIC_COLUMN_NUMBER},      {"bytes", "BYTES", AIC_COLUMN_NUMBER},
	{"registered", "REGISTERED", AIC_COLUMN_TEXT}, {"content", "CONTENT ROOT", AIC_COLUMN_TEXT},
};

static const char *how_registered(const aic_config *c, const char *name, const char *root)
{
	const aic_asset_config *asset = asset_of(c, name);

	if (!asset)
		return "no";
	return !asset->content[0] ? "by name" : strcmp(asset->content, root) ? "as another" : "yes";
}

static void list_row(aic_table *t, const aic_config *c, const char *name)
{
	char text[AIC_ROOT_TEXT] = "";
	aic_bytes bytes = {0};
	aic_dataset m = {0};
	aic_hash root;
	bool named = aic_store_name(&root, c->datasets.store, name, NULL) == AIC_OK;

	if (named)
		aic_hash_hex(text, &root);
	aic_table_text(t, name);
	if (named && aic_store_manifest(&m, &bytes, c->datasets.store, &root, NULL) == AIC_OK) {
		aic_table_number(t, (int64_t)m.n_files);
		aic_table_number(t, (int64_t)m.bytes);
	} else {
		aic_table_text(t, "damaged");
		aic_table_text(t, "damaged");
	}
	aic_table_text(t, how_registered(c, name, text));
	aic_table_text(t, text);
	aic_dataset_clear(&m);
	aic_bytes_free(&bytes);
}

static aic_code list(aic_dataset_words *w, aic_error *err)
{
	const aic_config *c = &w->base.config;
	char **names = NULL;
	size_t n = 0;
	aic_code rc = need_store(c, err);

	if (rc == AIC_OK && w->n_args)
		rc = aic_fail(err, AIC_USAGE, "\"%s\" is not understood: `aic dataset list` takes no name", w->arg[0]);
	if (rc == AIC_OK)
		rc = aic_store_names(&names, &n, c->datasets.store, err);
	if (rc == AIC_OK) {
		aic_table *t = aic_table_new(list_columns, sizeof(list_columns) / sizeof(*list_columns));

		for (size_t i = 0; i < n; i++)
			list_row(t, c, names[i]);
		aic_table_print(t, w->base.format, stdout);
		aic_table_free(t);
	}
	aic_names_free(names, n);
	return rc;
}

/* --- commands --- */

int aic_dataset_run(int argc, char **argv, const struct argp *argp, aic_code (*act)(aic_dataset_words *w, aic_error *err))
{
	aic_dataset_words w = {.n_args = 0};
	aic_error err = {0};
	int status = aic_command_begin(&w.base, argp, argc, argv, &w);

	if (status)
		return status;
	aic_code rc = act(&w, &err);
	aic_command_end(&w.base);
	return rc == AIC_OK ? 0 : aic_command_fail(argv, &err);
}

static int cmd_add(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"init", 'i', NULL, 0, "make the store of an empty directory first", 0},
		{"replace", 'r', NULL, 0, "the name is to mean this folder's files from now on", 0},
		{"dry-run", 'n', NULL, 0, "only say what the content root is", 0},
		{0},
	};
	static const struct argp argp = {options, aic_dataset_parse, "NAME FOLDER", "Put a folder's files into the site's store, as the data set of that name.",
	                                 aic_dataset_children, NULL, NULL};

	return aic_dataset_run(argc, argv, &argp, add);
}

static int cmd_list(int argc, char **argv)
{
	static const struct argp argp = {NULL, aic_dataset_parse, "", "The data sets of the site's store.", aic_dataset_children, NULL, NULL};

	return aic_dataset_run(argc, argv, &argp, list);
}

int aic_cmd_dataset(int argc, char **argv)
{
	static const aic_subcommand commands[] = {
		{"add", cmd_add, "a folder's files into the site's store"},
		{"list", cmd_list, "what the store has"},
		{"warm", aic_cmd_dataset_warm, "bring one onto nodes before a job asks for it (administrators)"},
		{"evict", aic_cmd_dataset_evict, "take one out of nodes' caches (administrators)"},
		{"where", aic_cmd_dataset_where, "how far a job's data set is, or which nodes have one"},
		{NULL, NULL, NULL},
	};

	return aic_command_dispatch(commands, "Data sets near the jobs that use them.", argc, argv);
}

/* doctor_slurm.c: does the running slurmctld use AIC's plugins, and are they of its exact release. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <slurm/slurm.h>
#include <slurm/slurmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accounting/command/doctor.h"
#include "common/file.h"
#include "common/priority.h"

#define PLUGIN_MAX (64u << 20)
#define ASK_SECONDS 10

extern slurm_conf_t slurm_conf; /* libslurm's own, read by slurm_init */

/* --- the constant in a file --- */

static const void *part(const aic_bytes *f, uint64_t offset, uint64_t len)
{
	return offset <= f->len && len <= f->len - offset ? f->data + offset : NULL;
}

static bool constant_at(const aic_bytes *f, const Elf64_Shdr *sections, unsigned n, const Elf64_Sym *sym, uint32_t *out)
{
	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx >= n)
		return false;
	const Elf64_Shdr *s = &sections[sym->st_shndx];
	if (s->sh_type == SHT_NOBITS || sym->st_value < s->sh_addr || sym->st_value - s->sh_addr > s->sh_size)
		return false;
	const void *at = part(f, s->sh_offset + (sym->st_value - s->sh_addr), sizeof(*out));
	if (at)
		memcpy(out, at, sizeof(*out));
	return at != NULL;
}

static bool find_constant(const aic_bytes *f, const char *symbol, uint32_t *out)
{
	const Elf64_Ehdr *h = part(f, 0, sizeof(*h));

	if (!h || memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_shoff % sizeof(uint64_t))
		return false;
	const Elf64_Shdr *sections = part(f, h->e_shoff, (uint64_t)h->e_shnum * sizeof(*sections));
	for (unsigned i = 0; sections && i < h->e_shnum; i++) {
		const Elf64_Shdr *s = &sections[i];
		if (s->sh_type != SHT_DYNSYM || s->sh_link >= h->e_shnum || s->sh_offset % sizeof(uint64_t))
			continue;
		const Elf64_Shdr *text = &sections[s->sh_link];
		const Elf64_Sym *syms = part(f, s->sh_offset, s->sh_size);
		const char *names = part(f, text->sh_offset, text->sh_size);
		for (uint64_t k = 0; syms && names && k < s->sh_size / sizeof(*syms); k++) {
			uint64_t left = syms[k].st_name < text->sh_size ? text->sh_size - syms[k].st_name : 0;
			if (left > strlen(symbol) && !memcmp(names + syms[k].st_name, symbol, strlen(symbol) + 1))
				return constant_at(f, sections, h->e_shnum, &syms[k], out);
		}
	}
	return false;
}

bool aic_elf_constant(const char *path, const char *symbol, uint32_t *out)
{
	aic_bytes f = {0};
	bool found = aic_file_read(&f, path, PLUGIN_MAX, NULL) == AIC_OK && find_constant(&f, symbol, out);

	aic_bytes_free(&f);
	return found;
}

/* --- slurmctld --- */

typedef struct {
	char other_node[128], other_version[64]; /* a node whose slurmd is of another release than slurmctld; "" for none */
	char version[64], job_comp[256], job_submit[512], plugindir[AIC_PATH_LEN], job_comp_loc[AIC_PATH_LEN];
	char priority[64], site_factor[256], site_factor_params[512], storage[128], slurm_user[AIC_NAME_LEN];
	char mpi_default[64], fence[64];
} ctld;

static void find_other_release(ctld *answer)
{
	node_info_msg_t *nodes = NULL;

	if (slurm_load_node(0, &nodes, SHOW_ALL) || !nodes)
		return;
	for (uint32_t i = 0; i < nodes->record_count && !answer->other_node[0]; i++) {
		const node_info_t *n = &nodes->node_array[i];
		if (n->name && n->version && strcmp(n->version, answer->version)) {
			aic_str_copy(answer->other_node, sizeof(answer->other_node), n->name);
			aic_str_copy(answer->other_version, sizeof(answer->other_version), n->version);
		}
	}
}

/* A value of mpi.conf: libslurm prints it, and has no other way to it. */
static void find_mpi_value(char *value, size_t size, slurm_conf_t *conf, const char *key)
{
	char *text = NULL, *save = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	value[0] = '\0';
	if (!f)
		return;
	slurm_print_ctl_conf(f, conf);
	fclose(f);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char name[64], is[64];
		if (sscanf(line, "%63s = %63s", name, is) == 2 && !strcmp(name, key))
			aic_str_copy(value, size, is);
	}
	free(text);
}

static void slurmctld_child(int fd, const aic_config *c)
{
	slurm_conf_t *conf = NULL;
	ctld answer;

	(void)c;
	if (slurm_load_ctl_conf(0, &conf) || !conf)
		_exit(1);
	memset(&answer, 0, sizeof(answer));
#define TAKE(to, from) aic_str_copy(answer.to, sizeof(answer.to), conf->from ? conf->from : "")
	TAKE(version, version);
	TAKE(job_comp, job_comp_type);
	TAKE(job_submit, job_submit_plugins);
	TAKE(plugindir, plugindir);
	TAKE(job_comp_loc, job_comp_loc);
	TAKE(priority, priority_type);
	TAKE(storage, accounting_storage_type);
	TAKE(slurm_user, slurm_user_name);
	TAKE(mpi_default, mpi_default);
	find_mpi_value(answer.fence, sizeof(answer.fence), conf, "PMIxCollFence");
	/* not among what slurmctld answers: from slurm.conf */
	aic_str_copy(answer.site_factor, sizeof(answer.site_factor), slurm_conf.site_factor_plugin ? slurm_conf.site_factor_plugin : "");
	aic_str_copy(answer.site_factor_params, sizeof(answer.site_factor_params), slurm_conf.site_factor_params ? slurm_conf.site_factor_params : "");
	find_other_release(&answer);
	_exit(aic_write_all(fd, &answer, sizeof(answer)) ? 1 : 0);
}

static void child_begin(const aic_config *c)
{
	alarm(ASK_SECONDS);
	signal(SIGALRM, SIG_DFL);
	if (!freopen("/dev/null", "w", stderr))
		_exit(1);
	if (c->slurm_conf[0])
		setenv("SLURM_CONF", c->slurm_conf, 1);
	slurm_init(c->slurm_conf[0] ? c->slurm_conf : NULL);
}

/* libslurm waits long for a daemon that is down: it does so in a child with a time-out. */
static bool ask_in_child(void (*ask)(int fd, const aic_config *c), const aic_config *c, void *out, size_t size)
{
	size_t got = 0;
	ssize_t n;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return false;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		child_begin(c);
		ask(fds[1], c);
	}
	close(fds[1]);
	while (child > 0 && got < size && (n = read(fds[0], (char *)out + got, size - got)) > 0)
		got += (size_t)n;
	close(fds[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	return got == size;
}

/* --- the right to release jobs --- */

typedef struct {
	bool listed;
	int32_t level; /* slurmdb_admin_level_t */
} rights;

static void rights_child(int fd, const aic_config *c)
{
	slurmdb_assoc_cond_t whose = {.user_list = slurm_list_create(NULL)};
	slurmdb_user_cond_t cond = {.assoc_cond = &whose};
	rights answer = {0};
	uint16_t flags = 0;
	char name[AIC_NAME_LEN];
	slurmdb_user_rec_t *u;

	aic_str_copy(name, sizeof(name), c->user);
	slurm_list_append(whose.user_list, name);
	void *db = slurmdb_connection_get(&flags);
	struct xlist *rows = db ? slurmdb_users_get(db, &cond) : NULL;
	if (!rows)
		_exit(1);
	struct listIterator *it = slurm_list_iterator_create(rows);
	while ((u = slurm_list_next(it)))
		if (u->name && !strcmp(u->name, name))
			answer = (rights){true, (int32_t)u->admin_level};
	_exit(aic_write_all(fd, &answer, sizeof(answer)) ? 1 : 0);
}

static void check_rights(aic_doctor *d, const ctld *s)
{
	static const char what[] = "Slurm's rights";
	const char *user = d->config->user;
	char remedy[2 * AIC_NAME_LEN + 100];
	rights r;

	if (!strcmp(user, s->slurm_user) || !strcmp(user, "root")) {
		aic_doctor_find(d, AIC_HEALTH_OK, what, NULL, "%s may release jobs that AIC holds: it is %s", user,
		                strcmp(user, "root") ? "SlurmUser" : "root");
		return;
	}
	if (!strstr(s->storage, "slurmdbd")) {
		snprintf(remedy, sizeof(remedy), "use slurmdbd, or set user: %s in aic.yaml", s->slurm_user);
		aic_doctor_find(d, d->config->enforce ? AIC_HEALTH_WARN : AIC_HEALTH_OK, what, d->config->enforce ? remedy : NULL,
		                "AccountingStorageType is %s: without slurmdbd nobody is an operator, and %s releases no job that AIC holds",
		                s->storage[0] ? s->storage : "unset", user);
		return;
	}
	if (!ask_in_child(rights_child, d->config, &r, sizeof(r))) {
		aic_doctor_find(d, AIC_HEALTH_WARN, what, "start slurmdbd", "slurmdbd does not say the AdminLevel of %s (asked for at most %d s)", user,
		                ASK_SECONDS);
		return;
	}
	if (r.listed && r.level >= SLURMDB_ADMIN_OPERATOR) {
		aic_doctor_find(d, AIC_HEALTH_OK, what, NULL, "%s may release jobs that AIC holds: AdminLevel %s", user,
		                r.level == SLURMDB_ADMIN_OPERATOR ? "Operator" : "Administrator");
		return;
	}
	snprintf(remedy, sizeof(remedy), r.listed ? "sacctmgr modify user %s set AdminLevel=Operator" : "sacctmgr add user %s Account=root AdminLevel=Operator",
	         user);
	aic_doctor_find(d, d->config->enforce ? AIC_HEALTH_BAD : AIC_HEALTH_WARN, what, remedy, "%s %s: it cannot release jobs that AIC holds", user,
	                r.listed ? "has AdminLevel None" : "is no user in slurmdbd, or none that you may see");
}

/* --- plugins --- */

static void check_plugin(aic_doctor *d, const ctld *s, const char *file, const char *symbol, uint32_t want)
{
	char paths[AIC_PATH_LEN], path[AIC_PATH_LEN + 64], *save = NULL;
	uint32_t version;

	aic_str_copy(paths, sizeof(paths), s->plugindir);
	for (char *dir = strtok_r(paths, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		snprintf(path, sizeof(path), "%s/%s", dir, file);
		if (access(path, F_OK))
			continue;
		if (!aic_elf_constant(path, symbol, &version))
			aic_doctor_find(d, AIC_HEALTH_BAD, file, "install AIC's plugins again", "%s has no %s that can be read", path, symbol);
		else if (version != want)
			aic_doctor_find(d, AIC_HEALTH_BAD, file, "build AIC with the source of the Slurm that runs, and install it before the restart",
			                "built for Slurm %u.%02u.%u, slurmctld is %s", version >> 16 & 255, version >> 8 & 255, version & 255,
			                s->version);
		else
			aic_doctor_find(d, AIC_HEALTH_OK, file, NULL, "built for Slurm %s", s->version);
		return;
	}
	aic_doctor_find(d, AIC_HEALTH_WARN, file, "make install, or set --with-slurm-plugindir to slurm.conf's PluginDir", "not found in %s",
	                s->plugindir);
}

static uint32_t version_number(const char *text)
{
	unsigned major = 0, minor = 0, micro = 0;

	sscanf(text, "%u.%u.%u", &major, &minor, &micro);
	return major << 16 | minor << 8 | micro;
}

static bool in_list(const char *list, const char *word)
{
	char copy[512], *save = NULL;

	aic_str_copy(copy, sizeof(copy), list);
	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		const char *slash = strrchr(w, '/');
		if (!strcmp(slash ? slash + 1 : w, word))
			return true;
	}
	return false;
}

/* Whether site_factor/aic is asked for, and can give what is asked of it. */
static void check_priority(aic_doctor *d, const ctld *s, uint32_t version)
{
	static const char what[] = "PrioritySiteFactorPlugin";
	aic_priority_weights w;
	aic_error err = {0};

	if (!in_list(s->site_factor, "aic")) {
		aic_doctor_find(d, AIC_HEALTH_OK, what, NULL, "is %s: AIC changes no job's priority", s->site_factor[0] ? s->site_factor : "unset");
		return;
	}
	check_plugin(d, s, "site_factor_aic.so", "plugin_version", version);
	if (!in_list(s->priority, "multifactor"))
		aic_doctor_find(d, AIC_HEALTH_WARN, "PriorityType", "set PriorityType=priority/multifactor in slurm.conf and restart slurmctld",
		                "is %s, which asks no site factor: site_factor/aic changes no job's priority", s->priority[0] ? s->priority : "unset");
	else if (aic_priority_parse(&w, s->site_factor_params, &err) != AIC_OK)
		aic_doctor_find(d, AIC_HEALTH_BAD, what, "correct PrioritySiteFactorParameters in slurm.conf and restart slurmctld", "%s", err.message);
	else
		aic_doctor_find(d, AIC_HEALTH_OK, what, NULL, "site_factor/aic gives up to %u points for the wallet's rating, %u for warm data", w.rating,
		                w.warm);
}

/* Slurm 22.05's tree lets ranks leave MPI_Init's barrier before all have come to it: doc/install.md. */
static void check_mpi(aic_doctor *d, const ctld *s)
{
	static const char what[] = "PMIxCollFence";

	if (strncmp(s->mpi_default, "pmix", 4) || strncmp(s->version, "22.05.", 6))
		return;
	if (!strcmp(s->fence, "ring"))
		aic_doctor_find(d, AIC_HEALTH_OK, what, NULL, "is ring");
	else
		aic_doctor_find(d, AIC_HEALTH_WARN, what, "write PMIxCollFence=ring into mpi.conf beside slurm.conf, and scontrol reconfigure",
		                "is %s: with Slurm %s, MPI ranks can then crash in MPI_Init on nodes under load",
		                s->fence[0] && s->fence[0] != '(' ? s->fence : "unset", s->version);
}

void aic_doctor_slurm(aic_doctor *d)
{
	ctld s;

	if (!ask_in_child(slurmctld_child, d->config, &s, sizeof(s))) {
		aic_doctor_find(d, AIC_HEALTH_BAD, "slurmctld", "start it; if it refuses to, look for a plugin of another version in its log",
		                "does not answer (asked for at most %d s)", ASK_SECONDS);
		return;
	}
	aic_doctor_find(d, AIC_HEALTH_OK, "slurmctld", NULL, "runs, Slurm %s", s.version);
	uint32_t want = version_number(s.version);
	check_plugin(d, &s, "jobcomp_aic.so", "plugin_version", want);
	check_plugin(d, &s, "job_submit_aic.so", "plugin_version", want);
	check_plugin(d, &s, "spank_aic.so", "plugin_version", want);
	if (s.other_node[0])
		aic_doctor_find(d, AIC_HEALTH_WARN, "slurmd", "install on it the spank_aic.so of its own release, else its jobs leave no receipts",
		                "node %s runs Slurm %s, slurmctld %s", s.other_node, s.other_version, s.version);
	if (!in_list(s.job_comp, "aic"))
		aic_doctor_find(d, AIC_HEALTH_WARN, "JobCompType", "set JobCompType=jobcomp/aic in slurm.conf and restart slurmctld",
		                "is %s: no job is recorded for AIC", s.job_comp[0] ? s.job_comp : "unset");
	if (!in_list(s.job_submit, "aic"))
		aic_doctor_find(d, AIC_HEALTH_WARN, "JobSubmitPlugins", "add aic to JobSubmitPlugins in slurm.conf and restart slurmctld",
		                "is %s: no job is quoted or held", s.job_submit[0] ? s.job_submit : "unset");
	check_priority(d, &s, want);
	check_mpi(d, &s);
	check_rights(d, &s);
}

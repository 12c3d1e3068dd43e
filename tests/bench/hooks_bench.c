/* hooks_bench.c: what job_submit/aic and jobcomp/aic cost slurmctld per call, with 100,000 wallets and as many jobs that have a
 * reservation. The plugins are the ones that are built; this program is their slurmctld: it has the variables and functions
 * that they take from it. Each submit is a thread of its own, as in slurmctld; CPU time, as the machine may be busy. */
#define _GNU_SOURCE
#include "slurm-plugins/compat.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/snapshot.h"
#include "common/time.h"
#include "tests/bench/bench.h"

#define WALLETS 100000
#define SUBMITS 20000
#define ENDS 100000
#define GOAL_US 20.0

/* --- what plugins take from slurmctld --- */
aic_slurm_list job_list;
time_t last_job_update, last_part_update = 1;
part_record_t *default_part_loc;
void *acct_db_conn;
uint16_t accounting_enforce;
slurmctld_config_t slurmctld_config;
aic_slurm_list active_feature_list;
bitstr_t *avail_node_bitmap;
static pthread_rwlock_t jobs_lock = PTHREAD_RWLOCK_INITIALIZER;

void lock_slurmctld(slurmctld_lock_t level)
{
	if (level.job == WRITE_LOCK)
		pthread_rwlock_wrlock(&jobs_lock);
	else
		pthread_rwlock_rdlock(&jobs_lock);
}

void unlock_slurmctld(slurmctld_lock_t level)
{
	(void)level;
	pthread_rwlock_unlock(&jobs_lock);
}

part_record_t *find_part_record(char *name)
{
	return xstrcmp(name, default_part_loc->name) ? NULL : default_part_loc;
}

int build_feature_list(job_record_t *job, bool prefer)
{
	(void)job, (void)prefer;
	return 0;
}

void queue_job_scheduler(void)
{
}

/* --- a cluster --- */

static char folder[] = "/tmp/aic-hooks.XXXXXX";
static part_record_t part;
static struct job_details details;
static double took[ENDS];

static void account_name(char *buf, size_t size, unsigned i)
{
	snprintf(buf, size, "account%06u", i % WALLETS);
}

static void write_snapshot(const char *path)
{
	aic_snapshot_account *account = aic_xcalloc(WALLETS, sizeof(*account));
	aic_snapshot_content c = {.written_at = aic_now(), .enforce = true, .stale_after = 86400, .accounts = WALLETS, .account = account};
	aic_bytes out = {0};

	aic_rates_default(&c.rates);
	for (unsigned i = 0; i < WALLETS; i++) {
		account_name(account[i].name, AIC_NAME_LEN, i);
		account[i].available = account[i].balance = 1000000 * AIC_UNIT;
	}
	aic_snapshot_encode(&out, &c);
	if (aic_file_write_atomic(path, out.data, out.len, 0600, NULL))
		exit(1);
	aic_bytes_free(&out);
	free(account);
}

static void make_cluster(void)
{
	static char spool[256], snapshot[256], state[256];

	if (!mkdtemp(folder))
		exit(1);
	snprintf(snapshot, sizeof(snapshot), "%s/snapshot", folder);
	snprintf(spool, sizeof(spool), "%s/spool", folder);
	snprintf(state, sizeof(state), "%s", folder);
	mkdir(spool, 0700);
	write_snapshot(snapshot);
	setenv("AIC_SNAPSHOT", snapshot, 1);
	slurm_prog_name = xstrdup("slurmctld");
	slurm_conf.state_save_location = state;
	slurm_conf.job_comp_type = (char *)"jobcomp/aic";
	slurm_conf.job_comp_loc = spool;
	slurm_conf.cluster_name = (char *)"lab";
	part = (part_record_t){.name = (char *)"main", .max_time = 600, .default_time = 10, .max_nodes = INFINITE, .max_share = 1};
	default_part_loc = &part;
	details = (struct job_details){.min_nodes = 1, .max_nodes = 1, .num_tasks = 1, .min_cpus = 1, .cpus_per_task = 1, .submit_time = 1000};
	job_list = list_create(NULL);
	for (unsigned i = 0; i < WALLETS; i++) {
		job_record_t *job = xmalloc(sizeof(*job));
		char account[AIC_NAME_LEN];

		account_name(account, sizeof(account), i);
		job->job_id = i + 1;
		job->job_state = JOB_PENDING;
		job->priority = 1;
		job->details = &details;
		job->account = xstrdup(account);
		job->partition = (char *)"main";
		job->time_limit = 10;
		job->array_task_id = NO_VAL;
		list_append(job_list, job);
	}
}

typedef union {
	void *object;
	int (*init)(void);
	int (*submit)(job_desc_msg_t *, uint32_t, char **);
	int (*log)(job_record_t *);
	int (*location)(char *);
} function; /* ISO C has no conversion */

static function entry(void *handle, const char *name)
{
	return (function){.object = dlsym(handle, name)};
}

static void *plugin(const char *name)
{
	char path[512];
	void *handle;

	snprintf(path, sizeof(path), "%s/%s", AIC_PLUGINS, name);
	handle = dlopen(path, RTLD_NOW);
	if (!handle) {
		fprintf(stderr, "hooks_bench: %s\n", dlerror());
		exit(1);
	}
	if (entry(handle, "init").init())
		exit(1);
	return handle;
}

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

/* --- measuring --- */

static int (*job_submit_hook)(job_desc_msg_t *, uint32_t, char **);

static void *one_submit(void *arg)
{
	static unsigned number;
	slurmctld_lock_t reads = {READ_LOCK, READ_LOCK, READ_LOCK, READ_LOCK, READ_LOCK};
	job_desc_msg_t desc;
	char account[AIC_NAME_LEN], *message = NULL;

	account_name(account, sizeof(account), number++ * 7919u);
	slurm_init_job_desc_msg(&desc);
	desc.account = account;
	desc.partition = (char *)"main";
	desc.time_limit = 5;
	desc.num_tasks = 2;
	message = xstrdup(account);
	xfree(message); /* slurmctld has unpacked the request in this thread: its allocator is up */
	lock_slurmctld(reads);
	double began = cpu_us();
	int rc = job_submit_hook(&desc, 1000, &message);
	*(double *)arg = cpu_us() - began;
	unlock_slurmctld(reads);
	if (rc || message)
		fprintf(stderr, "hooks_bench: refused: %s\n", message ? message : "?");
	xfree(desc.admin_comment);
	xfree(message);
	return NULL;
}

static void measure_submit(void)
{
	job_submit_hook = entry(plugin("job_submit_aic.so"), "job_submit").submit;
	for (int i = -1; i < SUBMITS; i++) { /* the first sums all reservations */
		pthread_t t;
		double first;

		pthread_create(&t, NULL, one_submit, i < 0 ? &first : &took[i]);
		pthread_join(t, NULL);
		if (i < 0)
			fprintf(stderr, "hooks_bench: all %d reservations are summed in %.1f ms\n", WALLETS, first / 1000);
	}
}

static void measure_end(void)
{
	void *handle = plugin("jobcomp_aic.so");
	function log_record = entry(handle, "jobcomp_p_log_record");
	aic_slurm_iterator it = list_iterator_create(job_list);
	job_record_t *job;

	entry(handle, "jobcomp_p_set_location").location(NULL);
	for (int i = 0; i < ENDS && (job = list_next(it)); i++) {
		job->job_state = JOB_COMPLETE | JOB_COMPLETING;
		job->start_time = 1000;
		job->end_time = 1100;
		job->name = (char *)"work.sh";
		job->user_name = (char *)"ada";
		double began = cpu_us();
		log_record.log(job);
		took[i] = cpu_us() - began;
	}
	list_iterator_destroy(it);
	entry(handle, "fini").init();
}

static void report(const char *what, size_t n)
{
	char absolute[160];

	qsort(took, n, sizeof(*took), bench_compare);
	snprintf(absolute, sizeof(absolute), "p99 %.1f us of CPU, median %.1f, p99.9 %.1f, %zu calls", took[n * 99 / 100], took[n / 2],
	         took[n * 999 / 1000], n);
	bench_row(what, took[n * 99 / 100] / GOAL_US, "<= 1", absolute);
}

int main(void)
{
	char command[64];

	make_cluster();
	measure_submit();
	report("job_submit/aic at 100,000 wallets and reservations: p99 against 20 us", SUBMITS);
	measure_end();
	report("jobcomp/aic: p99 against 20 us", ENDS);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

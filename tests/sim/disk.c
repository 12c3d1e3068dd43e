/* disk.c: see disk.h. One connection a file at a time, so that locks always succeed. */
#include "tests/sim/disk.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "tests/sim/random.h"

#define DISKS 16
#define FILES 8
#define NAME 32
#define SHM_REGIONS 64

/* What was written since the last sync, so that it can be taken back. */
typedef struct {
	size_t offset, old_len; /* old_len: of the file */
	aic_bytes old, new;
} change;

typedef struct {
	char name[NAME];
	bool used;
	aic_bytes data;
	change *unsynced;
	size_t n_unsynced;
	void *shm[SHM_REGIONS];
} file;

struct sim_disk {
	unsigned number;
	uint64_t random;
	file file[FILES];
	unsigned crash_after;
	bool dead, full, full_lies, sync_lies;
};

typedef struct {
	sqlite3_file base;
	sim_disk *disk;
	file *file;
} handle;

static sim_disk *disks[DISKS];

/* --- changes that are not durable yet --- */

static void forget_unsynced(file *f)
{
	for (size_t i = 0; i < f->n_unsynced; i++) {
		aic_bytes_free(&f->unsynced[i].old);
		aic_bytes_free(&f->unsynced[i].new);
	}
	free(f->unsynced);
	f->unsynced = NULL;
	f->n_unsynced = 0;
}

static void resize(file *f, size_t len)
{
	if (len > f->data.len) {
		aic_bytes_reserve(&f->data, len - f->data.len);
		memset(f->data.data + f->data.len, 0, len - f->data.len);
	}
	f->data.len = len;
}

static void put(file *f, size_t offset, const void *data, size_t len)
{
	if (offset + len > f->data.len)
		resize(f, offset + len);
	if (len)
		memcpy(f->data.data + offset, data, len);
}

static void remember(file *f, size_t offset, const void *data, size_t len)
{
	change c = {.offset = offset, .old_len = f->data.len};

	if (offset < f->data.len)
		aic_bytes_append(&c.old, f->data.data + offset, len < f->data.len - offset ? len : f->data.len - offset);
	aic_bytes_append(&c.new, data, len);
	f->unsynced = aic_xrealloc(f->unsynced, (f->n_unsynced + 1) * sizeof(*f->unsynced));
	f->unsynced[f->n_unsynced++] = c;
}

/* Back to the last sync, then each change since with an even chance, in order. */
static void lose_unsynced(sim_disk *d, file *f)
{
	for (size_t i = f->n_unsynced; i-- > 0;) {
		put(f, f->unsynced[i].offset, f->unsynced[i].old.data, f->unsynced[i].old.len);
		f->data.len = f->unsynced[i].old_len;
	}
	for (size_t i = 0; i < f->n_unsynced; i++)
		if (sim_chance(&d->random, 50))
			put(f, f->unsynced[i].offset, f->unsynced[i].new.data, f->unsynced[i].new.len);
	forget_unsynced(f);
}

static void drop_shm(file *f)
{
	for (size_t i = 0; i < SHM_REGIONS; i++) {
		free(f->shm[i]);
		f->shm[i] = NULL;
	}
}

/* --- the site's life --- */

sim_disk *sim_disk_new(unsigned number, uint64_t seed)
{
	sim_disk *d = aic_xcalloc(1, sizeof(*d));

	d->number = number;
	d->random = seed;
	disks[number] = d;
	return d;
}

void sim_disk_wipe(sim_disk *d)
{
	for (size_t i = 0; i < FILES; i++) {
		forget_unsynced(&d->file[i]);
		drop_shm(&d->file[i]);
		aic_bytes_free(&d->file[i].data);
		d->file[i].used = false;
	}
}

void sim_disk_free(sim_disk *d)
{
	if (!d)
		return;
	sim_disk_wipe(d);
	disks[d->number] = NULL;
	free(d);
}

void sim_disk_crash_after(sim_disk *d, unsigned n)
{
	d->crash_after = n;
}

bool sim_disk_effect(sim_disk *d)
{
	if (d->crash_after && --d->crash_after == 0)
		d->dead = true;
	return !d->dead;
}

bool sim_disk_is_dead(const sim_disk *d)
{
	return d->dead;
}

void sim_disk_revive(sim_disk *d, bool power)
{
	for (size_t i = 0; i < FILES; i++) {
		if (power)
			lose_unsynced(d, &d->file[i]);
		drop_shm(&d->file[i]);
	}
	d->dead = false;
	d->crash_after = 0;
}

void sim_disk_set_full(sim_disk *d, bool full)
{
	d->full = full;
}

bool sim_disk_is_full(const sim_disk *d)
{
	return d->full;
}

void sim_disk_plant(sim_disk *d, bool full_lies, bool sync_lies)
{
	d->full_lies = full_lies;
	d->sync_lies = sync_lies;
}

/* --- files --- */

static int vfs_close(sqlite3_file *base)
{
	(void)base;
	return SQLITE_OK;
}

static int vfs_read(sqlite3_file *base, void *out, int len, sqlite3_int64 offset)
{
	file *f = ((handle *)base)->file;
	size_t have = (size_t)offset < f->data.len ? f->data.len - (size_t)offset : 0;

	if (have >= (size_t)len) {
		memcpy(out, f->data.data + offset, (size_t)len);
		return SQLITE_OK;
	}
	memset(out, 0, (size_t)len);
	if (have)
		memcpy(out, f->data.data + offset, have);
	return SQLITE_IOERR_SHORT_READ;
}

static int vfs_write(sqlite3_file *base, const void *data, int len, sqlite3_int64 offset)
{
	handle *h = (handle *)base;
	sim_disk *d = h->disk;
	bool was_dead = d->dead;

	if (!sim_disk_effect(d)) {
		if (!was_dead && sim_chance(&d->random, 50)) { /* torn */
			remember(h->file, (size_t)offset, data, (size_t)len / 2);
			put(h->file, (size_t)offset, data, (size_t)len / 2);
		}
		return SQLITE_IOERR_WRITE;
	}
	if (d->full)
		return d->full_lies ? SQLITE_OK : SQLITE_FULL;
	remember(h->file, (size_t)offset, data, (size_t)len);
	put(h->file, (size_t)offset, data, (size_t)len);
	return SQLITE_OK;
}

static int vfs_truncate(sqlite3_file *base, sqlite3_int64 len)
{
	handle *h = (handle *)base;

	if (!sim_disk_effect(h->disk))
		return SQLITE_IOERR_TRUNCATE;
	forget_unsynced(h->file);
	resize(h->file, (size_t)len);
	return SQLITE_OK;
}

static int vfs_sync(sqlite3_file *base, int flags)
{
	handle *h = (handle *)base;

	(void)flags;
	if (!sim_disk_effect(h->disk))
		return SQLITE_IOERR_FSYNC;
	if (!h->disk->sync_lies)
		forget_unsynced(h->file);
	return SQLITE_OK;
}

static int vfs_size(sqlite3_file *base, sqlite3_int64 *size)
{
	*size = (sqlite3_int64)((handle *)base)->file->data.len;
	return SQLITE_OK;
}

static int vfs_lock(sqlite3_file *base, int lock)
{
	(void)base, (void)lock;
	return SQLITE_OK;
}

static int vfs_check_lock(sqlite3_file *base, int *reserved)
{
	(void)base;
	*reserved = 0;
	return SQLITE_OK;
}

static int vfs_control(sqlite3_file *base, int op, void *arg)
{
	(void)base, (void)op, (void)arg;
	return SQLITE_NOTFOUND;
}

static int vfs_sector(sqlite3_file *base)
{
	(void)base;
	return 4096;
}

static int vfs_characteristics(sqlite3_file *base)
{
	(void)base;
	return 0;
}

static int vfs_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out)
{
	file *f = ((handle *)base)->file;

	if (region >= SHM_REGIONS)
		return SQLITE_NOMEM;
	if (!f->shm[region] && extend)
		f->shm[region] = aic_xcalloc(1, (size_t)size);
	*out = f->shm[region];
	return SQLITE_OK;
}

static int vfs_shm_lock(sqlite3_file *base, int offset, int n, int flags)
{
	(void)base, (void)offset, (void)n, (void)flags;
	return SQLITE_OK;
}

static void vfs_shm_barrier(sqlite3_file *base)
{
	(void)base;
}

static int vfs_shm_unmap(sqlite3_file *base, int delete_it)
{
	(void)delete_it;
	drop_shm(((handle *)base)->file);
	return SQLITE_OK;
}

/* --- the file system --- */

static file *find(const char *path, sim_disk **disk, bool create)
{
	unsigned number;
	char name[NAME];
	file *unused = NULL;

	if (sscanf(path, "/sim/%u/%31s", &number, name) != 2 || number >= DISKS || !(*disk = disks[number]))
		return NULL;
	for (size_t i = 0; i < FILES; i++) {
		file *f = &(*disk)->file[i];

		if (f->used && strcmp(f->name, name) == 0)
			return f;
		if (!f->used && !unused)
			unused = f;
	}
	if (!create || !unused)
		return NULL;
	unused->used = true;
	aic_str_copy(unused->name, sizeof(unused->name), name);
	return unused;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out_flags)
{
	static const sqlite3_io_methods methods = {
		.iVersion = 2, .xClose = vfs_close, .xRead = vfs_read, .xWrite = vfs_write, .xTruncate = vfs_truncate, .xSync = vfs_sync,
		.xFileSize = vfs_size, .xLock = vfs_lock, .xUnlock = vfs_lock, .xCheckReservedLock = vfs_check_lock,
		.xFileControl = vfs_control, .xSectorSize = vfs_sector, .xDeviceCharacteristics = vfs_characteristics,
		.xShmMap = vfs_shm_map, .xShmLock = vfs_shm_lock, .xShmBarrier = vfs_shm_barrier, .xShmUnmap = vfs_shm_unmap,
	};
	handle *h = (handle *)base;

	(void)vfs;
	memset(h, 0, sizeof(*h));
	h->file = path ? find(path, &h->disk, flags & SQLITE_OPEN_CREATE) : NULL;
	if (!h->file)
		return SQLITE_CANTOPEN;
	h->base.pMethods = &methods;
	if (out_flags)
		*out_flags = flags;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
	sim_disk *d;
	file *f = find(path, &d, false);

	(void)vfs, (void)sync_dir;
	if (!f)
		return SQLITE_IOERR_DELETE_NOENT;
	if (!sim_disk_effect(d))
		return SQLITE_IOERR_DELETE;
	forget_unsynced(f);
	aic_bytes_free(&f->data);
	f->used = false;
	return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *yes)
{
	sim_disk *d;

	(void)vfs, (void)flags;
	*yes = find(path, &d, false) != NULL;
	return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int len, char *out)
{
	(void)vfs;
	aic_str_copy(out, (size_t)len, path);
	return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out)
{
	(void)vfs;
	memset(out, 0x5a, (size_t)len); /* a run must not differ from its repetition */
	return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return us;
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
	(void)vfs;
	*out = 2440587.5;
	return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int len, char *out)
{
	(void)vfs, (void)len, (void)out;
	return 0;
}

void sim_disk_register(void)
{
	static sqlite3_vfs vfs = {
		.iVersion = 1, .szOsFile = sizeof(handle), .mxPathname = 256, .zName = "aic-sim", .xOpen = vfs_open, .xDelete = vfs_delete,
		.xAccess = vfs_access, .xFullPathname = vfs_full_path, .xRandomness = vfs_randomness, .xSleep = vfs_sleep,
		.xCurrentTime = vfs_time, .xGetLastError = vfs_last_error,
	};

	sqlite3_vfs_register(&vfs, 1);
}

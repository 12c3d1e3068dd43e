/* disk.h: a disk in memory for each site, as SQLite sees it: a VFS whose every write, truncation and sync is counted, so that a
 * site can die before any of them, with what was not synced lost in part; and that can be full. */
#ifndef AIC_SIM_DISK_H
#define AIC_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sim_disk sim_disk;

/* Registers the VFS as SQLite's default one; paths are "/sim/<number of the disk>/<name>". Once a process. */
void sim_disk_register(void);

sim_disk *sim_disk_new(unsigned number, uint64_t seed);
void sim_disk_free(sim_disk *d);
/* Everything is gone, as on a new disk. */
void sim_disk_wipe(sim_disk *d);

/* The site dies at the n-th effect from now (1: the next one), which is not carried out, or half of it. 0: never. */
void sim_disk_crash_after(sim_disk *d, unsigned n);
/* An effect outside of the disk: false where the site is dead, or dies by this. */
bool sim_disk_effect(sim_disk *d);
bool sim_disk_is_dead(const sim_disk *d);
/* Lives again. power: what was not synced is there in part, as after a power cut; else all that was written, as after SIGKILL. */
void sim_disk_revive(sim_disk *d, bool power);

void sim_disk_set_full(sim_disk *d, bool full);
bool sim_disk_is_full(const sim_disk *d);
/* Planted faults: a full disk that says it has written; one that says it has synced. */
void sim_disk_plant(sim_disk *d, bool full_lies, bool sync_lies);

#endif

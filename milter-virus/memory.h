/*
 * How much memory there is for another engine: the host's, and that of the control groups (cgroup
 * v2) that this process is in, as far as they have limits: what is above them is killed, or slowed
 * down to a crawl, whatever the host has left.
 */
#ifndef GP_VIRUS_MEMORY_H
#define GP_VIRUS_MEMORY_H

#include <stdint.h>

struct virus_memory_places {
	const char *meminfo; /* /proc/meminfo */
	const char *group;   /* /proc/self/cgroup */
	const char *groups;  /* where the groups' files are: /sys/fs/cgroup */
};

extern const struct virus_memory_places virus_memory_places; /* the kernel's */

/* Bytes; 0 where nobody says how much the host has. */
uint64_t virus_memory_available(const struct virus_memory_places *places);

#endif

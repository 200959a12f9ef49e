/*
 * A scan worker's own side: one message at a time, by the engine that it inherited.
 */
#ifndef GP_VIRUS_SCAN_CHILD_H
#define GP_VIRUS_SCAN_CHILD_H

#include "milter-virus/engine.h"
#include "milter-virus/wire.h"

struct virus_child_options {
	const struct virus_engine_kind *kind;
	struct virus_engine *engine;
	const char *folder; /* its own, there already */
	uint64_t memory;    /* bytes of address space beyond what it has now */
	uint64_t file_max;  /* bytes of one temporary file */
	uint32_t cpu_s;	    /* for one message */
	bool is_confined;
};

/* In the new process: confines itself, then serves the front until its end. */
GP_NORETURN void virus_child_run(const struct virus_child_options *options, int front);

#endif

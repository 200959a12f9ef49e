/*
 * What is known of one message after it was scanned, or could not be.
 */
#ifndef GP_VIRUS_VERDICT_H
#define GP_VIRUS_VERDICT_H

#include <stdint.h>

#include "milter-virus/category.h"
#include "milter-virus/engine.h"

/* Why there is no result; each has its words and its setting in action.c. */
enum virus_outcome {
	VIRUS_SCANNED_CLEAN,
	VIRUS_SCANNED_FOUND,
	VIRUS_NO_ENGINE,  /* no database, or no worker could be started */
	VIRUS_OVERLOAD,	  /* too many wait already, or it waited too long */
	VIRUS_DEADLINE,	  /* its scan took too long and was ended */
	VIRUS_CRASHED,	  /* the worker died of it, or of something */
	VIRUS_KILLER,	  /* its like cost two workers before: not tried again */
	VIRUS_ENGINE_ERROR, /* the engine gave up: memory, disk … */
	VIRUS_OVERSIZE,	  /* larger than size_max and not scanned, by the settings; or than clamd takes */
	VIRUS_EXEMPT,	  /* not scanned, by the settings */
	VIRUS_OUTCOMES,
};

struct virus_verdict {
	enum virus_outcome outcome;
	enum virus_category category;	/* of VIRUS_SCANNED_FOUND */
	char name[VIRUS_NAME_MAX];	/* the signature; of VIRUS_ENGINE_ERROR its words; or "" */
	bool is_part;			/* only the first size_max bytes were looked at */
	unsigned tries;			/* workers that it was given to */
	uint64_t n_layers, n_known;	/* looked at; known by digest and not looked at */
	int64_t wait_us, scan_us, cpu_us; /* in the queue; in workers that scan; their CPU */
	int64_t shared_us;		/* in workers that waited for the verdict of another one */
	uint32_t generation;		/* of the engine; 0: none */
};

/* "clean", "found", "no-engine" …: in log lines and metrics. */
const char *virus_outcome_name(enum virus_outcome outcome);

#endif

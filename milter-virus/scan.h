/*
 * One message through the workers: queue, scan, questions about layers, deadline, second try.
 *
 * Runs on the asker's thread (a session's, a command's), which waits.  Where the engine is clamd,
 * scan_clamd.h does it.
 */
#ifndef GP_VIRUS_SCAN_H
#define GP_VIRUS_SCAN_H

#include "milter-virus/clamd.h"
#include "milter-virus/engines.h"
#include "milter-virus/pending.h"
#include "milter-virus/verdict.h"

/* What all scans share; set once at the start. */
struct virus_scanner {
	struct virus_pool *pool;
	struct virus_engines *engines; /* NULL: clamd scans */
	struct virus_cache *cache;
	struct virus_pending *pending;
};

struct virus_scan_request {
	int fd;		/* a sealed memory file with the message … */
	uint64_t size;	/* … of so many bytes */
	const struct virus_conf *conf;
	struct virus_clamd *clamd; /* who scans, instead of the workers; NULL: those */
	/* Called every few seconds while it waits; may be NULL. */
	void (*progress)(void *arg);
	void *arg;
};

/* Who scans instead of the workers; NULL: they do.  A snapshot's data is its clamd. */
static inline struct virus_clamd *virus_clamd_of(const struct virus_scanner *scanner,
						 const struct gp_snapshot *snap)
{
	return scanner->engines ? NULL : gp_snapshot_data(snap);
}

/* Always gives a verdict; the outcome says why there is no result. */
void virus_scan_message(const struct virus_scanner *scanner, const struct virus_scan_request *request,
			struct virus_verdict *ret);
void virus_scan_register_metrics(void);

#endif

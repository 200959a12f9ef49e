/*
 * Generations of the engine: loading, testing, serving, replacing.
 *
 * A generation is a loader with what it read, and the workers that it forked.  A new one is made
 * at the start, when the database or the settings changed, when somebody asks, and when the loader
 * died.  It serves only after its first worker has found nothing in a harmless message and the
 * test's own signature in another; until then, and when it fails, the old one goes on (but in the
 * mode `drain`, where that went first: virus_reload in options.h).
 *
 * Everything runs on the loop's thread; the calls below are for other threads.
 */
#ifndef GP_VIRUS_ENGINES_H
#define GP_VIRUS_ENGINES_H

#include "lib/io/loop.h"
#include "milter-virus/cache.h"
#include "milter-virus/engine.h"
#include "milter-virus/options.h"
#include "milter-virus/pool.h"

struct virus_engines;

struct virus_engines_options {
	struct gp_loop *loop;
	struct virus_pool *pool;
	struct virus_cache *cache;
	int spawner_fd; /* from virus_spawner_start(); taken over */
	const struct virus_conf *conf; /* what is needed of it is copied */
};

/* How it stands, for people and metrics. */
struct virus_status_report {
	bool is_serving, is_loading;
	uint32_t generation;
	struct virus_engine_info info; /* of the one that serves */
	int64_t served_since_s;	       /* when it began to */
	int64_t failed_at_s;	       /* the last failure; 0: none since the last success */
	char failure[512];
	unsigned workers;	       /* processes of the one that serves */
	uint64_t reloads, failures;
};

/* Begins to load at once. */
struct virus_engines *virus_engines_open(const struct virus_engines_options *options)
	__attribute__((returns_nonnull));
/* No message is under way any more. */
void virus_engines_close(struct virus_engines **engines);
/* After a reload of the settings: other limits or options of the engine need a new generation; and
 * looks whether the database changed. */
void virus_engines_configure(struct virus_engines *e, const struct virus_conf *conf);
/* Loads anew in any case. */
void virus_engines_reload(struct virus_engines *e);
void virus_engines_report(struct virus_engines *e, struct virus_status_report *ret);
/* Ends a worker at once; it is replaced. */
void virus_engines_kill(struct virus_engines *e, const struct virus_worker *worker);
void virus_engines_register_metrics(void);

#endif

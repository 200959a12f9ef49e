/*
 * What the files of the engines share: a generation's life is in generation.c, when a new one is
 * made in engines.c.  All of it belongs to the loop's thread.
 */
#ifndef GP_VIRUS_ENGINES_INT_H
#define GP_VIRUS_ENGINES_INT_H

#include "milter-virus/engines.h"
#include "milter-virus/selftest.h"
#include "milter-virus/watch.h"
#include "milter-virus/wire.h"

enum virus_gen_state {
	VIRUS_GEN_ORDERED,  /* the spawner was told */
	VIRUS_GEN_LOADING,  /* the loader reads */
	VIRUS_GEN_TESTING,  /* its first worker is tried */
	VIRUS_GEN_SERVING,
	VIRUS_GEN_RETIRING, /* ends when its workers have ended */
};

struct virus_member;

/* What of the settings is needed here: plain bytes, for the snapshot they came from goes. */
struct virus_engines_settings {
	struct virus_engine_options engine;
	char copy[VIRUS_PATH_MAX]; /* of the signatures, for a drain that fails; "": none */
	enum virus_reload reload;
	unsigned workers;
	uint64_t worker_memory, worker_messages;
	uint32_t cpu_s;
	int64_t database_check_ms;
};

struct virus_generation {
	struct virus_engines *engines;
	struct virus_generation *next;
	enum virus_gen_state state;
	uint32_t id;
	bool is_started; /* the spawner has answered */
	int fd, pidfd;	 /* the loader's; -1: gone */
	struct gp_watch *fd_watch, *pid_watch;
	struct virus_engine_options options;
	uint64_t worker_memory;
	int64_t keeping_until_ms; /* its loader copies the database; 0: it does not */
	bool is_copy;	      /* it reads the copy, as the database is broken */
	uint64_t fingerprint; /* of the database when it was ordered */
	struct virus_engine_info info;
	struct virus_member *members;
	unsigned alive, ordered; /* workers: there, on their way */
	int64_t rest_until_ms;	 /* no new workers before */
	struct gp_timer timer;	 /* to look for workers again */
	struct gp_timer sweep;	 /* to look for processes that do not end */
	bool is_awaited;	 /* the loader was to have ended when that last ran */
	struct virus_selftest *test;
};

struct virus_engines {
	struct gp_loop *loop;
	struct virus_pool *pool;
	struct virus_cache *cache;
	int spawner_fd;
	struct gp_watch *spawner_watch;
	struct virus_engines_settings settings;
	struct virus_watch *database_watch;
	struct gp_timer retry;
	struct virus_generation *all, *serving, *coming;
	uint32_t last_id;
	bool is_wanted;	   /* a new one, after the one that is coming or the one that is going */
	bool is_closing;
	bool has_failed;	     /* to read the database as it was … */
	uint64_t failed_fingerprint; /* … with this fingerprint */
	struct virus_status_report report;
	union virus_wire *wire; /* scratch */
};

/* generation.c */

/* Orders a loader, of the database or of its copy.  Less than 0: the spawner takes no orders now; the
 * generation is there all the same, for virus_engines_failed(). */
int virus_generation_begin(struct virus_engines *e, uint64_t fingerprint, bool is_copy) GP_MUST_USE;
/* Has its loader copy what it read; virus_engines_kept() tells the end of it, however it went. */
void virus_generation_keep(struct virus_generation *g);
/* The spawner's answer. */
void virus_generation_started(struct virus_generation *g, int err, int fd, int pidfd);
/* It shall serve no more; it frees itself when its last worker and its loader have ended. */
void virus_generation_retire(struct virus_generation *g);
/* Orders workers up to the number that is wanted. */
void virus_generation_fill(struct virus_generation *g);
void virus_generation_free(struct virus_generation *g);

/* engines.c: what generations report */

void virus_engines_passed(struct virus_generation *g, struct virus_worker *first);
/* err: GP_EINVAL a broken database, GP_ENOENT none, others: something else went wrong. */
void virus_engines_failed(struct virus_generation *g, int err, const char *why);
/* What serves is copied, or will not be. */
void virus_engines_kept(struct virus_engines *e);
/* The loader of the one that serves has died. */
void virus_engines_orphaned(struct virus_generation *g);
/* One is gone for good, and its memory free. */
void virus_engines_gone(struct virus_engines *e);
/* Ends a process, whosever it is. */
void virus_engines_end(struct virus_engines *e, int pidfd);
/* An idle worker has died. */
void virus_engines_lost(struct virus_engines *e, uint32_t worker);

#endif

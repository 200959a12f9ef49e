/*
 * Workers that are ready, and the messages that wait for one.
 *
 *	r = virus_pool_acquire(pool, &wait, &worker);
 *	… talk to it over virus_worker_fd(worker) …
 *	virus_pool_release(pool, worker, is_sound);
 *
 * Messages are served in the order in which they came.  Who waits is a session's thread; workers
 * come and go by the engines' hand (engines.h, on the loop's thread).
 */
#ifndef GP_VIRUS_POOL_H
#define GP_VIRUS_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct virus_pool;

struct virus_worker {
	int fd, pidfd;
	uint32_t serial;     /* never used again */
	uint32_t generation; /* of its engine */
	/* The pool's, under its lock. */
	unsigned refs;	     /* the engines', and the pool's or the user's */
	uint64_t n_messages;
	bool is_idle, is_gone;
	struct virus_worker *next;
};

struct virus_wait {
	int64_t deadline_ms; /* gp_clock_mono_ms() */
	size_t queue_max;    /* others that may wait before it */
	void (*tick)(void *arg); /* called every few seconds while it waits */
	void *arg;
};

struct virus_pool_counts {
	size_t idle, busy, waiting;
};

struct virus_pool *virus_pool_new(void) __attribute__((returns_nonnull));
/* Nobody waits and nobody holds a worker. */
void virus_pool_free(struct virus_pool **pool);

/* GP_ENOENT: there is no engine, nor one on its way; GP_ELIMIT: too many wait; GP_ETEMP: the
 * deadline passed. */
int virus_pool_acquire(struct virus_pool *pool, const struct virus_wait *wait,
		       struct virus_worker **ret) GP_MUST_USE;
/* is_sound: it may take another message; else its socket is closed, which ends it.  False: its
 * process had ended already, after its last answer. */
bool virus_pool_release(struct virus_pool *pool, struct virus_worker *worker, bool is_sound);
/* Gauges of the one pool that there is. */
void virus_pool_register_metrics(void);
void virus_pool_count(struct virus_pool *pool, struct virus_pool_counts *ret);

/* For the engines. */

/* Takes over both descriptors; the engines hold a reference until virus_pool_drop. */
struct virus_worker *virus_worker_new(int fd, int pidfd, uint32_t generation)
	__attribute__((returns_nonnull));
/* A worker that is ready; of another generation than the one that serves it is ended. */
void virus_pool_add(struct virus_pool *pool, struct virus_worker *worker);
/* Its process has ended; true: it was idle.  *ret_messages (or NULL): how many it had. */
bool virus_pool_drop(struct virus_pool *pool, struct virus_worker *worker, uint64_t *ret_messages);
/* Was its socket closed, so that its process should end? */
bool virus_pool_is_dismissed(struct virus_pool *pool, const struct virus_worker *worker);
/* Workers of this generation serve from now on; idle ones of others are ended.  0: none do. */
void virus_pool_serve(struct virus_pool *pool, uint32_t generation);
/* Is an engine there or expected?  False: who waits is sent away. */
void virus_pool_expect(struct virus_pool *pool, bool is_expected);
/* Ends so many of the workers that serve: idle ones now, others after their message. */
void virus_pool_shrink(struct virus_pool *pool, unsigned n);
/* A worker that has had so many messages is replaced; 0: never. */
void virus_pool_set_messages(struct virus_pool *pool, uint64_t messages_max);

#endif

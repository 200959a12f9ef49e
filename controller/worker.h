/*
 * Workers: processes that read strangers' mail, so that the controller need not.
 *
 * The controller holds the sockets, the queue and the store, and never parses a
 * message.  A worker has nothing but a socket to the controller (one that scans has
 * another, for its questions to store and DNS: ask_wire.h): no files, no network, no
 * store, bounded memory, and it takes one message at a time.  A worker that crashes,
 * hangs or meets a limit is killed and replaced; what the others do is
 * not disturbed.  A message that does this twice is given up; a worker that dies before
 * it has said that it has the message costs it nothing.
 *
 *	struct worker_job job = {.kind = WORKER_TEACH, .message = bytes, .deadline_ms = …,
 *				 .done = learned, .arg = …};
 *	workers_ask(workers, &job);		(any thread)
 *	… learned(&job, WORKER_OK, reply) on the loop's thread …
 *
 * What a kind of worker makes of a message is a row of the table in worker_child.c:
 * bytes in, bytes out.  A reply comes from a process that a stranger may have taken
 * over: whoever decodes it trusts nothing in it.
 *
 * How they come to be.  The controller confines itself (no exec) and then runs threads
 * (no fork).  So before either, in its service's bind, it forks the spawner
 * (spawner.h), which has no threads, reads nothing but one-byte orders, and forks and
 * executes a worker for each: this same program with a hidden argument.  Executing,
 * instead of only forking, costs some milliseconds a worker, and gives each its own
 * layout of memory and nothing of the controller's; and after a reload new workers
 * simply read the new configuration.
 */
#ifndef GP_CONTROLLER_WORKER_H
#define GP_CONTROLLER_WORKER_H

#include "lib/base/str.h"
#include "lib/io/loop.h"

#define WORKER_PARAMS_MAX 65536u	 /* of a job: fits a socket's buffer at once */
#define WORKER_REPLY_MAX (4u << 20)	 /* 1,500 tokens take 12 KB; a scan's report some more */
#define WORKER_TRIES 2			 /* workers that one message may cost */

struct workers;

enum worker_kind {
	WORKER_TEACH, /* a message to its digest, tokens and facts: facts.h */
	WORKER_SCAN,  /* a message and its envelope to a verdict: scan.h */
	WORKER_KINDS,
};

enum worker_result {
	WORKER_OK,
	WORKER_REFUSED, /* the message cost WORKER_TRIES workers that had begun it */
	WORKER_LATE,	/* the deadline passed before a worker was free */
	WORKER_STOPPED, /* the workers are being closed */
};

/* The asker's; it and what it points to live until `done` was called. */
struct worker_job {
	enum worker_kind kind;
	struct gp_str params;	/* for the kind, at most WORKER_PARAMS_MAX bytes */
	struct gp_str message;
	int64_t deadline_ms;	/* for a worker to begin (gp_clock_mono_ms) */
	/* On the loop's thread, at each try: a socket for what the worker may ask meanwhile, taken
	 * over; -1: it cannot be had.  NULL: it asks nothing. */
	int (*channel)(struct worker_job *job);
	/* Called once, on the loop's thread; the reply is gone when it returns. */
	void (*done)(struct worker_job *job, enum worker_result result, struct gp_str reply);
	void *arg;
	/* The pool's. */
	struct gp_call call;
	struct workers *pool;
	struct worker_job *next;
	unsigned tries;
};

struct workers_options {
	struct gp_loop *loop;
	int spawner_fd;			 /* from spawner_start(); taken over */
	unsigned counts[WORKER_KINDS];	 /* processes at the most; 0: this kind is not used */
	int64_t timeout_ms;		 /* for one message */
};

/* Any thread but the loop's, once; the first worker of each kind starts at once. */
struct workers *workers_open(const struct workers_options *options) __attribute__((returns_nonnull));
/* Any thread but the loop's.  Jobs that wait or run end with WORKER_STOPPED, at once, and so do
 * those that come later: who waits for an answer can be stopped after this. */
void workers_stop(struct workers *workers);
/* The same, and nobody may ask any more. */
void workers_close(struct workers **workers);
void workers_ask(struct workers *workers, struct worker_job *job);
/* After a reload: those that work finish what they do, and all are replaced. */
void workers_replace(struct workers *workers, int64_t timeout_ms);
void workers_register_metrics(void);

#endif

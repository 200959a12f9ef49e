/*
 * Inside of the worker: its life (worker.c) and one pass over the file (pass.c).
 */
#ifndef GP_SIEVE_LEARN_WORKER_INT_H
#define GP_SIEVE_LEARN_WORKER_INT_H

#include "dovecot-sieve-learn/compat.h"

#include "dovecot-sieve-learn/client.h"
#include "dovecot-sieve-learn/reader.h"
#include "dovecot-sieve-learn/settings.h"
#include "dovecot-sieve-learn/worker.h"

#define GP_WORKER_TAKE 64    /* references read from the file at a time */
#define GP_WORKER_FLIGHTS 256 /* unanswered messages, the most that the setting allows */
#define GP_WORKER_RETRY_MIN_MS 1000

/* A message that was sent. */
struct gp_flight {
	uint32_t id;
	char class_code;
	off_t at;
};

struct gp_worker {
	struct mail_user *user;
	const struct gp_learn_settings *set;
	struct event *event;
	const char *path, *claim_path;
	struct gp_reader *reader;
	struct gp_client *client;
	struct timeout *timeout; /* the next step */
	struct ioloop *finishing; /* gp_worker_finish runs it, */
	struct ioloop *outer;	  /* within this one */
	int claim_fd;		 /* -1: no pass is under way */

	/* Of the pass: */
	struct gp_ref refs[GP_WORKER_TAKE];
	unsigned int taken, next;
	off_t read_at;
	struct gp_flight flights[GP_WORKER_FLIGHTS]; /* a ring, oldest at `first` */
	unsigned int first, flying, window;
	uint32_t last_id, size_max;
	bool is_welcome;
	bool is_stopping; /* send no more: the controller said later */
	bool has_left;	  /* some reference stays for another pass */
	struct gp_worker_counts at_start;

	unsigned int retry_ms;
	uint64_t tokens_us; /* what the rate allows, in time of one message */
	struct timeval tokens_at;
	ARRAY(struct gp_ref_move) late; /* could not be written yet */
	time_t last_warning;
	unsigned int hushed; /* warnings since then */
	struct gp_worker_counts counts;
};

/* Once a minute, whatever happens how often. */
void gp_worker_warn(struct gp_worker *worker, const char *format, ...) ATTR_FORMAT(2, 3);
/* The next step; replaces the one that was planned. */
void gp_worker_later(struct gp_worker *worker, unsigned int after_ms);
/* For who waits in gp_worker_finish: there is nothing more to do, or it cannot be done now. */
void gp_worker_stop_waiting(struct gp_worker *worker);

/* Takes the claim and connects; sees to what comes next if it cannot. */
void gp_pass_begin(struct gp_worker *worker);
/* Goes on, if the controller is ready. */
void gp_pass_continue(struct gp_worker *worker);
/* Ends the pass; the file stays as it is. */
void gp_pass_drop(struct gp_worker *worker);
/* One line if something happened since the last, for people and for Dovecot's metrics. */
void gp_pass_log(struct gp_worker *worker);

#endif

/*
 * The queue: messages that were taken and wait to be learned, on disk.
 *
 * Those that are handed in together are written together and synced once (group
 * commit), on a thread of the journal's own; then each asker is told, on the loop's
 * thread.  One reader takes them in order, and says when they are done with: what is
 * not, a crash brings back: the reader must bear to see the records again that it had in
 * its hands, and does (learner.h).
 */
#ifndef GP_CONTROLLER_JOURNAL_H
#define GP_CONTROLLER_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/io/loop.h"

enum journal_kind {
	JOURNAL_LESSON = 'L', /* a message to be learned */
	JOURNAL_UNDO = 'U',   /* take back what a user taught since then */
};

/* A record.  In the writer's hands the spans are the asker's, in the reader's they lie in
 * the reader's buffer. */
struct journal_record {
	enum journal_kind kind;
	uint8_t class;	   /* enum gp_learn_class */
	uint8_t flags;	   /* enum gp_learn_flags */
	bool is_own_only;  /* goes into the user's own scope, whatever bayes.scope says */
	bool is_everybodys; /* an undo of what all users taught */
	uint32_t uid;	   /* of the peer */
	int64_t time_s;	   /* when it was taken */
	int64_t since_s;   /* of an undo */
	struct gp_str user, origin;
	struct gp_str message;
	uint64_t number;   /* the journal's */
	uint64_t size;	   /* on disk, the journal's */
};

/* One that is being written; the asker's until `done` was called. */
struct journal_write {
	struct gp_loop *loop;
	void (*done)(struct journal_write *w, int result); /* GP_OK, or GP_ETEMP: disk */
	uint64_t number;				   /* once it is written */
	/* The journal's. */
	struct gp_buf bytes;
	int result;
	struct gp_call call;
	struct journal_write *next;
};

struct journal_stats {
	uint64_t bytes, records; /* that wait */
	int64_t oldest_s;	 /* when the oldest of them was taken; 0: none waits */
	uint64_t next;		 /* the number of the next record */
};

struct journal;

/* `number_min`: the first number that may be given (those of the log of lessons count on). */
int journal_open(const char *directory, uint64_t size_max, uint64_t number_min,
		 struct journal **ret, struct gp_diag *diag) GP_MUST_USE;
/* Writes what was handed in, and ends.  Clears *j. */
void journal_close(struct journal **j);

/* Hands in a record, which is copied.  GP_ELIMIT when the queue is full (`done` is not called
 * then), GP_EINVAL when the record can be none.  Any thread. */
int journal_append(struct journal *j, const struct journal_record *record, struct journal_write *w)
	GP_MUST_USE;
/* The reader: the next record, its bytes appended to buf.  GP_ENOENT: none is there yet. */
int journal_read(struct journal *j, struct gp_buf *buf, struct journal_record *ret) GP_MUST_USE;
/* The reader: begins again with the first record that is not done with. */
void journal_rewind(struct journal *j);
/* The reader: all records up to this number are done with; `bytes` and `records` of them.  On disk
 * when it returns GP_OK; else it may be tried again. */
int journal_done(struct journal *j, uint64_t number, uint64_t bytes, uint64_t records,
		 struct gp_diag *diag) GP_MUST_USE;
/* The reader: waits until journal_wake() was called, or the time has come (gp_clock_mono_ms),
 * or, if that is wanted, there is something to read. */
void journal_wait(struct journal *j, bool for_records, int64_t until_ms);
void journal_wake(struct journal *j);
/* Any thread. */
void journal_stats(struct journal *j, struct journal_stats *ret);
/* Bytes that were cut off at opening, and why the last write failed ("" if it did not). */
uint64_t journal_cut(const struct journal *j);
void journal_last_error(struct journal *j, struct gp_diag *ret);

#endif

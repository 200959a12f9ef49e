/*
 * The log of lessons: who taught what, and what that changed.
 *
 * It is written before the store is changed.  So it says, after a crash, what a record
 * of the queue was about to do; with the tokens in it, it says how to take a lesson back
 * exactly, and with which tokens a message is to be unlearned that has changed since
 * (another hop, another header).  Bounded: the oldest file goes when a new one would
 * make it too large.
 *
 * One thread.
 */
#ifndef GP_CONTROLLER_LESSONS_H
#define GP_CONTROLLER_LESSONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/digest.h"
#include "lib/base/err.h"
#include "lib/score/bayes_scope.h"
#include "lib/store/store.h"

/* Why a message was not learned. */
enum lesson_refusal {
	LESSON_TAKEN,
	LESSON_UNREADABLE, /* no message, or one that no worker survives */
	LESSON_SHORT,	   /* learn.words_min */
	LESSON_UNSCANNED,  /* learn.scanned_only */
	LESSON_UNBALANCED, /* learn.balance_max */
	LESSON_REFUSALS,
};

struct lesson_scope {
	char name[GP_STORE_SCOPE_MAX + 1];
	enum gp_bayes_class before, after;
	uint64_t old; /* the lesson whose tokens are taken out; 0: this one's */
};

struct lesson {
	uint64_t number; /* of its record in the queue */
	int64_t time_s;	 /* when it was taken */
	uint32_t uid;
	uint8_t class;	 /* enum gp_learn_class */
	enum lesson_refusal refusal;
	unsigned char digest[GP_SHA256_SIZE];
	struct gp_str user, origin, message_id;
	size_t n_scopes;
	struct lesson_scope scopes[GP_BAYES_SCOPES];
	const uint64_t *tokens;
	size_t n_tokens;
	uint64_t undone; /* out: number of the record that took it back, or 0 */
};

struct lessons;

/* The log in a directory; files of an eighth of size_max. */
int lessons_open(const char *directory, uint64_t size_max, struct lessons **ret,
		 struct gp_diag *diag) GP_MUST_USE;
void lessons_close(struct lessons **log);
/* The number of the last record; 0: there is none. */
uint64_t lessons_last(const struct lessons *log);

/* Appends lessons with rising numbers, durably, all or none. */
int lessons_append(struct lessons *log, const struct lesson *lessons, size_t n,
		   struct gp_diag *diag) GP_MUST_USE;
/* Notes, durably, that lessons are taken back by the record `number`, and how (any bytes). */
int lessons_append_undone(struct lessons *log, uint64_t number, const uint64_t *undone, size_t n,
			  struct gp_str how, struct gp_diag *diag) GP_MUST_USE;
/* Appends how the record `number` takes back; GP_ENOENT if it is not the last that did. */
int lessons_get_undone(struct lessons *log, uint64_t number, struct gp_buf *ret_how) GP_MUST_USE;

/* Reads a lesson; everything in it lives in the arena.  GP_ENOENT: not there (any more). */
int lessons_get(struct lessons *log, uint64_t number, struct gp_arena *arena, struct lesson *ret)
	GP_MUST_USE;
/* The newest lesson, not taken back, that left this message in this scope as that class; 0 if
 * there is none.  In the arena: memory for looking. */
uint64_t lessons_find(struct lessons *log, const unsigned char digest[GP_SHA256_SIZE],
		      const char *scope, enum gp_bayes_class after, struct gp_arena *arena);
/* The number of the newest lesson before `number` (0: of all) that was taken at since_s or
 * later; 0 if there is none. */
uint64_t lessons_before(const struct lessons *log, uint64_t number, int64_t since_s);

#endif

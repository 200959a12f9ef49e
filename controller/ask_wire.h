/*
 * What a worker that scans may ask of the controller, and the answers: token counts and
 * the DNS.
 *
 * Frames on a stream socket that a scan gets beside its message (worker.h) and that ends
 * with it: a length (4 bytes: what follows), a type (1), an id (4) that the answer repeats,
 * a payload.  Numbers are the host's, both ends are the same program.
 *
 *	worker				controller
 *	TOKENS scope, token …
 *					COUNTS result, totals, count …
 *	NAME type, name
 *					RECORDS result, answer
 *
 * The controller believes nothing of what it reads: a worker may have been taken over
 * by the message that it judges.
 */
#ifndef GP_CONTROLLER_ASK_WIRE_H
#define GP_CONTROLLER_ASK_WIRE_H

#include "lib/base/buf.h"
#include "lib/dns/dns.h"
#include "lib/store/store.h"

#define ASK_HEAD_SIZE 9u
#define ASK_TOKENS_MAX 8192u	  /* of one look-up; a message has GP_MAX_TOKENS */
/* A DNS message has 64 KB; its records in our form some more. */
#define ASK_FRAME_MAX (256u << 10)

enum ask_type {
	ASK_TOKENS = 'T',
	ASK_COUNTS = 't',
	ASK_NAME = 'N',
	ASK_RECORDS = 'n',
};

struct ask_frame {
	enum ask_type type;
	uint32_t id;
	struct gp_str payload;
};

struct ask_tokens {
	struct gp_str scope;
	size_t n;
	struct gp_str tokens; /* n times 8 bytes, as they lie there */
};

/* Takes a whole frame from the beginning of data: its length, 0 if more bytes are needed, -1 if
 * this is none. */
long ask_parse(struct gp_str data, struct ask_frame *ret);

void ask_put_tokens(struct gp_buf *out, uint32_t id, struct gp_str scope, const uint64_t *tokens,
		    size_t n);
void ask_put_counts(struct gp_buf *out, uint32_t id, int result,
		    const struct gp_bayes_totals *totals, const struct gp_bayes_count *counts,
		    size_t n);
void ask_put_name(struct gp_buf *out, uint32_t id, enum gp_dns_type type, struct gp_str name);
void ask_put_records(struct gp_buf *out, uint32_t id, int result,
		     const struct gp_dns_answer *answer);

/* Payloads; GP_EINVAL when they are malformed.  Spans borrow from the payload. */
int ask_get_tokens(struct gp_str payload, struct ask_tokens *ret) GP_MUST_USE;
/* Exactly n counts. */
int ask_get_counts(struct gp_str payload, size_t n, int *ret_result,
		   struct gp_bayes_totals *ret_totals, struct gp_bayes_count *ret_counts) GP_MUST_USE;
int ask_get_name(struct gp_str payload, enum gp_dns_type *ret_type, struct gp_str *ret_name)
	GP_MUST_USE;
/* Copies into the arena. */
int ask_get_records(struct gp_str payload, struct gp_arena *arena, int *ret_result,
		    struct gp_dns_answer *ret) GP_MUST_USE;

#endif

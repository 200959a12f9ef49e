/*
 * What the controller tells a worker about a message to be scanned, and what it hears; also
 * what else it asks who has the rules.
 *
 * The report is JSON for the client, which the controller hands on unread: it is the
 * work of a process that the message may have taken over, and only that client gets it.
 */
#ifndef GP_CONTROLLER_SCAN_WIRE_H
#define GP_CONTROLLER_SCAN_WIRE_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/score/verdict.h"

enum scan_op {
	SCAN_JUDGE,   /* the message */
	SCAN_RULES,   /* nothing: lists rules and scores, for /symbols */
	SCAN_ACTIONS, /* nothing: lists thresholds, for /actions */
	SCAN_OPS,
};

struct scan_order {
	enum scan_op op;
	uint32_t left_ms; /* for all look-ups */
	struct gp_str ip, helo, user, queue_id; /* or empty */
	struct gp_str from; /* without <>; ptr NULL: not known */
	const struct gp_str *recipients;
	size_t n_recipients; /* GP_MAX_RECIPIENTS at the most */
	/* What the directory says of user and recipients (wants.h); empty: nothing. */
	struct gp_str user_words;
	const struct gp_str *words;	  /* as many as recipients, or NULL */
	struct gp_str directory_failure; /* why it does not, or empty */
};

struct scan_report {
	double score; /* of a message; as the action */
	enum gp_action action;
	struct gp_str json;
};

void scan_order_encode(const struct scan_order *order, struct gp_buf *out);
/* Texts point into bytes; GP_EINVAL if malformed. */
int scan_order_decode(struct gp_str bytes, struct gp_arena *arena, struct scan_order *ret)
	GP_MUST_USE;
void scan_report_encode(const struct scan_report *report, struct gp_buf *out);
/* The JSON points into bytes; GP_EINVAL for an action or a score that cannot be. */
int scan_report_decode(struct gp_str bytes, struct scan_report *ret) GP_MUST_USE;

#endif

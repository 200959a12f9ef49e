/*
 * From score to action: pure arithmetic over thresholds.
 *
 * A milter has one verdict for all recipients of a message, so their settings
 * are merged (DESIGN 4.6): what takes the message away from everyone (reject,
 * greylist, discard, quarantine) only if every recipient's settings say so;
 * a header is added if any recipient's settings say so.
 */
#ifndef GP_SCORE_VERDICT_H
#define GP_SCORE_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

enum gp_action {
	GP_ACTION_ACCEPT,
	GP_ACTION_GREYLIST,
	GP_ACTION_ADD_HEADER,
	GP_ACTION_QUARANTINE, /* Postfix: HOLD */
	GP_ACTION_REJECT,
	GP_ACTION_DISCARD,
};

/* From which score on each action is taken; HUGE_VAL: never.  When several apply, the last of
 * enum gp_action wins. */
struct gp_thresholds {
	double greylist, add_header, quarantine, reject, discard;
};

/* 4 / 6 / 15, quarantine and discard off. */
extern const struct gp_thresholds gp_thresholds_default;

struct gp_verdict {
	enum gp_action action;
	size_t decided_by; /* the recipient (index) whose settings were the deciding ones: for
			    * reject, greylist … the most lenient who agreed, for add header
			    * the strictest */
	bool is_softened;  /* some recipient wanted a harder action … */
	size_t softened_by; /* … and this one's settings stood against it */
};

/* "accept", "greylist", "add header", "quarantine", "reject", "discard". */
const char *gp_action_name(enum gp_action action);

/* What one recipient's settings say about this score. */
enum gp_action gp_thresholds_action(const struct gp_thresholds *t, double score);

/* Merges over n recipients; n = 0 counts as one with the defaults. */
void gp_verdict_decide(double score, const struct gp_thresholds *recipients, size_t n,
		       struct gp_verdict *ret);

#endif

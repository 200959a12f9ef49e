/*
 * Who is welcome, who is not, and what each recipient or account wants.
 *
 * Two kinds of map files (lib/conf/mapfile.h):
 *   senders:  "friend@example.org", ".example.net", "192.0.2.0/24", each with an
 *             optional score;
 *   settings: a recipient, domain or account and words like
 *             "reject=12 add_header=5 welcome=*@example.org block=x@example.net"; the
 *             directory has the same words (asked.h).
 *
 * Senders are compared with the envelope sender and the client's address.  An
 * envelope sender can be forged: welcome networks rather than domains where it
 * matters.  The address in From: counts for blocking only.
 */
#ifndef GP_SPAM_LISTS_H
#define GP_SPAM_LISTS_H

#include "lib/base/ip.h"
#include "lib/conf/mapfile.h"
#include "lib/score/verdict.h"

#define SPAM_WELCOME_SCORE (-100.0)
#define SPAM_BLOCK_SCORE 100.0

/* What identifies the sender of a message. */
struct spam_sender {
	struct gp_str envelope;	   /* without <> */
	struct gp_str header_from; /* address of From:, or empty */
	struct gp_ip client;
};

/* Looks the sender up; the score of its line (or `score` when it has none) in *ret_score,
 * its key in *ret_key.  use_header_from: From: counts too. */
bool spam_sender_find(const struct gp_mapfile *map, const struct spam_sender *sender,
		      bool use_header_from, double score, double *ret_score,
		      struct gp_str *ret_key);

/* What the settings of one recipient or account change. */
struct spam_settings {
	struct gp_thresholds thresholds; /* already "never" for 0 */
	double adjust;			 /* points by its own welcome and block entries */
	struct gp_str matched;		 /* the entry that decided, or empty */
};

/* The words of `key` (an address, or an account's name when is_account) in a settings map;
 * false: it has no entry. */
bool spam_settings_words(const struct gp_mapfile *map, struct gp_str key, bool is_account,
			 struct gp_str *ret_words);
/* What words make of the defaults; those that cannot be used are passed over, and of a threshold
 * that is named twice the first counts: what is nearer stands first. */
struct spam_settings spam_settings_read(struct gp_str words, const struct gp_thresholds *defaults,
					const struct spam_sender *sender);
/* Takes the next word; GP_ENOENT at the end, GP_EINVAL with the diag if it cannot be used. */
int spam_settings_next(struct gp_str *words, struct gp_str *ret_name, struct gp_str *ret_value,
		       struct gp_diag *diag) GP_MUST_USE;

/* Reports every value that cannot be used, with file and line.  NULL maps are fine. */
void spam_sender_map_check(const struct gp_mapfile *map, struct gp_conf_report *report);
void spam_settings_map_check(const struct gp_mapfile *map, struct gp_conf_report *report);

#endif

/*
 * Reputations of senders, as plugins of the rules keep them: settings, and entries in the store.
 *
 * An entry is how many messages a sender has sent, and their scores' sum; who a sender is says the
 * plugin (rule_eval_awl.c, rule_eval_txrep.c).  Each message counts once, whoever receives it.  Entries that nobody
 * touches expire, those of senders that came once sooner.  While the store does not answer the rule
 * does not hit, and the message is said to be judged without "senders".
 */
#ifndef GP_SCORE_RULE_SENDER_H
#define GP_SCORE_RULE_SENDER_H

#include "lib/score/rule_eval.h"
#include "lib/store/store.h"

enum gp_sender_setting {
	GP_AWL_USE,
	GP_AWL_FACTOR,
	GP_AWL_IPV4_BITS,
	GP_AWL_IPV6_BITS,
	GP_AWL_BY_SIGNATURE,
	GP_TXREP_USE,
	GP_TXREP_FACTOR,
	GP_TXREP_IPV4_BITS,
	GP_TXREP_IPV6_BITS,
	GP_TXREP_BY_SIGNATURE,
	GP_TXREP_BY_SPF,
	GP_TXREP_TRACKS,
	GP_TXREP_WEIGHT_EMAIL,
	GP_TXREP_WEIGHT_EMAIL_IP,
	GP_TXREP_WEIGHT_DOMAIN,
	GP_TXREP_WEIGHT_IP,
	GP_TXREP_WEIGHT_HELO,
	GP_SENDER_SETTINGS,
};

/* A plugin's directive, once loadplugin has named it; false when it is none of these. */
bool gp_sender_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value);
double gp_sender_setting(const struct gp_rule_set *set, enum gp_sender_setting which);

/* Why a rule of these plugins cannot run, or NULL. */
const char *gp_sender_obstacle(const struct gp_rule_builder *b, const struct gp_rule_eval *eval);

struct gp_sender_entry {
	int64_t count; /* messages; 0: not known */
	double total;  /* of their scores */
	bool is_kept;  /* … as the record */
	struct gp_record record;
};

/* GP_OK also for one that is not known; else as gp_store_record_get(). */
int gp_sender_read(const struct gp_rule_input *in, struct gp_str table, struct gp_str key,
		   struct gp_sender_entry *ret) GP_MUST_USE;
/* Counts a message on top of what was read.  Others may count at the same time: theirs stay counted.
 * False: the store did not take it, it is not counted. */
bool gp_sender_add(const struct gp_rule_input *in, struct gp_str table, struct gp_str key,
		   const struct gp_sender_entry *was, double score);
/* Forgets what was read; false: it has changed since, or the store did not take it. */
bool gp_sender_drop(const struct gp_rule_input *in, struct gp_str table, struct gp_str key,
		    const struct gp_sender_entry *was);

/* Does a rule that hit want the message left alone? */
bool gp_sender_is_unwanted(const struct gp_eval *e);
/* The points of the rules that hit, in one of the score sets, but those with one of these flags. */
double gp_sender_points(const struct gp_eval *e, unsigned score_set, unsigned tflags_left_out);
/* All that the message has scored. */
double gp_sender_score(const struct gp_eval *e);
/* The address's network by these settings, as text; NULL: "none". */
struct gp_str gp_sender_network(struct gp_eval *e, const struct gp_ip *ip,
				enum gp_sender_setting ipv4_bits, enum gp_sender_setting ipv6_bits);
/* A tag for templates, as "1.5"; the name is kept. */
void gp_sender_set_tag(struct gp_eval *e, const char *name, double value);

/* The score as it is written: with three digits. */
double gp_sender_rounded(double score);

#endif

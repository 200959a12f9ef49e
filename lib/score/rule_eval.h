/*
 * Eval functions: checks that are no patterns, called by name from rules
 * (`body BAYES_99 eval:check_bayes('0.99', '0.999')`).
 *
 * Tables, one a subject; a new function is a row and the function.  They run in
 * gp_rule_scan_finish, when everything that was looked up is known.
 */
#ifndef GP_SCORE_RULE_EVAL_H
#define GP_SCORE_RULE_EVAL_H

#include "lib/score/rule_int.h"
#include "lib/score/rule_list.h"
#include "lib/score/rule_scan.h"

/* Things worked out once a message, when the first function asks (gp_eval_memo). */
enum gp_eval_memo_key {
	GP_EVAL_FROM, /* rule_eval_text.c */
	GP_EVAL_TO,
	GP_EVAL_FREEMAIL_BODY,
	GP_EVAL_DATES,
	GP_EVAL_RECIPIENTS,
	GP_EVAL_MIME,
	GP_EVAL_HTML,
	GP_EVAL_IMAGES,
	GP_EVAL_DIFFERENCE,
	GP_EVAL_URI_DETAIL, /* rule_uri_detail.c */
	GP_EVAL_FROM_NAME,
	GP_EVAL_PDF,
	GP_EVAL_AUTHRES,
	GP_EVAL_OLE,
	GP_EVAL_UPPERCASE,
	GP_EVAL_URI_HOSTS,
	GP_EVAL_FREEMAILS,
	GP_EVAL_HEADERS,
	GP_EVAL_RECEIVED, /* rule_eval_forged.c */
	GP_EVAL_HOTMAIL,
	GP_EVAL_SENDER, /* rule_eval_awl.c, rule_eval_txrep.c */
	GP_EVAL_MEMO_KEYS = 24, /* room; a subject's own keys come before this one */
};

/* What a function sees of a scan. */
struct gp_eval {
	const struct gp_rule *rule; /* whose function it is */
	const struct gp_rule_input *in;
	const struct gp_rule_set *set; /* gp_rule_list_get(set, "freemail_domains") */
	const struct gp_relay_path *relays;
	struct gp_arena *arena;	       /* of the message */
	struct gp_rule_dns *dns; /* what the DNS answered, rule_dns.h; NULL: not asked */
	struct gp_rule_tags *tags;
	struct gp_pcre *pcre;
	struct gp_rule_subject *subjects; /* by target; what has no ranges was not built yet */
	/* For those that run last, which have no pcre and no subjects: */
	const double *hits; /* by rule */
	unsigned score_set;
	bool has_score;
	double score; /* … of the rule, in place of its own */
	bool is_store_missing; /* it did not answer */
	struct gp_str evidence; /* what a function that hits has seen, for traces */
	struct gp_str detail;	/* what reports say of it in brackets, a line each; or empty */
	void *memo[GP_EVAL_MEMO_KEYS];
};

struct gp_rule_eval {
	const char *name;
	unsigned args_min, args_max;
	/* Whether the rule hits; `row` is this one, for functions that serve several. */
	bool (*fn)(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		   size_t n_args);
	int what;  /* fn's own */
	bool flag; /* fn's own */
	unsigned pattern; /* which argument is a pattern (rule->pattern), from 1; 0: none … */
	bool is_delimited; /* … of bytes, which may stand between delimiters */
	const char *plugin; /* that a loadplugin has to name; NULL: it is always there */
	bool is_last; /* it wants the points of all other rules */
};

/* Each ends with a NULL name. */
extern const struct gp_rule_eval gp_rule_evals_adsp[];
extern const struct gp_rule_eval gp_rule_evals_alternative[];
extern const struct gp_rule_eval gp_rule_evals_asn[];
extern const struct gp_rule_eval gp_rule_evals_attachment[];
extern const struct gp_rule_eval gp_rule_evals_auth[];
extern const struct gp_rule_eval gp_rule_evals_authres[];
extern const struct gp_rule_eval gp_rule_evals_awl[];
extern const struct gp_rule_eval gp_rule_evals_body[];
extern const struct gp_rule_eval gp_rule_evals_charset[];
extern const struct gp_rule_eval gp_rule_evals_dns[];
extern const struct gp_rule_eval gp_rule_evals_date[];
extern const struct gp_rule_eval gp_rule_evals_forged[];
extern const struct gp_rule_eval gp_rule_evals_freemail[];
extern const struct gp_rule_eval gp_rule_evals_fromname[];
extern const struct gp_rule_eval gp_rule_evals_header[];
extern const struct gp_rule_eval gp_rule_evals_html[];
extern const struct gp_rule_eval gp_rule_evals_html_link[];
extern const struct gp_rule_eval gp_rule_evals_image[];
extern const struct gp_rule_eval gp_rule_evals_language[];
extern const struct gp_rule_eval gp_rule_evals_list[];
extern const struct gp_rule_eval gp_rule_evals_mime[];
extern const struct gp_rule_eval gp_rule_evals_ole[];
extern const struct gp_rule_eval gp_rule_evals_pdf[];
extern const struct gp_rule_eval gp_rule_evals_phishing[];
extern const struct gp_rule_eval gp_rule_evals_relay[];
extern const struct gp_rule_eval gp_rule_evals_txrep[];
extern const struct gp_rule_eval gp_rule_evals_urihost[];
/* Of askdns rules, which have no function's name. */
extern const struct gp_rule_eval gp_rule_eval_askdns;

/* Does it ask the DNS (rule_query.h)? */
bool gp_rule_eval_asks(const struct gp_rule_eval *e);

/* All tables; ends with NULL. */
extern const struct gp_rule_eval *const gp_rule_eval_tables[];

/* The function of that name, or NULL. */
const struct gp_rule_eval *gp_rule_eval_find(struct gp_str name);
/* May it look at the relay path?  (Those of Bayes and of SPF, DKIM and DMARC do not.) */
bool gp_rule_eval_reads_relays(const struct gp_rule_eval *e);

#endif

/*
 * Running a rule set over one message.
 *
 *	scan = gp_rule_scan_begin(set, &input, arena);	all patterns
 *	gp_rule_scan_set(scan, "SPF_FAIL", 1);		facts found elsewhere
 *	input.bayes = p;				what came late
 *	gp_rule_scan_finish(scan, &symbols);		evals, metas, scores
 *
 * The DNS is asked for the rules in _begin too, and answers are waited for in _finish.
 *
 * Two steps, because the answers of store and DNS arrive while the patterns
 * run.  Everything of the scan lives in the arena given (that of the message);
 * what must not outlive it (matching scratch) goes back to the set's pool in
 * gp_rule_scan_finish, or when the arena ends.  The set may be shared by any
 * number of threads; a scan belongs to one.
 *
 * A pattern that exceeds the match limit counts as not matching; after
 * cpu_budget_ms no further pattern is started.  Both are said in the stats,
 * so that the verdict can say it too.  A rule that was stopped in
 * GP_RULE_LIMITED_MAX messages is off until the rules are loaded anew.
 */
#ifndef GP_SCORE_RULE_SCAN_H
#define GP_SCORE_RULE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/auth/result.h"
#include "lib/mail/message.h"
#include "lib/score/rule_set.h"
#include "lib/score/symbol.h"

struct gp_resolver;
struct gp_store;

struct gp_rule_input {
	struct gp_message *message; /* finished */
	struct gp_str envelope_from; /* without <>; ptr NULL: not known, the header then */
	const struct gp_str *recipients;
	size_t n_recipients;
	struct gp_str client_ip;   /* text, or empty */
	struct gp_str helo;
	const struct gp_auth_result *auth; /* SPF, DKIM, ARC, DMARC; NULL: not known.  Read by _finish */
	struct gp_resolver *resolver; /* or NULL: the DNS is not asked */
	struct gp_store *store;	   /* or NULL: nothing is known of senders */
	bool counts_senders;	   /* … and this message is to be counted */
	int64_t deadline_ms;	   /* of their answers, absolute (gp_clock_mono_ms()); 0: the DNS has its own */
	bool has_network;	   /* network checks are on: score sets 1 and 3 */
	bool has_bayes;		   /* Bayes is trained and on: score sets 2 and 3 */
	double bayes;		   /* probability of spam 0 … 1, negative: none.  Read by _finish */
	unsigned cpu_budget_ms;	   /* 0: GP_RULE_CPU_BUDGET_MS */
	bool trace;		   /* remember what each rule matched */
	bool runs_all;		   /* rules with a score of 0 too: for tests of rules */
};

#define GP_RULE_CPU_BUDGET_MS 2000
/* Bytes of evidence kept per symbol. */
#define GP_RULE_EVIDENCE_MAX 120

/* Messages in which limits may stop a rule before it is switched off. */
#define GP_RULE_LIMITED_MAX 5

/* A rule that a limit stopped in this message; the texts are the set's. */
struct gp_rule_limited {
	const char *name, *file;
	unsigned line;
	unsigned messages; /* of this set so far, each number once: at 1 it is news, at
			    * GP_RULE_LIMITED_MAX it is off */
};

struct gp_rule_scan_stats {
	unsigned hits;		/* rules that hit, sub-rules included */
	unsigned limit_exceeded; /* matches stopped by the match limit */
	GP_VEC(struct gp_rule_limited) limited; /* rules stopped by it or by the CPU budget */
	bool budget_exceeded;	/* not everything was matched */
	unsigned asked, late;	/* DNS questions; those that nobody answered in time */
	bool is_store_missing; /* it did not answer a rule that asks for senders */
	struct gp_str refusing; /* zones that began to refuse to answer us, or empty */
	unsigned confirmed;	/* texts that PCRE2 ran a pattern over */
};

struct gp_rule_scan;
struct gp_rule_cut;

/* Which rule has ended the checks of a finished scan (rule_circuit.h). */
const struct gp_rule_cut *gp_rule_scan_cut(const struct gp_rule_scan *s);

/* Matches all patterns.  input is kept by reference until _finish. */
struct gp_rule_scan *gp_rule_scan_begin(struct gp_rule_set *set, const struct gp_rule_input *input,
					struct gp_arena *arena);
/* Says that the symbol `name` was found (value times) by something other than a pattern, for
 * metas and scores; a rule of that name is taken as hit.  False when no rule, meta or score
 * knows the name: then the caller may add the symbol itself. */
bool gp_rule_scan_set(struct gp_rule_scan *scan, const char *name, double value);
/* The same with what was seen, borrowed. */
bool gp_rule_scan_set_evidence(struct gp_rule_scan *scan, const char *name, double value,
			       struct gp_str evidence);
/* The autonomous systems that the lists of asn_lookup name, "15169 36040", or empty: waits for
 * their answers and for no others. */
struct gp_str gp_rule_scan_asn(struct gp_rule_scan *scan);
/* Runs evals and metas and adds every hit rule with a non-zero score whose name does not begin
 * with "__" to out.  Call once; the scan stays readable until the arena ends. */
void gp_rule_scan_finish(struct gp_rule_scan *scan, struct gp_symbols *out);

struct gp_rule_tags;
/* The message's tags, for templates. */
const struct gp_rule_tags *gp_rule_scan_tags(const struct gp_rule_scan *scan);
/* After _finish: how often the rule hit (0: not), sub-rules included; for tests and traces. */
double gp_rule_scan_hits(const struct gp_rule_scan *scan, const char *name);
/* After _finish, with trace: every hit rule in order of the set, sub-rules included.  False
 * beyond the last; *iter starts at 0. */
bool gp_rule_scan_next_hit(const struct gp_rule_scan *scan, size_t *iter, struct gp_symbol *ret);
const struct gp_rule_scan_stats *gp_rule_scan_stats(const struct gp_rule_scan *scan);

#endif

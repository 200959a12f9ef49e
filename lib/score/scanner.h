/*
 * The scanner: a message in, symbols and a score out.
 *
 * It joins rules, Bayes and the store, and is what milter-spam and the command
 * `gatepost scan` share, so that both give the same verdict.
 *
 *	scan = gp_scan_begin(scanner, &input, arena);	asks the store, matches patterns
 *	gp_scan_add(scan, "USER_IN_WELCOMELIST", -100, …);
 *	gp_scan_finish(scan, &result);			waits for the store, decides scores
 *
 * A scanner is made once per configuration snapshot and shared by all threads;
 * a scan belongs to one message and lives in its arena.
 *
 * What is missing because the store did not answer is said in the result, never
 * guessed: the score is then that of the evidence that is left.
 */
#ifndef GP_SCORE_SCANNER_H
#define GP_SCORE_SCANNER_H

#include "lib/conf/shared.h"
#include "lib/conf/snapshot.h"
#include "lib/mail/message.h"
#include "lib/score/bayes.h"
#include "lib/score/bayes_scope.h"
#include "lib/score/rule_scan.h"
#include "lib/score/rule_set.h"
#include "lib/score/symbol.h"
#include "lib/store/store.h"

struct gp_scanner;

/* The rule paths of a configuration, in the arena: those that it names, or those of the
 * defaults that are there. */
const char **gp_scanner_rule_paths(const struct gp_snapshot *snap, struct gp_arena *arena,
				   size_t *ret_n) __attribute__((returns_nonnull));

/* What a configuration says about loading rules: engine, cache, and the relays to believe
 * (networks.own and networks.trusted, where it has them).  Borrowed from the snapshot. */
void gp_scanner_rule_options(const struct gp_snapshot *snap, struct gp_rule_options *options);
/* GP_ENOENT with the reason where rules.engine asks for what cannot run here. */
int gp_scanner_check_engine(const struct gp_snapshot *snap, struct gp_diag *diag) GP_MUST_USE;

/* Loads the rules that a configuration (with the tables of the groups rules and bayes)
 * names.  `problems` (not NULL) receives what the rule files have wrong; that is no
 * failure.  GP_E… with the diag when a configured path cannot be read. */
int gp_scanner_new(const struct gp_snapshot *snap, struct gp_rule_report *problems,
		   struct gp_scanner **ret, struct gp_diag *diag) GP_MUST_USE;
/* NULL is fine.  No scan may be running. */
void gp_scanner_free(struct gp_scanner *s);
struct gp_rule_set *gp_scanner_rules(struct gp_scanner *s);

struct gp_scan_input {
	struct gp_message *message; /* finished */
	struct gp_store *store;	    /* or NULL: no Bayes, nothing is known of senders */
	struct gp_str envelope_from; /* without <> */
	struct gp_str account;	    /* authenticated sender, or empty; for bayes.scope */
	const struct gp_str *recipients;
	size_t n_recipients;
	struct gp_str client_ip; /* text, or empty */
	struct gp_str helo;
	const struct gp_auth_result *auth; /* or NULL: not known */
	struct gp_resolver *resolver; /* or NULL: the DNS is not asked for the rules */
	int64_t deadline_ms; /* absolute, gp_clock_mono_ms() */
	bool counts_senders; /* what rules keep of senders: this message is to be counted */
	bool trace;	     /* remember what each rule matched */
};

struct gp_scan_result {
	struct gp_symbols symbols; /* the highest score first */
	double score;
	struct gp_token_list tokens;
	struct gp_bayes_result bayes; /* is_usable false: no say, see is_bayes_missing */
	bool is_bayes_missing;	      /* the store did not answer in time */
	bool are_senders_missing;     /* nor a rule that asks it for senders */
	struct gp_bayes_scopes scopes; /* whose counts were asked for; n is 0 without Bayes */
	struct gp_bayes_totals totals[GP_BAYES_SCOPES]; /* messages learned there */
	const char *missing;	      /* of "bayes", "rules" (a limit was met), "dns" (a question that
				       * rules asked was not answered in time), "senders", with commas;
				       * or "" */
	const struct gp_rule_scan *rules; /* finished; of the message's arena */
	struct gp_str refusing;	      /* block lists that began to refuse to serve us, or empty */
	const struct gp_rule_limited *limited; /* rules that a limit stopped; until the arena ends */
	size_t n_limited;
};

struct gp_scan;

/* input is kept by reference until gp_scan_finish. */
struct gp_scan *gp_scan_begin(struct gp_scanner *scanner, const struct gp_scan_input *input,
			      struct gp_arena *arena);
/* A fact found elsewhere, with its score unless a rule of that name has one. */
void gp_scan_add(struct gp_scan *scan, const char *name, double score, const char *description,
		 struct gp_str evidence);
void gp_scan_finish(struct gp_scan *scan, struct gp_scan_result *ret);
#endif

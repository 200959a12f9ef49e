/*
 * Rule sets: SpamAssassin's rule language (Mail::SpamAssassin::Conf), loaded
 * into a read-only snapshot that all threads share.
 *
 *	struct gp_rule_report report;
 *	gp_rule_report_init(&report);
 *	r = gp_rule_set_load(paths, n, &options, &report, &set, &diag);
 *	… gp_rule_scan_begin(set, …)  (lib/score/rule_scan.h)
 *	gp_rule_report_done(&report);
 *	gp_rule_set_unref(set);
 *
 * A line that does not parse costs its rule and nothing else: it is reported
 * with file, line and rule name, and loading goes on.  What costs more (an
 * include that cannot be read, conditions that do not close) is reported as
 * broken: whoever has another set may want to keep that one.  A rule that is right
 * but cannot run here (an eval function we do not have, a pattern that PCRE2
 * does not take) stays in the set as *inert*: it never hits, metas see 0, and
 * the report says why.
 *
 * vectorscan's databases come from the cache that `gatepost rules compile`
 * writes; one that is missing, stale or not to be trusted is compiled on the
 * spot, in memory (all of SpamAssassin's rules: a third of a second).  Where
 * vectorscan cannot run, PCRE2 does everything.
 */
#ifndef GP_SCORE_RULE_SET_H
#define GP_SCORE_RULE_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/base/vec.h"

struct gp_rule_set;

enum gp_rule_engine {
	GP_RULE_ENGINE_AUTO, /* vectorscan where it can run, else PCRE2 */
	GP_RULE_ENGINE_PCRE2,
};

struct gp_rule_options {
	enum gp_rule_engine engine;
	const char *no_vectorscan; /* why it cannot run, said in the library's stead; NULL: the
				    * library is asked */
	const char *cache_dir;	/* compiled databases; NULL: none */
	const char *cache_owner; /* user whose files there are believed, beside root's and our own; NULL
				  * or "": nobody's */
	const char *lang;	/* for `lang xx` lines; NULL: "en" */
	bool local_only;	/* rules that ask the network do not run: local_tests_only */
	unsigned match_limit;	/* PCRE2 steps a match may take; 0: default */
	/* Relays to believe, beside those that the files name (trusted_networks,
	 * internal_networks); NULL where the administrator named none. */
	const struct gp_netset *trusted_networks, *own_networks;
};

enum gp_rule_problem_kind {
	GP_RULE_ERROR,	 /* does not parse; dropped */
	GP_RULE_WARNING, /* odd, but kept */
	GP_RULE_INERT,	 /* right, but cannot run here */
	GP_RULE_IGNORED, /* a directive that nobody knows; noted once each */
	GP_RULE_UNUSED,	 /* a known one that has no effect here, and why; noted once each */
};

struct gp_rule_problem {
	enum gp_rule_problem_kind kind;
	const char *file;
	unsigned line;
	const char *rule; /* "" when the line has none */
	const char *text; /* one sentence */
	bool is_broken;	  /* an error that costs more than its line: the structure of the file */
};

/* Per file, for `gatepost rules status`. */
struct gp_rule_file {
	const char *path;
	unsigned rules;	  /* defined here and not redefined later */
	unsigned active;  /* of these, those that can hit */
	unsigned inert;
	unsigned errors;  /* lines */
	unsigned ignored; /* lines with directives that have no effect here */
};

/* How one target's patterns are matched. */
struct gp_rule_target_status {
	const char *name;     /* "header", "body", … */
	unsigned patterns;
	unsigned with_literals; /* patterns with literals for vectorscan to find */
	unsigned literals;
	bool has_database;	/* vectorscan finds the literals; else PCRE2 alone */
	bool is_cached;		/* the database came from the cache */
	bool is_refused;	/* there is a compiled file, but it is not to be used */
	const char *reason;	/* why not from the cache, or why none at all; else "" */
};

#define GP_RULE_TARGETS 6

struct gp_rule_report {
	struct gp_arena *arena;
	GP_VEC(struct gp_rule_problem) problems;
	GP_VEC(struct gp_rule_file) files;
	struct gp_rule_target_status targets[GP_RULE_TARGETS];
	const char *no_vectorscan; /* why PCRE2 runs alone, or NULL */
	unsigned rules, active, inert, errors, warnings, ignored; /* sums */
	unsigned broken; /* of the errors */
	unsigned scored;	/* rules that count in at least one score set … */
	unsigned scored_active; /* … and all that they depend on can run too */
};

void gp_rule_report_init(struct gp_rule_report *r);
void gp_rule_report_done(struct gp_rule_report *r);

/* Loads files, or directories (all *.cf in them, by name), in order; later definitions of a rule
 * replace earlier ones.  GP_OK even when lines were in error (see report, which may be NULL).
 * GP_ENOENT, GP_EACCES, GP_ESYS, GP_ELIMIT when a path cannot be read, with the diag set.
 * *ret has one reference. */
int gp_rule_set_load(const char *const *paths, size_t n, const struct gp_rule_options *options,
		     struct gp_rule_report *report, struct gp_rule_set **ret,
		     struct gp_diag *diag) GP_MUST_USE;

/* The same of one text, as if it were the file `name`. */
void gp_rule_set_load_text(const char *name, struct gp_str text,
			   const struct gp_rule_options *options, struct gp_rule_report *report,
			   struct gp_rule_set **ret);

struct gp_rule_set *gp_rule_set_ref(struct gp_rule_set *set);
/* NULL is fine.  The last reference frees it. */
void gp_rule_set_unref(struct gp_rule_set *set);
/* Files that loading has read, wherever they lie: rules, what these include, feeds of phishing sites. */
void gp_rule_set_each_file(const struct gp_rule_set *set, void (*fn)(const char *path));

/* A rule of the set, for listings. */
struct gp_rule_info {
	const char *name;
	const char *type; /* "header", "body", …, "meta", "eval" */
	const char *file;
	unsigned line;
	double score[4]; /* sets: local, network, local + Bayes, network + Bayes */
	const char *description;
	const char *definition; /* what follows the name, as written; "" of a fact */
	const char *inert; /* why it cannot run, or NULL */
	struct gp_str asks; /* the DNS zone, or askdns' name, that it asks; or empty */
	const char *flags;  /* tflags as written; "" */
	bool is_defined;   /* else only mentioned: by a score or a meta */
	bool is_scored;	   /* defined, counts in at least one score set */
	int priority;
	const unsigned *needs; /* of a meta: the rules it reads, as numbers; some may be repeated */
	size_t n_needs;
};
/* A text that a rule must hit, or must not: `test NAME ok|fail TEXT`. */
struct gp_rule_test {
	const char *rule;
	bool must_hit;
	struct gp_str text;
	const char *file;
	unsigned line;
};
/* The i-th of the set; false beyond the last. */
bool gp_rule_set_test(const struct gp_rule_set *set, size_t i, struct gp_rule_test *ret);

/* Does the set ask the DNS for autonomous systems (rule_asn.h)? */
bool gp_rule_set_asks_asn(const struct gp_rule_set *set);
/* Does the set guess languages (rule_textcat.h)?  Then gp_rule_scan_begin notes them. */
bool gp_rule_set_guesses_languages(const struct gp_rule_set *set);
/* Do rules of the set ask the DNS? */
bool gp_rule_set_asks(const struct gp_rule_set *set);
size_t gp_rule_set_count(const struct gp_rule_set *set);
/* How many rules are off because limits stopped them in GP_RULE_LIMITED_MAX messages; their names
 * are appended, separated by blanks, as far as the buffer goes. */
size_t gp_rule_set_switched_off(const struct gp_rule_set *set, struct gp_buf *names);
/* In order of first appearance; false beyond the last. */
bool gp_rule_set_info(const struct gp_rule_set *set, size_t i, struct gp_rule_info *ret);
/* Its number; false if nothing of that name is there. */
bool gp_rule_set_find(const struct gp_rule_set *set, struct gp_str name, size_t *ret);
/* For each rule (gp_rule_set_count of them) whether it can be evaluated in full: it is not
 * inert, nor is any rule that it depends on. */
void gp_rule_set_evaluable(const struct gp_rule_set *set, bool *ret);

#endif

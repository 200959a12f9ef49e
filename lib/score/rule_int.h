/*
 * What the files of the rule engine share: the rule, the set, and the table of
 * its patterns.  Nothing outside lib/score/rule*.c includes this.
 */
#ifndef GP_SCORE_RULE_INT_H
#define GP_SCORE_RULE_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "lib/base/map.h"
#include "lib/mail/relay.h"
#include "lib/score/rule_dfa.h"
#include "lib/score/rule_set.h"

/* The first GP_RULE_TARGETS of these are the targets: what has patterns. */
enum gp_rule_type {
	GP_RULE_HEADER,
	GP_RULE_BODY,
	GP_RULE_RAWBODY,
	GP_RULE_FULL,
	GP_RULE_URI,
	GP_RULE_MIMEHEADER,
	GP_RULE_META,
	GP_RULE_EVAL,
	GP_RULE_FACT, /* only mentioned (score, meta): can be set from outside */
};

enum gp_rule_tflags {
	GP_TFLAG_MULTIPLE = 1 << 0,
	GP_TFLAG_NICE = 1 << 1,
	GP_TFLAG_NET = 1 << 2,
	GP_TFLAG_LEARN = 1 << 3,
	GP_TFLAG_USERCONF = 1 << 4,
	GP_TFLAG_NOAUTOLEARN = 1 << 5,
	GP_TFLAG_NOSUBJECT = 1 << 6, /* body: not on the Subject */
	GP_TFLAG_CONCAT = 1 << 7,    /* mimeheader: the parts' values as one text */
	GP_TFLAG_DOMAINS_ONLY = 1 << 8, /* block lists: names only, no addresses */
	GP_TFLAG_IPS_ONLY = 1 << 9,	/* addresses only */
	GP_TFLAG_A = 1 << 10,		/* uridnsbl: addresses of the host itself */
	GP_TFLAG_NS = 1 << 11,		/* uridnsbl: addresses of its name servers */
	GP_TFLAG_NOTRIM = 1 << 12,	/* urirhsbl: whole host names */
	GP_TFLAG_NOAWL = 1 << 13,	/* its hit keeps a message out of senders' means */
};

enum gp_regex_flags {
	GP_REGEX_CASELESS = 1 << 0,
	GP_REGEX_DOTALL = 1 << 1,
	GP_REGEX_MULTILINE = 1 << 2,
	GP_REGEX_EXTENDED = 1 << 3,
	GP_REGEX_EXTENDED_MORE = 1 << 4,
	GP_REGEX_NO_CAPTURE = 1 << 5,
	GP_REGEX_ONCE = 1 << 7, /* for one message: not worth the JIT's time */
	GP_REGEX_UTF = 1 << 6, /* over characters: only for texts known to be valid UTF-8 */
};

/* Where in a text a pattern's matches can begin. */
enum gp_regex_start {
	GP_REGEX_ANYWHERE,
	GP_REGEX_AT_LINE, /* at its start or behind a line end */
	GP_REGEX_AT_TEXT, /* at its start */
};

/* A pattern: text without delimiters, flags, and what was made of it. */
struct gp_regex {
	struct gp_str text; /* PCRE2's syntax; NUL-terminated */
	unsigned flags;	    /* enum gp_regex_flags */
	struct gp_str *literals; /* any match has one of these at hand (rule_literal.h) */
	size_t n_literals;
	unsigned lead; /* bytes that a match may have before its literal, or before the place
			* that an automaton finds; GP_TREE_INF: no limit */
	bool has_windows; /* may be searched from anywhere (gp_pcre_begins) */
	enum gp_regex_start start;
	unsigned shortest; /* bytes that a match has at least */
	bool is_joinable;   /* no match in texts joined by line ends means none in any of them */
	void *code;	    /* pcre2_code, or NULL */
	bool has_jit;
};

/* What of the message a header or mimeheader rule reads; rules with the same share one. */
struct gp_rule_field {
	struct gp_str name;    /* without modifiers, as written */
	unsigned modifiers;    /* enum gp_field_modifiers, rule_field.h */
	unsigned special;      /* enum gp_field_special, rule_field.h */
	struct gp_str unset;   /* [if-unset: …] */
	unsigned part_min, part_max; /* mimeheader: tflags range= */
	bool is_mime, is_concat;
	bool is_asn; /* X-ASN: where there is no such header, what was found out */
	unsigned slots[4];     /* header names looked at: indices into set->slots */
	unsigned n_slots;
};

struct gp_meta;
struct gp_asn_lookup;
struct gp_query;
struct gp_query_zone;
struct gp_rule_eval;

struct gp_rule {
	const char *name;
	enum gp_rule_type type;
	unsigned index; /* in set->rules */
	unsigned file;	/* in set->files */
	unsigned line;
	const char *text; /* the definition as written */

	double score[4];
	bool has_score;
	const char *describe; /* "" */
	unsigned tflags;
	const char *flags_text; /* tflags as written, or NULL */
	unsigned maxhits; /* 0: not given */
	unsigned part_min, part_max;
	int priority;
	unsigned circuit; /* enum gp_rule_circuit, rule_circuit.h */
	bool wants_tags; /* named by replace_rules */

	bool is_error; /* reported as error: does not run */
	const char *inert; /* why it cannot run, or NULL */

	struct gp_regex regex;	/* types below GP_RULE_TARGETS */
	struct gp_rule_field *field; /* header, mimeheader */
	unsigned field_index;	/* in its target's fields; 0 for other targets */
	bool may_sift;		/* rule_sieve.h may help */
	bool is_negated;	/* !~ */
	bool is_exists;		/* exists:NAME, no pattern */
	bool captures;		/* named groups, rule_capture.h */
	bool is_late;		/* runs once autonomous systems are known, rule_asn.h */
	bool is_last;		/* an eval over the points of all others, or a meta that needs one */
	struct gp_regex *template; /* the pattern with %{NAME}, or NULL */

	struct gp_meta *meta;
	const struct gp_rule_eval *eval;
	struct gp_str *args;
	size_t n_args;
	bool is_raw; /* an eval over raw text (rawbody) */
	enum gp_rule_type written; /* of an eval: as what kind of rule it is written */
	struct gp_regex *pattern; /* of an eval's arguments; or NULL */
	struct gp_uri_test *uri_tests; /* uri_detail: rule_uri_detail.h; or NULL */
	struct gp_query *query; /* what it asks the DNS, rule_query.h; or NULL */
};

/* What so many hits are worth: each of several matches counts. */
static inline double gp_rule_points(const struct gp_rule *r, unsigned score_set, double hits)
{
	bool is_multiple = r->tflags & GP_TFLAG_MULTIPLE && r->type < GP_RULE_TARGETS;

	return is_multiple ? r->score[score_set] * hits : r->score[score_set];
}

struct gp_vs;

struct gp_rule_literal {
	struct gp_str text;
	GP_VEC(struct gp_rule *) rules; /* that want to be looked at where it stands */
	uint64_t fields; /* of these rules: bits of field_index % 64 */
};

/* One target: its patterns (rules with one, active), and their fields. */
struct gp_rule_target {
	GP_VEC(struct gp_rule *) rules;
	GP_VEC(struct gp_rule_field *) fields; /* header, mimeheader */
	GP_VEC(struct gp_rule_literal) literals; /* distinct */
	unsigned with_literals; /* patterns that have some */
	struct gp_vs *vs; /* finds the literals; NULL: PCRE2 alone */
	GP_VEC(struct gp_rule *) windowed; /* that automata may look for, by field; rule_window.h */
	struct gp_dfas dfas; /* of those */
	GP_VEC(struct gp_rule *) unguided; /* of those: neither automaton nor literals */
	GP_VEC(struct gp_rule *) negated; /* !~ */
	const char *no_vs;   /* why vs is NULL */
	const char *no_file; /* why it does not come from the cache, or NULL */
	bool is_refused;     /* a file is there, but not to be used */
};

struct gp_rule_scratch;
struct gp_rule_wake;
struct gp_senders;
struct gp_sieve_store;

/* Of an eval rule what every message asks for, side by side. */
struct gp_rule_call {
	const struct gp_rule *rule;
	const struct gp_rule_eval *eval;
	const struct gp_str *args;
	size_t n_args;
	unsigned index, tflags;
	unsigned scored; /* a bit for each score set in which its score is not 0 */
};

struct gp_rule_source {
	const char *path;
	unsigned errors, ignored;
};

/* dns_block_rule: while the rule hits, the zone is not asked. */
struct gp_rule_block {
	const struct gp_rule *rule;
	struct gp_query_zone *zone;
};

struct gp_rule_set {
	struct gp_arena *arena;
	_Atomic unsigned refs;
	struct gp_rule_options options;
	GP_VEC(struct gp_rule *) rules;
	struct gp_map by_name; /* → struct gp_rule */
	GP_VEC(struct gp_rule_source) files;
	GP_VEC(struct gp_rule_test) tests;
	struct gp_rule_markup *markup; /* rule_markup.h; NULL: not a word of it */
	struct gp_rule_target targets[GP_RULE_TARGETS];
	GP_VEC(struct gp_rule *) exists; /* exists: rules */
	GP_VEC(struct gp_rule *) evals;
	struct gp_rule_call *calls; /* one an eval */
	GP_VEC(struct gp_rule *) last; /* evals over the points of all other rules; not among evals */
	struct gp_senders *senders; /* settings, rule_sender.h; NULL: nobody has set one */
	GP_VEC(struct gp_rule *) metas; /* in an order in which what a meta needs stands before it */
	struct gp_sieve_store *sieves; /* rule_sieve.h */
	struct gp_rule_wake *wake; /* which rules concern which metas */
	GP_VEC(struct gp_rule *) captures; /* with named groups */
	GP_VEC(struct gp_rule *) templates; /* with %{NAME} */
	GP_VEC(struct gp_rule *) queries; /* evals that ask the DNS */
	struct gp_map zones;   /* name → struct gp_query_zone */
	GP_VEC(struct gp_rule_block) blocks;
	struct gp_map slots;   /* header name (folded) → index + 1 */
	struct gp_map lists;   /* name → struct gp_rule_list */
	GP_VEC(struct gp_asn_lookup *) asns; /* lists of autonomous systems, rule_asn.h … */
	struct gp_str asn_prefix;	     /* … "AS" */
	bool asn_is_off;
	GP_VEC(struct gp_rule *) late; /* patterns that wait for what these answer */
	GP_VEC(struct gp_regex *) redirectors; /* rule_redirect.h */
	struct gp_relay_trust trust;
	bool has_circuits;
	struct gp_rule *circuit; /* SHORTCIRCUIT, where there are some */
	bool reads_pdf; /* plugin PDFInfo is loaded: links in PDF files count */
	bool reads_ole; /* OLEVBMacro: those in office documents */
	struct gp_phishing *phishing; /* Phishing: rule_phishing.h; NULL: not a word of it */
	struct gp_textcat *textcat; /* TextCat: rule_textcat.h; NULL: languages are not guessed */
	bool reads_relays; /* some rule does: else the path is not worked out */

	_Atomic unsigned *limited; /* by rule: messages in which a limit stopped it */
	_Atomic unsigned switched_off; /* rules of GP_RULE_LIMITED_MAX such messages */

	pthread_mutex_t pool_lock; /* of the scratch pool */
	struct gp_rule_scratch *pool;
	unsigned pooled;
};

/* While loading. */
struct gp_rule_builder {
	struct gp_rule_set *set;
	struct gp_arena *arena; /* of the set */
	struct gp_rule_report *report; /* may be NULL */
	const char *const *paths; /* that the rules come from */
	size_t n_paths;
	unsigned file;	/* being read */
	unsigned line;
	unsigned include_depth;
	size_t bytes; /* read so far */
	const char *lang;
	struct gp_map tags[4]; /* enum gp_tag_kind, rule_replace.h */
	struct gp_str tag_start, tag_end;
	struct gp_map ignored; /* directives already noted in this load */
	struct gp_map plugins; /* that files load beside the default ones, by name */
	struct gp_map compats; /* names of enable_compat */
};

/* Reports at the builder's file and line, or at a rule's. */
void gp_rule_note(struct gp_rule_builder *b, enum gp_rule_problem_kind kind, const char *rule,
		  const char *fmt, ...) GP_PRINTF(4, 5);
void gp_rule_note_at(struct gp_rule_builder *b, enum gp_rule_problem_kind kind,
		     const struct gp_rule *rule, const char *fmt, ...) GP_PRINTF(4, 5);
/* An error that costs more than its line. */
void gp_rule_note_broken(struct gp_rule_builder *b, const char *fmt, ...) GP_PRINTF(2, 3);
/* Says once a load why a directive has no effect here, and counts the line. */
void gp_rule_note_unused(struct gp_rule_builder *b, struct gp_str directive, const char *reason);
/* The rule of that name, made as GP_RULE_FACT when new. */
struct gp_rule *gp_rule_get(struct gp_rule_builder *b, struct gp_str name);
bool gp_rule_name_is_valid(struct gp_str name);
const char *gp_rule_type_name(enum gp_rule_type type);
/* Marks it inert; the report says so at its end. */
void gp_rule_make_inert(struct gp_rule_builder *b, struct gp_rule *r, const char *fmt, ...)
	GP_PRINTF(3, 4);
/* Counts, once everything is in place. */
void gp_rule_report_finish(struct gp_rule_builder *b);

#endif

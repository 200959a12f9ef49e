/*
 * Inside SPF: records read term by term (spf_record.c), macros (spf_macro.c), the
 * client's names (spf_ptr.c), and the evaluation that uses them (spf_eval.c).
 */
#ifndef GP_AUTH_SPF_INT_H
#define GP_AUTH_SPF_INT_H

#include "lib/auth/spf.h"
#include "lib/base/buf.h"

/* For "%.*s": what is shown of a stranger's term or name. */
#define GP_SPF_SHOW(s) (int)GP_MIN((s).len, (size_t)60), (s).ptr ? (s).ptr : ""

/* Records. */

enum gp_spf_kind {
	GP_SPF_ALL,
	GP_SPF_INCLUDE,
	GP_SPF_A,
	GP_SPF_MX,
	GP_SPF_PTR,
	GP_SPF_IP4,
	GP_SPF_IP6,
	GP_SPF_EXISTS,
	GP_SPF_REDIRECT,
	GP_SPF_EXP,
	GP_SPF_UNKNOWN, /* a modifier that means nothing to us */
	GP_SPF_KINDS,
};

struct gp_spf_term {
	enum gp_spf_kind kind;
	enum gp_auth_status qualifier; /* what a match means */
	struct gp_str text;	       /* as written */
	struct gp_str domain;	       /* the domain-spec; empty: the current domain */
	struct gp_cidr net;	       /* ip4, ip6 */
	uint8_t bits4, bits6;	       /* a, mx: of the network around each address */
};

/* The modifiers that act; empty where they are not there. */
struct gp_spf_modifiers {
	struct gp_str redirect, exp;
};

/* Does this TXT record begin with the version (RFC 7208, 4.5)? */
bool gp_spf_is_record(struct gp_str txt);
/* Takes the next term off *rest (behind the version at first).  GP_ENOENT at the end,
 * GP_EINVAL with the reason in diag.  Borrows; keeps nothing, whatever the record's size. */
int gp_spf_term_next(struct gp_str *rest, struct gp_spf_term *ret,
		     struct gp_diag *diag) GP_MUST_USE;
/* Reads a whole record; its terms behind the version in *ret_terms.  GP_EINVAL. */
int gp_spf_record_parse(struct gp_str record, struct gp_str *ret_terms,
			struct gp_spf_modifiers *ret, struct gp_diag *diag) GP_MUST_USE;

/* Macros. */

enum gp_spf_text {
	GP_SPF_IN_TERM,	       /* a macro-string: no blanks, no %{c} %{r} %{t} */
	GP_SPF_IN_EXPLANATION, /* an explain-string */
};

bool gp_spf_macro_is_valid(struct gp_str s, enum gp_spf_text kind);
bool gp_spf_domain_spec_is_valid(struct gp_str s);

#define GP_SPF_NAMES_MAX 10 /* of an MX or PTR (4.6.4) */

/* The names of the client that lead back to it. */
struct gp_spf_ptr {
	bool is_asked;
	bool is_void;
	size_t n;
	struct gp_spf_ptr_name {
		struct gp_str name;
		enum { GP_SPF_PTR_UNKNOWN, GP_SPF_PTR_VALID, GP_SPF_PTR_INVALID } state;
	} names[GP_SPF_NAMES_MAX];
};

/* One check_host() with all it includes. */
struct gp_spf_eval {
	struct gp_asker *asker;
	const struct gp_spf_query *query;
	struct gp_ip client;	     /* IPv4-mapped addresses are IPv4 */
	struct gp_str sender;	     /* local-part@domain */
	struct gp_str local, domain; /* of it */
	struct gp_str helo;	     /* A-labels, where it is a name */
	unsigned n_terms, n_void;
	struct gp_spf_ptr ptr;
};

/* Appends s (valid) expanded.  GP_ENOENT: a macro stands for what can be in no name, so the
 * term matches nothing (RFC 8616, 4: a local-part with non-ASCII; and what is longer than any
 * name); GP_ELIMIT beyond the buffer's ceiling. */
int gp_spf_macro_expand(struct gp_spf_eval *e, struct gp_str s, struct gp_str domain,
			struct gp_buf *out) GP_MUST_USE;
/* A domain-spec (or the empty one: `domain`) as the name to ask for, cut on the left if it
 * is too long (7.3).  Errors as gp_spf_macro_expand. */
int gp_spf_macro_target(struct gp_spf_eval *e, struct gp_str spec, struct gp_str domain,
			struct gp_str *ret) GP_MUST_USE;

/* Evaluation. */

/* What a record came to. */
struct gp_spf_outcome {
	enum gp_auth_status status;
	struct gp_str reason, record, mechanism;
	struct gp_str exp, exp_domain; /* of the record that decided */
};

/* check_host() for a domain, escaped as gp_dns_name_escape does; *o begins zeroed. */
void gp_spf_check_host(struct gp_spf_eval *e, struct gp_str domain, struct gp_spf_outcome *o);

/* The client's names. */

/* Is a validated name of the client `target` or below it (5.5)? */
bool gp_spf_ptr_has(struct gp_spf_eval *e, struct gp_str target);
/* What %{p} stands for: "unknown" if nothing is validated. */
struct gp_str gp_spf_ptr_best(struct gp_spf_eval *e, struct gp_str domain);

/* The address record type of the client's family. */
enum gp_dns_type gp_spf_address_type(const struct gp_spf_eval *e);
/* Is one of the addresses within `bits` of the client? */
bool gp_spf_has_client(const struct gp_spf_eval *e, const struct gp_dns_answer *answer,
		       unsigned bits);

#endif

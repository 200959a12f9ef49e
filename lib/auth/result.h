/*
 * What the four methods found, as plain values: the vocabulary of lib/auth, and
 * the only header of it that lib/score reads.
 *
 * One set of result words serves all methods (RFC 8601, 2.7).  Every result says
 * why in words, which domains were compared and which record was used; the DNS
 * answers are listed once for all methods.  Spans live in the arena that the
 * evaluation was given, and hold what a stranger wrote: escape before showing.
 */
#ifndef GP_AUTH_RESULT_H
#define GP_AUTH_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/ip.h"
#include "lib/base/str.h"

enum gp_auth_status {
	GP_AUTH_NONE, /* nothing there to check */
	GP_AUTH_PASS,
	GP_AUTH_FAIL,
	GP_AUTH_SOFTFAIL, /* SPF only */
	GP_AUTH_NEUTRAL,
	GP_AUTH_POLICY, /* right, but not good enough for us */
	GP_AUTH_TEMPERROR,
	GP_AUTH_PERMERROR,
	GP_AUTH_STATUSES,
};

/* "none", "pass" …; and back: false if it is no such word (case ignored). */
const char *gp_auth_status_name(enum gp_auth_status status);
bool gp_auth_status_parse(struct gp_str word, enum gp_auth_status *ret);

/* One question that was asked on the way to the results. */
struct gp_auth_lookup {
	struct gp_str name;
	int type;	     /* enum gp_dns_type */
	int result;	     /* GP_OK, or GP_ETEMP … */
	int rcode;	     /* with GP_OK: 0 or NXDOMAIN */
	int security;	     /* enum gp_dns_security */
	uint32_t ttl_s;
	struct gp_str *data; /* the records as text, at most GP_AUTH_LOOKUP_DATA */
	size_t n_data;
};
#define GP_AUTH_LOOKUP_DATA 10

/* SPF (RFC 7208) of one identity. */
struct gp_spf_result {
	enum gp_auth_status status;
	bool is_helo;		/* the HELO identity, else MAIL FROM */
	struct gp_str domain;	/* that was checked: A-labels, lower case; as given if it is no name */
	struct gp_str sender;	/* <sender>: local-part@domain, "postmaster@" added where RFC 7208, 4.3 says */
	struct gp_str reason;	/* "matched mechanism -all" */
	struct gp_str record;	/* of the domain, or empty */
	struct gp_str mechanism; /* that matched, as written, or "default" */
	struct gp_str explanation; /* of exp=, only with fail; printable ASCII */
	unsigned n_lookups;	/* terms that count against the limit of 10 */
};

/* One DKIM signature (RFC 6376). */
struct gp_dkim_result {
	enum gp_auth_status status;
	struct gp_str reason;
	struct gp_str domain;	 /* d=, lower case, A-labels; may be empty */
	struct gp_str selector;	 /* s= */
	struct gp_str identity;	 /* i=, or "@" d= */
	struct gp_str algorithm; /* a= as written, lower case */
	struct gp_str b;	 /* the first 8 or more characters of b=, unique in the message (RFC 6008) */
	struct gp_str record;	 /* the key record */
	unsigned key_bits;	 /* 0: no key was seen; 256 for Ed25519 */
	bool is_testing;	 /* t=y in the key record: treat a failure as unsigned */
	bool is_author;		 /* d= is a domain of From, or a parent of it */
	uint64_t unsigned_bytes; /* of the canonical body behind l= */
	int64_t signed_s, expires_s; /* t= and x=, -1 when not given */
	unsigned header;	 /* which DKIM-Signature of the message, from 0 at the top */
};

/* One ARC set (RFC 8617). */
struct gp_arc_set {
	struct gp_str domain, selector; /* of the ARC-Seal */
	struct gp_str message_domain;	/* of the ARC-Message-Signature */
	struct gp_str results;		/* the ARC-Authentication-Results' value behind "i=N;" */
};

struct gp_arc_result {
	enum gp_auth_status status; /* none, pass, fail; temperror when a key could not be got */
	struct gp_str reason;
	struct gp_arc_set *sets; /* [0] is i=1; what could be read of them also on failure */
	size_t n_sets;
	bool is_override; /* passed, every sealer since the original is trusted: dmarc may be overridden */
	unsigned override_set; /* index of the set whose results are believed then */
};

enum gp_dmarc_policy { GP_DMARC_NONE, GP_DMARC_QUARANTINE, GP_DMARC_REJECT };
const char *gp_dmarc_policy_name(enum gp_dmarc_policy policy);

/* DMARC (RFC 9989). */
struct gp_dmarc_result {
	enum gp_auth_status status;
	struct gp_str reason;
	struct gp_str from;	      /* the author domain; empty if there is none or many */
	struct gp_str org;	      /* its organisational domain; from itself where nothing
				       * depended on it */
	struct gp_str record;	      /* the policy record, or empty */
	struct gp_str record_domain;  /* where it was found */
	struct gp_str spf_domain;     /* that aligned or was compared last */
	struct gp_str dkim_domain;
	bool has_record;
	bool is_spf_aligned, is_dkim_aligned; /* passed and aligned */
	bool is_strict_spf, is_strict_dkim;
	bool is_testing;	      /* t=y */
	bool wants_reports;	      /* rua= is there */
	bool is_nonexistent;	      /* the author domain does not exist: np= applied */
	enum gp_dmarc_policy published; /* p, sp or np as it applies to this domain */
	enum gp_dmarc_policy policy;  /* after t=: what the owner asks to be done with a failure;
				       * none with temperror and permerror */
	unsigned pct;		      /* of RFC 7489 records, 100 else; only noted */
};

struct gp_auth_result {
	struct gp_spf_result helo, mailfrom; /* mailfrom: of postmaster@HELO for a bounce */
	struct gp_dkim_result *dkim;	     /* in the order they were checked */
	size_t n_dkim;
	size_t n_dkim_seen; /* signatures in the message; more than n_dkim: the cap */
	struct gp_arc_result arc;
	struct gp_dmarc_result dmarc;
	struct gp_auth_lookup *lookups;
	size_t n_lookups;
};

#endif

/*
 * What rules ask the DNS, and what they want to hear: made of a rule's arguments
 * or of a directive (`urirhssub RULE zone A 127.0.1.2`) while rules are loaded.
 *
 * rule_dns.h asks it for a message.
 */
#ifndef GP_SCORE_RULE_QUERY_H
#define GP_SCORE_RULE_QUERY_H

#include "lib/dns/dns.h"
#include "lib/score/rule_int.h"
#include "lib/score/rule_pcre.h"

enum gp_query_kind {
	GP_QUERY_RELAYS,     /* addresses of relays, below a zone */
	GP_QUERY_SUB,	     /* asks nothing: looks at what others of its set were told */
	GP_QUERY_FROM,	     /* hosts of the senders' addresses, below a zone */
	GP_QUERY_ENVFROM,    /* host of the envelope sender, below a zone */
	GP_QUERY_HEADERS,    /* hosts and addresses in headers, below a zone */
	GP_QUERY_RECEIVED,   /* those in the oldest Received that is not trusted, below a zone */
	GP_QUERY_SENDER,     /* whether the envelope sender's host is there at all */
	GP_QUERY_URI_NAME,   /* domains of URIs, below a zone */
	GP_QUERY_URI_IP,     /* addresses of the hosts of URIs, or of their name servers */
	GP_QUERY_URI_NS,     /* registered domains of these name servers */
	GP_QUERY_URI_FULLNS, /* their names */
	GP_QUERY_ASKDNS,     /* a name with tags in it */
	GP_QUERY_HASH_BODY,  /* digests of what a pattern captures, below a zone … */
	GP_QUERY_HASH_EMAILS, /* … of addresses … */
	GP_QUERY_HASH_URIS,
	GP_QUERY_HASH_TAG,
	GP_QUERY_HASH_PARTS, /* … of attached files */
};

enum gp_query_test_kind {
	GP_TEST_ANY,
	GP_TEST_EQUAL, /* text */
	GP_TEST_BITS,  /* some of the bits a, within 127.0.0.0/8 */
	GP_TEST_RANGE, /* a … b */
	GP_TEST_UNDER_MASK, /* (answer & b) == (a & b) */
	GP_TEST_REGEX,
	GP_TEST_RCODE, /* bit of the rcode in a */
};

struct gp_query_test {
	enum gp_query_test_kind kind;
	struct gp_str text;
	uint32_t a, b;
	struct gp_regex regex;
};

/* A zone that is asked, for all its rules. */
struct gp_query_zone {
	struct gp_str name;
	bool is_denied; /* dns_query_restriction */
	_Atomic int64_t blocked_until_ms; /* monotonic: it does not want to answer us */
	_Atomic bool is_refusing;	  /* said already */
};

struct gp_query_hash;

struct gp_query {
	enum gp_query_kind kind;
	enum gp_dns_type type;
	unsigned index; /* among the set's queries */
	struct gp_str set;
	struct gp_str name; /* the zone; askdns: with tags */
	struct gp_str headers; /* of GP_QUERY_HEADERS: "A,B"; empty: rbl_headers */
	struct gp_query_zone *zone; /* NULL: of askdns, where the name ends in a tag */
	struct gp_query_test test;
	bool is_captured; /* askdns: with a tag that patterns capture */
	bool is_late;	  /* with a tag of autonomous systems: asked again when they are known */
	struct gp_query_hash *hash; /* GP_QUERY_HASH_…: rule_query_hash.h */
	GP_VEC(const struct gp_rule *) subs; /* of kind SUB in the same set */
};

/* uridnsbl and its kin, askdns.  False when it is none of these. */
bool gp_query_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value);

/* Of a rule whose eval function asks the DNS (gp_rule_evals_dns): makes rule->query, or makes the
 * rule inert. */
void gp_query_prepare(struct gp_rule_builder *b, struct gp_rule *r);
/* The zone of that name, for all who ask below it. */
struct gp_query_zone *gp_query_zone_get(struct gp_rule_builder *b, struct gp_str name);
/* Once all are prepared: sets, zones, blocks. */
void gp_query_finish(struct gp_rule_builder *b);

/* Whether an answer with these data fulfils the test.  `is_list`: a block list's, of which only
 * 127.0.0.0/8 counts. */
bool gp_query_test_record(const struct gp_query_test *t, const struct gp_dns_record *record,
			  bool is_list, struct gp_pcre *pcre);
/* 127.255.255.0/24: how block lists say that they do not answer this resolver. */
bool gp_query_is_refusal(const struct gp_ip *ip);

#endif

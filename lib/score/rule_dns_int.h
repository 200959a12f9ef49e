/*
 * What the files that ask the DNS for rules share.
 */
#ifndef GP_SCORE_RULE_DNS_INT_H
#define GP_SCORE_RULE_DNS_INT_H

#include "lib/score/rule_asn.h"
#include "lib/score/rule_dns.h"
#include "lib/score/rule_int.h"
#include "lib/score/rule_query.h"
#include "lib/score/rule_subject.h"
#include "lib/score/rule_tag.h"

/* What an answer is for. */
enum gp_dns_step {
	GP_STEP_TEST,	   /* the rule's test, and those of its set */
	GP_STEP_ADDRESSES, /* uridnsbl: each address is asked for below the zone */
	GP_STEP_SERVERS,   /* name servers: their addresses or names are */
	GP_STEP_SENDER,	   /* whether the name exists */
	GP_STEP_ASN,	   /* autonomous systems: no rule's */
};

struct gp_dns_waiter {
	const struct gp_rule *rule; /* GP_STEP_ASN: NULL */
	enum gp_dns_step step;
	const struct gp_asn_lookup *asn;
	struct gp_str subject; /* for evidence: the address or host in question */
	struct gp_str digest;  /* GP_QUERY_HASH_…: the name that is asked for, in the arena */
};

struct gp_dns_lookup {
	struct gp_dns_question *question;
	GP_VEC(struct gp_dns_waiter) waiters;
	bool is_known; /* the answer is there: the waiters have been told */
	struct gp_dns_answer answer;
};

struct gp_dns_hit {
	bool is_hit;
	struct gp_str evidence;
	struct gp_str detail; /* for reports: gp_rule_dns_detail */
	unsigned n_details;
	const char *last; /* the digest whose answer gave the last of them */
};

struct gp_uri_host;

struct gp_rule_dns {
	struct gp_rule_set *set;
	const struct gp_rule_input *in;
	const struct gp_rule_tags *tags;
	const struct gp_relay_path *relays;
	struct gp_arena *arena;
	struct gp_batch *batch;
	struct gp_map by_name; /* "TYPE name" → struct gp_dns_lookup */
	GP_VEC(struct gp_dns_lookup *) lookups;
	struct gp_dns_hit *hits; /* by query's index */
	const struct gp_uri_host *hosts; /* of URIs, once looked for */
	size_t n_hosts;
	bool has_hosts;
	struct gp_asn_found *asn; /* NULL: not asked */
	size_t n_asn;		  /* the first so many lookups are for it */
	bool is_asn_known;
	struct gp_pcre *pcre;
	int64_t now_ms;
	unsigned late;
	struct gp_str refusing;
};

/* Adds what reports say of a hit; record may be NULL. */
void gp_rule_dns_add_detail(struct gp_rule_dns *d, const struct gp_rule *r, const struct gp_dns_waiter *w,
			    const struct gp_dns_record *record);
/* Asks for `name` as it is, unless it is no name, or its zone is not to be asked. */
void gp_rule_dns_ask(struct gp_rule_dns *d, const struct gp_rule *r, enum gp_dns_step step,
		     struct gp_str name, enum gp_dns_type type, struct gp_str subject);
/* Asks for host or address below the rule's zone. */
void gp_rule_dns_ask_host(struct gp_rule_dns *d, const struct gp_rule *r, struct gp_str host);
void gp_rule_dns_ask_ip(struct gp_rule_dns *d, const struct gp_rule *r, const struct gp_ip *ip);
/* Asks for `name` on behalf of no rule. */
void gp_rule_dns_ask_asn(struct gp_rule_dns *d, const struct gp_asn_lookup *asn, struct gp_str name);
/* Waits for that answer, if it is not known yet, and tells those who asked. */
void gp_rule_dns_learn(struct gp_rule_dns *d, struct gp_dns_lookup *l);

/* The host of the envelope's sender, lower case; empty if there is none. */
struct gp_str gp_rule_dns_sender(const struct gp_rule_dns *d);

/* The lists of autonomous systems; before all others. */
void gp_rule_dns_asn(struct gp_rule_dns *d);
/* The kinds of rules: each asks for all rules of its kind that are on. */
void gp_rule_dns_relays(struct gp_rule_dns *d, const struct gp_rule *const *rules, size_t n);
void gp_rule_dns_hosts(struct gp_rule_dns *d, const struct gp_rule *r);
void gp_rule_dns_uris(struct gp_rule_dns *d, const struct gp_rule *const *rules, size_t n);
void gp_rule_dns_tags(struct gp_rule_dns *d, const struct gp_rule *const *rules, size_t n);
/* Once the patterns have run: a rule of kind GP_QUERY_HASH_….  subjects: of the scan, by target. */
void gp_rule_dns_hash(struct gp_rule_dns *d, const struct gp_rule *r, struct gp_rule_subject *subjects,
		      struct gp_pcre *pcre);
/* What follows from name servers' names (GP_STEP_SERVERS). */
void gp_rule_dns_server(struct gp_rule_dns *d, const struct gp_rule *r, struct gp_str server,
			struct gp_str subject);

/* Worth asking: a rule without score hits nothing. */
static inline bool gp_rule_dns_is_on(const struct gp_rule *r)
{
	return r->score[1] != 0 || r->score[3] != 0;
}

/* Hosts of the message's URIs that are looked up, the weightiest first. */
struct gp_uri_host {
	struct gp_str host, domain; /* domain: as registered; the host itself if it is an address */
	struct gp_ip ip;	    /* family 0: a name */
};
size_t gp_rule_dns_uri_hosts(struct gp_rule_dns *d, const struct gp_uri_host **ret);

#endif

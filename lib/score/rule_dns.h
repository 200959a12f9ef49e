/*
 * A message's questions to the DNS, of all its rules together.
 *
 *	dns = gp_rule_dns_begin(set, &input, &relays, arena);	asks
 *	… patterns are matched …
 *	gp_rule_dns_finish(dns, pcre);			waits, asks what follows, waits again
 *	if (gp_rule_dns_hit(dns, rule, &evidence)) …
 *
 * An equal question is asked once.  Bounded: GP_MAX_RULE_LOOKUPS questions, and a time
 * (rbl_timeout of the rules, the message's deadline); what is late has not hit.
 *
 * A zone that answers 127.255.255.x refuses to serve this resolver (too many
 * questions, a public resolver): no listing, and it is left alone for some minutes,
 * as is one of which a dns_block_rule hit.
 */
#ifndef GP_SCORE_RULE_DNS_H
#define GP_SCORE_RULE_DNS_H

#include "lib/mail/relay.h"
#include "lib/score/rule_scan.h"

struct gp_rule;
struct gp_pcre;
struct gp_rule_dns;

struct gp_rule_tags;

/* NULL where there is nothing to ask, or nobody.  input->auth and the envelope are known by now.
 * tags->dns is set. */
struct gp_rule_dns *gp_rule_dns_begin(struct gp_rule_set *set, struct gp_rule_tags *tags);
struct gp_rule_subject;
/* What depends on patterns, once they have run: askdns rules with tags that patterns capture, digests
 * of what is found in the body.  subjects: of the scan, by target. */
void gp_rule_dns_captured(struct gp_rule_dns *d, struct gp_rule_subject *subjects,
			  struct gp_pcre *pcre);
void gp_rule_dns_finish(struct gp_rule_dns *d, struct gp_pcre *pcre);
/* Waits for the lists of autonomous systems only: their numbers, "15169 36040", or empty.  After
 * _captured; again after _finish. */
struct gp_str gp_rule_dns_finish_asn(struct gp_rule_dns *d);
/* After _finish.  *ret_evidence, if it hit: what was listed, and the answer. */
bool gp_rule_dns_hit(const struct gp_rule_dns *d, const struct gp_rule *r,
		     struct gp_str *ret_evidence);
/* What reports say of it in brackets, a line each; or empty. */
struct gp_str gp_rule_dns_detail(const struct gp_rule_dns *d, const struct gp_rule *r);
/* hits: by rule.  Zones of whose dns_block_rule it is are not asked for a while. */
void gp_rule_dns_block(const struct gp_rule_set *set, const double *hits);
/* After _finish. */
struct gp_rule_dns_stats {
	unsigned asked, late;
	struct gp_str refusing; /* zones that began to refuse, "a, b"; each is named once */
};
void gp_rule_dns_stats(const struct gp_rule_dns *d, struct gp_rule_dns_stats *ret);

#endif

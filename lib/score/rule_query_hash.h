/*
 * check_hashbl_…: lists that are asked for digests of what a message holds (addresses, links,
 * files …), so that nobody can read from the list what is on it.
 */
#ifndef GP_SCORE_RULE_QUERY_HASH_H
#define GP_SCORE_RULE_QUERY_HASH_H

#include "lib/base/digest.h"
#include "lib/score/rule_query.h"

enum gp_hash_flags {
	GP_HASH_RAW = 1 << 0, /* no digest: the value itself */
	GP_HASH_CASE = 1 << 1, /* letter case matters */
	GP_HASH_NODOT = 1 << 2, /* of addresses: without dots in the local part … */
	GP_HASH_NOTAG = 1 << 3, /* … without +tag */
	GP_HASH_NOURI = 1 << 4, /* … none that stand in URLs */
	GP_HASH_NOQUOTE = 1 << 5, /* … none that are quoted */
	GP_HASH_USER = 1 << 6,	/* the local part alone */
	GP_HASH_HOST = 1 << 7,
	GP_HASH_DOMAIN = 1 << 8,
	GP_HASH_NUM = 1 << 9, /* of what a pattern captures: the digits */
	GP_HASH_IP = 1 << 10, /* of tags: addresses only … */
	GP_HASH_IPV4 = 1 << 11,
	GP_HASH_IPV6 = 1 << 12,
	GP_HASH_REVIP = 1 << 13,
	GP_HASH_FQDN = 1 << 14, /* … names only */
	GP_HASH_TLD = 1 << 15,
	GP_HASH_TRIM = 1 << 16, /* the registered domain */
};

struct gp_query_hash {
	enum gp_digest_kind digest;
	unsigned flags;	/* enum gp_hash_flags */
	unsigned max;	/* questions */
	size_t size_min, size_max; /* of attached files */
	struct gp_str what;	/* headers "A/B/body", or the tag's name */
	struct gp_str acl;	/* addresses only of the domains of this list; ptr NULL: of all */
	struct gp_regex re;	/* of HASH_BODY */
	struct gp_regex welcome; /* addresses that are not asked for */
	struct gp_regex email; /* hashbl_email_regex as group 1; without code: our own scanner */
	bool wants_tld; /* it names _TLDS_ */
};

/* From the rule's arguments; false when the rule was made inert. */
bool gp_query_hash_prepare(struct gp_rule_builder *b, struct gp_rule *r, struct gp_query *q);

#endif

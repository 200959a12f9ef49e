/*
 * A contained key: what is known of it, and its form in the store.
 *
 * Or that it was released: that is kept for a while.
 *
 * Pure.  For the daemon, and for the command, which reads the store itself when there is
 * no daemon to ask.  An entry of the table CONTAINED_TABLE (lib/store/store.h) has the
 * name "KIND:KEY" and as value lines "name=value" (lib/proto/attrs.h).
 */
#ifndef POLICYD_CONTAINED_H
#define POLICYD_CONTAINED_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/ip.h"
#include "policyd-ratelimit/answer.h"
#include "policyd-ratelimit/limit_key.h"

#define CONTAINED_TABLE GP_STR("limit-contained")

/* By what a key can be contained: one attribute of a request, never a combination. */
enum contain_kind {
	CONTAIN_ACCOUNT,	  /* "sasl_username" */
	CONTAIN_SENDER,		  /* "sender" */
	CONTAIN_SENDER_DOMAIN,	  /* "sender_domain" */
	CONTAIN_CLIENT,		  /* "client_address": a network, "192.0.2.0/24", or one address */
	CONTAIN_HELO,		  /* "helo_name" */
	CONTAIN_RECIPIENT,	  /* "recipient" */
	CONTAIN_RECIPIENT_DOMAIN, /* "recipient_domain" */
	CONTAIN_KINDS
};

/* The names above; NULL behind the last. */
extern const struct gp_conf_enum contain_kind_names[];
enum limit_attribute contain_attribute(enum contain_kind kind);
/* CONTAIN_KINDS: by that nothing is contained. */
enum contain_kind contain_kind_of(enum limit_attribute attribute);

/* Cuts, so that an entry's value always fits. */
#define CONTAINED_KEY_MAX 320	 /* an address at its longest */
#define CONTAINED_RULE_MAX 64
#define CONTAINED_ACCOUNT_MAX 96
#define CONTAINED_HOST_MAX 48
#define CONTAINED_REASON_MAX 100

struct contained {
	enum contain_kind kind;
	struct gp_str key;     /* as limit_key.h makes it comparable */
	/* Not contained any more: that this stands in its place tells a release from a loss.  Of the
	 * following it has only the times, when it was released and until when that is remembered. */
	bool is_released;
	struct gp_str rule;    /* the limit that was exceeded; empty: by command */
	struct gp_str account; /* who sent what exceeded it, where that is known */
	struct gp_str host;    /* where it was noticed */
	struct gp_str reason;  /* for people */
	enum answer_action action; /* hold, defer or reject */
	int64_t since_s, until_s;  /* Unix time */
	/* Of what is known of a key the highest holds.  When it began, or one more than what it took the
	 * place of, as clocks of hosts differ. */
	int64_t version;
	int64_t used, max, window_ms; /* of the limit, then; 0: by command */
};

/* "KIND:KEY", cut to what an entry takes; in the arena. */
struct gp_str contained_name(struct gp_arena *arena, enum contain_kind kind, struct gp_str key);
/* What a person writes, "KIND:KEY" ("account:" and "client:" will do), or a key alone, which is a
 * client when it is an address or a network, else an account; in the form that limits give it, in
 * the arena.  GP_EINVAL: it is empty, too long, no network, or alone and looks like a network. */
int contained_parse_key(struct gp_str text, struct gp_arena *arena, enum contain_kind *ret_kind,
			struct gp_str *ret_key) GP_MUST_USE;
/* Looks like an address or a network and is none: "300.1.2.3", "192.0.2.1/24". */
bool contained_is_bad_client(struct gp_str text);

/* The value of its entry, at most GP_RECORD_MAX bytes. */
void contained_format(const struct contained *c, struct gp_buf *out);
/* Reads an entry; texts are in the arena.  GP_EINVAL: it is none. */
int contained_parse(struct gp_str name, struct gp_str value, struct gp_arena *arena,
		    struct contained *ret) GP_MUST_USE;
/* Appends one JSON object: for `gatepost ratelimit`, alerts and the log of what happened. */
void contained_json(const struct contained *c, struct gp_buf *out);

#endif

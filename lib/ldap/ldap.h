/*
 * Directory look-ups: a key in, the values of an entry out.
 *
 *	struct gp_ldap_query *query;
 *	if (gp_ldap_query_new(&words, arena, &query, &diag) < 0) …	(at load)
 *	l = gp_ldap_begin(ldap, batch, query, GP_STR("joe@example.org"));
 *	… other work …
 *	r = gp_ldap_finish(l, arena, &answer);
 *
 * libldap's connecting and StartTLS block, and a stalled server can hold them for
 * seconds; so it lives on a helper thread of its own, which nobody else waits for: an
 * asker waits for its batch's deadline at the most.  Any thread may ask.
 *
 * The words of a query mean what they mean in Postfix's ldap_table(5): query_filter
 * ("filter"), search_base ("base"), scope, domain ("domains"), result_attribute and
 * result_format (joined in "result"), special_result_attribute ("follow").  Differences:
 * filter and base know %n as another name of %u, and "result" has a format for each
 * attribute.
 *
 * Answers beside GP_OK (also with no values: there is an entry, but none of its
 * attributes says anything):
 *	GP_ENOENT  no such entry, or the query is not for this key (its domain is not in
 *		   "domains", or the templates need a part that the key has not); also where
 *		   the base is not there, if it is another one for other keys
 *	GP_ETEMP   no server answered in time
 *	GP_EACCES  the server refused our name or password
 *	GP_EINVAL  the server did not understand the query, or its base, the same for all keys,
 *		   is not there (for us: access rules may hide it)
 *	GP_ELIMIT  more entries than GP_LDAP_ENTRIES_MAX, or answers larger than allowed
 *
 * Referrals are not followed: they would carry our password to a server that somebody
 * else names.  An answer that is only a referral is GP_ENOENT, and said in the diag.
 */
#ifndef GP_LDAP_LDAP_H
#define GP_LDAP_LDAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/io/job.h"

struct gp_ldap;
struct gp_ldap_query;
struct gp_ldap_lookup;

/* Values of one answer, and bytes of one value: an account's settings are a few words, a
 * group's members some thousand addresses. */
#define GP_LDAP_VALUES_MAX 20000
#define GP_LDAP_VALUE_MAX 4096
/* Entries of one answer, over all its pages. */
#define GP_LDAP_ENTRIES_MAX 20000
/* Entries asked for at a time (RFC 2696): below every server's size limit. */
#define GP_LDAP_PAGE_SIZE 500
/* Bytes of a key that is looked up: an address, RFC 5321. */
#define GP_LDAP_KEY_MAX 512
/* Entries whose names stand in an attribute of "follow", and how deep. */
#define GP_LDAP_FOLLOW_MAX 1000
#define GP_LDAP_FOLLOW_DEPTH 10

enum gp_ldap_bind {
	GP_LDAP_ANONYMOUS,
	GP_LDAP_SIMPLE,	  /* bind_dn and password_file */
	GP_LDAP_EXTERNAL, /* SASL EXTERNAL: the client certificate, or ldapi's peer */
};
enum gp_ldap_tls { GP_LDAP_TLS_1_2, GP_LDAP_TLS_1_3 };

struct gp_ldap_options {
	const char *const *uris; /* ldap://, ldaps://, ldapi://; tried in this order */
	size_t n_uris;
	bool start_tls;		 /* on ldap:// */
	int tls_min;		 /* enum gp_ldap_tls */
	const char *ca_file;	 /* "": the system's */
	const char *certificate; /* "": none */
	const char *key_file;
	int bind; /* enum gp_ldap_bind */
	const char *bind_dn;
	const char *password_file; /* read at each connect, so that it can be changed */
	int64_t timeout_ms;	   /* connecting, and one question; 0: 5 s */
	int64_t rest_ms;	   /* after three failures in a row; 0: 10 s */
	size_t cache_entries;	   /* 0: no cache */
	int64_t ttl_s, negative_ttl_s;
};

/* Opens without connecting.  GP_EINVAL: options that libldap does not take. */
int gp_ldap_open(const struct gp_ldap_options *options, struct gp_ldap **ret,
		 struct gp_diag *diag) GP_MUST_USE;
/* Waits for the helper thread, the timeout at the most; look-ups under way fail with
 * GP_ETEMP.  Clears *ldap; NULL is fine. */
void gp_ldap_close(struct gp_ldap **ldap);

/* For /healthz: did the last question reach a server?  True before the first. */
bool gp_ldap_is_up(const struct gp_ldap *ldap);
/* Why not, "" if it did. */
void gp_ldap_last_error(struct gp_ldap *ldap, struct gp_diag *ret);
/* What a server that is up said last of a question which can never be answered: it does not
 * understand it, we may not ask it, or its base is not there.  Each is told once; false: none. */
bool gp_ldap_take_complaint(struct gp_ldap *ldap, struct gp_diag *ret);
/* Forgets cached answers: after a reload. */
void gp_ldap_flush(struct gp_ldap *ldap);

/* A query as it is written in the configuration; the texts are copied. */
enum gp_ldap_scope { GP_LDAP_SUB, GP_LDAP_ONE, GP_LDAP_BASE };
struct gp_ldap_words {
	const char *base;
	int scope; /* enum gp_ldap_scope */
	const char *filter;
	const char *const *result; /* "attribute" or "attribute: format"; %s is the value */
	size_t n_result;
	const char *const *follow; /* attributes that hold names of entries to read as well */
	size_t n_follow;
	const char *const *domains; /* keys of these alone; none: all keys */
	size_t n_domains;
};
/* In the arena.  GP_EINVAL with what is wrong in the diag, and where in *ret_part (may be NULL):
 * "base", "filter", "result" or "follow". */
int gp_ldap_query_new(const struct gp_ldap_words *words, struct gp_arena *arena,
		      struct gp_ldap_query **ret, const char **ret_part, struct gp_diag *diag)
	GP_MUST_USE;

struct gp_ldap_value {
	struct gp_str attribute; /* as "result" writes it */
	struct gp_str text;	 /* formatted */
};
struct gp_ldap_answer {
	struct gp_str dn;	/* of the first entry */
	struct gp_str server;	/* URI that answered; "" from the cache */
	struct gp_ldap_value *values; /* in the order of the entries, of "result" within one */
	size_t n_values;
	size_t n_entries;
};

/* Asks; from the cache if it can.  The look-up belongs to the batch and goes with it. */
struct gp_ldap_lookup *gp_ldap_begin(struct gp_ldap *ldap, struct gp_batch *batch,
				     const struct gp_ldap_query *query, struct gp_str key)
	__attribute__((returns_nonnull));
/* Waits for it; the answer is copied into the arena.  diag: NULL, or why not. */
int gp_ldap_finish(struct gp_ldap_lookup *lookup, struct gp_arena *arena,
		   struct gp_ldap_answer *ret, struct gp_diag *diag) GP_MUST_USE;
/* Both at once. */
int gp_ldap_get(struct gp_ldap *ldap, const struct gp_ldap_query *query, struct gp_str key,
		int64_t deadline_ms, struct gp_arena *arena, struct gp_ldap_answer *ret,
		struct gp_diag *diag) GP_MUST_USE;

/* What is asked for a key, for people: "base", "filter" as they go out.  GP_ENOENT: the
 * query is not for this key. */
int gp_ldap_explain(const struct gp_ldap_query *query, struct gp_str key, struct gp_arena *arena,
		    struct gp_str *ret_base, struct gp_str *ret_filter) GP_MUST_USE;

#endif

/*
 * Inside lib/ldap: what a look-up carries between the thread that asks and the helper.
 *
 *	ldap.c        the interface: queries, the cache in front, jobs
 *	ldap_answer.c the bytes of an answer
 *	ldap_cache.c  answers that are kept
 *	ldap_conn.c   one connection: libldap's calls, and its errors in our words
 *	ldap_helper.c the thread: queue, searches under way, pages, names to follow
 *	ldap_metrics.c counters
 *	ldap_tls.c    contexts of TLS, shared by connections
 */
#ifndef GP_LDAP_LDAP_INT_H
#define GP_LDAP_LDAP_INT_H

#include <ldap.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/buf.h"
#include "lib/io/breaker.h"
#include "lib/ldap/ldap.h"

/* Bytes of an answer: GP_LDAP_VALUES_MAX addresses, and room. */
#define LDAP_ANSWER_MAX (2u << 20)

/* One attribute of "result". */
struct ldap_result_row {
	char *attribute;
	struct gp_str format;
};

struct gp_ldap_query {
	struct gp_str base, filter; /* templates */
	int scope;		    /* LDAP_SCOPE_… */
	struct ldap_result_row *rows;
	size_t n_rows;
	char **follow;
	size_t n_follow;
	struct gp_str *domains; /* lower case */
	size_t n_domains;
	char **attributes; /* rows and follow, NULL at the end, for libldap */
	struct gp_str id;  /* of all that decides an answer beside the key: for the cache */
};

/* An entry that is still to be read. */
struct ldap_follow {
	char *dn;
	unsigned depth;
	struct ldap_follow *next;
};

struct gp_ldap_lookup {
	struct gp_job job; /* first: the job is the look-up */
	struct gp_ldap *ldap;
	struct gp_arena *arena;	    /* its own: it may outlive the asker and the query */
	struct gp_ldap_query query; /* copied into the arena */
	struct gp_str key;
	char *base, *filter;
	struct gp_str cache_key;
	int64_t began_ms;

	/* The helper's. */
	struct gp_ldap_lookup *next; /* in its queue, or among those under way */
	int msgid;
	int64_t asked_ms;
	unsigned tries;
	struct berval *cookie;		 /* of the next page */
	struct ldap_follow *follow, *followed; /* to be read; and all that ever were to be */
	size_t n_followed;
	unsigned depth;
	bool is_following, has_referral;
	bool has_fixed_base; /* the same for all keys: it is to be there */
	size_t n_entries, n_values;

	/* The answer: read by the asker once the job is done. */
	struct gp_buf answer;
	struct gp_diag diag;
	struct gp_str server;
};

/* Answers as bytes: how they are kept, and carried between threads. */
void ldap_answer_begin(struct gp_buf *out, struct gp_str dn);
void ldap_answer_add(struct gp_buf *out, size_t row, struct gp_str text);
void ldap_answer_end(struct gp_buf *out, size_t n_entries);
/* Into the arena, with the attributes' names from the query. */
void ldap_answer_read(struct gp_str bytes, const struct gp_ldap_query *query,
		      struct gp_arena *arena, struct gp_ldap_answer *ret);

/* Thread-safe; NULL is a cache that has nothing. */
struct ldap_cache *ldap_cache_new(size_t entries, int64_t ttl_s, int64_t negative_ttl_s);
void ldap_cache_free(struct ldap_cache *c);
void ldap_cache_flush(struct ldap_cache *c);
/* True: *ret_result is GP_OK with the answer appended, or GP_ENOENT. */
bool ldap_cache_get(struct ldap_cache *c, struct gp_str key, int *ret_result, struct gp_buf *out);
/* Keeps GP_OK and GP_ENOENT; anything else only forgets. */
void ldap_cache_put(struct ldap_cache *c, struct gp_str key, int result, struct gp_str answer);

struct gp_ldap {
	struct gp_ldap_options options; /* texts copied */
	char **uris;
	struct ldap_cache *cache;
	struct gp_breaker breaker;
	atomic_bool is_up, is_closing;
	pthread_t thread;
	int wake_fd; /* eventfd: the queue or is_closing changed */

	pthread_mutex_t lock; /* of the following */
	struct gp_ldap_lookup *queue, **queue_end;
	struct gp_diag last_error;
	struct gp_diag complaint; /* of a question, not of the connection; "": none */

	/* The helper's own. */
	LDAP *connection; /* NULL: not connected */
	size_t uri;	  /* that it goes to, or will be tried next */
	int64_t heard_ms; /* when something came last */
	struct gp_ldap_lookup *under_way;
};

void *ldap_helper_main(void *ldap);

/* Counters of the process, for all its directories. */
void ldap_metrics_register(void);
/* A look-up that was not answered by the cache, and its result. */
void ldap_metrics_count(int result, int64_t took_ms);
void ldap_metrics_count_cached(void);
void ldap_metrics_count_connect(void);
void ldap_metrics_set_up(bool is_up);

/* One connection. */

/* Tries each server once, from ldap->uri on; GP_E… with the diag of the last one. */
int ldap_conn_open(struct gp_ldap *ldap, struct gp_diag *diag) GP_MUST_USE;
void ldap_conn_close(struct gp_ldap *ldap);
/* Does libldap take these options?  Without a server. */
int ldap_conn_check(const struct gp_ldap *ldap, struct gp_diag *diag) GP_MUST_USE;
int ldap_conn_fd(struct gp_ldap *ldap);
/* After the TLS options of a connection: gives it the context for them.  A code of
 * ldap_set_option(3). */
int ldap_tls_use(const struct gp_ldap_options *options, LDAP *ld);
/* A result code of LDAP in our words; GP_OK for success. */
int ldap_conn_result(int code);

#endif

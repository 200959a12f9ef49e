/*
 * Questions to the DNS: ask early, collect late.
 *
 *	struct gp_batch *batch = gp_batch_new(deadline_ms);
 *	struct gp_dns_question *q = gp_dns_begin(resolver, batch, name, GP_DNS_TXT);
 *	… other work …
 *	if (gp_dns_finish(q, arena, &answer) == GP_OK)
 *		… answer.records[0 … answer.n_records - 1] …
 *	gp_batch_free(&batch);
 *
 * That a name or its data does not exist is an answer (GP_OK, no records,
 * `rcode` tells which).  GP_ETEMP: late, unreachable, refused, SERVFAIL: try again
 * another time.  GP_EINVAL: what was given is no name.
 *
 * A resolver is an interface: lib/dns/dns_unbound.h opens the real one, dns_cache.h
 * puts a cache in front of another, tests have a scripted one (tests/fakes/fake_dns.h).
 * Any thread may ask.  Equal questions in flight are merged and answers cached by the
 * implementation.
 */
#ifndef GP_DNS_DNS_H
#define GP_DNS_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/ip.h"
#include "lib/dns/dnsname.h"
#include "lib/io/job.h"

/* Numbers of the IANA registry. */
enum gp_dns_type {
	GP_DNS_A = 1,
	GP_DNS_NS = 2,
	GP_DNS_CNAME = 5,
	GP_DNS_PTR = 12,
	GP_DNS_MX = 15,
	GP_DNS_TXT = 16,
	GP_DNS_AAAA = 28,
};

enum { GP_DNS_NOERROR = 0, GP_DNS_SERVFAIL = 2, GP_DNS_NXDOMAIN = 3, GP_DNS_REFUSED = 5 };

enum gp_dns_security {
	GP_DNS_INSECURE, /* not signed, or not validated here */
	GP_DNS_SECURE,	 /* validated; also of answers without records */
	GP_DNS_BOGUS,	 /* validation failed: no records are given */
};

/* Records of one answer.  Which of them counts, if one (an SPF record among other TXT), hangs
 * on all, so one of more is as good as none (GP_ELIMIT) and never given in part.  Block lists
 * give up to 20, domains that collect proofs of ownership some hundred; 64 KB hold 5,000. */
#define GP_DNS_RECORDS_MAX 1024

struct gp_dns_record {
	struct gp_ip ip;     /* A, AAAA */
	struct gp_str text;  /* TXT: its strings joined, any bytes; MX, NS, PTR, CNAME: the name,
			      * lower case, without final dot; "" is the root (null MX) */
	struct gp_str strings; /* TXT of several strings: each behind a byte that is its length; of
				* one string, and of other types, empty */
	uint16_t preference; /* MX */
};

struct gp_dns_answer {
	int rcode;	    /* GP_DNS_NOERROR or GP_DNS_NXDOMAIN; SERVFAIL if bogus */
	struct gp_str name; /* where the chain of CNAMEs ended */
	struct gp_dns_record *records;
	size_t n_records;
	uint32_t ttl_s;
	enum gp_dns_security security;
};

/* The strings of a TXT record one by one: false beyond the last; *at starts at 0. */
bool gp_dns_record_string(const struct gp_dns_record *record, size_t *at, struct gp_str *ret);

struct gp_resolver;

/* One question in flight; it belongs to its batch. */
struct gp_dns_question {
	struct gp_job job;
	struct gp_resolver *resolver; /* who has it now */
	struct gp_resolver *front;    /* hears the answer before the asker; NULL: nobody */
	struct gp_arena *arena; /* of the answer */
	struct gp_dns_answer answer;
	enum gp_dns_type type;
	char name[GP_DNS_NAME_MAX + 1]; /* gp_dns_name_fold_escaped: lower case, A-labels, no
					 * final dot */
};

/* What an implementation offers. */
struct gp_resolver_ops {
	/* Sees to it that gp_dns_answered(q, …) is called once, from any thread, before
	 * that q->answer filled with what lives in q->arena.  q->name is valid. */
	void (*ask)(struct gp_resolver *r, struct gp_dns_question *q);
	/* Of a resolver that passed q on and made itself its front: what the other one
	 * answered.  From any thread; the question may be looked at until it returns. */
	void (*hear)(struct gp_resolver *r, const struct gp_dns_question *q, int result);
	void (*close)(struct gp_resolver *r);
};

/* First member of every implementation. */
struct gp_resolver {
	const struct gp_resolver_ops *ops;
};

/* Asks; never fails (a malformed name is said by gp_dns_finish). */
struct gp_dns_question *gp_dns_begin(struct gp_resolver *r, struct gp_batch *batch,
				     struct gp_str name, enum gp_dns_type type)
	__attribute__((returns_nonnull));
/* Waits up to the batch's deadline and copies the answer into the arena.  GP_ETEMP: none is to
 * be had; GP_ELIMIT: it has more than GP_DNS_RECORDS_MAX records. */
int gp_dns_finish(struct gp_dns_question *q, struct gp_arena *arena,
		  struct gp_dns_answer *ret) GP_MUST_USE;
/* Both at once. */
int gp_dns_get(struct gp_resolver *r, struct gp_str name, enum gp_dns_type type,
	       int64_t deadline_ms, struct gp_arena *arena, struct gp_dns_answer *ret) GP_MUST_USE;
/* No question may be in flight that somebody waits for.  Clears *r; NULL is fine. */
void gp_resolver_close(struct gp_resolver **r);

/* For implementations: the answer is there (GP_OK), has too many records (GP_ELIMIT), or is not
 * to be had (GP_ETEMP, with answer.rcode GP_DNS_SERVFAIL if a server said so).  The question may be gone afterwards. */
void gp_dns_answered(struct gp_dns_question *q, int result);
/* For implementations: a copy with everything it points to. */
void gp_dns_answer_copy(struct gp_arena *arena, const struct gp_dns_answer *from,
			struct gp_dns_answer *ret);
/* For implementations: adds a record given as wire-format data, names not compressed; all
 * records of an answer are added so.  GP_EINVAL if malformed, GP_ELIMIT beyond
 * GP_DNS_RECORDS_MAX. */
int gp_dns_answer_add(struct gp_dns_question *q, const void *data, size_t len) GP_MUST_USE;

#endif

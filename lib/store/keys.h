/*
 * The key layout, version 1, of both implementations.  Nobody builds a key elsewhere.
 *
 * Bayes.  A token is a 64-bit hash.  Its top bits choose a bucket, its low 32
 * bits name it there; a bucket is a string of packed records (bucket.h).  So a
 * million tokens are 65,536 strings, not a million keys.  Two tokens that agree
 * in all 48 bits share a count: one unknown token in 280 million does at a
 * million tokens.  Everybody's scope has 65,536 buckets, a user's has 4,096, so
 * that a small scope does not consist of headers (bench/store has the figures).
 *
 *   Redis                            holds
 *   gp1{b:SCOPE}m                    "1 SPAM HAM TOKENS GENERATION" (decimal)
 *   gp1{b:SCOPE}HEX                  bucket HEX, packed records
 *   gp1{b:SCOPE}sHEX                 hash of the message digests beginning with HEX
 *                                    (3 digits): next 16 bytes → "1" spam, "2" ham; a blank
 *                                    and the day it was learned (older ones have none)
 *   gp1:r:TABLE:HASH                 record, with expiry
 *   gp1:c:TABLE:HASH                 counter, with expiry
 *   gp1:l:TABLE                      ring, newest first
 *   gp1{g:WHO}TABLE                  greylist: how often WHO (a hash) passed, with expiry
 *   gp1{g:WHO}TABLE:HASH             a try of his, with expiry
 *   gp1:e:TABLE                      hash of entries: name → time it expires (8), value (entry.lua)
 *   gp1{l:TABLE}qHASH                row of a limit, with expiry (limit_row.h)
 *   gp1{l:TABLE}mHASH                mark of a member of what is limited, with expiry: when it
 *                                    was made (6)
 *   gp1{l:TABLE}nHASH                what was counted under a name, with expiry (6): of a limit, of
 *                                    one message; of a part: 1
 *   gp1:t:TABLE                      hash: "c"NAME → count, "s"NAME → sum; "c" → since when
 * Everything of a scope shares a hash tag, so one script may change it on a
 * cluster.  SCOPE is percent-encoded; HASH is the first 16 bytes of SHA-256 of the key.
 *
 *   LMDB, environment bayes/
 *   meta     SCOPE with "s" before it → struct gp_bayes_meta
 *   tokens   64-bit integer: scope id << 32 | bucket → packed records
 *   seen     scope id (4, big endian), digest (32) → class (1), day (2, little endian; older
 *            ones have none)
 *   LMDB, environments spam/, dkim/ (tables whose name begins with "dkim-"), limits/ ("limit-"),
 *   virus/ ("virus-")
 *   records  'r', 'c', 'q', 'm' or 'n', TABLE, NUL, HASH (16) → time it expires (8), value
 *            (a mark: when it was made, 8; under a name: what was counted, 8)
 *   records  'e', TABLE, NUL, HASH (16) of the name → time it expires (8), length of the name (2),
 *            name, value: an entry
 *            (greylists: 'r', the hash of who for how often he passed)
 *   records  't', TABLE, NUL, NAME → INT64_MAX (8), count (8), sum (8); no NAME: since when
 *   rings    TABLE, NUL, sequence number (8, big endian) → item
 * All have `about` → "version" → "1".  Numbers without remark are the host's.
 *
 * Greylists are two tables, greylist (milter-spam) and limit-greylist (policyd-ratelimit): their
 * keys differ, and on LMDB each program writes its own environment.  On Redis too they stay apart:
 * what only one of them has seen must not be early for the other.
 *
 * Tables: spam/ has greylist, the records senders and senders-txrep (lib/score/rule_sender.h), the
 * ring and tallies spam-history, the ring spam-sent (lib/proto/sent.h); dkim/ has the records dkim-clients
 * (lib/auth/client_domain.h), the ring and tallies dkim-history and the rings dkim-dmarc-0 …
 * dkim-dmarc-7, rows for DMARC reports by the
 * number of their day modulo 8 (lib/auth/dmarc_report.h); virus/ has the ring and tallies
 * virus-history; limits/ has the limits limit-use, the entries limit-contained
 * (policyd-ratelimit/contained.h), limit-alerts and limit-alert-leases (alert_kept.c), the rings
 * limit-held, limit-changes and limit-events (policyd-ratelimit/note.h), the records limit-greylist, the
 * counter limit-looks (policyd-ratelimit/store_loss.c).
 */
#ifndef GP_STORE_KEYS_H
#define GP_STORE_KEYS_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

#define GP_KEYS_VERSION 1
#define GP_KEYS_VERSION_TEXT "1"

#define GP_KEYS_BITS_ALL 16  /* buckets of everybody's scope, as a power of two */
#define GP_KEYS_BITS_USER 12 /* of a user's */
#define GP_KEYS_HASH 16	     /* bytes of a hashed key */

/* log2 of the number of buckets of a scope. */
static inline unsigned gp_keys_bits(struct gp_str scope)
{
	return scope.len == 0 ? GP_KEYS_BITS_ALL : GP_KEYS_BITS_USER;
}

static inline uint32_t gp_keys_bucket(uint64_t token, unsigned bits)
{
	return (uint32_t)(token >> (64 - bits));
}

static inline uint32_t gp_keys_name(uint64_t token)
{
	return (uint32_t)token;
}

/* Whose table it is: one of GP_STORE_… but GP_STORE_BAYES. */
unsigned gp_keys_part(struct gp_str table);

/* First bytes of SHA-256. */
void gp_keys_hash(struct gp_str key, unsigned char ret[GP_KEYS_HASH]);

/* Redis.  Each appends to `out`. */
void gp_keys_scope(struct gp_str scope, struct gp_buf *out); /* "gp1{b:SCOPE}" */
void gp_keys_redis(char kind, struct gp_str table, struct gp_str key, struct gp_buf *out);
/* The same of a key that was hashed already. */
void gp_keys_redis_hashed(char kind, struct gp_str table, const unsigned char hash[GP_KEYS_HASH],
			  struct gp_buf *out);

/* kind 'q', 'm' or 'n'. */
void gp_keys_limit(char kind, struct gp_str table, const unsigned char hash[GP_KEYS_HASH],
		   struct gp_buf *out);
/* Redis' pattern for the states of a table. */
void gp_keys_limit_pattern(struct gp_str table, struct gp_buf *out);
/* A record of greylisting; hash NULL: the one of who tries. */
void gp_keys_greylist(struct gp_str table, const unsigned char who[GP_KEYS_HASH],
		      const unsigned char *hash, struct gp_buf *out);
/* The hash of a mark, which member of which limit; of a try of greylisting, which key of whom. */
void gp_keys_member(struct gp_str key, struct gp_str member, unsigned char ret[GP_KEYS_HASH]);

/* LMDB: 'r' or 'c', table, NUL, hash; the length written. */
#define GP_KEYS_LMDB_MAX (1 + 32 + 1 + GP_KEYS_HASH)
size_t gp_keys_lmdb(char kind, struct gp_str table, struct gp_str key,
		    unsigned char ret[GP_KEYS_LMDB_MAX]);
size_t gp_keys_lmdb_hashed(char kind, struct gp_str table, const unsigned char hash[GP_KEYS_HASH],
			   unsigned char ret[GP_KEYS_LMDB_MAX]);

#endif

/*
 * Bayes on Redis: a look-up is one MGET of the totals and the buckets that the
 * cache does not hold; learning is one script.
 *
 * MGET is atomic, so the totals, their generation and the buckets are of one
 * state.  If that is not the state that the cache answered from, everything is
 * asked for once more.
 */
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/store/bucket.h"
#include "lib/store/keys.h"
#include "lib/store/redis_int.h"

/* One script call holds Redis up for some 6 ms per message of 1,500 tokens. */
#define LEARN_MESSAGES GP_STORE_LEARN_ATOMIC
/* How often what is believed of the messages may turn out to be wrong: others learn too. */
#define LEARN_ROUNDS 5
#define SEEN_RECORD (GP_SHA256_SIZE + 2)

unsigned gp_redis_digits(unsigned bits)
{
	return (bits + 3) / 4;
}

/* "1 SPAM HAM TOKENS GENERATION"; an absent one is all zero. */
static int parse_totals(struct gp_str text, struct gp_bayes_totals *ret, uint64_t *ret_generation,
			struct gp_diag *diag)
{
	uint64_t numbers[5] = {GP_KEYS_VERSION};
	struct gp_str word;
	size_t n = 0;

	while (n < 5 && gp_str_next_word(&text, &word))
		if (gp_num_parse_uint(word, 10, &numbers[n++]) < 0)
			break;
	if (numbers[0] != GP_KEYS_VERSION || (n != 0 && n != 5)) {
		gp_diag_set(diag, "the layout is not version " GP_KEYS_VERSION_TEXT);
		return GP_ESYS;
	}
	*ret = (struct gp_bayes_totals){
		.spam = numbers[1], .ham = numbers[2], .tokens = numbers[3]};
	*ret_generation = numbers[4];
	return GP_OK;
}

/* Looking up. */

struct lookup {
	struct gp_redis_request req;
	struct gp_store_redis *st;
	struct gp_bayes_lookup *l;
	uint64_t generation; /* what the cache answered from; 0: nothing */
	size_t n;
	uint32_t asked[]; /* n indices of tokens */
};

static void lookup_ask(struct lookup *k)
{
	GP_BUF_AUTO key = GP_BUF_INIT(4 * GP_STORE_SCOPE_MAX);
	struct gp_buf *out = &k->req.command;
	unsigned bits = gp_keys_bits(gp_str(k->l->scope));
	size_t prefix;

	gp_keys_scope(gp_str(k->l->scope), &key);
	prefix = key.len;
	gp_buf_init(out, GP_REDIS_COMMAND_MAX);
	gp_redis_command(out, 2 + k->n);
	gp_redis_arg(out, GP_STR("MGET"));
	gp_buf_add_chr(&key, 'm');
	gp_redis_arg(out, gp_buf_str(&key));
	for (size_t i = 0; i < k->n; i++) {
		uint32_t bucket = gp_keys_bucket(k->l->tokens[k->asked[i]], bits);

		key.len = prefix;
		for (unsigned d = gp_redis_digits(bits); d-- > 0;)
			gp_buf_add_chr(&key, "0123456789abcdef"[bucket >> 4 * d & 15]);
		gp_redis_arg(out, gp_buf_str(&key));
	}
	gp_redis_send(k->st->conn, &k->req);
}

static void lookup_end(struct lookup *k, int result, const struct gp_diag *why)
{
	gp_store_lookup_done(k->l, result, why);
	free(k);
}

static void fill(struct lookup *k, const struct gp_reply *reply, uint64_t generation)
{
	struct gp_bayes_lookup *l = k->l;
	unsigned bits = gp_keys_bits(gp_str(l->scope));

	gp_cache_begin(k->st->cache, gp_str(l->scope), generation, &l->totals);
	for (size_t i = 0; i < k->n; i++) {
		uint64_t token = l->tokens[k->asked[i]];
		struct gp_str content = reply->items[i + 1].str; /* nil: empty */

		l->counts[k->asked[i]] = gp_bucket_find(content, gp_keys_name(token));
		gp_cache_put(k->st->cache, gp_keys_bucket(token, bits), content);
	}
	gp_cache_finish(k->st->cache);
}

static void lookup_answer(struct gp_redis_request *req, int result, const struct gp_reply *reply,
			  const struct gp_diag *diag)
{
	struct lookup *k = (struct lookup *)req;
	struct gp_diag why = {0};
	uint64_t generation;

	if (!reply) {
		lookup_end(k, result, diag);
		return;
	}
	if (reply->type != GP_REPLY_ARRAY || reply->n != k->n + 1) {
		gp_diag_set(&why, "Redis answered something that cannot be");
		lookup_end(k, GP_ESYS, &why);
		return;
	}
	result = parse_totals(reply->items[0].str, &k->l->totals, &generation, &why);
	if (result < 0) {
		lookup_end(k, result, &why);
	} else if (k->n < k->l->n && generation != k->generation) {
		k->n = k->l->n;
		for (size_t i = 0; i < k->n; i++)
			k->asked[i] = (uint32_t)i;
		lookup_ask(k);
	} else {
		fill(k, reply, generation);
		lookup_end(k, GP_OK, NULL);
	}
}

void gp_redis_bayes_start(struct gp_store *st, struct gp_bayes_lookup *l)
{
	struct lookup *k = gp_xmalloc(sizeof(*k) + l->n * sizeof(k->asked[0]));
	struct gp_cache_hits hits;

	*k = (struct lookup){.st = gp_redis_of(st), .l = l};
	hits = gp_cache_find(k->st->cache, gp_str(l->scope), l->tokens, l->n, l->counts, &l->totals,
			     k->asked);
	if (hits.is_fresh && hits.n_missing == 0) {
		lookup_end(k, GP_OK, NULL);
		return;
	}
	k->n = hits.n_missing;
	k->generation = hits.generation;
	k->req.answer = lookup_answer;
	k->req.deadline_ms = l->deadline_ms;
	lookup_ask(k);
}

/* Learning. */

/* Three hex digits name the hash; the next 16 bytes are the field. */
static void seen_key(struct gp_buf *key, const unsigned char *digest)
{
	gp_buf_printf(key, "s%02x%x", digest[0], digest[1] >> 4);
}

int gp_redis_bayes_seen(struct gp_store *st, struct gp_str scope, const unsigned char *digest,
			int64_t deadline_ms, enum gp_bayes_class *ret, struct gp_diag *diag)
{
	struct gp_redis_call *c = gp_redis_call_new(NULL, 3);
	GP_BUF_AUTO key = GP_BUF_INIT(4 * GP_STORE_SCOPE_MAX);
	struct gp_batch *batch;
	int r;

	gp_keys_scope(scope, &key);
	seen_key(&key, digest);
	gp_redis_arg(&c->req.command, GP_STR("HGET"));
	gp_redis_arg(&c->req.command, gp_buf_str(&key));
	gp_redis_arg(&c->req.command, gp_str_n(digest + 1, 16));
	r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
	if (r == GP_OK)
		*ret = gp_str_starts(gp_buf_str(&c->text), GP_STR("1"))	  ? GP_BAYES_SPAM
		       : gp_str_starts(gp_buf_str(&c->text), GP_STR("2")) ? GP_BAYES_HAM
									  : GP_BAYES_NONE;
	gp_batch_free(&batch);
	return r;
}

static void put_le(struct gp_buf *out, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		gp_buf_add_chr(out, (char)(v >> 8 * i));
}

/* Per message: digest, what it is believed to be before this batch, what it becomes. */
static void add_seen(struct gp_redis_call *c, const struct gp_bayes_message *messages, size_t n,
		     const unsigned char *known)
{
	GP_BUF_AUTO out = GP_BUF_INIT(LEARN_MESSAGES * SEEN_RECORD);

	for (size_t i = 0; i < n; i++) {
		gp_buf_add(&out, messages[i].digest, GP_SHA256_SIZE);
		gp_buf_add_chr(&out, (char)('0' + known[i]));
		gp_buf_add_chr(&out, (char)('0' + messages[i].class));
	}
	gp_redis_arg(&c->req.command, gp_buf_str(&out));
}

static void add_deltas(struct gp_redis_call *c, const struct gp_delta_set *set, unsigned bits)
{
	GP_BUF_AUTO out = GP_BUF_INIT(GP_REDIS_COMMAND_MAX);

	for (size_t i = 0, end; i < set->n; i = end) {
		uint32_t bucket = gp_keys_bucket(set->items[i].token, bits);

		for (end = i + 1; end < set->n && end - i < UINT16_MAX; end++)
			if (gp_keys_bucket(set->items[end].token, bits) != bucket)
				break;
		put_le(&out, bucket, 4);
		put_le(&out, end - i, 2);
		for (size_t k = i; k < end; k++) {
			put_le(&out, gp_keys_name(set->items[k].token), 4);
			put_le(&out, (uint16_t)set->items[k].spam, 2);
			put_le(&out, (uint16_t)set->items[k].ham, 2);
		}
	}
	gp_redis_arg(&c->req.command, gp_buf_str(&out));
}

static struct gp_redis_call *learn_call(struct gp_str scope,
					const struct gp_bayes_message *messages, size_t n,
					const unsigned char *known, const struct gp_delta_set *set)
{
	struct gp_redis_call *c = gp_redis_call_new(&gp_script_learn, 2 + 7);
	GP_BUF_AUTO key = GP_BUF_INIT(4 * GP_STORE_SCOPE_MAX);
	struct gp_buf *out = &c->req.command;
	unsigned bits = gp_keys_bits(scope);

	gp_keys_scope(scope, &key);
	gp_buf_add_chr(&key, 'm');
	gp_redis_arg(out, GP_STR("1"));
	gp_redis_arg(out, gp_buf_str(&key));
	gp_redis_arg(out, gp_str_n(key.data, key.len - 1));
	gp_redis_arg_int(out, gp_redis_digits(bits));
	add_seen(c, messages, n, known);
	gp_redis_arg_int(out, set->spam);
	gp_redis_arg_int(out, set->ham);
	gp_redis_arg_int(out, gp_bucket_today());
	add_deltas(c, set, bits);
	return c;
}

/* The script's "s012…": what the messages really are known as. */
static int adopt(const struct gp_buf *text, size_t n, unsigned char *known, struct gp_diag *diag)
{
	if (text->len != n + 1 || text->data[0] != 's') {
		gp_diag_set(diag, "Redis answered something that cannot be");
		return GP_ESYS;
	}
	for (size_t i = 0; i < n; i++)
		known[i] = (unsigned char)((text->data[i + 1] - '0') & 3);
	return GP_ETEMP;
}

/* One script call's worth, believing first that the messages are new. */
static int learn_some(struct gp_store *st, struct gp_str scope, struct gp_bayes_message *messages,
		      size_t n, int64_t deadline_ms, struct gp_diag *diag)
{
	unsigned char known[LEARN_MESSAGES] = {0};
	int r = GP_ETEMP;

	gp_diag_set(diag, "others keep changing the same messages");
	for (int round = 0; round < LEARN_ROUNDS; round++) {
		GP_CLEANUP(gp_delta_done) struct gp_delta_set set;
		struct gp_redis_call *c;
		struct gp_batch *batch;
		bool is_done, again;

		gp_delta_build(messages, n, known, &set);
		c = learn_call(scope, messages, n, known, &set);
		r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
		is_done = r == GP_OK && gp_str_eq(gp_buf_str(&c->text), GP_STR("ok"));
		again = r == GP_OK && !is_done;
		if (again)
			r = adopt(&c->text, n, known, diag);
		gp_batch_free(&batch);
		if (is_done || !again || r == GP_ESYS)
			break;
	}
	return r;
}

int gp_redis_bayes_learn(struct gp_store *st, struct gp_str scope,
			 struct gp_bayes_message *messages, size_t n, int64_t deadline_ms,
			 struct gp_diag *diag)
{
	int r = GP_OK;

	for (size_t i = 0; r == GP_OK && i < n; i += LEARN_MESSAGES)
		r = learn_some(st, scope, messages + i, GP_MIN(n - i, (size_t)LEARN_MESSAGES),
			       deadline_ms, diag);
	atomic_store(&st->is_full, r == GP_ETEMP && strncmp(diag->text, "OOM", 3) == 0);
	gp_cache_touch(gp_redis_of(st)->cache, scope);
	return r;
}

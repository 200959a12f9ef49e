/*
 * Key records (RFC 6376, 3.6): read, cached, and from the DNS's answer to a key that may
 * be used.
 *
 * Where a name has several TXT records, which RFC 6376, 3.6.2.2 leaves undefined, the
 * first one that gives a usable key is taken, so that records beside the key (of
 * verification services, of another algorithm) do no harm; only GP_MAX_KEY_RECORDS are
 * tried.
 */
#include <pthread.h>
#include <stdlib.h>

#include "lib/auth/dkim.h"
#include "lib/base/codec.h"
#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"

#define RSA_BITS_LEAST 1024u /* RFC 8301, 3.2 */

/* The cache: sets of a few slots, in each the one used least recently gives way.  One
 * mutex: it is held to compare a text, never to parse a key. */

#define WAYS 4

struct slot {
	struct gp_str text; /* NULL: free */
	uint64_t used;
	struct gp_dkim_record record;
};

struct gp_dkim_keys {
	pthread_mutex_t lock;
	uint64_t clock;
	size_t n_sets;
	struct slot slots[]; /* n_sets * WAYS */
};

struct gp_dkim_keys *gp_dkim_keys_new(size_t entries_max)
{
	size_t n_sets = GP_MAX((entries_max + WAYS - 1) / WAYS, (size_t)1);
	struct gp_dkim_keys *keys =
		gp_xcalloc(1, sizeof(*keys) + n_sets * WAYS * sizeof(keys->slots[0]));

	pthread_mutex_init(&keys->lock, NULL);
	keys->n_sets = n_sets;
	return keys;
}

static void empty_slot(struct slot *s)
{
	free((void *)(uintptr_t)s->text.ptr);
	gp_key_unref(&s->record.key);
	*s = (struct slot){0};
}

void gp_dkim_keys_free(struct gp_dkim_keys **keys)
{
	struct gp_dkim_keys *k = *keys;

	*keys = NULL;
	if (!k)
		return;
	for (size_t i = 0; i < k->n_sets * WAYS; i++)
		empty_slot(&k->slots[i]);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static struct slot *set_of(struct gp_dkim_keys *keys, struct gp_str text)
{
	return &keys->slots[gp_hash_table(text.ptr, text.len) % keys->n_sets * WAYS];
}

static bool cache_get(struct gp_dkim_keys *keys, struct gp_str text, struct gp_dkim_record *ret)
{
	struct slot *set = set_of(keys, text);
	bool found = false;

	pthread_mutex_lock(&keys->lock);
	for (size_t i = 0; i < WAYS && !found; i++)
		if (set[i].text.ptr && gp_str_eq(set[i].text, text)) {
			set[i].used = ++keys->clock;
			*ret = set[i].record;
			if (ret->key)
				gp_key_ref(ret->key);
			found = true;
		}
	pthread_mutex_unlock(&keys->lock);
	return found;
}

static void cache_put(struct gp_dkim_keys *keys, struct gp_str text, const struct gp_dkim_record *r)
{
	struct slot *set = set_of(keys, text), *oldest = set;
	char *copy = gp_xmalloc(text.len + 1);

	if (text.len)
		memcpy(copy, text.ptr, text.len);
	pthread_mutex_lock(&keys->lock);
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].text.ptr && gp_str_eq(set[i].text, text)) {
			oldest = &set[i]; /* another thread was faster */
			break;
		}
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	empty_slot(oldest);
	*oldest = (struct slot){
		.text = gp_str_n(copy, text.len), .used = ++keys->clock, .record = *r};
	if (r->key)
		gp_key_ref(r->key);
	pthread_mutex_unlock(&keys->lock);
}

/* Reading a record. */

/* Is `word` in the list "a:b:c"? */
static bool has_word(struct gp_str list, const char *word)
{
	struct gp_str piece;

	while (gp_str_next(&list, ':', &piece))
		if (gp_str_ieq(gp_str_trim(piece), gp_str(word)))
			return true;
	return false;
}

static int check_version(const struct gp_tags *tags, struct gp_diag *diag)
{
	const struct gp_tag *v = gp_tags_get(tags, "v");

	if (!v || (v == tags->items && gp_str_eq(v->value, GP_STR("DKIM1"))))
		return GP_OK;
	gp_diag_set(diag, "key record is of another version");
	return GP_EINVAL;
}

static int read_key(const struct gp_tags *tags, struct gp_dkim_record *r, struct gp_diag *diag)
{
	struct gp_str p = gp_tags_value(tags, "p", NULL);
	GP_BUF_AUTO bytes = GP_BUF_INIT(GP_MAX_KEY_RECORD);
	int ret;

	if (!gp_tags_get(tags, "p")) {
		gp_diag_set(diag, "key record has no p=");
		return GP_EINVAL;
	}
	r->is_revoked = p.len == 0;
	if (r->is_revoked)
		return GP_OK;
	if (gp_base64_decode(p, &bytes)) {
		gp_diag_set(diag, "key record: p= is not base64");
		return GP_EINVAL;
	}
	ret = gp_key_from_public(r->type, gp_buf_str(&bytes), &r->key);
	if (ret) {
		gp_diag_set(diag, "key record: p= is %s %s key",
			    ret == GP_ELIMIT ? "too large an" : "no", gp_key_type_name(r->type));
		return GP_EINVAL;
	}
	r->bits = gp_key_bits(r->key);
	return GP_OK;
}

static int read_record(struct gp_arena *arena, struct gp_str text, struct gp_dkim_record *ret,
		       struct gp_diag *diag)
{
	struct gp_tags tags;
	struct gp_str flags;

	if (text.len > GP_MAX_KEY_RECORD) {
		gp_diag_set(diag, "key record is larger than any key");
		return GP_EINVAL;
	}
	if (gp_tags_parse(arena, text, &tags, diag)) {
		gp_diag_prepend(diag, "key record");
		return GP_EINVAL;
	}
	if (check_version(&tags, diag))
		return GP_EINVAL;
	if (gp_key_type_parse(gp_tags_value(&tags, "k", "rsa"), &ret->type)) {
		gp_diag_set(diag, "key record: unknown k=");
		return GP_EINVAL;
	}
	flags = gp_tags_value(&tags, "t", NULL);
	ret->is_testing = has_word(flags, "y");
	ret->is_strict = has_word(flags, "s");
	ret->allows_sha256 =
		!gp_tags_get(&tags, "h") || has_word(gp_tags_value(&tags, "h", NULL), "sha256");
	flags = gp_tags_value(&tags, "s", "*");
	ret->allows_email = has_word(flags, "*") || has_word(flags, "email");
	return read_key(&tags, ret, diag);
}

int gp_dkim_record_parse(struct gp_arena *arena, struct gp_dkim_keys *keys, struct gp_str text,
			 struct gp_dkim_record *ret, struct gp_diag *diag)
{
	struct gp_dkim_record record = {0};

	if (keys && cache_get(keys, text, ret))
		return GP_OK;
	if (read_record(arena, text, &record, diag))
		return GP_EINVAL;
	if (keys)
		cache_put(keys, text, &record);
	*ret = record;
	return GP_OK;
}

void gp_dkim_record_done(struct gp_dkim_record *r)
{
	gp_key_unref(&r->key);
}

/* Choosing a key. */

/* Below 1024 bits no signature counts; up to our own minimum it is ours to say so. */
static enum gp_auth_status too_short(const struct gp_dkim_record *r, struct gp_diag *reason)
{
	gp_diag_set(reason, "key too short (%u bits)", r->bits);
	return r->bits < RSA_BITS_LEAST ? GP_AUTH_PERMERROR : GP_AUTH_POLICY;
}

static enum gp_auth_status usable(const struct gp_dkim_record *r, enum gp_key_type type,
				  unsigned rsa_bits_min, struct gp_diag *reason)
{
	if (r->is_revoked)
		gp_diag_set(reason, "key is revoked");
	else if (r->type != type)
		gp_diag_set(reason, "key is for %s", gp_key_type_name(r->type));
	else if (!r->allows_sha256)
		gp_diag_set(reason, "key does not allow sha256");
	else if (!r->allows_email)
		gp_diag_set(reason, "key is not for mail");
	else if (type == GP_KEY_RSA && r->bits < GP_MAX(rsa_bits_min, RSA_BITS_LEAST))
		return too_short(r, reason);
	else
		return GP_AUTH_PASS;
	return GP_AUTH_PERMERROR;
}

/* The answer in one word, before its records are looked at. */
static enum gp_auth_status check_answer(int r, const struct gp_dns_answer *answer,
					struct gp_diag *reason)
{
	switch (r) {
	case GP_OK:
		break;
	case GP_EINVAL:
		gp_diag_set(reason, "selector and domain make no name");
		return GP_AUTH_PERMERROR;
	case GP_ELIMIT:
		gp_diag_set(reason, "too many DNS questions or records");
		return GP_AUTH_PERMERROR;
	default:
		gp_diag_set(reason, "key could not be looked up");
		return GP_AUTH_TEMPERROR;
	}
	if (answer->security == GP_DNS_BOGUS) {
		gp_diag_set(reason, "key: DNSSEC validation failed");
		return GP_AUTH_TEMPERROR;
	}
	if (answer->n_records == 0) {
		gp_diag_set(reason, "key not found");
		return GP_AUTH_PERMERROR;
	}
	return GP_AUTH_PASS;
}

enum gp_auth_status gp_signature_key(struct gp_ask *ask, struct gp_arena *arena,
				     struct gp_dkim_keys *keys, enum gp_key_type type,
				     unsigned rsa_bits_min, struct gp_dkim_record *ret,
				     struct gp_str *ret_text, struct gp_diag *reason)
{
	struct gp_dns_answer answer = {0};
	enum gp_auth_status status = check_answer(gp_ask_finish(ask, &answer), &answer, reason);
	enum gp_auth_status first = status;

	*ret = (struct gp_dkim_record){0};
	*ret_text = (struct gp_str){0};
	for (size_t i = 0; i < GP_MIN(answer.n_records, (size_t)GP_MAX_KEY_RECORDS); i++) {
		struct gp_dkim_record record = {0};
		struct gp_diag why = {0};

		status = GP_AUTH_PERMERROR;
		if (gp_dkim_record_parse(arena, keys, answer.records[i].text, &record, &why) ==
		    GP_OK)
			status = usable(&record, type, rsa_bits_min, &why);
		if (status != GP_AUTH_PASS && i > 0) {
			gp_dkim_record_done(&record);
			continue;
		}
		gp_dkim_record_done(ret);
		*ret = record;
		*ret_text = answer.records[i].text;
		*reason = why;
		if (status == GP_AUTH_PASS)
			return status;
		first = status;
	}
	return first;
}

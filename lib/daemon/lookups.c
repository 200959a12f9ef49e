/*
 * Look-ups of one message; see the header.
 */
#include "lib/daemon/lookups.h"

#include <stdatomic.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/vec.h"

/* One for each recipient that is kept, and their domains. */
#define QUESTIONS_MAX (2 * GP_MAX_RECIPIENTS)
/* Bytes of one answer's words: lists of a thousand addresses. */
#define WORDS_MAX 65536

/* Between two complaints about single questions. */
#define COMPLAIN_MS 60000

/* One question, and once it was waited for, its answer. */
struct question {
	struct gp_ldap_lookup *lookup; /* NULL: collected */
	int result;
	struct gp_str words;
};

struct gp_lookups {
	struct gp_ldap *ldap;
	int64_t timeout_ms;
	struct gp_arena *arena;
	GP_VEC(struct gp_batch *) batches; /* the last one takes questions */
	int64_t began_ms;		   /* that one */
	struct gp_map questions;	   /* query and key to struct question */
	struct gp_diag *failure;
};

struct gp_lookups *gp_lookups_new(struct gp_ldap *ldap, int64_t timeout_ms, struct gp_arena *arena)
{
	struct gp_lookups *l = GP_ARENA_NEW(arena, struct gp_lookups);

	l->ldap = ldap;
	l->timeout_ms = timeout_ms;
	l->arena = arena;
	gp_map_init(&l->questions, arena, true);
	return l;
}

static void drop_batches(void *arg)
{
	struct gp_lookups *l = arg;

	for (size_t i = 0; i < l->batches.len; i++)
		gp_batch_free(&l->batches.items[i]);
}

/* A batch has one deadline: what is asked some time later has a later one. */
static struct gp_batch *batch_of(struct gp_lookups *l)
{
	int64_t now_ms = gp_clock_mono_ms();

	if (l->batches.len && now_ms - l->began_ms < l->timeout_ms / 8)
		return l->batches.items[l->batches.len - 1];
	if (l->batches.len == 0)
		gp_arena_on_end(l->arena, drop_batches, l);
	l->began_ms = now_ms;
	return *gp_vec_push(l->arena, &l->batches) = gp_batch_new(now_ms + l->timeout_ms);
}

static struct gp_str name_of(const struct gp_lookups *l, const struct gp_ldap_query *query,
			     struct gp_str key)
{
	return gp_str(gp_arena_printf(l->arena, "%p %.*s", (const void *)query, GP_STR_FMT(key)));
}

void gp_lookups_ask(struct gp_lookups *l, const struct gp_ldap_query *query, struct gp_str key)
{
	struct question *q;
	struct gp_str name;

	if (!l->ldap || !query || key.len == 0 || l->questions.len >= QUESTIONS_MAX)
		return;
	name = name_of(l, query, key);
	if (gp_map_get(&l->questions, name))
		return;
	q = GP_ARENA_NEW(l->arena, struct question);
	q->lookup = gp_ldap_begin(l->ldap, batch_of(l), query, key);
	gp_map_set(&l->questions, name, q);
}

static struct gp_str join(const struct gp_ldap_answer *answer, struct gp_arena *arena)
{
	GP_BUF_AUTO words = GP_BUF_INIT(WORDS_MAX);

	for (size_t i = 0; i < answer->n_values; i++) {
		if (words.len + answer->values[i].text.len + 1 > WORDS_MAX)
			break;
		gp_buf_add_str(&words, answer->values[i].text);
		gp_buf_add_chr(&words, ' ');
	}
	return gp_arena_str(arena, gp_str_trim(gp_buf_str(&words)));
}

/* Failures of single questions, while the directory is up (lib/daemon/directory.h says when it is
 * not): said now and then, as every message would say them. */
static void complain(const struct gp_lookups *l, const struct gp_diag *why)
{
	static _Atomic int64_t next_ms;
	int64_t now_ms = gp_clock_mono_ms(), due_ms = atomic_load(&next_ms);

	if (!gp_ldap_is_up(l->ldap) || now_ms < due_ms ||
	    !atomic_compare_exchange_strong(&next_ms, &due_ms, now_ms + COMPLAIN_MS))
		return;
	gp_log_warning("ldap: %s; `gatepost ldap test` shows what is asked", why->text);
}

static void collect(struct gp_lookups *l, struct question *q)
{
	struct gp_ldap_answer answer = {0};
	struct gp_diag diag = {""};

	q->result = gp_ldap_finish(q->lookup, l->arena, &answer, &diag);
	q->lookup = NULL;
	if (q->result == GP_OK)
		q->words = join(&answer, l->arena);
	if (q->result == GP_OK && q->words.len == 0)
		q->result = GP_ENOENT;
	if (q->result == GP_OK || q->result == GP_ENOENT)
		return;
	/* What no server would answer gp_directory_report() tells, with the question. */
	if (q->result != GP_EINVAL && q->result != GP_EACCES)
		complain(l, &diag);
	if (!l->failure)
		l->failure = gp_arena_dup(l->arena, &diag, sizeof(diag));
}

int gp_lookups_words(struct gp_lookups *l, const struct gp_ldap_query *query, struct gp_str key,
		     struct gp_str *ret_words)
{
	struct question *q = gp_map_get(&l->questions, name_of(l, query, key));

	if (!q)
		return GP_ENOENT;
	if (q->lookup)
		collect(l, q);
	if (q->result == GP_OK)
		*ret_words = q->words;
	return q->result;
}

const char *gp_lookups_failure(const struct gp_lookups *l)
{
	return l->failure ? l->failure->text : NULL;
}

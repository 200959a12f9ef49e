/*
 * Settings of recipients and accounts: the file first, then the directory.
 */
#include "milter-spam/asked.h"

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/map.h"
#include "milter-spam/lists.h"

/* Questions about one message: one for each recipient that is kept, and their domains.  Who
 * has no more of them has the defaults. */
#define QUESTIONS_MAX (2 * GP_MAX_RECIPIENTS)
/* Bytes of one answer's words: some hundred entries of lists. */
#define WORDS_MAX 65536

/* One question, and once it was waited for, its answer. */
struct question {
	struct gp_ldap_lookup *lookup; /* NULL: collected */
	int result;
	struct gp_str words;
};

struct spam_asked {
	const struct spam_directory *directory;
	const struct spam_conf *conf;
	struct gp_arena *arena;
	struct gp_batch *batch; /* made with the first question */
	struct gp_map questions; /* query's letter and key to struct question */
	struct gp_diag *failure;
};

int spam_directory_setup(struct gp_snapshot *snap, struct spam_directory *ret,
			 struct gp_conf_report *report)
{
	const struct spam_conf *c = gp_snapshot_get(snap, &spam_table);
	const struct gp_conf_ldap *ldap = gp_snapshot_get(snap, &gp_conf_ldap_table);
	const struct {
		const struct gp_directory_query_conf *conf;
		const struct gp_ldap_query **query;
		const char *path;
	} uses[] = {
		{&c->ldap_recipients, &ret->recipients, "ldap.recipients.base"},
		{&c->ldap_domains, &ret->domains, "ldap.domains.base"},
		{&c->ldap_accounts, &ret->accounts, "ldap.accounts.base"},
	};
	int r = GP_OK;

	*ret = (struct spam_directory){.timeout_ms = ldap->timeout_ms};
	for (size_t i = 0; i < GP_ARRAY_SIZE(uses); i++) {
		struct gp_ldap_query *query = NULL;
		struct gp_diag diag;

		if (gp_directory_query_new(uses[i].conf, gp_snapshot_arena(snap), &query, &diag)) {
			gp_conf_complain(snap, &spam_table, uses[i].path, report, "%s", diag.text);
			r = GP_EINVAL;
		}
		*uses[i].query = query;
	}
	return r;
}

static void drop_batch(void *arg)
{
	struct spam_asked *a = arg;

	gp_batch_free(&a->batch);
}

struct spam_asked *spam_asked_new(const struct spam_directory *directory,
				  const struct spam_conf *conf, struct gp_arena *arena)
{
	struct spam_asked *a = GP_ARENA_NEW(arena, struct spam_asked);

	a->directory = directory && directory->ldap ? directory : NULL;
	a->conf = conf;
	a->arena = arena;
	gp_map_init(&a->questions, arena, true);
	return a;
}

/* 'r' recipient, 'd' domain, 'a' account. */
static const struct gp_ldap_query *query_of(const struct spam_directory *d, char kind)
{
	return kind == 'r' ? d->recipients : kind == 'd' ? d->domains : d->accounts;
}

static struct gp_str name_of(const struct spam_asked *a, char kind, struct gp_str key)
{
	return gp_str(gp_arena_printf(a->arena, "%c%.*s", kind, GP_STR_FMT(key)));
}

static void ask(struct spam_asked *a, char kind, struct gp_str key)
{
	const struct gp_ldap_query *query = query_of(a->directory, kind);
	struct gp_str name;
	struct question *q;

	if (!query || key.len == 0 || a->questions.len >= QUESTIONS_MAX)
		return;
	name = name_of(a, kind, key);
	if (gp_map_get(&a->questions, name))
		return;
	if (!a->batch) {
		a->batch = gp_batch_new(gp_clock_mono_ms() + a->directory->timeout_ms);
		gp_arena_on_end(a->arena, drop_batch, a);
	}
	q = GP_ARENA_NEW(a->arena, struct question);
	q->lookup = gp_ldap_begin(a->directory->ldap, a->batch, query, key);
	gp_map_set(&a->questions, name, q);
}

/* "joe+lists@example.org" as "joe@example.org"; false: there is no extension. */
static bool without_extension(const struct spam_asked *a, struct gp_str address, struct gp_str *ret)
{
	size_t at = gp_str_find_last(address, '@');
	size_t plus = gp_str_find_chr(gp_str_sub(address, 0, at), '+', 0);

	if (plus == 0 || plus >= at)
		return false;
	*ret = gp_str(gp_arena_printf(a->arena, "%.*s%.*s",
				      GP_STR_FMT(gp_str_sub(address, 0, plus)),
				      GP_STR_FMT(gp_str_sub(address, at, address.len))));
	return true;
}

static struct gp_str domain_of(struct gp_str address)
{
	size_t at = gp_str_find_last(address, '@');

	return gp_str_sub(address, at + 1, address.len);
}

void spam_asked_recipient(struct spam_asked *a, struct gp_str address)
{
	struct gp_str words, plain;

	if (!a->directory || spam_settings_words(a->conf->recipients, address, false, &words))
		return;
	ask(a, 'r', address);
	if (without_extension(a, address, &plain))
		ask(a, 'r', plain);
	ask(a, 'd', domain_of(address));
}

void spam_asked_account(struct spam_asked *a, struct gp_str account)
{
	struct gp_str words;

	if (a->directory && !spam_settings_words(a->conf->accounts, account, true, &words))
		ask(a, 'a', account);
}

/* All values as one line. */
static struct gp_str join(const struct gp_ldap_answer *answer, struct gp_arena *arena)
{
	GP_BUF_AUTO words = GP_BUF_INIT(WORDS_MAX);

	for (size_t i = 0; i < answer->n_values; i++) {
		if (words.len + answer->values[i].text.len + 1 > WORDS_MAX)
			break;
		gp_buf_add_str(&words, answer->values[i].text);
		gp_buf_add_chr(&words, ' ');
	}
	return gp_arena_str(arena, gp_buf_str(&words));
}

static void collect(struct spam_asked *a, struct question *q)
{
	struct gp_ldap_answer answer = {0};
	struct gp_diag diag = {""};

	q->result = gp_ldap_finish(q->lookup, a->arena, &answer, &diag);
	q->lookup = NULL;
	if (q->result == GP_OK)
		q->words = join(&answer, a->arena);
	else if (q->result != GP_ENOENT && !a->failure)
		a->failure = gp_arena_dup(a->arena, &diag, sizeof(diag));
}

enum said { SAYS_NOTHING, SAYS_WORDS, SAYS_TOO_LATE };

static enum said read_answer(struct spam_asked *a, char kind, struct gp_str key,
			     struct gp_str *ret_words)
{
	struct question *q = gp_map_get(&a->questions, name_of(a, kind, key));

	if (!q)
		return SAYS_NOTHING;
	if (q->lookup)
		collect(a, q);
	if (q->result != GP_OK)
		return q->result == GP_ENOENT ? SAYS_NOTHING : SAYS_TOO_LATE;
	*ret_words = q->words;
	return q->words.len ? SAYS_WORDS : SAYS_NOTHING;
}

/* What nobody knows of the nearer one must not be answered by the farther one. */
static bool read_recipient(struct spam_asked *a, struct gp_str address, struct gp_str *ret_words)
{
	enum said said = read_answer(a, 'r', address, ret_words);
	struct gp_str plain;

	if (said == SAYS_NOTHING && without_extension(a, address, &plain))
		said = read_answer(a, 'r', plain, ret_words);
	if (said == SAYS_NOTHING)
		said = read_answer(a, 'd', domain_of(address), ret_words);
	return said == SAYS_WORDS;
}

bool spam_asked_find(struct spam_asked *a, struct gp_str key, bool is_account,
		     struct gp_str *ret_words)
{
	if (spam_settings_words(is_account ? a->conf->accounts : a->conf->recipients, key,
				is_account, ret_words))
		return true;
	if (!a->directory)
		return false;
	return is_account ? read_answer(a, 'a', key, ret_words) == SAYS_WORDS
			  : read_recipient(a, key, ret_words);
}

const char *spam_asked_failure(const struct spam_asked *a)
{
	return a->failure ? a->failure->text : NULL;
}

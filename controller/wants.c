/*
 * What recipients and accounts want; see the header.
 *
 * The settings of milter-spam are a snapshot of their own, of which the controller's is the
 * owner: a mistake in them does not keep the controller from learning while there is no
 * directory.
 */
#include "controller/wants.h"

#include "lib/conf/shared.h"
#include "lib/daemon/sandbox.h"
#include "milter-spam/asked.h"

/* Of all words of one order; the rest of its room is the envelope's. */
#define WORDS_MAX 24576

struct wants {
	struct gp_snapshot *spam; /* the settings of milter-spam */
	struct spam_directory directory;
};

static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &spam_table};
static struct gp_ldap *ldap;

static void drop_spam(void *arg)
{
	struct wants *w = arg;

	gp_snapshot_unrefp(&w->spam);
}

int wants_configure(struct gp_snapshot *snap, struct wants **ret, struct gp_conf_report *report)
{
	const struct gp_conf_ldap *conf = gp_snapshot_get(snap, &gp_conf_ldap_table);
	struct wants *w;
	int r;

	*ret = NULL;
	if (conf->servers.len == 0)
		return GP_OK;
	w = GP_ARENA_NEW(gp_snapshot_arena(snap), struct wants);
	r = gp_snapshot_load(gp_snapshot_file(snap), tables, GP_ARRAY_SIZE(tables), &w->spam, report);
	if (r)
		return r;
	gp_arena_on_end(gp_snapshot_arena(snap), drop_spam, w);
	r = spam_directory_setup(w->spam, &w->directory, report);
	if (r == GP_OK && (w->directory.recipients || w->directory.domains || w->directory.accounts))
		*ret = w;
	return r;
}

int wants_start(const struct gp_snapshot *snap, struct gp_diag *diag)
{
	return gp_directory_open(gp_snapshot_get(snap, &gp_conf_ldap_table), &ldap, diag);
}

void wants_reloaded(void)
{
	if (ldap)
		gp_ldap_flush(ldap);
}

void wants_stop(void)
{
	gp_ldap_close(&ldap);
}

bool wants_health(struct gp_health *ret)
{
	return gp_directory_health(ldap, ret);
}

void wants_sandbox(const struct wants *w)
{
	if (w)
		gp_snapshot_each_path(w->spam, gp_sandbox_read_folder_of);
}

/* The words for one, as long as there is room. */
static struct gp_str words_for(struct spam_asked *asked, struct gp_str key, bool is_account,
			       size_t *room, struct scan_order *order)
{
	struct gp_str words;

	if (key.len == 0 || !spam_asked_find(asked, key, is_account, &words))
		return (struct gp_str){0};
	if (words.len > *room) {
		order->directory_failure = GP_STR("more words than a scan is told");
		return (struct gp_str){0};
	}
	*room -= words.len;
	return words;
}

void wants_ask(const struct wants *w, struct gp_arena *arena, struct scan_order *order)
{
	struct spam_directory directory;
	struct spam_asked *asked;
	struct gp_str *words;
	size_t room = WORDS_MAX, n = order->user.len ? 0 : order->n_recipients;

	if (!w || !ldap)
		return;
	directory = w->directory;
	directory.ldap = ldap;
	asked = spam_asked_new(gp_arena_dup(arena, &directory, sizeof(directory)),
			       gp_snapshot_get(w->spam, &spam_table), arena);
	if (order->user.len)
		spam_asked_account(asked, order->user);
	for (size_t i = 0; i < n; i++)
		spam_asked_recipient(asked, order->recipients[i]);
	words = GP_ARENA_NEW_N(arena, order->n_recipients + 1, struct gp_str);
	order->user_words = words_for(asked, order->user, true, &room, order);
	for (size_t i = 0; i < n; i++)
		words[i] = words_for(asked, order->recipients[i], false, &room, order);
	order->words = words;
	if (spam_asked_failure(asked))
		order->directory_failure = gp_str(spam_asked_failure(asked));
	gp_directory_report(ldap);
}

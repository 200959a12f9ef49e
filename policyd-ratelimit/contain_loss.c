/*
 * Lost containment; see the header.
 *
 * A release is noted before it is written, and looked for after a key was put back: whichever comes
 * last, the key is gone.
 */
#include "policyd-ratelimit/contain_loss.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/rand.h"
#include "policyd-ratelimit/contain_table.h"
#include "policyd-ratelimit/keeper.h"
#include "policyd-ratelimit/ratelimit.h"

#define MARK GP_STR("store") /* no name of a key: these have a colon */
#define MARK_S (3650LL * 86400)
#define MARK_SIZE 17

/* Until then every host has seen that the store lost something. */
#define RELEASES GP_STR("limit-released")
#define RELEASES_S 600

static struct {
	char seen[MARK_SIZE];  /* in this listing; "": none */
	char known[MARK_SIZE]; /* "": not yet */
} mark;

void contain_loss_begin(void)
{
	mark.seen[0] = '\0';
	contain_table_sync_begin();
}

bool contain_loss_take(const struct gp_entry *entry)
{
	if (!gp_str_eq(entry->name, MARK))
		return false;
	(void)gp_str_copy(mark.seen, sizeof(mark.seen), entry->value);
	return true;
}

static void make_mark(void)
{
	char text[MARK_SIZE];
	uint64_t random;
	bool was_new;

	gp_rand_bytes(&random, sizeof(random));
	(void)snprintf(text, sizeof(text), "%016llx", (unsigned long long)random);
	/* If it fails it is made in the next round. */
	(void)!gp_store_entry_add(ratelimit.store, CONTAINED_TABLE, MARK, gp_str(text), MARK_S,
				  keeper_deadline(), &was_new);
}

void contain_loss_end(void)
{
	size_t n;

	if (!*mark.known || strcmp(mark.known, mark.seen) == 0) {
		contain_table_sync_end();
	} else {
		n = contain_table_sync_restore(keeper_now_s());
		if (n > 0)
			gp_log_warning("the store came back without what is contained: %zu keys are put "
				       "back", n);
	}
	memcpy(mark.known, mark.seen, sizeof(mark.known));
	if (!*mark.known)
		make_mark();
}

/* Releases. */

/* A store that is full of them does not hold up the release itself. */
int contain_loss_note_release(struct gp_str name)
{
	int r = gp_store_entry_put(ratelimit.store, RELEASES, name, GP_STR(""), RELEASES_S,
				   keeper_deadline());

	return r == GP_ETEMP ? r : GP_OK;
}

int contain_loss_forget_release(struct gp_str name)
{
	int r = gp_store_entry_drop(ratelimit.store, RELEASES, name, keeper_deadline());

	return r == GP_ETEMP ? r : GP_OK;
}

struct looking {
	struct gp_str name;
	bool is_there;
};

static bool look(void *arg, const struct gp_entry *entry)
{
	struct looking *l = arg;

	l->is_there = gp_str_eq(entry->name, l->name);
	return !l->is_there;
}

int contain_loss_check(struct gp_str name)
{
	struct looking l = {.name = name};
	int r = gp_store_entry_each(ratelimit.store, RELEASES, keeper_deadline(), look, &l);

	if (r == GP_OK && l.is_there)
		r = gp_store_entry_drop(ratelimit.store, CONTAINED_TABLE, name, keeper_deadline());
	return r == GP_ETEMP ? r : GP_OK;
}

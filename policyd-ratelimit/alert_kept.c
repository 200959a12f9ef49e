/*
 * Waiting alerts and their leases; see the header.
 *
 * Two tables of entries with the same names.  Whoever ends an alert drops it before its lease, and
 * whoever takes one looks again once it has the lease: so an alert that is seen then is nobody's else.
 */
#include "policyd-ratelimit/alert_kept.h"

#include "lib/base/vec.h"
#include "policyd-ratelimit/keeper.h"
#include "policyd-ratelimit/note.h"
#include "policyd-ratelimit/ratelimit.h"

#define TABLE GP_STR("limit-alerts")
#define LEASES GP_STR("limit-alert-leases")

struct gp_str alert_kept_name(const struct contained *c, struct gp_arena *arena)
{
	struct gp_str name = contained_name(arena, c->kind, c->key);

	name = gp_str(gp_arena_printf(arena, "%s %.*s", note_host(), GP_STR_FMT(name)));
	return gp_str_sub(name, 0, GP_ENTRY_NAME_MAX);
}

int alert_kept_renew(struct gp_str name)
{
	return gp_store_entry_put(ratelimit.store, LEASES, name, GP_STR(""), ALERT_LEASE_S,
				  keeper_deadline());
}

int alert_kept_put(struct gp_str name, const struct contained *c)
{
	GP_BUF_AUTO value = GP_BUF_INIT(GP_RECORD_MAX);
	int r = alert_kept_renew(name);

	contained_format(c, &value);
	if (r == GP_OK)
		r = gp_store_entry_put(ratelimit.store, TABLE, name, gp_buf_str(&value), ALERT_TRIED_S,
				       keeper_deadline());
	return r;
}

void alert_kept_drop(struct gp_str name)
{
	(void)!gp_store_entry_drop(ratelimit.store, TABLE, name, keeper_deadline());
	(void)!alert_kept_leave(name);
}

int alert_kept_leave(struct gp_str name)
{
	return gp_store_entry_drop(ratelimit.store, LEASES, name, keeper_deadline());
}

/* Taking. */

struct found {
	struct gp_str name;
	bool is_ours; /* the lease */
	bool is_there;
};

struct taking {
	struct gp_arena *arena;
	size_t max;
	GP_VEC(struct found) found;
	bool is_cut;
	alert_kept_fn *fn;
	void *arg;
};

static bool is_of_this_host(struct gp_str name)
{
	struct gp_str host = gp_str(note_host());

	return gp_str_starts(name, host) && name.len > host.len && name.ptr[host.len] == ' ';
}

static bool find(void *arg, const struct gp_entry *entry)
{
	struct taking *t = arg;

	if (!is_of_this_host(entry->name))
		return true;
	t->is_cut = t->found.len == t->max;
	if (!t->is_cut)
		*gp_vec_push(t->arena, &t->found) = (struct found){.name = gp_arena_str(t->arena, entry->name)};
	return !t->is_cut;
}

static bool hand_over(void *arg, const struct gp_entry *entry)
{
	struct taking *t = arg;
	size_t host_len = strlen(note_host());
	struct contained c;

	for (size_t i = 0; i < t->found.len; i++) {
		struct found *f = &t->found.items[i];

		if (!f->is_ours || f->is_there || !gp_str_eq(f->name, entry->name))
			continue;
		if (contained_parse(gp_str_sub(entry->name, host_len + 1, entry->name.len), entry->value,
				    t->arena, &c) < 0)
			break;
		f->is_there = true;
		t->fn(t->arg, &c);
	}
	return true;
}

static int lease_all(struct taking *t, bool *ret_rest)
{
	int r = GP_OK;

	for (size_t i = 0; i < t->found.len && r == GP_OK; i++) {
		struct found *f = &t->found.items[i];

		r = gp_store_entry_add(ratelimit.store, LEASES, f->name, GP_STR(""), ALERT_LEASE_S,
				       keeper_deadline(), &f->is_ours);
		*ret_rest |= r == GP_OK && !f->is_ours;
	}
	return r;
}

static int take(struct taking *t, bool *ret_rest)
{
	int r = gp_store_entry_each(ratelimit.store, TABLE, keeper_deadline(), find, t);

	*ret_rest = t->is_cut;
	if (r == GP_OK)
		r = lease_all(t, ret_rest);
	if (r == GP_OK && t->found.len > 0)
		r = gp_store_entry_each(ratelimit.store, TABLE, keeper_deadline(), hand_over, t);
	for (size_t i = 0; i < t->found.len; i++)
		if (t->found.items[i].is_ours && !t->found.items[i].is_there)
			(void)!alert_kept_leave(t->found.items[i].name);
	return r;
}

int alert_kept_take(size_t max, alert_kept_fn *fn, void *arg, bool *ret_rest)
{
	struct taking t = {.arena = gp_arena_new(0), .max = max, .fn = fn, .arg = arg};
	int r = take(&t, ret_rest);

	gp_arena_free(t.arena);
	return r;
}

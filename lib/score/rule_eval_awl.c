/*
 * check_from_in_auto_welcomelist: pulls a message's score towards the mean of what its sender has
 * sent before, as Mail::SpamAssassin::Plugin::AWL does.
 *
 * The sender is the address of From with the network that the message comes from, the first hop that
 * is no private address; or with its signers, where auto_welcomelist_distinguish_signed asks for it.
 * What counts are the points of all rules that hit, but not those with tflags noautolearn; one with
 * tflags noawl keeps the message out of it.  A sender's first message only is counted.
 */
#include "lib/base/buf.h"
#include "lib/score/rule_eval_text.h"
#include "lib/score/rule_sender.h"
#include "lib/score/rule_tag.h"

#define TABLE GP_STR("senders")
#define KEY_MAX 4096

/* The oldest public address on the message's way; NULL: there is none. */
static const struct gp_ip *origin(const struct gp_relay_path *path)
{
	static const enum gp_relay_lists order[] = {GP_RELAYS_UNTRUSTED, GP_RELAYS_TRUSTED};

	for (size_t k = 0; k < GP_ARRAY_SIZE(order); k++) {
		const struct gp_relay_list *list = &path->lists[order[k]];

		for (size_t i = list->items.len; i-- > 0;)
			if (!list->items.items[i]->is_private && list->items.items[i]->address.family)
				return &list->items.items[i]->address;
	}
	return NULL;
}

/* "ADDRESS|NETWORK" or "ADDRESS|signed DOMAIN …"; longer ones are as far as they go. */
static struct gp_str key_of(struct gp_eval *e, struct gp_str from, const struct gp_ip *ip,
			    bool may_be_signed)
{
	GP_BUF_AUTO key = GP_BUF_INIT(KEY_MAX);
	struct gp_tag_values signers;

	gp_buf_printf(&key, "%.*s|", GP_STR_FMT(gp_str_sub(from, 0, KEY_MAX / 2)));
	if (may_be_signed && gp_sender_setting(e->set, GP_AWL_BY_SIGNATURE) != 0 &&
	    gp_tag_values(e->tags, GP_STR("DKIMDOMAIN"), &signers)) {
		gp_buf_add_cstr(&key, "signed");
		for (size_t i = 0; i < signers.len; i++)
			gp_buf_printf(&key, " %.*s", GP_STR_FMT(gp_eval_lower(e, signers.items[i])));
	} else {
		gp_buf_add_str(&key, gp_sender_network(e, ip, GP_AWL_IPV4_BITS, GP_AWL_IPV6_BITS));
	}
	return gp_arena_str(e->arena, gp_buf_str(&key));
}

struct sender {
	struct gp_str key;
	struct gp_sender_entry entry, bare;
};

/* What is known of the address without a network counts for the first network that it is seen from. */
static int read_sender(struct gp_eval *e, struct gp_str bare_key, struct sender *ret)
{
	int r = gp_sender_read(e->in, TABLE, ret->key, &ret->entry);

	if (r || ret->entry.count || gp_str_eq(ret->key, bare_key))
		return r;
	r = gp_sender_read(e->in, TABLE, bare_key, &ret->bare);
	if (r == GP_OK && ret->bare.count) {
		ret->entry.count = ret->bare.count;
		ret->entry.total = ret->bare.total;
	}
	return r;
}

/* What is taken over stays, for another network, where that fails. */
static void count(struct gp_eval *e, struct gp_str bare_key, const struct sender *s, double points)
{
	if (gp_sender_add(e->in, TABLE, s->key, &s->entry, points) && s->bare.count)
		gp_sender_drop(e->in, TABLE, bare_key, &s->bare);
}

static bool compare(struct gp_eval *e, const struct gp_sender_entry *entry, double points)
{
	double mean = entry->total / (double)entry->count;
	double delta = (mean - points) * gp_sender_setting(e->set, GP_AWL_FACTOR);

	gp_sender_set_tag(e, "AWL", delta);
	gp_sender_set_tag(e, "AWLMEAN", mean);
	gp_sender_set_tag(e, "AWLCOUNT", (double)entry->count);
	gp_sender_set_tag(e, "AWLPRESCORE", gp_sender_score(e));
	if (delta == 0)
		return false;
	e->has_score = true;
	e->score = gp_sender_rounded(delta);
	e->evidence = gp_str(gp_arena_printf(e->arena, "mean %.3f of %lld, this one %.3f", mean,
					     (long long)entry->count, points));
	return true;
}

static bool check_awl(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		      size_t n_args)
{
	struct gp_str from = gp_str_trim(gp_eval_lower(e, gp_eval_addr(e, "From:addr"))), bare_key;
	struct sender s = {0};
	double points;
	bool is_hit;

	if (!e->in->store || e->memo[GP_EVAL_SENDER] || from.len == 0 ||
	    gp_sender_setting(e->set, GP_AWL_USE) == 0 || gp_sender_is_unwanted(e))
		return false;
	e->memo[GP_EVAL_SENDER] = e; /* of several rules the first */
	points = gp_sender_points(e, e->score_set, GP_TFLAG_NOAUTOLEARN);
	bare_key = key_of(e, from, NULL, false);
	s.key = key_of(e, from, origin(e->relays), true);
	if (read_sender(e, bare_key, &s)) {
		e->is_store_missing = true;
		return false;
	}
	is_hit = s.entry.count && compare(e, &s.entry, points);
	if (e->in->counts_senders)
		count(e, bare_key, &s, points);
	return is_hit;
}

const struct gp_rule_eval gp_rule_evals_awl[] = {
	{"check_from_in_auto_welcomelist", 0, 0, check_awl, .plugin = "AWL", .is_last = true},
	{"check_from_in_auto_whitelist", 0, 0, check_awl, .plugin = "AWL", .is_last = true},
	{0},
};

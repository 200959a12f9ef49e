/*
 * An entry's record is text, "COUNT TOTAL", with nine digits: a sum of scores is the same sum
 * after a thousand messages, as in SpamAssassin's own file.
 */
#include "lib/score/rule_sender.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/score/rule_tag.h"

#define DAY_S 86400
/* Others that count the same sender at this very moment. */
#define TRIES_MAX 8
#define NUMBER_MAX 64

static const struct row {
	const char *name, *old_name, *plugin;
	enum gp_sender_setting setting;
	double otherwise, min, max;
	bool is_whole;
} rows[] = {
	{"use_auto_welcomelist", "use_auto_whitelist", "AWL", GP_AWL_USE, 1, 0, 1, true},
	{"auto_welcomelist_factor", "auto_whitelist_factor", "AWL", GP_AWL_FACTOR, 0.5, 0, 1, false},
	{"auto_welcomelist_ipv4_mask_len", "auto_whitelist_ipv4_mask_len", "AWL", GP_AWL_IPV4_BITS,
	 16, 0, 32, true},
	{"auto_welcomelist_ipv6_mask_len", "auto_whitelist_ipv6_mask_len", "AWL", GP_AWL_IPV6_BITS,
	 48, 0, 128, true},
	{"auto_welcomelist_distinguish_signed", "auto_whitelist_distinguish_signed", "AWL",
	 GP_AWL_BY_SIGNATURE, 0, 0, 1, true},
	{"auto_welcomelist_distinguish_signed", "auto_whitelist_distinguish_signed", "TxRep",
	 GP_TXREP_BY_SIGNATURE, 1, 0, 1, true},
	{"txrep_factor", "", "TxRep", GP_TXREP_FACTOR, 0.5, 0, 1, false},
	{"txrep_ipv4_mask_len", "", "TxRep", GP_TXREP_IPV4_BITS, 16, 0, 32, true},
	{"txrep_ipv6_mask_len", "", "TxRep", GP_TXREP_IPV6_BITS, 48, 0, 128, true},
	{"txrep_spf", "", "TxRep", GP_TXREP_BY_SPF, 1, 0, 1, true},
	{"txrep_track_messages", "", "TxRep", GP_TXREP_TRACKS, 1, 0, 1, true},
	{"txrep_weight_domain", "", "TxRep", GP_TXREP_WEIGHT_DOMAIN, 2, 0, 10, false},
	{"txrep_weight_email", "", "TxRep", GP_TXREP_WEIGHT_EMAIL, 3, 0, 10, false},
	{"txrep_weight_email_ip", "", "TxRep", GP_TXREP_WEIGHT_EMAIL_IP, 10, 0, 10, false},
	{"txrep_weight_helo", "", "TxRep", GP_TXREP_WEIGHT_HELO, 0.5, 0, 10, false},
	{"txrep_weight_ip", "", "TxRep", GP_TXREP_WEIGHT_IP, 4, 0, 10, false},
	{"use_txrep", "", "TxRep", GP_TXREP_USE, 0, 0, 1, true},
};

struct gp_senders {
	double values[GP_SENDER_SETTINGS];
};

static void set_value(struct gp_rule_builder *b, const struct row *row, double value)
{
	struct gp_senders *s = b->set->senders;

	if (!s) {
		s = b->set->senders = GP_ARENA_NEW(b->arena, struct gp_senders);
		for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++)
			s->values[rows[i].setting] = rows[i].otherwise;
	}
	s->values[row->setting] = value;
}

static bool is_switch(const struct row *row)
{
	return row->is_whole && row->max == 1;
}

static void take_value(struct gp_rule_builder *b, const struct row *row, struct gp_str value)
{
	double number;

	if (is_switch(row) && gp_str_ieq(value, GP_STR("yes")))
		value = GP_STR("1");
	else if (is_switch(row) && gp_str_ieq(value, GP_STR("no")))
		value = GP_STR("0");
	if (gp_num_parse_double(value, &number) || number < row->min || number > row->max ||
	    (row->is_whole && number != floor(number)))
		gp_rule_note(b, GP_RULE_ERROR, "", "wants a number from %g to %g", row->min, row->max);
	else
		set_value(b, row, number);
}

bool gp_sender_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value)
{
	bool is_known = false;

	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if ((!gp_str_eq(name, gp_str(row->name)) && !gp_str_eq(name, gp_str(row->old_name))) ||
		    !gp_map_get(&b->plugins, gp_str(row->plugin)))
			continue;
		take_value(b, row, value);
		is_known = true; /* perhaps by the other plugin too */
	}
	return is_known;
}

double gp_sender_setting(const struct gp_rule_set *set, enum gp_sender_setting which)
{
	if (set->senders)
		return set->senders->values[which];
	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++)
		if (rows[i].setting == which)
			return rows[i].otherwise;
	return 0;
}

const char *gp_sender_obstacle(const struct gp_rule_builder *b, const struct gp_rule_eval *eval)
{
	if (!eval->plugin)
		return NULL;
	if (!gp_map_get(&b->plugins, gp_str(eval->plugin)))
		return gp_arena_printf(b->arena, "it wants a loadplugin of its own, "
				       "Mail::SpamAssassin::Plugin::%s", eval->plugin);
	if (strcmp(eval->plugin, "TxRep") == 0 && gp_map_get(&b->plugins, GP_STR("AWL")) &&
	    gp_sender_setting(b->set, GP_AWL_USE) != 0)
		return "not beside AWL, which is loaded";
	return NULL;
}

/* One that is broken is not known. */
static void unpack(struct gp_sender_entry *e)
{
	struct gp_str text = gp_str_n((const char *)e->record.data, e->record.len);
	size_t blank = gp_str_find_chr(text, ' ', 0);

	if (gp_num_parse_int(gp_str_sub(text, 0, blank), &e->count) || e->count < 1 ||
	    gp_num_parse_double(gp_str_sub(text, blank + 1, SIZE_MAX), &e->total)) {
		e->count = 0;
		e->total = 0;
	}
}

static void pack(struct gp_record *r, int64_t count, double total)
{
	int n = snprintf((char *)r->data, sizeof(r->data), "%" PRId64 " %.9f", count, total);

	r->len = (size_t)n;
}

int gp_sender_read(const struct gp_rule_input *in, struct gp_str table, struct gp_str key,
		   struct gp_sender_entry *ret)
{
	struct gp_sender_entry e = {0};
	int r = gp_store_record_get(in->store, table, key, in->deadline_ms, &e.record);

	if (r && r != GP_ENOENT)
		return r;
	e.is_kept = r == GP_OK;
	if (e.is_kept)
		unpack(&e);
	*ret = e;
	return GP_OK;
}

bool gp_sender_add(const struct gp_rule_input *in, struct gp_str table, struct gp_str key,
		   const struct gp_sender_entry *was, double score)
{
	struct gp_sender_entry e = *was;
	struct gp_record new;
	bool is_done = false;

	for (unsigned i = 0; i < TRIES_MAX; i++) {
		int64_t count = GP_MIN(e.count, INT64_MAX - 1) + 1;

		pack(&new, count, e.total + score);
		if (gp_store_record_swap(in->store, table, key, e.is_kept ? &e.record : NULL, &new,
					 (count > 1 ? GP_SENDER_DAYS : GP_SENDER_ONCE_DAYS) * DAY_S,
					 in->deadline_ms, &is_done))
			return false;
		if (is_done || gp_sender_read(in, table, key, &e))
			return is_done;
	}
	return false;
}

bool gp_sender_drop(const struct gp_rule_input *in, struct gp_str table, struct gp_str key,
		    const struct gp_sender_entry *was)
{
	bool is_done;

	return gp_store_record_swap(in->store, table, key, &was->record, NULL, 1, in->deadline_ms,
				    &is_done) == GP_OK && is_done;
}

/* Not a sub-rule. */
static bool has_hit(const struct gp_eval *e, const struct gp_rule *r)
{
	return e->hits[r->index] != 0 && !(r->name[0] == '_' && r->name[1] == '_');
}

bool gp_sender_is_unwanted(const struct gp_eval *e)
{
	for (size_t i = 0; i < e->set->rules.len; i++) {
		const struct gp_rule *r = e->set->rules.items[i];

		if (has_hit(e, r) && r->tflags & GP_TFLAG_NOAWL && r->score[e->score_set] != 0 &&
		    !(r->tflags & GP_TFLAG_NOAUTOLEARN))
			return true;
	}
	return false;
}

static double sum(const struct gp_eval *e, unsigned score_set, unsigned tflags_left_out)
{
	double points = 0;

	for (size_t i = 0; i < e->set->rules.len; i++) {
		const struct gp_rule *r = e->set->rules.items[i];

		if (has_hit(e, r) && !(r->tflags & tflags_left_out))
			points += gp_rule_points(r, score_set, e->hits[i]);
	}
	return points;
}

double gp_sender_points(const struct gp_eval *e, unsigned score_set, unsigned tflags_left_out)
{
	return gp_sender_rounded(sum(e, score_set, tflags_left_out));
}

double gp_sender_score(const struct gp_eval *e)
{
	return sum(e, e->score_set, 0);
}

struct gp_str gp_sender_network(struct gp_eval *e, const struct gp_ip *ip,
				enum gp_sender_setting ipv4_bits, enum gp_sender_setting ipv6_bits)
{
	char *text = gp_arena_alloc(e->arena, GP_IP_TEXT);
	struct gp_cidr net;

	if (!ip)
		return GP_STR("none");
	net = gp_cidr_around(ip, (unsigned)gp_sender_setting(e->set, ip->family == 4 ? ipv4_bits
										     : ipv6_bits));
	return gp_str(gp_cidr_format(&net, text));
}

void gp_sender_set_tag(struct gp_eval *e, const char *name, double value)
{
	struct gp_tag_values *v = GP_ARENA_NEW(e->arena, struct gp_tag_values);

	gp_tag_add(v, gp_str(gp_arena_printf(e->arena, "%2.1f", value)));
	gp_map_set(&e->tags->captured, gp_str(name), v);
}

double gp_sender_rounded(double score)
{
	char text[NUMBER_MAX];
	int n = snprintf(text, sizeof(text), "%.3f", score);
	double ret = 0;

	if (n < 0 || (size_t)n >= sizeof(text) || gp_num_parse_double(gp_str(text), &ret))
		return 0;
	return ret;
}

/*
 * As in SpamAssassin, of trusted and internal networks one stands for the other
 * where only one is given.  The program's own networks are internal, its
 * trusted ones trusted; both only count where someone wrote them down, since
 * the defaults say nothing about the site.
 */
#include "lib/score/rule_relays.h"

#include <assert.h>

#include "lib/score/rule_list.h"

static void add_list(struct gp_rule_builder *b, const char *name, struct gp_relay_nets *nets)
{
	const struct gp_rule_list *list = gp_rule_list_get(b->set, gp_str(name));

	for (size_t i = 0; i < list->items.len; i++) {
		int r = gp_relay_nets_add(b->arena, nets, list->items.items[i]);

		assert(r == GP_OK && "rule_list.c takes networks only");
	}
}

static void add_set(struct gp_rule_builder *b, const struct gp_netset *set,
		    struct gp_relay_nets *nets)
{
	for (size_t i = 0; set && i < set->len; i++)
		*gp_vec_push(b->arena, &nets->items) = (struct gp_relay_net){set->nets[i], false};
}

void gp_rule_relays_prepare(struct gp_rule_builder *b)
{
	struct gp_relay_trust *t = &b->set->trust;
	const struct gp_rule_options *o = &b->set->options;
	const struct gp_rule_list *headers =
		gp_rule_list_get(b->set, GP_STR("originating_ip_headers"));

	add_list(b, "trusted_networks", &t->trusted);
	add_list(b, "internal_networks", &t->internal);
	add_list(b, "msa_networks", &t->msa);
	add_set(b, o->trusted_networks, &t->trusted);
	add_set(b, o->own_networks, &t->internal);
	if (o->trusted_networks && o->own_networks)
		add_set(b, o->own_networks, &t->trusted);
	t->has_trusted = t->trusted.items.len != 0;
	t->has_internal = t->internal.items.len != 0;
	t->origin_headers = headers->items.items;
	t->n_origin_headers = headers->items.len;
	b->set->options.trusted_networks = b->set->options.own_networks = NULL; /* borrowed */
}

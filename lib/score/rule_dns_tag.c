/*
 * askdns: names with tags in them ("_AUTHORDOMAIN_.list.example").  A tag of several
 * values asks for each; one without a value asks for nothing.
 */
#include "lib/score/rule_dns_int.h"
#include "lib/score/rule_tag.h"

/* Names made of one rule's tags. */
#define NAMES_MAX 20

static void expand(struct gp_rule_dns *d, const struct gp_rule *r, struct gp_str name,
		   unsigned *left);

/* The name with one value, or one word of it, in place of the tag. */
static void expand_with(struct gp_rule_dns *d, const struct gp_rule *r, struct gp_str head,
			struct gp_str value, struct gp_str tail, unsigned *left)
{
	struct gp_str word;

	while (*left && gp_str_next_word(&value, &word)) {
		if (head.len + word.len + tail.len > GP_DNS_NAME_MAX ||
		    gp_str_find_chr(word, '_', 0) < word.len)
			continue; /* no name, or one that would be taken for a tag */
		expand(d, r,
		       gp_str(gp_arena_printf(d->arena, "%.*s%.*s%.*s", GP_STR_FMT(head),
					      GP_STR_FMT(word), GP_STR_FMT(tail))),
		       left);
	}
}

/* Replaces tag by tag; `left`: names that may still be made. */
static void expand(struct gp_rule_dns *d, const struct gp_rule *r, struct gp_str name,
		   unsigned *left)
{
	struct gp_tag_values values;
	size_t at, len;

	if (!gp_tag_find(name, 0, &at, &len)) {
		if (*left && gp_str_find_chr(name, '.', 0) < name.len) {
			--*left;
			gp_rule_dns_ask(d, r, GP_STEP_TEST, name, r->query->type, name);
		}
		return;
	}
	if (!gp_tag_values(d->tags, gp_str_sub(name, at + 1, len - 2), &values))
		return;
	for (size_t i = 0; i < values.len; i++)
		expand_with(d, r, gp_str_sub(name, 0, at), values.items[i],
			    gp_str_sub(name, at + len, SIZE_MAX), left);
}

void gp_rule_dns_tags(struct gp_rule_dns *d, const struct gp_rule *const *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned left = NAMES_MAX;

		expand(d, rules[i], rules[i]->query->name, &left);
	}
}

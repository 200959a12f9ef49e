/*
 * KeyTable and SigningTable as our key table.
 *
 * Both tables go from an address to keys, but differ in whose line counts: OpenDKIM takes the
 * first line that matches (all of them with MultipleSignatures), in the order of a refile: or
 * from the most to the least specific form of a file:; ours takes the closest line: address,
 * domain, nearest parent, then patterns in order.  So
 *  - every line becomes a pattern over the address, in the order in which OpenDKIM would try
 *    them; a line that an earlier one covers is never reached and is left out;
 *  - "*@example.org" and "*@*.example.org" become "example.org" and ".example.org" as long as no
 *    other pattern stands before them, for then theirs is the first match too; behind one they
 *    stay patterns, and keep their place;
 *  - with MultipleSignatures a line also gets the keys of all lines that cover it.
 * What remains different are patterns that overlap without one covering the other, with
 * MultipleSignatures; that is said.
 */
#include <stdlib.h>

#include "cli/opendkim_table.h"
#include "milter-dkim/keyring.h"

static bool has_key(const struct odk_rule *r, const struct odk_key *key)
{
	for (size_t i = 0; i < r->keys.len; i++)
		if (gp_str_ieq(r->keys.items[i]->domain, key->domain) &&
		    gp_str_ieq(r->keys.items[i]->selector, key->selector))
			return true;
	return false;
}

static void take_keys(struct odk_tables *t, struct odk_rule *to, const struct odk_rule *from)
{
	for (size_t i = 0; i < from->keys.len; i++) {
		if (has_key(to, from->keys.items[i]))
			continue;
		if (to->keys.len == DKIM_SIGNERS_MAX) {
			odk_note(t->o, GP_IMPORT_LOST, to->file, to->line,
				 "\"%.*s\": more than %d keys", GP_STR_FMT(to->pattern),
				 DKIM_SIGNERS_MAX);
			return;
		}
		*gp_vec_push(t->o->arena, &to->keys) = from->keys.items[i];
	}
}

/* "example.org" of "*@example.org", ".example.org" of "*@*.example.org"; else empty. */
static struct gp_str plain_of(struct gp_str p)
{
	struct gp_str rest = gp_str_sub(p, 2, p.len);

	if (!gp_str_starts(p, GP_STR("*@")))
		return (struct gp_str){0};
	if (gp_str_starts(rest, GP_STR("*.")))
		rest = gp_str_sub(rest, 1, rest.len);
	return odk_is_literal(rest) ? rest : (struct gp_str){0};
}

/* Rules by their pattern, so that those which cover another are found without looking at all. */
struct index {
	struct gp_arena *arena;
	struct gp_map first;		 /* of each pattern; the next one by `same` */
	GP_VEC(struct odk_rule *) globs; /* neither addresses nor plain: each has to be tried */
};

static void add_to_index(struct index *x, struct odk_rule *r)
{
	struct odk_rule *first = gp_map_get(&x->first, r->pattern);

	if (!odk_is_literal(r->pattern) && plain_of(r->pattern).len == 0) {
		*gp_vec_push(x->arena, &x->globs) = r;
		return;
	}
	r->same = first ? first->same : NULL;
	if (first)
		first->same = r;
	else
		gp_map_set(&x->first, r->pattern, r);
}

struct cover {
	struct gp_arena *arena;
	GP_VEC(const struct odk_rule *) rules;
};

static void add_pattern(struct cover *c, const struct index *x, struct gp_str pattern)
{
	for (const struct odk_rule *r = gp_map_get(&x->first, pattern); r; r = r->same)
		*gp_vec_push(c->arena, &c->rules) = r;
}

/* Every rule that takes all addresses that r takes, r among them. */
static void find_cover(const struct index *x, const struct odk_rule *r, struct cover *c)
{
	size_t at = gp_str_find_chr(r->pattern, '@', 0);
	struct gp_str domain = gp_str_sub(r->pattern, at + 1, r->pattern.len);
	const char *any = gp_arena_printf(c->arena, "*@%.*s", GP_STR_FMT(domain));

	add_pattern(c, x, r->pattern);
	if (!gp_str_ieq(gp_str(any), r->pattern))
		add_pattern(c, x, gp_str(any));
	for (size_t dot = gp_str_find_chr(domain, '.', 1); dot < domain.len;
	     dot = gp_str_find_chr(domain, '.', dot + 1)) {
		any = gp_arena_printf(c->arena, "*@*%.*s",
				      GP_STR_FMT(gp_str_sub(domain, dot, domain.len)));
		if (!gp_str_ieq(gp_str(any), r->pattern))
			add_pattern(c, x, gp_str(any));
	}
	for (size_t i = 0; i < x->globs.len; i++)
		if (gp_str_glob(x->globs.items[i]->pattern, r->pattern))
			*gp_vec_push(c->arena, &c->rules) = x->globs.items[i];
}

static int by_order(const void *va, const void *vb)
{
	const struct odk_rule *const *a = va, *const *b = vb;

	return *a < *b ? -1 : *a > *b; /* all in one array */
}

/* With MultipleSignatures: the keys of every rule that covers this one, in their order. */
static void merge_keys(struct odk_tables *t, const struct index *x, struct odk_rule *rule)
{
	struct cover c = {.arena = gp_arena_new(0)};
	struct odk_rule all = *rule;

	all.keys.items = NULL;
	all.keys.len = all.keys.cap = 0;
	find_cover(x, rule, &c);
	qsort(c.rules.items, c.rules.len, sizeof(*c.rules.items), by_order);
	for (size_t i = 0; i < c.rules.len; i++)
		take_keys(t, &all, c.rules.items[i]);
	rule->keys.items = all.keys.items;
	rule->keys.len = all.keys.len;
	rule->keys.cap = all.keys.cap;
	gp_arena_free(c.arena);
}

/* What was written so far: what a later rule may be covered by. */
struct written {
	struct gp_map patterns;		       /* to the rule */
	GP_VEC(const struct odk_rule *) globs; /* that the map does not find */
	bool has_glob; /* one that stays a glob: order counts from here on */
};

/* The rule before this one that takes every address it would take, or NULL. */
static const struct odk_rule *covering(struct gp_arena *arena, const struct written *w,
				       const struct odk_rule *r)
{
	const struct odk_rule *found = gp_map_get(&w->patterns, r->pattern);
	size_t at = gp_str_find_chr(r->pattern, '@', 0);
	struct gp_str domain = gp_str_sub(r->pattern, at + 1, r->pattern.len);

	if (!found && domain.len)
		found = gp_map_get(&w->patterns,
				   gp_str(gp_arena_printf(arena, "*@%.*s", GP_STR_FMT(domain))));
	for (size_t dot = gp_str_find_chr(domain, '.', 1); !found && dot < domain.len;
	     dot = gp_str_find_chr(domain, '.', dot + 1))
		found = gp_map_get(
			&w->patterns,
			gp_str(gp_arena_printf(arena, "*@*%.*s",
					       GP_STR_FMT(gp_str_sub(domain, dot, domain.len)))));
	for (size_t i = 0; !found && i < w->globs.len; i++)
		if (gp_str_glob(w->globs.items[i]->pattern, r->pattern))
			found = w->globs.items[i];
	return found;
}

/* As our table writes it; empty where it cannot. */
static struct gp_str key_of(struct written *w, struct gp_str p)
{
	struct gp_str plain = plain_of(p);

	if (odk_is_literal(p))
		return gp_str_find_chr(p, '@', 0) < p.len ? p : (struct gp_str){0};
	if (!w->has_glob && plain.len)
		return plain;
	/* Without an @ ours are compared with the domain: the same where only a * goes before. */
	if (gp_str_find_chr(p, '@', 0) == p.len &&
	    (p.ptr[0] != '*' || !odk_is_literal(gp_str_sub(p, 1, p.len))))
		return (struct gp_str){0};
	w->has_glob = true;
	return p;
}

/* The domain, where the pattern has a single one. */
static struct gp_str single_domain(struct gp_str pattern)
{
	size_t at = gp_str_find_chr(pattern, '@', 0);
	struct gp_str domain = gp_str_sub(pattern, at + 1, pattern.len);

	return odk_is_literal(domain) ? domain : (struct gp_str){0};
}

/* "%" stands for the domain, in ours "%d". */
static const char *path_of(struct odk_tables *t, const struct odk_key *key, struct gp_str domain)
{
	GP_BUF_AUTO out = GP_BUF_INIT(8192);

	for (size_t i = 0; i < key->path.len; i++)
		if (key->path.ptr[i] != '%')
			gp_buf_add_chr(&out, key->path.ptr[i]);
		else if (domain.len)
			gp_buf_add_str(&out, domain);
		else
			gp_buf_add_cstr(&out, "%d");
	return gp_arena_strdup(t->o->arena, gp_buf_cstr(&out));
}

static void note_path(struct odk_tables *t, const char *path)
{
	struct gp_opendkim_result *r = t->o->result;

	for (size_t i = 0; i < r->key_paths.len; i++)
		if (gp_str_eq(gp_str(r->key_paths.items[i]), gp_str(path)))
			return;
	*gp_vec_push(t->o->arena, &r->key_paths) = path;
}

static void write_rule(struct odk_tables *t, struct gp_str key, const struct odk_rule *r)
{
	struct gp_str author = single_domain(r->pattern), current = {0};

	gp_buf_printf(&t->lines, "%.*s", GP_STR_FMT(key));
	for (size_t i = 0; i < r->keys.len; i++) {
		const struct odk_key *k = r->keys.items[i];
		const char *path = path_of(t, k, author);
		struct gp_str domain = k->domain;

		if (gp_str_eq(domain, GP_STR("%")) || gp_str_ieq(domain, author))
			domain = (struct gp_str){0};
		if (!gp_str_ieq(domain, current))
			gp_buf_printf(&t->lines, " d=%.*s",
				      GP_STR_FMT(domain.len ? domain : GP_STR("%d")));
		current = domain;
		gp_buf_printf(&t->lines, " %.*s=%s", GP_STR_FMT(k->selector), path);
		note_path(t, path);
	}
	gp_buf_add_chr(&t->lines, '\n');
}

void odk_write_rules(struct odk_tables *t, bool is_multiple)
{
	struct index x = {.arena = t->o->arena};
	struct written w = {0};

	gp_map_init(&w.patterns, t->o->arena, true);
	gp_map_init(&x.first, t->o->arena, true);
	for (size_t i = 0; is_multiple && i < t->rules.len; i++)
		add_to_index(&x, &t->rules.items[i]);
	for (size_t i = 0; i < t->rules.len; i++) {
		struct odk_rule *r = &t->rules.items[i];
		const struct odk_rule *before = is_multiple ? gp_map_get(&w.patterns, r->pattern)
							    : covering(t->o->arena, &w, r);
		struct gp_str key;

		if (before && !is_multiple)
			odk_note(t->o, GP_IMPORT_NEEDLESS, r->file, r->line,
				 "\"%.*s\" is never reached: line %u takes it",
				 GP_STR_FMT(r->pattern), before->line);
		if (before)
			continue;
		if (is_multiple)
			merge_keys(t, &x, r);
		if (r->keys.len > 2)
			odk_note(t->o, GP_IMPORT_CHANGED, r->file, r->line,
				 "\"%.*s\": all %zu keys sign; OpenDKIM 2.11 takes the first and "
				 "the "
				 "last, though its manual says all",
				 GP_STR_FMT(r->pattern), r->keys.len);
		key = key_of(&w, r->pattern);
		gp_map_set(&w.patterns, r->pattern, r);
		if (!odk_is_literal(r->pattern) && plain_of(r->pattern).len == 0)
			*gp_vec_push(t->o->arena, &w.globs) = r;
		if (key.len)
			write_rule(t, key, r);
		else
			odk_note(
				t->o, GP_IMPORT_LOST, r->file, r->line,
				"\"%.*s\": a pattern without an @ that may match in the local part",
				GP_STR_FMT(r->pattern));
	}
	if (is_multiple && w.has_glob)
		odk_note(t->o, GP_IMPORT_CHANGED, NULL, 0,
			 "MultipleSignatures: an address that two patterns take, none of which "
			 "covers the other, is signed by the keys of the first only");
}

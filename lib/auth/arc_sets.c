/*
 * ARC sets: found in the header, checked for structure (RFC 8617, 5.2, steps 1 to 3),
 * and as the text that seals cover (5.1.1).
 *
 * Of each kind no more than GP_MAX_ARC_SETS fields are looked at: a chain that has more is
 * broken, whatever they say.
 */
#include "lib/auth/arc_int.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/num.h"

/* "1" … "50"; 0 if it is none. */
static unsigned instance_of(struct gp_str text)
{
	uint64_t n;

	if (!text.len || gp_num_parse_uint(text, 10, &n) || n > GP_MAX_ARC_SETS)
		return 0;
	return (unsigned)n;
}

/* The value of i= and cv= of a tag list. */
static unsigned read_tags(struct gp_arena *arena, const struct gp_field *field, struct gp_str *ret_cv)
{
	struct gp_tags tags;

	if (gp_tags_parse(arena, field->value, &tags, NULL))
		return 0;
	*ret_cv = gp_tags_value(&tags, "cv", NULL);
	return instance_of(gp_tags_value(&tags, "i", NULL));
}

/* "i=N;" and what follows (4.1.1). */
static unsigned read_results(const struct gp_field *field, struct gp_str *ret_rest)
{
	size_t end = gp_str_find_chr(field->value, ';', 0);
	size_t equal = gp_str_find_chr(field->value, '=', 0);

	if (end == field->value.len || equal > end ||
	    !gp_str_eq(gp_str_trim(gp_str_sub(field->value, 0, equal)), GP_STR("i")))
		return 0;
	*ret_rest = gp_str_trim(gp_str_sub(field->value, end + 1, field->value.len));
	return instance_of(gp_str_trim(gp_str_sub(field->value, equal + 1, end - equal - 1)));
}

/* The first breach is the one that is told. */
static void GP_PRINTF(3, 4)
	breach(struct gp_arena *arena, struct gp_arc_chain *chain, const char *fmt, ...)
{
	struct gp_diag diag;
	va_list ap;

	if (chain->breach.len)
		return;
	va_start(ap, fmt);
	vsnprintf(diag.text, sizeof(diag.text), fmt, ap);
	va_end(ap);
	chain->breach = gp_str(gp_arena_strdup(arena, diag.text));
}

static void place(struct gp_arena *arena, struct gp_arc_chain *chain, struct gp_str name,
		  const struct gp_field *field)
{
	struct gp_str cv = {0}, authres = {0};
	bool is_results = gp_str_eq(name, GP_ARC_RESULTS), is_seal = gp_str_eq(name, GP_ARC_SEAL);
	unsigned i = is_results ? read_results(field, &authres) : read_tags(arena, field, &cv);
	struct gp_arc_fields *set = &chain->sets[GP_MAX(i, 1u) - 1];
	const struct gp_field **slot = is_results ? &set->results
				       : is_seal  ? &set->seal
						  : &set->signature;

	if (i == 0) {
		breach(arena, chain, "%.*s: i= is missing or no number of 1 to %d, or the field is malformed",
		       GP_STR_FMT(name), GP_MAX_ARC_SETS);
		return;
	}
	chain->n_sets = GP_MAX(chain->n_sets, (size_t)i);
	if (*slot) {
		breach(arena, chain, "two %.*s with i=%u", GP_STR_FMT(name), i);
		return;
	}
	*slot = field;
	if (is_results)
		set->authres = authres;
	if (is_seal)
		set->cv = cv;
}

static void check_set(struct gp_arena *arena, struct gp_arc_chain *chain, size_t i)
{
	const struct gp_arc_fields *set = &chain->sets[i];
	struct gp_str cv = i == 0 ? GP_STR("none") : GP_STR("pass");

	if (!set->results || !set->signature || !set->seal)
		breach(arena, chain, "the set i=%zu is not complete", i + 1);
	else if (!gp_str_ieq(set->cv, cv))
		breach(arena, chain, "cv= of i=%zu is not \"%.*s\"", i + 1, GP_STR_FMT(cv));
}

void gp_arc_read(struct gp_arena *arena, const struct gp_fields *fields, struct gp_arc_chain *ret)
{
	const struct gp_str names[] = {GP_ARC_RESULTS, GP_ARC_SIGNATURE, GP_ARC_SEAL};

	*ret = (struct gp_arc_chain){0};
	for (size_t k = 0; k < GP_ARRAY_SIZE(names); k++) {
		size_t n = gp_fields_count(fields, names[k]);

		ret->has_fields |= n > 0;
		ret->is_too_long |= n > GP_MAX_ARC_SETS;
	}
	if (ret->is_too_long)
		breach(arena, ret, "more than %d sets", GP_MAX_ARC_SETS);
	else if (fields->is_cut && ret->has_fields)
		breach(arena, ret, "the message's header is too large");
	if (!ret->has_fields || ret->is_too_long)
		return;
	ret->sets = GP_ARENA_NEW_N(arena, GP_MAX_ARC_SETS, struct gp_arc_fields);
	for (size_t k = 0; k < GP_ARRAY_SIZE(names); k++)
		for (size_t f = gp_fields_lowest(fields, names[k]); f; f = fields->list.items[f - 1].above)
			place(arena, ret, names[k], &fields->list.items[f - 1]);
	for (size_t i = 0; i < ret->n_sets; i++)
		check_set(arena, ret, i);
}

bool gp_arc_is_closed(const struct gp_arc_chain *chain)
{
	return chain->n_sets && gp_str_ieq(chain->sets[chain->n_sets - 1].cv, GP_STR("fail"));
}

void gp_arc_text_init(struct gp_arc_text *t)
{
	/* Each field once, doubled at the most by canonical line ends; and a set that is made. */
	t->text = GP_BUF_INIT(4 * GP_MAX_AUTH_HEADER);
	t->n = 0;
}

void gp_arc_text_done(struct gp_arc_text *t)
{
	gp_buf_done(&t->text);
}

static void add_field(struct gp_buf *out, const struct gp_field *f)
{
	gp_canon_header(GP_CANON_RELAXED, f->name, f->value, out);
	gp_buf_add(out, "\r\n", 2);
}

void gp_arc_text_add(struct gp_arc_text *t, const struct gp_arc_fields *set)
{
	add_field(&t->text, set->results);
	add_field(&t->text, set->signature);
	t->own[t->n++] = t->text.len;
	if (set->seal)
		add_field(&t->text, set->seal);
}

void gp_arc_text_digest(const struct gp_arc_text *t, size_t i, const struct gp_signature *self,
			unsigned char ret[GP_SHA256_SIZE])
{
	GP_BUF_AUTO own = GP_BUF_INIT(4 * GP_MAX_AUTH_HEADER);
	struct gp_sha256 *h = gp_sha256_begin();

	gp_signature_add_self(self, &own);
	gp_sha256_add(h, t->text.data, t->own[i]);
	gp_sha256_add(h, own.data, own.len);
	gp_sha256_finish(h, ret);
}

/*
 * A pass over the pattern finds <NAME> and what stands between; the modifiers
 * <pre P>, <inter I> and <post Q> apply to the whole pattern.  Tags may
 * contain tags; at most PASSES_MAX rounds, so one that contains itself ends.
 */
#include "lib/score/rule_replace.h"

#include "lib/base/buf.h"
#include "lib/score/rule_regex.h"

#define PASSES_MAX 6
#define EXPANDED_MAX (512u << 10)
/* From here on tags become subroutines. */
#define INLINE_MAX 8000

struct expansion {
	struct gp_rule_builder *b;
	bool as_subroutines;
	struct gp_map used; /* tag name → itself, when as subroutines */
	bool again;	    /* what was put in holds tags itself */
};

static struct gp_str lookup(const struct gp_rule_builder *b, enum gp_tag_kind kind,
			    struct gp_str name)
{
	const struct gp_str *s = gp_map_get(&b->tags[kind], name);

	return s ? *s : (struct gp_str){0};
}

/* Finds the first START … END at or after `from`; its inside is at least one byte. */
static bool find_tag(const struct gp_rule_builder *b, struct gp_str s, size_t from, size_t *ret_at,
		     size_t *ret_end, struct gp_str *ret_name)
{
	for (;;) {
		size_t at = gp_str_find(s, b->tag_start, from), inner, end;

		if (at >= s.len)
			return false;
		inner = at + b->tag_start.len;
		end = gp_str_find(s, b->tag_end, inner + 1);
		if (end >= s.len)
			return false;
		*ret_name = gp_str_sub(s, inner, end - inner);
		if (gp_str_find(*ret_name, b->tag_start, 0) < ret_name->len) {
			from = inner; /* "<<A>": the inner one counts */
			continue;
		}
		*ret_at = at;
		*ret_end = end + b->tag_end.len;
		return true;
	}
}

/* Takes "<pre NAME>" (or inter, post) out of the text; the expression it names, or empty. */
static struct gp_str take_modifier(struct gp_rule_builder *b, struct gp_str *text,
				   struct gp_str word, enum gp_tag_kind kind)
{
	struct gp_str name;
	size_t at, end;

	for (size_t from = 0; find_tag(b, *text, from, &at, &end, &name); from = end) {
		if (!gp_str_starts(name, word))
			continue;
		name = gp_str_sub(name, word.len, SIZE_MAX);
		*text = gp_str(gp_arena_printf(b->arena, "%.*s%.*s",
					       GP_STR_FMT(gp_str_sub(*text, 0, at)),
					       GP_STR_FMT(gp_str_sub(*text, end, SIZE_MAX))));
		return lookup(b, kind, name);
	}
	return (struct gp_str){0};
}

/* Subroutine names have letters, digits and underscores only. */
static bool is_word(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!gp_is_alnum(s.ptr[i]) && s.ptr[i] != '_')
			return false;
	return s.len > 0 && s.len <= 28;
}

static void put_tag(struct expansion *x, struct gp_str name, struct gp_str body, struct gp_buf *out)
{
	if (x->as_subroutines && is_word(name)) {
		gp_map_set(&x->used, name, x);
		gp_buf_printf(out, "(?&T_%.*s)", GP_STR_FMT(name));
		return;
	}
	gp_buf_add_str(out, body);
	if (gp_str_find(body, x->b->tag_start, 0) < body.len)
		x->again = true;
}

/* One pass over a text. */
static void pass(struct expansion *x, struct gp_str text, struct gp_str pre, struct gp_str inter,
		 struct gp_str post, struct gp_buf *out)
{
	struct gp_str name;
	size_t at, end, done = 0;

	for (size_t from = 0; find_tag(x->b, text, from, &at, &end, &name); from = end) {
		struct gp_str body = lookup(x->b, GP_TAG_TAG, name);

		gp_buf_add_str(out, gp_str_sub(text, done, at - done));
		if (done == at && done > 0) /* right behind another tag */
			gp_buf_add_str(out, inter);
		gp_buf_add_str(out, pre);
		if (body.ptr)
			put_tag(x, name, body, out);
		else
			gp_buf_add_str(out, gp_str_sub(text, at, end - at));
		gp_buf_add_str(out, post);
		done = end;
	}
	gp_buf_add_str(out, gp_str_sub(text, done, SIZE_MAX));
}

static struct gp_str expand(struct expansion *x, struct gp_str text)
{
	struct gp_arena *a = x->b->arena;

	for (unsigned n = 0; n < PASSES_MAX; n++) {
		struct gp_str pre = take_modifier(x->b, &text, GP_STR("pre "), GP_TAG_PRE);
		struct gp_str post = take_modifier(x->b, &text, GP_STR("post "), GP_TAG_POST);
		struct gp_str inter = take_modifier(x->b, &text, GP_STR("inter "), GP_TAG_INTER);
		GP_BUF_AUTO out = GP_BUF_INIT(EXPANDED_MAX);

		x->again = false;
		pass(x, text, pre, inter, post, &out);
		if (gp_buf_error(&out))
			return (struct gp_str){0};
		text = gp_str(gp_arena_cstr(a, gp_buf_str(&out)));
		if (!x->again)
			break;
	}
	return text;
}

/* The pattern with `(?(DEFINE)(?<T_A>…)…)` behind it, where its own groups keep their numbers.
 * Definitions may use further tags, which are then defined as well. */
static struct gp_str define(struct expansion *x, struct gp_str text)
{
	GP_BUF_AUTO out = GP_BUF_INIT(EXPANDED_MAX);

	gp_buf_printf(&out, "(?:%.*s)(?(DEFINE)", GP_STR_FMT(text));
	for (size_t i = 0; i < x->used.len; i++) { /* grows while we go */
		struct gp_str name = x->used.entries[i].key;
		GP_BUF_AUTO body = GP_BUF_INIT(EXPANDED_MAX);

		pass(x, lookup(x->b, GP_TAG_TAG, name), (struct gp_str){0}, (struct gp_str){0},
		     (struct gp_str){0}, &body);
		gp_buf_printf(&out, "(?<T_%.*s>", GP_STR_FMT(name));
		gp_buf_add_str(&out, gp_buf_str(&body));
		gp_buf_add_chr(&out, ')');
	}
	gp_buf_add_chr(&out, ')');
	if (gp_buf_error(&out))
		return (struct gp_str){0};
	return gp_str(gp_arena_cstr(x->b->arena, gp_buf_str(&out)));
}

static struct gp_str expand_to_subroutines(struct gp_rule_builder *b, struct gp_str text)
{
	struct expansion x = {.b = b, .as_subroutines = true};

	gp_map_init(&x.used, b->arena, false);
	text = expand(&x, text);
	return text.ptr && x.used.len ? define(&x, text) : text;
}

int gp_rule_replace(struct gp_rule_builder *b, struct gp_rule *r, struct gp_diag *diag)
{
	struct expansion x = {.b = b};
	struct gp_str text = expand(&x, r->regex.text);

	if (!text.ptr || text.len > INLINE_MAX)
		text = expand_to_subroutines(b, r->regex.text);
	if (!text.ptr) {
		gp_diag_set(diag, "the pattern is larger than %u bytes with its tags",
			    EXPANDED_MAX);
		return GP_ELIMIT;
	}
	r->regex.text = text;
	gp_regex_derive(b->arena, &r->regex);
	return GP_OK;
}

void gp_rule_replace_smaller(struct gp_rule_builder *b, struct gp_rule *r, struct gp_str written)
{
	struct gp_str text = expand_to_subroutines(b, written);

	if (text.ptr)
		r->regex.text = text;
}

/*
 * Values are a stranger's text: they enter the pattern with every character that is no
 * letter, digit or underscore quoted, and only so long.
 */
#include "lib/score/rule_capture.h"

#include "lib/base/buf.h"
#include "lib/base/limits.h"

#define VALUE_MAX 1024 /* of one captured text; a longer one is not kept */
#define PATTERN_MAX (256u << 10)

/* The next %{NAME} from `from` on: its place and length; false if there is none. */
static bool find(struct gp_str s, size_t from, size_t *ret_at, size_t *ret_len)
{
	for (size_t i = from; (i = gp_str_find_chr(s, '%', i)) + 3 < s.len; i++) {
		size_t n;

		if (s.ptr[i + 1] != '{' || (i && s.ptr[i - 1] == '\\'))
			continue;
		n = gp_tag_name_length(gp_str_sub(s, i + 2, SIZE_MAX));
		if (n == 0 || i + 2 + n >= s.len || s.ptr[i + 2 + n] != '}')
			continue;
		*ret_at = i;
		*ret_len = n + 3;
		return true;
	}
	return false;
}

/* (?<NAME>, (?'NAME' or (?P<NAME> with a capital: others are the pattern's own business. */
static bool has_named_group(struct gp_str s)
{
	for (size_t i = 0; (i = gp_str_find(s, GP_STR("(?"), i)) + 3 < s.len; i += 2) {
		size_t k = i + 2 + (s.ptr[i + 2] == 'P');

		if (k + 1 < s.len && (s.ptr[k] == '<' || s.ptr[k] == '\'') &&
		    s.ptr[k + 1] >= 'A' && s.ptr[k + 1] <= 'Z')
			return true;
	}
	return false;
}

/* Whether "anything" in place of a tag could let the pattern miss a text that a value would
 * match: within what must not stand there, or within a class. */
static bool is_delicate(struct gp_str s, size_t at)
{
	struct gp_str before = gp_str_sub(s, 0, at);

	return gp_str_find(before, GP_STR("(?!"), 0) < before.len ||
	       gp_str_find_last(before, '[') + 1 > gp_str_find_last(before, ']') + 1;
}

static struct gp_str stand_in(struct gp_arena *a, struct gp_str s)
{
	static const struct gp_str anything = GP_STR("(?s:.+)");
	GP_BUF_AUTO out = GP_BUF_INIT(PATTERN_MAX);
	size_t done = 0, at, len;

	for (; find(s, done, &at, &len); done = at + len) {
		if (is_delicate(s, at))
			return GP_STR("");
		gp_buf_add_str(&out, gp_str_sub(s, done, at - done));
		gp_buf_add_str(&out, anything);
	}
	gp_buf_add_str(&out, gp_str_sub(s, done, SIZE_MAX));
	return gp_str_n(gp_arena_cstr(a, gp_buf_str(&out)), out.len);
}

void gp_capture_prepare(struct gp_rule_builder *b, struct gp_rule *r)
{
	size_t at, len;

	if (has_named_group(r->regex.text)) {
		r->captures = true;
		*gp_vec_push(b->arena, &b->set->captures) = r;
	}
	if (!find(r->regex.text, 0, &at, &len))
		return;
	r->template = GP_ARENA_NEW(b->arena, struct gp_regex);
	*r->template = r->regex;
	r->regex.text = stand_in(b->arena, r->regex.text);
	*gp_vec_push(b->arena, &b->set->templates) = r;
}

bool gp_capture_next(const struct gp_rule *r, size_t *at, struct gp_str *ret)
{
	size_t len;

	if (!find(r->template->text, *at, at, &len))
		return false;
	*ret = gp_str_sub(r->template->text, *at + 2, len - 3);
	*at += len;
	return true;
}

static void keep(void *arg, unsigned group, struct gp_str name, struct gp_str value)
{
	struct gp_rule_tags *tags = arg;
	struct gp_tag_values *values = gp_map_get(&tags->captured, name);

	if (value.len > VALUE_MAX || name.len == 0 || name.ptr[0] < 'A' || name.ptr[0] > 'Z')
		return;
	if (!values) {
		values = GP_ARENA_NEW(tags->arena, struct gp_tag_values);
		gp_map_set(&tags->captured, gp_arena_str(tags->arena, name), values);
	}
	gp_tag_add(values, gp_arena_str(tags->arena, value));
}

void gp_capture_take(struct gp_pcre *pcre, const struct gp_regex *re, struct gp_str text, unsigned max,
		     struct gp_rule_tags *tags)
{
	gp_pcre_groups(pcre, re, text, max, keep, tags);
}

static void add_quoted(struct gp_buf *out, struct gp_str value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (!gp_is_alnum(c) && c != '_')
			gp_buf_add_chr(out, '\\');
		gp_buf_add_chr(out, c);
	}
}

static bool add_values(const struct gp_rule_tags *tags, struct gp_str name, struct gp_buf *out)
{
	struct gp_tag_values values;

	if (!gp_tag_values(tags, name, &values))
		return false;
	gp_buf_add_cstr(out, "(?:");
	for (size_t i = 0; i < values.len; i++) {
		if (i)
			gp_buf_add_chr(out, '|');
		add_quoted(out, gp_str_trim(values.items[i]));
	}
	gp_buf_add_chr(out, ')');
	return true;
}

bool gp_capture_expand(const struct gp_rule *r, const struct gp_rule_tags *tags,
		       struct gp_regex *ret)
{
	GP_BUF_AUTO out = GP_BUF_INIT(PATTERN_MAX);
	struct gp_str s = r->template->text;
	size_t done = 0, at, len;

	for (; find(s, done, &at, &len); done = at + len) {
		gp_buf_add_str(&out, gp_str_sub(s, done, at - done));
		if (!add_values(tags, gp_str_sub(s, at + 2, len - 3), &out))
			return false;
	}
	gp_buf_add_str(&out, gp_str_sub(s, done, SIZE_MAX));
	if (gp_buf_error(&out))
		return false;
	*ret = (struct gp_regex){.flags = r->template->flags | GP_REGEX_ONCE};
	ret->text = gp_str_n(gp_arena_cstr(tags->arena, gp_buf_str(&out)), out.len);
	return gp_pcre_compile(tags->arena, ret, NULL) == GP_OK;
}

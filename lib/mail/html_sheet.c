/*
 * Style sheets of a document.
 *
 * A map from selector to properties, looked up by what an element is called.  No
 * descendant selectors, no pseudo-classes: a rule with them is skipped.
 */
#include "lib/mail/html_sheet.h"

/* Longest selector looked up: an element's name, a mark and a class. */
#define SELECTOR_MAX 64
/* Classes looked up of one element. */
#define CLASSES_MAX 8

void gp_html_sheet_init(struct gp_html_sheet *sheet, struct gp_arena *arena)
{
	sheet->arena = arena;
	gp_map_init(&sheet->rules, arena, true);
}

static bool is_simple(struct gp_str selector)
{
	unsigned n_marks = 0;

	for (size_t i = 0; i < selector.len; i++) {
		char c = selector.ptr[i];

		if (c == '.' || c == '#')
			n_marks++;
		else if (!gp_is_alnum(c) && c != '-' && c != '_' && !(c & 0x80))
			return false;
	}
	return selector.len && selector.len <= SELECTOR_MAX && n_marks <= 1;
}

/* "*" begins nothing here; "p, .a, td.b" sets each. */
static void add_rule(struct gp_html_sheet *sheet, struct gp_str selectors, struct gp_str block)
{
	struct gp_str one;
	struct gp_css css;

	gp_css_init(&css);
	gp_css_parse(block, &css);
	while (gp_str_next(&selectors, ',', &one)) {
		struct gp_css *known;

		one = gp_str_trim(one);
		if (!is_simple(one))
			continue;
		known = gp_map_get(&sheet->rules, one);
		if (!known && sheet->rules.len < GP_HTML_SELECTORS_MAX) {
			known = gp_arena_alloc(sheet->arena, sizeof(*known));
			gp_css_init(known);
			gp_map_set(&sheet->rules, one, known);
		}
		if (known)
			gp_css_merge(known, &css);
	}
}

/* Behind the block that begins at `open` ('{'), with the blocks inside it. */
static size_t skip_block(struct gp_str s, size_t open)
{
	unsigned depth = 0;

	for (size_t i = open; i < s.len; i++) {
		if (s.ptr[i] == '{')
			depth++;
		else if (s.ptr[i] == '}' && --depth == 0)
			return i + 1;
	}
	return s.len;
}

/* White space, comments, and the comment marks of HTML that hide a sheet. */
static size_t skip_filler(struct gp_str s, size_t i)
{
	for (;;) {
		struct gp_str rest = gp_str_sub(s, i, s.len);

		if (rest.len &&
		    (gp_is_space(rest.ptr[0]) || rest.ptr[0] == '}' || rest.ptr[0] == ';'))
			i++;
		else if (gp_str_starts(rest, GP_STR("/*")))
			i = GP_MIN(gp_str_find(s, GP_STR("*/"), i + 2) + 2, s.len);
		else if (gp_str_starts(rest, GP_STR("<!--")))
			i += 4;
		else if (gp_str_starts(rest, GP_STR("-->")))
			i += 3;
		else
			return i;
	}
}

void gp_html_sheet_add(struct gp_html_sheet *sheet, struct gp_str text)
{
	size_t i = skip_filler(text, 0);

	while (i < text.len) {
		size_t from = i, end;

		while (i < text.len && text.ptr[i] != '{' && text.ptr[i] != ';')
			i++;
		if (i == text.len)
			return;
		if (text.ptr[i] == '{' && text.ptr[from] == '@') {
			i = skip_block(text, i);
		} else if (text.ptr[i] == '{') {
			end = gp_str_find_chr(text, '}', i);
			add_rule(sheet, gp_str_trim(gp_str_sub(text, from, i - from)),
				 gp_str_sub(text, i + 1, end - i - 1));
			i = end;
		}
		i = skip_filler(text, i);
	}
}

static void apply(const struct gp_html_sheet *sheet, struct gp_str tag, char mark,
		  struct gp_str name, struct gp_css *css)
{
	char selector[SELECTOR_MAX];
	const struct gp_css *found;

	if (tag.len + 1 + name.len > sizeof(selector) || name.len == 0)
		return;
	memcpy(selector, tag.ptr, tag.len);
	selector[tag.len] = mark;
	memcpy(selector + tag.len + 1, name.ptr, name.len);
	for (int with_tag = 0; with_tag < 2; with_tag++) {
		size_t skip = with_tag ? 0 : tag.len;

		found = gp_map_get(&sheet->rules,
				   gp_str_n(selector + skip, tag.len + 1 + name.len - skip));
		if (found)
			gp_css_merge(css, found);
	}
}

void gp_html_sheet_apply(const struct gp_html_sheet *sheet, struct gp_str tag,
			 struct gp_str classes, struct gp_str id, struct gp_css *css)
{
	const struct gp_css *found;
	struct gp_str one;

	if (sheet->rules.len == 0)
		return;
	found = gp_map_get(&sheet->rules, tag);
	if (found)
		gp_css_merge(css, found);
	for (int n = 0; n < CLASSES_MAX && gp_str_next_word(&classes, &one); n++)
		apply(sheet, tag, '.', one, css);
	apply(sheet, tag, '#', id, css);
}

/* The string or word at the start of s, quotes off, up to `end` if not quoted. */
static struct gp_str take_string(struct gp_str s, char end, size_t *ret_len)
{
	size_t skip = 0, to;

	while (skip < s.len && gp_is_space(s.ptr[skip]))
		skip++;
	if (skip < s.len && (s.ptr[skip] == '"' || s.ptr[skip] == '\'')) {
		to = gp_str_find_chr(s, s.ptr[skip], skip + 1);
		*ret_len = to;
		return gp_str_sub(s, skip + 1, to - skip - 1);
	}
	to = gp_str_find_chr(s, end, skip);
	*ret_len = to;
	return gp_str_trim(gp_str_sub(s, skip, to - skip));
}

bool gp_html_css_next_url(struct gp_str *rest, struct gp_str *ret)
{
	struct gp_str s = *rest;

	for (size_t i = 0; i + 4 < s.len; i++) {
		struct gp_str here = gp_str_sub(s, i, s.len);
		size_t skip = 0, len;
		char end = ')';

		if (gp_lower(s.ptr[i]) == 'u' && gp_str_istarts(here, GP_STR("url("))) {
			skip = 4;
		} else if (s.ptr[i] == '@' && gp_str_istarts(here, GP_STR("@import"))) {
			skip = 7;
			end = ';';
			if (gp_str_istarts(gp_str_trim(gp_str_sub(here, skip, 80)), GP_STR("url(")))
				continue;
		} else {
			continue;
		}
		*ret = take_string(gp_str_sub(here, skip, here.len), end, &len);
		*rest = gp_str_sub(here, GP_MIN(skip + len + 1, here.len), here.len);
		if (ret->len)
			return true;
		s = *rest;
		i = (size_t)-1;
	}
	*rest = GP_STR("");
	return false;
}

/*
 * CSS reduced to what decides about visibility.
 *
 * Not a cascade: !important and specificity beyond "tag, class, id, style" are
 * not weighed, descendant selectors are ignored, media queries are taken as not
 * matching.  A rule of thumb that errs towards "visible" is what a filter needs.
 */
#include "lib/mail/html_css.h"

#include "lib/base/err.h"
#include "lib/base/num.h"

/* Moved further than this to the left or up: nobody scrolls there. */
#define OFF_SCREEN_PX -200.0f
/* Longest selector kept: a name and a class. */
#define SELECTOR_MAX 64
/* Classes looked up of one element. */
#define CLASSES_MAX 8

void gp_css_init(struct gp_css *css)
{
	*css = (struct gp_css){
		.font_size = -1, .font_scale = -1, .width = -1, .height = -1, .opacity = -1};
}

/* The number at the start of s, *ret_rest behind it; false if there is none. */
static bool number(struct gp_str s, float *ret, struct gp_str *ret_rest)
{
	size_t n = 0;
	double v;

	if (n < s.len && (s.ptr[n] == '-' || s.ptr[n] == '+'))
		n++;
	while (n < s.len && n < 20 && (gp_is_digit(s.ptr[n]) || s.ptr[n] == '.'))
		n++;
	*ret_rest = gp_str_sub(s, n, s.len);
	s = gp_str_sub(s, s.len && s.ptr[0] == '+', n);
	if (s.len && s.ptr[0] == '.') { /* ".5em" */
		char with_zero[24] = "0";

		memcpy(with_zero + 1, s.ptr, GP_MIN(s.len, (size_t)22));
		if (gp_num_parse_double(gp_str(with_zero), &v) != GP_OK)
			return false;
	} else {
		while (s.len && s.ptr[s.len - 1] == '.')
			s.len--;
		if (gp_num_parse_double(s, &v) != GP_OK)
			return false;
	}
	*ret = (float)GP_MAX(-1e9, GP_MIN(v, 1e9));
	return true;
}

/* A length with its unit: pixels in *ret_px, or a factor of the parent's in
 * *ret_scale; the other one is left alone.  False if it is neither. */
static bool length(struct gp_str s, float *ret_px, float *ret_scale)
{
	static const struct {
		const char *unit;
		float px;
	} UNITS[] = {
		{"px", 1},  {"pt", 1.333f}, {"rem", 16},   {"pc", 16},
		{"in", 96}, {"cm", 37.8f},  {"mm", 3.78f}, {"", 1},
	};
	struct gp_str unit;
	float v;

	s = gp_str_trim(s);
	if (!number(s, &v, &unit))
		return false;
	unit.len = GP_MIN(unit.len, gp_str_find_chr(unit, '!', 0));
	unit = gp_str_trim(unit);
	for (size_t i = 0; i < GP_ARRAY_SIZE(UNITS); i++) {
		if (gp_str_ieq(unit, gp_str(UNITS[i].unit))) {
			*ret_px = v * UNITS[i].px;
			return true;
		}
	}
	if (gp_str_ieq(unit, GP_STR("em")))
		*ret_scale = v;
	else if (gp_str_ieq(unit, GP_STR("ex")))
		*ret_scale = v / 2;
	else if (gp_str_eq(unit, GP_STR("%")))
		*ret_scale = v / 100;
	else
		return false;
	return true;
}

float gp_css_length(struct gp_str s)
{
	float px = -1, scale;

	return length(s, &px, &scale) ? px : -1;
}

/* Whether the value is this keyword, perhaps with !important. */
static bool is_word(struct gp_str value, const char *word)
{
	struct gp_str w = gp_str(word);

	return gp_str_istarts(value, w) &&
	       (value.len == w.len || value.ptr[w.len] == '!' || gp_is_space(value.ptr[w.len]));
}

static void set_display(struct gp_css *css, struct gp_str v)
{
	css->display = is_word(v, "none") ? GP_CSS_NO : GP_CSS_YES;
}

static void set_visibility(struct gp_css *css, struct gp_str v)
{
	if (is_word(v, "hidden") || is_word(v, "collapse"))
		css->visibility = GP_CSS_NO;
	else if (is_word(v, "visible"))
		css->visibility = GP_CSS_YES;
}

static struct gp_str without_important(struct gp_str v)
{
	v.len = gp_str_find_chr(v, '!', 0);
	return gp_str_trim(v);
}

static void set_colour(struct gp_css *css, struct gp_str v)
{
	css->colour = gp_colour_parse(without_important(v));
}

static void set_background_colour(struct gp_css *css, struct gp_str v)
{
	css->background = gp_colour_parse(without_important(v));
}

static void set_background_image(struct gp_css *css, struct gp_str v)
{
	if (!is_word(v, "none"))
		css->background.kind = GP_COLOUR_UNKNOWN;
}

static void set_background(struct gp_css *css, struct gp_str v)
{
	struct gp_str word;

	v = without_important(v);
	if (gp_str_ifind(v, GP_STR("url("), 0) < v.len ||
	    gp_str_ifind(v, GP_STR("gradient"), 0) < v.len) {
		css->background.kind = GP_COLOUR_UNKNOWN;
		return;
	}
	if (gp_str_istarts(v, GP_STR("rgb"))) {
		css->background = gp_colour_parse(v);
		return;
	}
	while (gp_str_next_word(&v, &word)) {
		struct gp_colour c = gp_colour_parse(word);

		if (c.kind == GP_COLOUR_RGB || c.kind == GP_COLOUR_TRANSPARENT) {
			css->background = c;
			return;
		}
	}
}

static bool font_size(struct gp_css *css, struct gp_str v)
{
	static const struct {
		const char *word;
		float px, scale;
	} WORDS[] = {
		{"medium", 16, -1},   {"small", 13, -1},      {"x-small", 10, -1},
		{"large", 18, -1},    {"xx-small", 9, -1},    {"x-large", 24, -1},
		{"xx-large", 32, -1}, {"smaller", -1, 0.83f}, {"larger", -1, 1.2f},
	};
	float px = -1, scale = -1;
	bool is_size = length(v, &px, &scale);

	for (size_t i = 0; !is_size && i < GP_ARRAY_SIZE(WORDS); i++) {
		if (is_word(v, WORDS[i].word)) {
			px = WORDS[i].px;
			scale = WORDS[i].scale;
			is_size = true;
		}
	}
	if (is_size) {
		css->font_size = px;
		css->font_scale = scale;
	}
	return is_size;
}

static void set_font_size(struct gp_css *css, struct gp_str v)
{
	(void)font_size(css, v);
}

/* "bold 12px/1.5 Arial": the size is the first length that has a unit. */
static void set_font(struct gp_css *css, struct gp_str v)
{
	struct gp_str word;

	while (gp_str_next_word(&v, &word)) {
		word.len = gp_str_find_chr(word, '/', 0);
		if (word.len &&
		    (!gp_is_digit(word.ptr[word.len - 1]) || gp_str_eq(word, GP_STR("0"))) &&
		    font_size(css, word))
			return;
	}
}

static void shrink(float *size, struct gp_str v)
{
	float px = -1, scale = -1;

	if (!length(v, &px, &scale))
		return;
	if (scale == 0.0f) /* 0% is nothing whatever it is of */
		px = 0;
	if (px >= 0 && (*size < 0 || px < *size))
		*size = px;
}

static void set_width(struct gp_css *css, struct gp_str v)
{
	shrink(&css->width, v);
}

static void set_height(struct gp_css *css, struct gp_str v)
{
	shrink(&css->height, v);
}

static void set_opacity(struct gp_css *css, struct gp_str v)
{
	struct gp_str rest;
	float f;

	if (number(v, &f, &rest))
		css->opacity = rest.len && rest.ptr[0] == '%' ? f / 100 : f;
}

static void set_overflow(struct gp_css *css, struct gp_str v)
{
	css->is_clipped = is_word(v, "hidden") || is_word(v, "clip");
}

static void set_clip(struct gp_css *css, struct gp_str v)
{
	static const char *const NOTHING[] = {"rect(0,0,0,0",
					      "rect(0 0 0 0",
					      "rect(0, 0, 0, 0",
					      "rect(0px,0px,0px,0px",
					      "rect(0px, 0px, 0px, 0px",
					      "rect(1px,1px,1px,1px",
					      "rect(1px, 1px, 1px, 1px"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(NOTHING); i++)
		css->is_off_screen |= gp_str_istarts(v, gp_str(NOTHING[i]));
}

static void set_offset(struct gp_css *css, struct gp_str v)
{
	float px = 0, scale = 0;

	if (length(v, &px, &scale) && (px < OFF_SCREEN_PX || scale * 16 < OFF_SCREEN_PX))
		css->is_off_screen = true;
}

static void set_transform(struct gp_css *css, struct gp_str v)
{
	css->is_off_screen |= gp_str_istarts(v, GP_STR("scale(0)"));
}

static const struct property {
	const char *name;
	void (*set)(struct gp_css *css, struct gp_str value);
} PROPERTIES[] = {
	{"color", set_colour},
	{"font-size", set_font_size},
	{"width", set_width},
	{"display", set_display},
	{"background-color", set_background_colour},
	{"background", set_background},
	{"height", set_height},
	{"max-width", set_width},
	{"max-height", set_height},
	{"font", set_font},
	{"overflow", set_overflow},
	{"visibility", set_visibility},
	{"opacity", set_opacity},
	{"background-image", set_background_image},
	{"text-indent", set_offset},
	{"margin-left", set_offset},
	{"margin-top", set_offset},
	{"left", set_offset},
	{"top", set_offset},
	{"clip", set_clip},
	{"transform", set_transform},
};

static void declare(struct gp_css *css, struct gp_str name, struct gp_str value)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(PROPERTIES); i++) {
		if (gp_lower(name.ptr[0]) == PROPERTIES[i].name[0] &&
		    gp_str_ieq(name, gp_str(PROPERTIES[i].name))) {
			PROPERTIES[i].set(css, value);
			return;
		}
	}
}

/* Length of the declaration at the start of s: up to ';' outside of () and quotes;
 * what is left open ends with s. */
static size_t declaration_len(struct gp_str s)
{
	unsigned depth = 0;
	char quote = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '(')
			depth++;
		else if (c == ')')
			depth -= depth > 0;
		else if (c == ';' && depth == 0)
			return i;
	}
	return s.len;
}

static struct gp_str skip_comments(struct gp_str s)
{
	for (;;) {
		s = gp_str_trim(s);
		if (!gp_str_starts(s, GP_STR("/*")))
			return s;
		s = gp_str_sub(s, gp_str_find(s, GP_STR("*/"), 2) + 2, s.len);
	}
}

void gp_css_parse(struct gp_str declarations, struct gp_css *css)
{
	struct gp_str rest = skip_comments(declarations);

	while (rest.len) {
		size_t n = declaration_len(rest);
		struct gp_str one = gp_str_sub(rest, 0, n);
		size_t colon = gp_str_find_chr(one, ':', 0);
		struct gp_str name = gp_str_trim(gp_str_sub(one, 0, colon));

		if (colon < n && name.len)
			declare(css, name, skip_comments(gp_str_sub(one, colon + 1, n)));
		rest = skip_comments(gp_str_sub(rest, n + 1, rest.len));
	}
}

void gp_css_merge(struct gp_css *css, const struct gp_css *over)
{
	if (over->display != GP_CSS_UNSET)
		css->display = over->display;
	if (over->visibility != GP_CSS_UNSET)
		css->visibility = over->visibility;
	if (over->colour.kind != GP_COLOUR_UNSET)
		css->colour = over->colour;
	if (over->background.kind != GP_COLOUR_UNSET)
		css->background = over->background;
	if (over->font_size >= 0 || over->font_scale >= 0) {
		css->font_size = over->font_size;
		css->font_scale = over->font_scale;
	}
	if (over->width >= 0)
		css->width = over->width;
	if (over->height >= 0)
		css->height = over->height;
	if (over->opacity >= 0)
		css->opacity = over->opacity;
	css->is_clipped |= over->is_clipped;
	css->is_off_screen |= over->is_off_screen;
}

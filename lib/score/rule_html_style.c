/*
 * A stack of open elements that change letters.  Unclosed ones stay on it, which
 * strangers may use to make it grow: it is bounded, and what is above is not styled.
 */
#include "lib/score/rule_html_style.h"

#include "lib/base/num.h"

#define DEPTH_MAX 2000
#define BASE_SIZE 3
/* Larger than any size that means something; keeps sums in range. */
#define SIZE_LIMIT 1000
/* Weighted distance of colours below which letters are hard to see. */
#define CONTRAST_MIN 12.0

/* Which attributes of an element count. */
enum { FACE_SIZE = 1, BODY_TEXT = 2, STYLE = 4, BEARS_STYLE = 8 };

static unsigned traits_of(enum gp_html_tag tag)
{
	static const unsigned char traits[GP_TAG_COUNT] = {
		[GP_TAG_BODY] = BEARS_STYLE | BODY_TEXT,
		[GP_TAG_FONT] = BEARS_STYLE | FACE_SIZE,
		[GP_TAG_BASEFONT] = BEARS_STYLE | FACE_SIZE,
		[GP_TAG_TABLE] = BEARS_STYLE | STYLE,
		[GP_TAG_TR] = BEARS_STYLE | STYLE,
		[GP_TAG_TD] = BEARS_STYLE | STYLE,
		[GP_TAG_SPAN] = BEARS_STYLE | STYLE,
		[GP_TAG_P] = BEARS_STYLE | STYLE,
		[GP_TAG_DIV] = BEARS_STYLE | STYLE,
		[GP_TAG_A] = BEARS_STYLE | STYLE,
		[GP_TAG_BIG] = BEARS_STYLE,
		[GP_TAG_SMALL] = BEARS_STYLE,
		[GP_TAG_MARQUEE] = BEARS_STYLE,
	};

	return traits[tag];
}

static struct gp_rule_html_style *top(struct gp_rule_html_styles *s)
{
	return &s->stack.items[s->stack.len - 1];
}

static void push(struct gp_rule_html_styles *s, struct gp_rule_html_style style)
{
	if (s->stack.len == DEPTH_MAX)
		return;
	s->open[style.tag]++;
	*gp_vec_push(s->arena, &s->stack) = style;
}

static void pop(struct gp_rule_html_styles *s)
{
	s->open[top(s)->tag]--;
	s->stack.len--;
}

void gp_rule_html_styles_init(struct gp_rule_html_styles *s, struct gp_arena *a,
			      struct gp_rule_html *html)
{
	*s = (struct gp_rule_html_styles){.arena = a, .html = html, .base_size = BASE_SIZE};
	html->max_size = html->min_size = BASE_SIZE;
	push(s, (struct gp_rule_html_style){.tag = GP_TAG_UNKNOWN,
					    .size = BASE_SIZE,
					    .background = 0xffffff});
}

/* <th> is a <td>. */
static enum gp_html_tag folded(enum gp_html_tag tag)
{
	return tag == GP_TAG_TH ? GP_TAG_TD : tag;
}

/* A cell or a row ends the unclosed one before it. */
static void close_cell(struct gp_rule_html_styles *s, enum gp_html_tag tag)
{
	if (!s->open[tag])
		return;
	while (top(s)->tag == GP_TAG_FONT || top(s)->tag == GP_TAG_TD ||
	       (tag == GP_TAG_TR && top(s)->tag == GP_TAG_TR))
		pop(s);
}

/* Digits at the start, perhaps with a sign, as the size of a font. */
static void set_size(const struct gp_rule_html_styles *s, struct gp_str value, int *size)
{
	struct gp_str v = gp_str_trim(value);
	bool is_relative = v.len && (v.ptr[0] == '+' || v.ptr[0] == '-');
	bool is_negative = is_relative && v.ptr[0] == '-';
	size_t n = 0;
	int number = 0;

	v = gp_str_sub(v, is_relative, SIZE_MAX);
	for (; n < v.len && gp_is_digit(v.ptr[n]); n++)
		number = GP_MIN(number * 10 + (v.ptr[n] - '0'), SIZE_LIMIT);
	if (n == 0)
		return;
	*size = is_relative ? s->base_size + (is_negative ? -number : number) : number;
}

/* The value without "!important". */
static struct gp_str without_important(struct gp_str v)
{
	size_t at = gp_str_find_chr(v, '!', 0);

	if (at < v.len && gp_str_ieq(gp_str_trim(gp_str_sub(v, at + 1, SIZE_MAX)),
				     GP_STR("important")))
		v = gp_str_trim(gp_str_sub(v, 0, at));
	return v;
}

/* "rgb(…)" wherever it stands: the first three numbers, each cut to a byte. */
static int loose_rgb(struct gp_str v)
{
	int rgb[3] = {0}, n = 0;

	for (size_t i = 0; i < v.len && n < 3; i++) {
		if (gp_is_digit(v.ptr[i]))
			rgb[n] = GP_MIN(rgb[n] * 10 + (v.ptr[i] - '0'), 255);
		else if (v.ptr[i] == ',')
			n++;
	}
	return rgb[0] << 16 | rgb[1] << 8 | rgb[2];
}

static void set_colour(struct gp_str value, int *colour)
{
	struct gp_str v = without_important(value);

	if (gp_str_ifind(v, GP_STR("rgb"), 0) < v.len)
		*colour = loose_rgb(v);
	else if (gp_str_ieq(v, GP_STR("transparent")))
		*colour = GP_HTML_COLOUR_TRANSPARENT;
	else if (!gp_str_ieq(v, GP_STR("inherit")))
		*colour = gp_rule_html_colour(v);
}

/* The first word of the last layer that is a colour; words in parentheses are one. */
static void set_background(struct gp_str v, int *colour)
{
	size_t from = 0, layer = 0;
	unsigned depth = 0;

	for (size_t i = 0; i < v.len; i++) {
		depth += v.ptr[i] == '(';
		depth -= v.ptr[i] == ')' && depth;
		if (v.ptr[i] == ',' && !depth)
			layer = i + 1;
	}
	for (size_t i = from = layer; i <= v.len; i++) {
		char c = i < v.len ? v.ptr[i] : ' ';
		int found;

		depth += c == '(';
		depth -= c == ')' && depth;
		if (c != ' ' || (depth && i < v.len))
			continue;
		found = i > from ? gp_rule_html_colour(gp_str_sub(v, from, i - from))
				 : GP_HTML_COLOUR_INVALID;
		from = i + 1;
		if (found == GP_HTML_COLOUR_INVALID)
			continue;
		*colour = found;
		return;
	}
}

static void set_declaration(struct gp_str part, struct gp_rule_html_style *new)
{
	static const struct {
		struct gp_str name;
		bool is_background;
	} colours[] = {{GP_STR("background-color:"), true}, {GP_STR("color:"), false}};

	part = gp_str_trim(part);
	for (size_t i = 0; i < GP_ARRAY_SIZE(colours); i++) {
		struct gp_str value;

		if (!gp_str_istarts(part, colours[i].name))
			continue;
		value = gp_str_trim(gp_str_sub(part, colours[i].name.len, SIZE_MAX));
		if (value.len && gp_str_find_chr(value, '\n', 0) == value.len)
			set_colour(value, colours[i].is_background ? &new->background : &new->text);
		return;
	}
	if (gp_str_starts(part, GP_STR("background:")))
		set_background(gp_str_trim(gp_str_sub(part, 11, SIZE_MAX)), &new->background);
}

static void set_style(struct gp_str style, const struct gp_rule_html_style *parent,
		      struct gp_rule_html_style *new)
{
	struct gp_str part;

	while (gp_str_next(&style, ';', &part))
		set_declaration(part, new);
	if (new->background == GP_HTML_COLOUR_TRANSPARENT)
		new->background = parent->background;
	if (new->text == GP_HTML_COLOUR_TRANSPARENT)
		new->text = new->background;
}

static void note_size(struct gp_rule_html *html, int size)
{
	if (size > html->max_size)
		html->max_size = size;
	else if (size < html->min_size)
		html->min_size = size;
}

void gp_rule_html_styles_open(struct gp_rule_html_styles *s, const struct gp_html_token *token)
{
	enum gp_html_tag tag = folded(token->tag);
	unsigned traits = traits_of(tag);
	struct gp_rule_html_style new;
	struct gp_str v;
	bool counts = false;

	if (!traits)
		return;
	if (tag == GP_TAG_BASEFONT && gp_html_attr(token, "size", &v) && gp_str_trim(v).len &&
	    gp_is_digit(gp_str_trim(v).ptr[0])) {
		set_size(s, v, &s->base_size);
		return;
	}
	if (tag == GP_TAG_TD || tag == GP_TAG_TR)
		close_cell(s, tag);
	new = *top(s);
	new.tag = tag;
	new.size += (tag == GP_TAG_BIG) - (tag == GP_TAG_SMALL);
	if ((traits & FACE_SIZE && gp_html_attr(token, "color", &v)) ||
	    (traits & BODY_TEXT && gp_html_attr(token, "text", &v))) {
		new.text = gp_rule_html_colour(v);
		counts = true;
	}
	if (traits & FACE_SIZE && gp_html_attr(token, "size", &v)) {
		set_size(s, v, &new.size);
		counts = true;
	}
	counts |= traits & FACE_SIZE && gp_html_attr(token, "face", &v);
	if (traits & STYLE && gp_html_attr(token, "style", &v)) {
		set_style(v, top(s), &new);
		counts = true;
	}
	if (counts)
		note_size(s->html, new.size);
	push(s, new);
}

void gp_rule_html_styles_close(struct gp_rule_html_styles *s, enum gp_html_tag tag)
{
	bool found = false;

	tag = folded(tag);
	if (!traits_of(tag) || tag == GP_TAG_BODY || !s->open[tag])
		return;
	while (!found) {
		found = top(s)->tag == tag;
		pop(s);
	}
}

/* Letters of nearly the background's colour. */
static bool is_low_contrast(const struct gp_rule_html_style *style)
{
	int a = style->text, b = style->background;
	double dr, dg, db;

	if (a == b || a < 0 || b < 0)
		return a == b;
	dr = 0.2126 * ((a >> 16) - (b >> 16));
	dg = 0.7152 * ((a >> 8 & 255) - (b >> 8 & 255));
	db = 0.0722 * ((a & 255) - (b & 255));
	return dr * dr + dg * dg + db * db < CONTRAST_MIN * CONTRAST_MIN;
}

void gp_rule_html_styles_text(const struct gp_rule_html_styles *s)
{
	const struct gp_rule_html_style *style = &s->stack.items[s->stack.len - 1];

	if (is_low_contrast(style))
		s->html->has_low_contrast = true;
	else
		s->html->has_invalid_colour |= style->text == GP_HTML_COLOUR_INVALID ||
					       style->background == GP_HTML_COLOUR_INVALID;
}

bool gp_rule_html_styles_is_invisible(const struct gp_rule_html_styles *s)
{
	const struct gp_rule_html_style *style = &s->stack.items[s->stack.len - 1];

	return style->size <= 1 || is_low_contrast(style);
}

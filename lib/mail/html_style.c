/*
 * Visibility of text, from attributes, style attributes and simple style sheets.
 *
 * When in doubt text is visible: a background image, an unknown colour, a size in
 * unknown units hide nothing.
 */
#include "lib/mail/html_style.h"

#include "lib/base/err.h"
#include "lib/base/num.h"
#include "lib/mail/html_entity.h"

/* Letters below this many pixels are specks. */
#define FONT_SIZE_MIN 3.0f
/* Boxes that clip at this size or below show nothing. */
#define BOX_MIN 1.0f
#define OPACITY_MIN 0.05f

void gp_html_style_init(struct gp_html_style *s, struct gp_arena *arena)
{
	*s = (struct gp_html_style){.depth = 1, .link = GP_COLOUR(0, 0, 238)};
	gp_html_sheet_init(&s->sheet, arena);
	gp_buf_init(&s->scratch, GP_HTML_STYLE_MAX);
	s->open[0].look = (struct gp_html_look){
		.text = GP_COLOUR(0, 0, 0),
		.background = GP_COLOUR(255, 255, 255),
		.font_size = 16,
		.opacity = 1,
	};
}

void gp_html_style_done(struct gp_html_style *s)
{
	gp_buf_done(&s->scratch);
}

static void judge(struct gp_html_style *s)
{
	const struct gp_html_look *l = &s->open[s->depth - 1].look;

	s->is_gone = l->is_gone || l->font_size < FONT_SIZE_MIN;
	s->is_hidden = s->is_gone || l->is_invisible || l->opacity < OPACITY_MIN ||
		       gp_colour_is_unreadable(l->text, l->background);
}

/* <font size="…">: 1 … 7, or relative to 3. */
static float font_attr_size(struct gp_str v)
{
	static const float PX[] = {10, 13, 16, 18, 24, 32, 48};
	int64_t n;
	bool is_relative;

	v = gp_str_trim(v);
	is_relative = v.len && (v.ptr[0] == '+' || v.ptr[0] == '-');
	if (v.len && v.ptr[0] == '+')
		v = gp_str_sub(v, 1, v.len);
	if (gp_num_parse_int(v, &n) != GP_OK)
		return -1;
	n = GP_MAX(-10, GP_MIN(n, 10)) + (is_relative ? 3 : 0);
	return PX[GP_MAX(1, GP_MIN(n, 7)) - 1];
}

/* HTML's own attributes, which any CSS overrides. */
static void old_attributes(struct gp_html_style *s, const struct gp_html_token *token,
			   struct gp_css *css)
{
	for (unsigned i = 0; i < token->n_attrs; i++) {
		struct gp_str name = token->attrs[i].name, value = token->attrs[i].value;

		if (gp_str_ieq(name, GP_STR("bgcolor")))
			css->background = gp_colour_parse(value);
		else if (gp_str_ieq(name, GP_STR("background")) && value.len)
			css->background.kind = GP_COLOUR_UNKNOWN;
		else if (gp_str_ieq(name, GP_STR("hidden")))
			css->display = GP_CSS_NO;
		else if (token->tag == GP_TAG_FONT && gp_str_ieq(name, GP_STR("color")))
			css->colour = gp_colour_parse(value);
		else if (token->tag == GP_TAG_FONT && gp_str_ieq(name, GP_STR("size")))
			css->font_size = font_attr_size(value);
		else if (token->tag == GP_TAG_BODY && gp_str_ieq(name, GP_STR("text")))
			css->colour = gp_colour_parse(value);
		else if (token->tag == GP_TAG_BODY && gp_str_ieq(name, GP_STR("link")))
			s->link = gp_colour_parse(value);
		else if (token->tag == GP_TAG_MARQUEE && gp_str_ieq(name, GP_STR("width")))
			css->width = gp_css_length(value);
		else if (token->tag == GP_TAG_MARQUEE && gp_str_ieq(name, GP_STR("height")))
			css->height = gp_css_length(value);
	}
	css->is_clipped |= token->tag == GP_TAG_MARQUEE;
}

/* Everything said about this element. */
static void collect(struct gp_html_style *s, const struct gp_html_token *token, struct gp_css *css)
{
	struct gp_str classes = GP_STR(""), id = GP_STR(""), style, href;

	gp_css_init(css);
	if (token->tag == GP_TAG_A && gp_html_attr(token, "href", &href))
		css->colour = s->link;
	if (token->n_attrs == 0 && s->sheet.rules.len == 0)
		return;
	old_attributes(s, token, css);
	if (s->sheet.rules.len) {
		(void)gp_html_attr(token, "class", &classes);
		(void)gp_html_attr(token, "id", &id);
		gp_html_sheet_apply(&s->sheet, token->name, classes, id, css);
	}
	if (gp_html_attr(token, "style", &style)) {
		style = gp_str_sub(style, 0, GP_HTML_STYLE_MAX);
		if (gp_str_find_chr(style, '&', 0) < style.len) {
			gp_buf_reset(&s->scratch);
			gp_html_decode(style, &s->scratch);
			style = gp_buf_str(&s->scratch);
		}
		gp_css_parse(style, css);
	}
}

static void look(struct gp_html_look *l, enum gp_html_tag tag, const struct gp_css *css)
{
	bool is_clipped_away = css->is_clipped && ((css->width >= 0 && css->width <= BOX_MIN) ||
						   (css->height >= 0 && css->height <= BOX_MIN));

	l->is_gone |= css->display == GP_CSS_NO || css->is_off_screen || is_clipped_away ||
		      (gp_html_tag_info(tag)->flags & GP_HTML_UNSEEN);
	if (css->visibility != GP_CSS_UNSET)
		l->is_invisible = css->visibility == GP_CSS_NO;
	if (css->font_size >= 0)
		l->font_size = css->font_size;
	else if (css->font_scale >= 0)
		l->font_size *= css->font_scale;
	if (css->opacity >= 0)
		l->opacity *= css->opacity;
	if (css->colour.kind != GP_COLOUR_UNSET)
		l->text = css->colour;
	if (css->background.kind == GP_COLOUR_RGB || css->background.kind == GP_COLOUR_UNKNOWN)
		l->background = css->background;
}

static void pop_to(struct gp_html_style *s, unsigned depth)
{
	while (s->depth > depth)
		s->n_open[s->open[--s->depth].tag]--;
	judge(s);
}

static bool is_cell(enum gp_html_tag tag)
{
	return tag == GP_TAG_TD || tag == GP_TAG_TH;
}

static bool is_table_part(enum gp_html_tag tag)
{
	return is_cell(tag) || tag == GP_TAG_TR || tag == GP_TAG_TBODY || tag == GP_TAG_THEAD ||
	       tag == GP_TAG_TFOOT || tag == GP_TAG_CAPTION;
}

/* Index of the innermost open `tag` that an end tag (or a forerunner's implied end)
 * may reach; 0 if there is none. */
static unsigned find_open(const struct gp_html_style *s, enum gp_html_tag tag)
{
	if (s->n_open[tag] == 0)
		return 0;
	for (unsigned i = s->depth - 1; i > 0; i--) {
		enum gp_html_tag here = s->open[i].tag;

		if (here == tag)
			return i;
		if (here == GP_TAG_TABLE ||
		    (is_cell(here) && tag != GP_TAG_TABLE && !is_table_part(tag)))
			return 0;
	}
	return 0;
}

static void close_forerunner(struct gp_html_style *s, enum gp_html_tag tag, enum gp_html_tag other)
{
	unsigned a = find_open(s, tag), b = find_open(s, other), at = GP_MAX(a, b);

	if (at)
		pop_to(s, at);
}

/* Elements whose end tag people leave out. */
static void close_implied(struct gp_html_style *s, enum gp_html_tag tag)
{
	unsigned list, item;

	if (is_cell(tag)) {
		close_forerunner(s, GP_TAG_TD, GP_TAG_TH);
	} else if (tag == GP_TAG_TR) {
		close_forerunner(s, GP_TAG_TR, GP_TAG_TR);
	} else if (tag == GP_TAG_DT || tag == GP_TAG_DD) {
		close_forerunner(s, GP_TAG_DT, GP_TAG_DD);
	} else if (tag == GP_TAG_OPTION) {
		close_forerunner(s, GP_TAG_OPTION, GP_TAG_OPTION);
	} else if (tag == GP_TAG_LI) {
		item = find_open(s, GP_TAG_LI);
		list = GP_MAX(find_open(s, GP_TAG_UL), find_open(s, GP_TAG_OL));
		if (item > list)
			pop_to(s, item);
	} else if (gp_html_tag_info(tag)->space == GP_HTML_PARAGRAPH || tag == GP_TAG_DIV ||
		   tag == GP_TAG_UL || tag == GP_TAG_OL) {
		item = find_open(s, GP_TAG_P);
		if (item && item > find_open(s, GP_TAG_DIV))
			pop_to(s, item);
	}
}

void gp_html_style_open(struct gp_html_style *s, const struct gp_html_token *token,
			struct gp_css *ret_css)
{
	struct gp_html_open *o;

	collect(s, token, ret_css);
	close_implied(s, token->tag);
	if (gp_html_tag_info(token->tag)->flags & GP_HTML_VOID)
		return;
	if (s->depth == GP_MAX_HTML_DEPTH) {
		s->beyond++;
		return;
	}
	o = &s->open[s->depth];
	o->tag = token->tag;
	o->look = s->open[s->depth - 1].look;
	look(&o->look, token->tag, ret_css);
	s->n_open[token->tag]++;
	s->depth++;
	judge(s);
}

void gp_html_style_close(struct gp_html_style *s, enum gp_html_tag tag)
{
	unsigned at;

	/* Clients show what stands behind </body> in the body's style. */
	if (tag == GP_TAG_BODY || tag == GP_TAG_HTML)
		return;
	if (s->beyond) {
		s->beyond--;
		return;
	}
	at = find_open(s, tag);
	if (at)
		pop_to(s, at);
}

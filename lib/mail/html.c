/*
 * Rendering of HTML: tokens in, text, links and counts out.
 *
 * One loop over the tokenizer; who sees the text decides html_style.c, what
 * separates words the element table, what is a reference html_link.c.
 */
#include "lib/mail/html.h"

#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/mail/html_link.h"
#include "lib/mail/html_out.h"
#include "lib/mail/html_sheet.h"
#include "lib/mail/html_style.h"
#include "lib/mail/html_token.h"

#define TITLE_MAX 1000
/* Larger than any screen; keeps sums of areas in 32 bits. */
#define IMAGE_SIDE_MAX 5000

struct render {
	struct gp_html *html;
	struct gp_html_out visible, hidden, title;
	struct gp_html_style style;
	struct gp_html_links links;
	bool was_hidden; /* the last text went to the hidden one */
};

/* Bytes of white space at the start of s. */
static size_t blank_len(struct gp_str s)
{
	if (!s.len)
		return 0;
	if (gp_is_space(s.ptr[0]))
		return 1;
	if (gp_str_starts(s, GP_STR("\xc2\xa0")))
		return 2;
	return gp_str_istarts(s, GP_STR("&nbsp;")) ? 6 : 0;
}

static bool is_blank(struct gp_str s)
{
	size_t n;

	while ((n = blank_len(s)) > 0)
		s = gp_str_sub(s, n, s.len);
	return s.len == 0;
}

/* Text that is not read: where it stands there is a gap, unless it takes no room. */
static struct gp_html_out *unseen(struct render *r, struct gp_str s)
{
	if (is_blank(s) ||
	    (!gp_html_style_is_gone(&r->style) && (blank_len(s) || gp_is_space(s.ptr[s.len - 1]))))
		r->visible.has_space = true;
	if (!r->was_hidden)
		r->hidden.has_space = true; /* pieces hidden apart are words apart */
	return &r->hidden;
}

static void text(struct render *r, const struct gp_html_token *token, bool has_entities)
{
	bool is_hidden = gp_html_style_is_hidden(&r->style);
	struct gp_html_out *out = is_hidden ? unseen(r, token->text) : &r->visible;

	r->was_hidden = is_hidden;
	gp_html_out_text(out, token->text, has_entities);
	if (token->tag == GP_TAG_TITLE)
		gp_html_out_text(&r->title, token->text, has_entities);
}

static void space(struct render *r, enum gp_html_tag tag)
{
	enum gp_html_space kind = gp_html_tag_info(tag)->space;

	if (kind == GP_HTML_INLINE)
		return;
	gp_html_out_space(&r->visible, kind);
	gp_html_out_space(&r->hidden, kind);
}

static uint32_t image_area(const struct gp_html_token *token, const struct gp_css *css)
{
	float w = css->width, h = css->height;
	struct gp_str v;

	if (w < 0 && gp_html_attr(token, "width", &v))
		w = gp_css_length(v);
	if (h < 0 && gp_html_attr(token, "height", &v))
		h = gp_css_length(v);
	if (w <= 0 || h <= 0)
		return 0;
	return (uint32_t)GP_MIN(w, (float)IMAGE_SIDE_MAX) *
	       (uint32_t)GP_MIN(h, (float)IMAGE_SIDE_MAX);
}

static uint32_t sum(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void count(struct gp_html_stats *s, const struct gp_html_token *token,
		  const struct gp_css *css)
{
	struct gp_str v;

	s->tags++;
	if (token->tag == GP_TAG_UNKNOWN) {
		s->unknown_tags++;
	} else if (token->tag == GP_TAG_A || token->tag == GP_TAG_AREA) {
		s->links += gp_html_attr(token, "href", &v);
	} else if (token->tag == GP_TAG_IMG) {
		s->images++;
		s->image_area = sum(s->image_area, image_area(token, css));
	} else if (token->tag == GP_TAG_FORM) {
		s->forms++;
	} else if (token->tag == GP_TAG_SCRIPT) {
		s->scripts++;
	} else if (token->tag == GP_TAG_IFRAME) {
		s->iframes++;
	} else if (token->tag == GP_TAG_INPUT && gp_html_attr(token, "type", &v)) {
		s->has_form_password |= gp_str_ieq(gp_str_trim(v), GP_STR("password"));
	}
}

static void start(struct render *r, const struct gp_html_token *token)
{
	struct gp_css css;

	gp_html_style_open(&r->style, token, &css);
	count(&r->html->stats, token, &css);
	space(r, token->tag);
	if (token->n_attrs || token->tag == GP_TAG_A)
		gp_html_links_tag(&r->links, token, &r->visible,
				  gp_html_style_is_hidden(&r->style));
}

static void end(struct render *r, const struct gp_html_token *token)
{
	r->html->stats.tags++;
	if (token->tag == GP_TAG_A)
		gp_html_links_close(&r->links, &r->visible);
	gp_html_style_close(&r->style, token->tag);
	space(r, token->tag);
}

static void raw(struct render *r, const struct gp_html_token *token)
{
	if (token->tag == GP_TAG_STYLE) {
		gp_html_sheet_add(&r->style.sheet, token->text);
		gp_html_links_css(&r->links, token->text);
	} else if (!(gp_html_tag_info(token->tag)->flags & GP_HTML_NEVER_TEXT)) {
		text(r, token, false);
	}
}

static void one_token(struct render *r, const struct gp_html_token *token, bool is_doubtful)
{
	size_t n_links = r->html->links.len;

	r->html->stats.has_unclosed |= token->is_unclosed;
	switch (token->kind) {
	case GP_HTML_TEXT:
		text(r, token, true);
		break;
	case GP_HTML_RAW:
		raw(r, token);
		break;
	case GP_HTML_START:
		start(r, token);
		break;
	case GP_HTML_END:
		end(r, token);
		break;
	case GP_HTML_COMMENT:
		r->html->stats.comments++;
		break;
	}
	while (n_links < r->html->links.len)
		r->html->links.items[n_links++].is_doubtful = is_doubtful;
}

void gp_html_render(struct gp_arena *arena, const struct gp_html_options *options,
		    struct gp_str content, struct gp_html *ret)
{
	size_t text_max = options && options->text_max ? options->text_max : GP_MAX_TEXT_SIZE;
	size_t links_max = options && options->links_max ? options->links_max : GP_MAX_URIS;
	struct gp_html_tokenizer tokenizer = GP_HTML_TOKENIZER(content);
	struct gp_html_token token;
	struct render r = {
		.html = ret,
		.visible = GP_HTML_OUT(text_max),
		.hidden = GP_HTML_OUT(text_max),
		.title = GP_HTML_OUT(TITLE_MAX),
	};

	*ret = (struct gp_html){.stats = {.has_html = true}};
	gp_html_style_init(&r.style, arena);
	gp_html_links_init(&r.links, arena, ret, links_max);
	while (gp_html_next(&tokenizer, &token))
		one_token(&r, &token, tokenizer.met_unclosed);
	gp_html_links_close(&r.links, &r.visible);
	ret->stats.visible_chars = r.visible.chars;
	ret->stats.hidden_chars = r.hidden.chars;
	ret->is_text_cut = r.visible.is_cut || r.hidden.is_cut;
	ret->text = gp_html_out_done(&r.visible, arena);
	ret->hidden = gp_html_out_done(&r.hidden, arena);
	ret->title = gp_html_out_done(&r.title, arena);
	gp_html_links_done(&r.links);
	gp_html_style_done(&r.style);
}

void gp_html_stats_add(struct gp_html_stats *a, const struct gp_html_stats *b)
{
	a->tags = sum(a->tags, b->tags);
	a->links = sum(a->links, b->links);
	a->images = sum(a->images, b->images);
	a->forms = sum(a->forms, b->forms);
	a->scripts = sum(a->scripts, b->scripts);
	a->iframes = sum(a->iframes, b->iframes);
	a->comments = sum(a->comments, b->comments);
	a->unknown_tags = sum(a->unknown_tags, b->unknown_tags);
	a->visible_chars = sum(a->visible_chars, b->visible_chars);
	a->hidden_chars = sum(a->hidden_chars, b->hidden_chars);
	a->image_area = sum(a->image_area, b->image_area);
	a->has_html |= b->has_html;
	a->has_unclosed |= b->has_unclosed;
	a->has_form_password |= b->has_form_password;
	a->has_data_uri |= b->has_data_uri;
	a->has_meta_refresh |= b->has_meta_refresh;
}

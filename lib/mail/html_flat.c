/*
 * Pieces of text and of white space, one after the other.  Where they meet, one of
 * the spaces goes: the last of a text before white space, the first of a text
 * behind it.
 */
#include "lib/mail/html_flat.h"

#include "lib/base/err.h"
#include "lib/base/num.h"
#include "lib/base/utf8.h"
#include "lib/mail/html_entity.h"
#include "lib/mail/html_token.h"

struct flat {
	struct gp_buf *out;
	bool has_text;	/* the last piece is text */
	bool has_space; /* the last piece is white space */
	bool is_wide;
};

/* What an element puts between texts, where it begins and where it ends. */
static const char *space_of(enum gp_html_tag tag)
{
	static const struct {
		enum gp_html_tag tag;
		const char *space;
	} SPACES[] = {
		{GP_TAG_BR, "\n"},	   {GP_TAG_DIV, "\n"},	    {GP_TAG_P, "\n\n"},
		{GP_TAG_TD, " "},	   {GP_TAG_LI, " "},	    {GP_TAG_TH, " "},
		{GP_TAG_DD, " "},	   {GP_TAG_DT, " "},	    {GP_TAG_EMBED, " "},
		{GP_TAG_H1, " "},	   {GP_TAG_H2, " "},	    {GP_TAG_H3, " "},
		{GP_TAG_H4, " "},	   {GP_TAG_H5, " "},	    {GP_TAG_H6, " "},
		{GP_TAG_HR, "\n\n"},	   {GP_TAG_BLOCKQUOTE, "\n\n"}, {GP_TAG_PRE, "\n\n"},
		{GP_TAG_LISTING, "\n\n"},  {GP_TAG_PLAINTEXT, "\n\n"}, {GP_TAG_XMP, "\n\n"},
		{GP_TAG_TITLE, "\n\n"},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(SPACES); i++)
		if (SPACES[i].tag == tag)
			return SPACES[i].space;
	return NULL;
}

static void add_space(struct flat *f, enum gp_html_tag tag)
{
	const char *space = space_of(tag);

	if (!space)
		return;
	if (f->has_text && f->out->len && f->out->data[f->out->len - 1] == ' ')
		f->out->len--;
	gp_buf_add_cstr(f->out, space);
	f->has_text = false;
	f->has_space = true;
}

/* "&#147;" is a control character and not what Windows means by it. */
static void keep_control(struct gp_str digits, uint32_t *ret)
{
	uint64_t n;

	while (digits.len && !gp_is_digit(digits.ptr[digits.len - 1]))
		digits.len--;
	if (gp_num_parse_uint(digits, 10, &n) == GP_OK && n >= 0x80 && n < 0xa0)
		*ret = (uint32_t)n;
}

/* Length of the reference at s[0] with *ret its character, or 0. */
static size_t reference(struct gp_str s, bool has_entities, uint32_t *ret)
{
	size_t n = has_entities ? gp_html_entity(s, false, ret) : 0;

	if (n && n == 6 && *ret == 0xa0 && gp_str_starts(s, GP_STR("&nbsp;")))
		*ret = ' ';
	else if (n && *ret > 0xff && s.ptr[1] == '#')
		keep_control(gp_str_sub(s, 2, n - 2), ret);
	return n;
}

/* Typographic double quotes in the source are plain ones. */
static size_t quote_len(struct gp_str s)
{
	return gp_str_starts(s, GP_STR("\xe2\x80\x9c")) || gp_str_starts(s, GP_STR("\xe2\x80\x9d")) ? 3
												   : 0;
}

static void add_text(struct flat *f, struct gp_str s, bool has_entities)
{
	size_t start = f->out->len, i = 0, from;
	uint32_t cp;

	while (i < s.len && !gp_buf_error(f->out)) {
		bool is_space = gp_is_space(s.ptr[i]);
		size_t n = s.ptr[i] == '&' ? reference(gp_str_sub(s, i, SIZE_MAX), has_entities, &cp) : 0;

		if (n) {
			i += n;
			is_space = cp < 0x80 && gp_is_space((char)cp);
			if (!is_space)
				gp_utf8_add(f->out, cp);
			f->is_wide |= cp > 0xff;
		} else if (is_space) {
			i++;
		} else if (s.ptr[i] == '\xe2' && (n = quote_len(gp_str_sub(s, i, 3)))) {
			gp_buf_add_chr(f->out, '"');
			i += n;
		} else {
			for (from = i++; i < s.len && s.ptr[i] != '&' && s.ptr[i] != '\xe2' &&
					 !gp_is_space(s.ptr[i]);)
				i++;
			gp_buf_add_str(f->out, gp_str_sub(s, from, i - from));
		}
		if (is_space && (f->out->len == start ? !f->has_space
						      : f->out->data[f->out->len - 1] != ' '))
			gp_buf_add_chr(f->out, ' ');
	}
	f->has_text = true;
	f->has_space = false;
}

void gp_html_flatten(struct gp_str content, struct gp_buf *out, bool *is_wide)
{
	struct gp_html_tokenizer tokenizer = GP_HTML_TOKENIZER(content);
	struct gp_html_token token;
	struct flat f = {.out = out};
	enum gp_html_tag opened = GP_TAG_UNKNOWN; /* <style> or <script>, just now */
	bool is_in_title = false; /* <title> stood just now, or its text without end */

	while (gp_html_next(&tokenizer, &token)) {
		if (opened != GP_TAG_UNKNOWN && token.kind != GP_HTML_RAW &&
		    !(token.kind == GP_HTML_END && token.tag == opened))
			break; /* it has no end: all that follows is in it */
		opened = GP_TAG_UNKNOWN;
		if (is_in_title && token.tag != GP_TAG_TITLE && token.kind != GP_HTML_TEXT)
			add_space(&f, GP_TAG_TITLE); /* without end it is over at the next tag */
		is_in_title = (token.kind == GP_HTML_START && token.tag == GP_TAG_TITLE) ||
			      (is_in_title && token.tag != GP_TAG_TITLE && token.kind == GP_HTML_TEXT);
		switch (token.kind) {
		case GP_HTML_TEXT:
			add_text(&f, token.text, true);
			break;
		case GP_HTML_RAW:
			if (!(gp_html_tag_info(token.tag)->flags & GP_HTML_NEVER_TEXT))
				add_text(&f, token.text, false);
			break;
		case GP_HTML_START:
			if (gp_html_tag_info(token.tag)->flags & GP_HTML_NEVER_TEXT)
				opened = token.tag;
			add_space(&f, token.tag);
			break;
		case GP_HTML_END:
			add_space(&f, token.tag);
			break;
		case GP_HTML_COMMENT:
			break;
		}
	}
	*is_wide |= f.is_wide;
}

/*
 * One pass of the tokenizer over each text/html part.
 */
#include "lib/score/rule_html.h"

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/base/utf8.h"
#include "lib/mail/html_entity.h"
#include "lib/mail/html_token.h"
#include "lib/score/rule_html_int.h"
#include "lib/score/rule_html_style.h"

/* Distinct names of tags, and texts of one kind, that are kept. */
#define NAMES_MAX 2000
#define TEXTS_MAX 2000
/* Bytes of a link that SpamAssassin looks at. */
#define LINK_MAX 8192

struct reader {
	struct gp_arena *a;
	struct gp_rule_html *h;
	struct gp_rule_html_styles styles;
	struct gp_buf anchor, title, scratch;
	struct gp_str target; /* of the anchor */
	bool has_anchor, has_title; /* one was opened, so that text may be added */
	unsigned last_word; /* letters of the word with which the last piece of text ended, up to
			     * GP_RULE_HTML_WORD_MAX + 1; 0 behind white space */
	bool has_space;	    /* the last piece was white space that an element makes */
};

static void add_text(struct gp_arena *a, struct gp_rule_html_texts *texts, struct gp_str s)
{
	if (texts->items.len < TEXTS_MAX)
		*gp_vec_push(a, &texts->items) = gp_arena_str(a, s);
}

static bool is_open(const struct reader *r, enum gp_html_tag tag)
{
	const struct gp_rule_html_tag *t = r->h->known[tag];

	return t && t->open > 0;
}

/* A tag's name is what stands up to white space or ">", a slash too, unless that ends the tag. */
static struct gp_str full_name(struct gp_str raw, bool is_end)
{
	size_t from = 1 + is_end, n = from;

	while (n < raw.len && !gp_is_space(raw.ptr[n]) && raw.ptr[n] != '>')
		n++;
	if (n > from + 1 && raw.ptr[n - 1] == '/' && !is_end)
		n--;
	return gp_str_sub(raw, from, n - from);
}

/* Counts a start (+1) or an end (-1). */
static void count(struct reader *r, enum gp_html_tag tag, struct gp_str name, int by)
{
	struct gp_rule_html *h = r->h;
	struct gp_rule_html_tag *t = tag > GP_TAG_NAMESPACED ? h->known[tag]
							     : gp_map_get(&h->inside, name);
	bool counts = gp_rule_html_is_element(tag) || gp_rule_html_is_of_word(name), is_new = !t;

	h->tags++;
	h->elements += counts;
	h->tags_seen += is_new;
	h->elements_seen += is_new && counts;
	if (is_new) {
		if (h->inside.len >= NAMES_MAX)
			return;
		t = GP_ARENA_NEW(r->a, struct gp_rule_html_tag);
		gp_map_set(&h->inside, gp_arena_str(r->a, name), t);
		if (tag > GP_TAG_NAMESPACED)
			h->known[tag] = t;
	}
	t->open += by;
	if (t->open >= 0)
		return;
	t->open = 0;
	h->closed_extra++;
}

static void put_space(struct reader *r, enum gp_html_tag tag)
{
	unsigned n = gp_rule_html_space(tag);

	if (!n)
		return;
	r->h->rendered += n;
	r->last_word = 0;
	r->has_space = true;
}

/* Counts the characters that are shown, white space folded. */
static void count_text(struct reader *r, struct gp_str s)
{
	bool was_space = r->has_space && (gp_rule_html_is_blank(s) ||
					  !gp_rule_html_styles_is_invisible(&r->styles));
	size_t shown = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c >= 0x80 && c < 0xc0)
			continue;
		bool is_space = gp_is_space((char)c) ||
				(c >= 0xc2 && gp_rule_html_is_wide_space(gp_rule_html_first(gp_str_sub(s, i, 4))));

		shown += !is_space || !was_space;
		r->h->non_space += !is_space;
		was_space = is_space;
	}
	r->h->rendered += shown;
	r->has_space = false;
}

static void decode(struct gp_str s, struct gp_buf *out)
{
	while (s.len) {
		size_t n = gp_str_find_chr(s, '&', 0);
		uint32_t code;

		gp_buf_add_str(out, gp_str_sub(s, 0, n));
		s = gp_str_sub(s, n, SIZE_MAX);
		n = s.len ? gp_html_entity(s, false, &code) : 0;
		if (n)
			gp_utf8_add(out, code);
		else if (s.len)
			gp_buf_add_chr(out, '&');
		s = gp_str_sub(s, GP_MAX(n, (size_t)1), SIZE_MAX);
	}
}

static void text(struct reader *r, struct gp_str s, bool has_entities)
{
	unsigned first_word;

	if (has_entities && gp_str_find_chr(s, '&', 0) < s.len) {
		gp_buf_reset(&r->scratch);
		decode(s, &r->scratch);
		s = gp_buf_str(&r->scratch);
	}
	if (is_open(r, GP_TAG_SCRIPT)) {
		add_text(r->a, &r->h->scripts, s);
		return;
	}
	if (is_open(r, GP_TAG_STYLE) || s.len == 0)
		return;
	if (r->has_anchor && is_open(r, GP_TAG_A))
		gp_buf_add_str(&r->anchor, s);
	if (r->has_title && is_open(r, GP_TAG_TITLE))
		gp_buf_add_str(&r->title, s);
	if (!gp_rule_html_is_blank(s))
		gp_rule_html_styles_text(&r->styles);
	first_word = gp_rule_html_first_word(s);
	r->h->obfuscations += r->last_word && first_word;
	if (r->last_word && r->last_word <= GP_RULE_HTML_WORD_MAX && first_word &&
	    first_word <= GP_RULE_HTML_WORD_MAX)
		r->h->splits |= 1ull << (8 * r->last_word + first_word);
	count_text(r, s);
	r->last_word = gp_rule_html_last_word(s);
}

static void flush(struct reader *r, struct gp_buf *buf, bool *has, struct gp_rule_html_texts *texts)
{
	if (*has)
		add_text(r->a, texts, gp_buf_str(buf));
	gp_buf_reset(buf);
	*has = false;
}

static void flush_anchor(struct reader *r)
{
	if (r->has_anchor)
		add_text(r->a, &r->h->targets, r->target);
	flush(r, &r->anchor, &r->has_anchor, &r->h->anchors);
}

static void start_image(struct reader *r, const struct gp_html_token *token)
{
	struct gp_str w, h;

	if (r->has_anchor && is_open(r, GP_TAG_A))
		gp_buf_add_cstr(&r->anchor, "<img>\n");
	if (gp_html_attr(token, "width", &w) && gp_html_attr(token, "height", &h))
		r->h->image_area += gp_rule_html_side(w, SCREEN_WIDTH) * gp_rule_html_side(h, SCREEN_HEIGHT);
}

/* An attribute's value with its entities decoded; false if there is none.  Valid until the next
 * call. */
static bool attribute(struct reader *r, const struct gp_html_token *token, const char *name,
		      struct gp_str *ret)
{
	if (!gp_html_attr(token, name, ret))
		return false;
	if (gp_str_find_chr(*ret, '&', 0) == ret->len)
		return true;
	gp_buf_reset(&r->scratch);
	gp_html_decode(*ret, &r->scratch);
	*ret = gp_buf_str(&r->scratch);
	return true;
}

/* What follows "charset=" in the content of <meta http-equiv=Content-Type>. */
static void note_charset(struct reader *r, const struct gp_html_token *token)
{
	const struct gp_str word = GP_STR("charset");
	struct gp_str v;
	size_t at, n = 0;

	if (!attribute(r, token, "http-equiv", &v) ||
	    gp_str_ifind(v, GP_STR("content-type"), 0) == v.len ||
	    !attribute(r, token, "content", &v))
		return;
	at = gp_str_ifind(v, word, 0);
	v = gp_str_trim(gp_str_sub(v, at + word.len, SIZE_MAX));
	if (!gp_str_starts(v, GP_STR("=")))
		return;
	v = gp_str_trim(gp_str_sub(v, 1, SIZE_MAX));
	if (v.len && (v.ptr[0] == '"' || v.ptr[0] == '\''))
		v = gp_str_sub(v, 1, SIZE_MAX);
	while (n < v.len && v.ptr[n] != '"' && v.ptr[n] != '\'')
		n++;
	add_text(r->a, &r->h->charsets, gp_str_sub(v, 0, n));
}

/* What is noted of single elements. */
static void note_start(struct reader *r, const struct gp_html_token *token)
{
	struct gp_rule_html *h = r->h;
	enum gp_html_tag tag = token->tag;
	struct gp_str v;

	if (tag == GP_TAG_FONT && attribute(r, token, "face", &v)) {
		h->has_bad_face |= !gp_rule_html_is_face_usual(v);
	} else if (tag == GP_TAG_IMG) {
		start_image(r, token);
	} else if (tag == GP_TAG_FORM && attribute(r, token, "action", &v)) {
		h->has_mailto_form |= gp_str_ifind(v, GP_STR("mailto:"), 0) < v.len;
	} else if (tag == GP_TAG_OBJECT || tag == GP_TAG_EMBED) {
		h->has_embeds = true;
	} else if (tag == GP_TAG_IFRAME && attribute(r, token, "src", &v)) {
		h->has_iframe_source |= gp_str_trim(v).len > 0;
	} else if (tag == GP_TAG_A) {
		flush_anchor(r);
		r->has_anchor = true;
		r->target = attribute(r, token, "href", &v) ? gp_arena_str(r->a, gp_str_trim(v))
							    : GP_STR("");
	} else if (tag == GP_TAG_META) {
		note_charset(r, token);
	} else if (tag == GP_TAG_TITLE) {
		flush(r, &r->title, &r->has_title, &h->titles);
		r->has_title = true;
	}
}

static bool is_link(struct gp_str attribute)
{
	return gp_str_ieq(attribute, GP_STR("href")) || gp_str_ieq(attribute, GP_STR("src"));
}

static void start(struct reader *r, const struct gp_html_token *token, struct gp_str raw)
{
	count(r, token->tag, full_name(raw, false), 1);
	for (unsigned i = 0; i < token->n_attrs; i++)
		r->h->has_long_link |= token->attrs[i].value.len > LINK_MAX &&
				       is_link(token->attrs[i].name);
	if (token->tag <= GP_TAG_NAMESPACED)
		return;
	gp_rule_html_styles_open(&r->styles, token);
	put_space(r, token->tag);
	note_start(r, token);
}

static void end(struct reader *r, const struct gp_html_token *token, struct gp_str raw)
{
	count(r, token->tag, full_name(raw, true), -1);
	if (token->tag <= GP_TAG_NAMESPACED)
		return;
	gp_rule_html_styles_close(&r->styles, token->tag);
	put_space(r, token->tag);
}

/* "<!…>" is a comment but for a document's type and "<![CDATA[…"; "<?…>" is none. */
static void markup(struct reader *r, struct gp_str raw)
{
	struct gp_rule_html_tag *t;

	if (!gp_str_starts(raw, GP_STR("<!"))) {
		if (gp_str_starts(raw, GP_STR("</")))
			add_text(r->a, &r->h->comments, raw);
		return;
	}
	if (!gp_str_istarts(raw, GP_STR("<!doctype"))) {
		if (!gp_str_starts(raw, GP_STR("<![CDATA[")))
			add_text(r->a, &r->h->comments, raw);
	} else {
		r->h->elements++;
		r->h->tags++;
		t = gp_map_get(&r->h->inside, GP_STR("!doctype"));
		if (!t)
			gp_map_set(&r->h->inside, GP_STR("!doctype"),
				   GP_ARENA_NEW(r->a, struct gp_rule_html_tag));
	}
}

static void one_token(struct reader *r, const struct gp_html_token *token, struct gp_str raw)
{
	switch (token->kind) {
	case GP_HTML_TEXT:
		text(r, token->text, true);
		break;
	case GP_HTML_RAW:
		text(r, token->text, false);
		break;
	case GP_HTML_START:
		start(r, token, raw);
		break;
	case GP_HTML_END:
		end(r, token, raw);
		break;
	case GP_HTML_COMMENT:
		markup(r, raw);
		break;
	}
}

/* Before a token behind <title>: a title without end is over at the next tag.  True: the token is
 * the text of one. */
static bool end_title(struct reader *r, const struct gp_html_token *token, bool is_in_title)
{
	static const struct gp_html_token close = {.kind = GP_HTML_END, .tag = GP_TAG_TITLE};

	if (!is_in_title || token->tag == GP_TAG_TITLE)
		return false;
	if (token->kind == GP_HTML_TEXT)
		return true;
	end(r, &close, GP_STR("</title>"));
	return false;
}

static struct gp_rule_html *read_part(struct gp_arena *a, struct gp_str content)
{
	struct gp_html_tokenizer tokenizer = GP_HTML_TOKENIZER(content);
	struct reader r = {.a = a,
			   .h = GP_ARENA_NEW(a, struct gp_rule_html),
			   .anchor = GP_BUF_INIT(GP_MAX_TEXT_SIZE),
			   .title = GP_BUF_INIT(GP_MAX_TEXT_SIZE),
			   .scratch = GP_BUF_INIT(GP_MAX_PART_TEXT_SIZE)};
	struct gp_html_token token;
	bool is_in_title = false; /* <title> stood just now, or its text without end */
	size_t from = 0;

	gp_map_init(&r.h->inside, a, true);
	r.h->length = gp_utf8_length(content);
	gp_rule_html_styles_init(&r.styles, a, r.h);
	while (gp_html_next(&tokenizer, &token) && !tokenizer.met_unclosed) {
		bool is_its_text = end_title(&r, &token, is_in_title);

		one_token(&r, &token, gp_str_sub(content, from, tokenizer.pos - from));
		is_in_title = is_its_text || (token.kind == GP_HTML_START && token.tag == GP_TAG_TITLE);
		from = tokenizer.pos;
	}
	flush_anchor(&r);
	flush(&r, &r.title, &r.has_title, &r.h->titles);
	gp_buf_done(&r.anchor);
	gp_buf_done(&r.title);
	gp_buf_done(&r.scratch);
	return r.h;
}

struct gp_rule_html *gp_rule_html_read(struct gp_arena *a, struct gp_message *m)
{
	struct gp_rule_html *first = NULL, **last = &first;

	size_t total = 0;

	for (size_t i = 0; i < m->parts.len && total < GP_MAX_DECODED_SIZE; i++) {
		struct gp_str html = gp_message_part_html(m, &m->parts.items[i]);

		if (!html.len)
			continue;
		total += html.len;
		*last = read_part(a, html);
		last = &(*last)->next;
	}
	return first;
}

const struct gp_rule_html_tag *gp_rule_html_tag(const struct gp_rule_html *h, struct gp_str name)
{
	return gp_map_get(&h->inside, name);
}

/*
 * References out of a document.
 *
 * Collected by attribute, on any element: clients follow `src` and `background`
 * where no standard has them.  What scripts would build is not found.
 */
#include "lib/mail/html_link.h"

#include "lib/base/limits.h"
#include "lib/mail/html_entity.h"
#include "lib/mail/html_sheet.h"

void gp_html_links_init(struct gp_html_links *l, struct gp_arena *arena, struct gp_html *html,
			size_t max)
{
	*l = (struct gp_html_links){.arena = arena, .html = html, .max = max};
	gp_buf_init(&l->scratch, GP_MAX_URI_SIZE);
}

void gp_html_links_done(struct gp_html_links *l)
{
	gp_buf_done(&l->scratch);
}

static bool has_scheme(struct gp_str s)
{
	size_t i = 0;

	while (i < s.len &&
	       (gp_is_alnum(s.ptr[i]) || s.ptr[i] == '+' || s.ptr[i] == '-' || s.ptr[i] == '.'))
		i++;
	return i > 0 && i < s.len && s.ptr[i] == ':' && gp_is_alpha(s.ptr[0]);
}

/* How much of the base stands before a relative reference (RFC 3986, 5.2, without
 * removal of dot segments). */
static struct gp_str base_part(const struct gp_html_links *l, struct gp_str ref)
{
	size_t authority, path, end;

	if (!l->base.len || !ref.len || ref.ptr[0] == '#' || has_scheme(ref) ||
	    gp_str_starts(ref, GP_STR("//")))
		return GP_STR("");
	authority = gp_str_find(l->base, GP_STR("://"), 0);
	if (authority == l->base.len)
		return GP_STR("");
	path = gp_str_find_chr(l->base, '/', authority + 3);
	if (ref.ptr[0] == '/')
		return gp_str_sub(l->base, 0, path);
	end = GP_MIN(gp_str_find_chr(l->base, '?', 0), gp_str_find_chr(l->base, '#', 0));
	while (end > path && l->base.ptr[end - 1] != '/')
		end--;
	return gp_str_sub(l->base, 0, end);
}

/* A long base would be copied before each of many short references: without its path
 * then. */
static struct gp_str short_base(struct gp_str base)
{
	size_t authority = gp_str_find(base, GP_STR("://"), 0);

	if (base.len <= GP_HTML_BASE_MAX)
		return base;
	base.len = gp_str_find_chr(base, '/', authority + 3);
	return gp_str_sub(base, 0, base.len <= GP_HTML_BASE_MAX ? base.len : 0);
}

/* Decoded into the arena and made absolute; valid UTF-8 is the caller's concern.  *ret_written: as
 * it was before it was made absolute; empty if that changed nothing. */
static struct gp_str resolve(struct gp_html_links *l, struct gp_str value,
			     struct gp_str *ret_written)
{
	struct gp_str ref, base;
	char *joined;
	bool is_apart;

	value = gp_str_trim(value);
	gp_buf_reset(&l->scratch);
	gp_html_decode(value, &l->scratch);
	ref = gp_str_trim(gp_buf_str(&l->scratch));
	if (gp_str_istarts(ref, GP_STR("data:"))) {
		l->html->stats.has_data_uri = true;
		ref = gp_str_sub(ref, 0, GP_HTML_DATA_URI_MAX);
	}
	base = base_part(l, ref);
	*ret_written = base.len ? gp_arena_str(l->arena, ref) : GP_STR("");
	if (!base.len)
		return gp_arena_str(l->arena, ref);
	is_apart = base.ptr[base.len - 1] != '/' && ref.ptr[0] != '/';
	joined = gp_arena_alloc(l->arena, base.len + is_apart + ref.len);
	memcpy(joined, base.ptr, base.len);
	joined[base.len] = '/';
	memcpy(joined + base.len + is_apart, ref.ptr, ref.len);
	return gp_str_n(joined, base.len + is_apart + ref.len);
}

static struct gp_html_link *add(struct gp_html_links *l, struct gp_str value, unsigned source,
				bool is_hidden)
{
	struct gp_html_link *link;
	struct gp_str target, written;

	if (l->html->links.len >= l->max) {
		l->html->is_links_cut = true;
		return NULL;
	}
	target = resolve(l, value, &written);
	if (!target.len)
		return NULL;
	link = gp_vec_push(l->arena, &l->html->links);
	*link = (struct gp_html_link){
		.target = target, .written = written, .source = source, .is_hidden = is_hidden};
	return link;
}

static void css_urls(struct gp_html_links *l, struct gp_str css, bool is_hidden)
{
	struct gp_str url;

	while (gp_html_css_next_url(&css, &url))
		add(l, url, GP_URI_IMG, is_hidden);
}

void gp_html_links_css(struct gp_html_links *l, struct gp_str css)
{
	css_urls(l, css, false);
}

/* "a.png 1x, b.png 2x" */
static void source_set(struct gp_html_links *l, struct gp_str v, bool is_hidden)
{
	struct gp_str one, word;

	while (gp_str_next(&v, ',', &one)) {
		if (gp_str_next_word(&one, &word))
			add(l, word, GP_URI_IMG, is_hidden);
	}
}

/* "5; url=http://…" */
static void refresh(struct gp_html_links *l, const struct gp_html_token *token)
{
	struct gp_str equiv, content;
	struct gp_html_link *link;
	size_t at;

	if (!gp_html_attr(token, "http-equiv", &equiv) ||
	    !gp_str_ieq(gp_str_trim(equiv), GP_STR("refresh")) ||
	    !gp_html_attr(token, "content", &content))
		return;
	l->html->stats.has_meta_refresh = true;
	at = gp_str_ifind(content, GP_STR("url"), 0);
	content = gp_str_trim(gp_str_sub(content, at + 3, content.len));
	if (!content.len || content.ptr[0] != '=')
		return;
	content = gp_str_trim(gp_str_sub(content, 1, content.len));
	if (content.len && (content.ptr[0] == '"' || content.ptr[0] == '\'')) {
		char quote = content.ptr[0];

		content = gp_str_sub(content, 1, content.len);
		content.len = gp_str_find_chr(content, quote, 0);
	}
	link = add(l, content, GP_URI_HREF, false);
	if (link)
		link->is_common = true;
}

enum role { NONE, HREF, LOAD, SET, FORM, STYLE };

/* The elements and attributes that SpamAssassin takes URIs from. */
static bool is_common(enum gp_html_tag tag, struct gp_str name)
{
	static const struct {
		enum gp_html_tag tag;
		const char *name;
	} COMMON[] = {
		{GP_TAG_A, "href"},	     {GP_TAG_AREA, "href"},
		{GP_TAG_LINK, "href"},	     {GP_TAG_IMG, "src"},
		{GP_TAG_FRAME, "src"},	     {GP_TAG_IFRAME, "src"},
		{GP_TAG_EMBED, "src"},	     {GP_TAG_SCRIPT, "src"},
		{GP_TAG_BGSOUND, "src"},     {GP_TAG_FORM, "action"},
		{GP_TAG_BODY, "background"}, {GP_TAG_TABLE, "background"},
		{GP_TAG_TR, "background"},   {GP_TAG_TD, "background"},
		{GP_TAG_BASE, "href"},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(COMMON); i++)
		if (COMMON[i].tag == tag && gp_str_ieq(name, gp_str(COMMON[i].name)))
			return true;
	return false;
}

static enum role role_of(enum gp_html_tag tag, struct gp_str name)
{
	static const struct {
		const char *name;
		enum role role;
	} ROLES[] = {
		{"href", HREF},	      {"src", LOAD},	{"style", STYLE}, {"background", LOAD},
		{"srcset", SET},      {"action", FORM}, {"poster", LOAD}, {"formaction", FORM},
		{"xlink:href", LOAD}, {"lowsrc", LOAD}, {"dynsrc", LOAD},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(ROLES); i++) {
		if (gp_lower(name.ptr[0]) == ROLES[i].name[0] &&
		    gp_str_ieq(name, gp_str(ROLES[i].name)))
			return ROLES[i].role;
	}
	return tag == GP_TAG_OBJECT && gp_str_ieq(name, GP_STR("data")) ? LOAD : NONE;
}

static void anchor(struct gp_html_links *l, struct gp_str value, const struct gp_html_out *visible,
		   bool is_hidden)
{
	if (add(l, value, GP_URI_HREF, is_hidden) && !l->anchor) {
		l->anchor = l->html->links.len;
		l->anchor_from = visible->len;
	}
}

/* The first one holds; it leads nowhere by itself, but rules see it. */
static void set_base(struct gp_html_links *l, struct gp_str value, bool is_hidden)
{
	struct gp_str unused;

	if (l->base.len)
		return;
	add(l, value, 0, is_hidden);
	l->base = short_base(resolve(l, value, &unused));
}

static void image_text(struct gp_html_links *l, const struct gp_html_token *token,
		       struct gp_html_link *link)
{
	struct gp_html_link *around = l->anchor ? &l->html->links.items[l->anchor - 1] : NULL;
	struct gp_str alt;

	if (!gp_html_attr(token, "alt", &alt))
		return;
	gp_buf_reset(&l->scratch);
	gp_html_decode(gp_str_sub(gp_str_trim(alt), 0, GP_HTML_LINK_TEXT_MAX), &l->scratch);
	if (!l->scratch.len)
		return;
	if (link)
		link->text = gp_arena_str(l->arena, gp_buf_str(&l->scratch));
	if (around && !around->text.len)
		around->text = gp_arena_str(l->arena, gp_buf_str(&l->scratch));
}

/* "<a href>": to HTML::Parser the value is the name. */
static void bare_attribute(struct gp_html_links *l, enum gp_html_tag tag, struct gp_str name)
{
	struct gp_html_link *link = is_common(tag, name) ? add(l, name, 0, false) : NULL;

	if (!link)
		return;
	link->is_common = true;
	link->is_anchor = tag == GP_TAG_A;
}

void gp_html_links_tag(struct gp_html_links *l, const struct gp_html_token *token,
		       const struct gp_html_out *visible, bool is_hidden)
{
	if (token->tag == GP_TAG_A)
		gp_html_links_close(l, visible);
	if (token->tag == GP_TAG_META)
		refresh(l, token);
	for (unsigned i = 0; i < token->n_attrs; i++) {
		struct gp_str name = token->attrs[i].name, value = token->attrs[i].value;
		size_t n_links = l->html->links.len;
		struct gp_html_link *link;

		if (!token->attrs[i].has_value) {
			bare_attribute(l, token->tag, name);
			continue;
		}
		switch (role_of(token->tag, name)) {
		case NONE:
			break;
		case HREF:
			if (token->tag == GP_TAG_BASE)
				set_base(l, value, is_hidden);
			else if (token->tag == GP_TAG_A || token->tag == GP_TAG_AREA)
				anchor(l, value, visible, is_hidden);
			else
				add(l, value, token->tag == GP_TAG_LINK ? GP_URI_IMG : GP_URI_HREF,
				    is_hidden);
			break;
		case LOAD:
			link = add(l, value, GP_URI_IMG, is_hidden);
			if (token->tag == GP_TAG_IMG)
				image_text(l, token, link);
			break;
		case SET:
			source_set(l, value, is_hidden);
			break;
		case FORM:
			add(l, value, GP_URI_FORM, is_hidden);
			break;
		case STYLE:
			css_urls(l, value, is_hidden);
			break;
		}
		if (l->html->links.len == n_links + 1) {
			link = &l->html->links.items[n_links];
			link->is_common = is_common(token->tag, name);
			link->is_anchor = token->tag == GP_TAG_A;
		}
	}
}

void gp_html_links_close(struct gp_html_links *l, const struct gp_html_out *visible)
{
	struct gp_str text = gp_str_n(visible->data, visible->len);
	struct gp_html_link *link;
	char *copy;

	if (!l->anchor)
		return;
	link = &l->html->links.items[l->anchor - 1];
	l->anchor = 0;
	text = gp_str_trim(gp_str_sub(text, l->anchor_from, visible->len));
	if (text.len > GP_HTML_LINK_TEXT_MAX) {
		text.len = GP_HTML_LINK_TEXT_MAX;
		while (text.len && (text.ptr[text.len] & 0xc0) == 0x80)
			text.len--;
	}
	if (!text.len)
		return;
	copy = gp_arena_dup(l->arena, text.ptr, text.len);
	for (size_t i = 0; i < text.len; i++) {
		if (copy[i] == '\n')
			copy[i] = ' ';
	}
	link->text = gp_str_n(copy, text.len);
}

/*
 * What a reader sees: the text of all inline text parts, folded, and its links.
 *
 * Plain text is folded as SpamAssassin's body rules expect it: lines of a
 * paragraph are joined, white space (no-break spaces too) becomes one space,
 * an empty line ends the paragraph.  HTML is lib/mail/html.c's.  The Subject is
 * not included.
 */
#include "lib/base/limits.h"
#include "lib/mail/html.h"
#include "lib/mail/message_int.h"
#include "lib/mail/url.h"

struct render {
	struct gp_message *m;
	struct gp_arena *scratch; /* of one part: many parts must not add up */
	struct gp_buf text, hidden;
	struct gp_url_set urls;
	struct gp_map references; /* of m->references */
	size_t reference_bytes;
};

/* Bytes of them all; a page has some KB. */
#define REFERENCES_MAX (512u << 10)

/* Length of the white space at the start of s: ASCII's or U+00A0. */
static size_t space_len(struct gp_str s)
{
	if (gp_is_space(s.ptr[0]) || s.ptr[0] == '\0')
		return 1;
	return s.ptr[0] == '\xc2' && s.len > 1 && s.ptr[1] == '\xa0' ? 2 : 0;
}

/* Appends plain text folded into paragraphs; stops where the buffer is full. */
static void add_folded(struct gp_str s, struct gp_buf *out)
{
	size_t room = out->max - out->len, n = 0, start = out->len;
	char *to = gp_buf_reserve(out, GP_MIN(s.len + 1, room));
	unsigned n_lf = 0;
	bool is_space = false;

	if (!to)
		return;
	while (s.len && n + 6 < room) {
		size_t skip = space_len(s);

		if (skip) {
			n_lf += s.ptr[0] == '\n';
			is_space = true;
			s = gp_str_sub(s, skip, s.len);
			continue;
		}
		if (is_space && n)
			to[n++] = n_lf > 1 ? '\n' : ' ';
		is_space = false;
		n_lf = 0;
		do { /* a whole character: the cut is not inside one */
			to[n++] = *s.ptr++;
			s.len--;
		} while (s.len && (*s.ptr & 0xc0) == 0x80);
	}
	out->len = start + n;
	out->data[out->len] = '\0';
}

static void separate(struct gp_buf *out)
{
	if (out->len && out->data[out->len - 1] != '\n')
		gp_buf_add_chr(out, '\n');
}

static void note_kind(struct gp_reference *r, const struct gp_html_link *l)
{
	r->is_anchor |= l->is_anchor;
	r->sources |= l->is_anchor ? 0 : l->source;
}

/* As written, for rules. */
static void add_reference(struct render *r, const struct gp_html_link *l)
{
	struct gp_str target = l->target, written = l->written;
	uintptr_t known = (uintptr_t)gp_map_get(&r->references, target);
	struct gp_message *m = r->m;

	if (known) {
		note_kind(&m->references.items[known - 1], l);
		return;
	}
	if (m->references.len >= GP_MAX_URIS || r->reference_bytes + target.len + written.len > REFERENCES_MAX) {
		m->cut |= GP_CUT_URIS;
		return;
	}
	target = gp_arena_str(m->arena, target);
	written = gp_arena_str(m->arena, written);
	r->reference_bytes += target.len + written.len;
	*gp_vec_push(m->arena, &m->references) =
		(struct gp_reference){.target = target, .written = written};
	note_kind(&m->references.items[m->references.len - 1], l);
	gp_map_set(&r->references, target, (void *)(uintptr_t)m->references.len);
}

static void add_html(struct render *r, unsigned part, struct gp_str content)
{
	struct gp_html_options options = {.text_max = r->text.max - r->text.len};
	struct gp_message *m = r->m;
	struct gp_html h;

	if (!options.text_max)
		return;
	gp_html_render(r->scratch, &options, content, &h);
	gp_buf_add_str(&r->text, h.text);
	if (h.hidden.len) {
		separate(&r->hidden);
		if (h.hidden.len > r->hidden.max - r->hidden.len)
			m->cut |= GP_CUT_TEXT;
		else
			gp_buf_add_str(&r->hidden, h.hidden);
	}
	gp_html_stats_add(&m->html, &h.stats);
	for (size_t i = 0; i < h.links.len; i++) {
		const struct gp_html_link *l = &h.links.items[i];

		if (l->source)
			gp_url_set_add(&r->urls, l->target, l->text, part, l->source);
		if (l->is_common && !l->is_doubtful)
			add_reference(r, l);
	}
	gp_url_scan(&r->urls, h.text, part, GP_URI_TEXT);
	if (h.is_text_cut)
		m->cut |= GP_CUT_TEXT;
	if (h.is_links_cut)
		m->cut |= GP_CUT_URIS;
	gp_arena_reset(r->scratch);
}

/* A document that is attached: a reader does not see it, rules see its links. */
static void add_attached(struct render *r, const struct gp_part *p)
{
	struct gp_html_options options = {.text_max = 1};
	struct gp_str content = gp_message_part_html(r->m, p);
	struct gp_html h;

	if (!content.len)
		return;
	gp_html_render(r->scratch, &options, content, &h);
	for (size_t i = 0; i < h.links.len; i++)
		if (h.links.items[i].is_common && !h.links.items[i].is_doubtful)
			add_reference(r, &h.links.items[i]);
	gp_arena_reset(r->scratch);
}

static void add_part(struct render *r, unsigned i)
{
	const struct gp_part *p = &r->m->parts.items[i];

	if (!(p->flags & GP_PART_TEXT)) {
		add_attached(r, p);
		return;
	}
	if (!p->decoded.len)
		return;
	if (r->text.len + 8 >= r->text.max) {
		r->m->cut |= GP_CUT_TEXT;
		return;
	}
	separate(&r->text);
	if (p->flags & GP_PART_HTML) {
		add_html(r, i, p->decoded);
		return;
	}
	if (p->decoded.len > r->text.max - r->text.len)
		r->m->cut |= GP_CUT_TEXT;
	add_folded(p->decoded, &r->text);
	gp_url_scan(&r->urls, p->decoded, i, GP_URI_TEXT);
}

/* List-Unsubscribe and its kin: each <…> is a URI (RFC 2369). */
static void add_header_uris(struct render *r)
{
	for (size_t i = 0; i < r->m->headers.len; i++) {
		const struct gp_header *h = &r->m->headers.items[i];
		size_t at = 0, end;

		if (!gp_str_istarts(h->name, GP_STR("list-")) || gp_str_ieq(h->name, GP_STR("list-id")))
			continue;
		while ((at = gp_str_find_chr(h->value, '<', at)) < h->value.len) {
			end = gp_str_find_chr(h->value, '>', at);
			gp_url_set_add(&r->urls, gp_str_sub(h->value, at + 1, end - at - 1), GP_STR(""), 0,
				       GP_URI_HEADER);
			at = end;
		}
	}
}

void gp_text_render(struct gp_message *m)
{
	struct render r = {.m = m,
			   .scratch = gp_arena_new(0),
			   .text = GP_BUF_INIT(GP_MAX_TEXT_SIZE),
			   .hidden = GP_BUF_INIT(GP_MAX_TEXT_SIZE)};

	gp_url_set_init(&r.urls, m->arena, GP_MAX_URIS);
	gp_map_init(&r.references, m->arena, false);
	for (unsigned i = 0; i < m->parts.len; i++)
		add_part(&r, i);
	add_header_uris(&r);
	while (r.text.len && gp_is_space(r.text.data[r.text.len - 1]))
		r.text.len--;
	m->text = gp_arena_str(m->arena, gp_buf_str(&r.text));
	m->hidden_text = gp_arena_str(m->arena, gp_buf_str(&r.hidden));
	m->uris.items = r.urls.uris.items;
	m->uris.len = r.urls.uris.len;
	m->uris.cap = r.urls.uris.cap;
	if (r.urls.is_cut)
		m->cut |= GP_CUT_URIS;
	gp_buf_done(&r.text);
	gp_buf_done(&r.hidden);
	gp_arena_free(r.scratch);
}

/*
 * Segments as SpamAssassin cuts them (Message.pm): paragraphs of the rendered
 * text with the Subject as the first, raw text in chunks of 2 to 4 KB, every
 * form of every link, every part's header.
 */
#include "lib/score/rule_subject.h"

#include "lib/base/limits.h"
#include "lib/score/rule_ole.h"
#include "lib/score/rule_pdf.h"
#include "lib/score/rule_uri.h"

struct builder {
	struct gp_buf buf;
	struct gp_arena *arena;
	struct gp_rule_subject *subject;
	size_t start; /* of the segment being made */
	unsigned field;
};

static void free_buf(void *buf)
{
	gp_buf_done(buf);
}

static void begin(struct builder *b)
{
	b->start = b->buf.len;
}

/* Ends the segment: what was appended since begin, and the separator. */
static void finish(struct builder *b)
{
	size_t len = b->buf.len - b->start;

	gp_buf_add_chr(&b->buf, '\n');
	if (gp_buf_error(&b->buf))
		return;
	*gp_vec_push(b->arena, &b->subject->segments) =
		(struct gp_rule_segment){.start = b->start, .len = len, .field = b->field};
	b->subject->ranges[b->field].n++;
}

static void add(struct builder *b, struct gp_str s)
{
	begin(b);
	gp_buf_add_str(&b->buf, s);
	finish(b);
}

static void open_field(struct builder *b, unsigned field)
{
	b->field = field;
	b->subject->ranges[field] = (struct gp_rule_range){
		.first = (unsigned)b->subject->segments.len, .is_present = true};
}

static void build_header(struct builder *b, const struct gp_rule_set *set,
			 const struct gp_rule_input *in, const struct gp_relay_path *relays)
{
	const struct gp_rule_target *t = &set->targets[GP_RULE_HEADER];
	struct gp_field_index x;

	gp_field_index_init(&x, set, &set->slots, in->message, relays, b->arena);
	for (unsigned i = 0; i < t->fields.len; i++) {
		const struct gp_rule_field *f = t->fields.items[i];

		open_field(b, i);
		begin(b);
		b->subject->ranges[i].is_present =
			gp_field_value(f, &x, in, b->arena, &b->buf);
		if (!b->subject->ranges[i].is_present)
			gp_buf_add_str(&b->buf, f->unset);
		finish(b);
	}
}

/* Lines of at most GP_RULE_LINE_MAX bytes, cut behind a space where there is one. */
static void add_paragraphs(struct builder *b, struct gp_str text)
{
	while (text.len) {
		size_t end = GP_MIN(gp_str_find_chr(text, '\n', 0) + 1, text.len);

		if (end > GP_RULE_LINE_MAX) {
			end = GP_RULE_LINE_MAX + 1;
			while (end > 0 && text.ptr[end - 1] != ' ')
				end--;
			if (end == 0)
				end = GP_RULE_LINE_MAX;
		}
		add(b, gp_str_sub(text, 0, end));
		text = gp_str_sub(text, end, SIZE_MAX);
	}
}

/* The last one, as SpamAssassin; NULL: there is none. */
static const struct gp_header *last_subject(const struct gp_message *m)
{
	for (size_t i = m->headers.len; i; i--)
		if (gp_str_ieq(m->headers.items[i - 1].name, GP_STR("Subject")))
			return &m->headers.items[i - 1];
	return NULL;
}

static void build_body(struct builder *b, struct gp_message *m)
{
	const struct gp_header *subject = last_subject(m);

	begin(b);
	if (subject)
		gp_buf_add_str(&b->buf, subject->value);
	gp_buf_add_chr(&b->buf, '\n');
	finish(b);
	add_paragraphs(b, gp_message_flat_text(m));
}

/* Where to cut near `at`: behind a line end, else a '>', else a space, within `reach`. */
static size_t cut_near(struct gp_str s, size_t at, size_t reach)
{
	static const char ends[] = {'\n', '>', ' '};

	for (size_t i = 0; i < sizeof(ends); i++) {
		size_t k = gp_str_find_chr(gp_str_sub(s, 0, at + reach), ends[i], at);

		if (k < GP_MIN(s.len, at + reach))
			return k + 1;
	}
	return GP_MIN(at, s.len);
}

/* Text and reports as they were sent but for the transfer encoding; empty: no such part. */
static struct gp_str raw_text(struct gp_message *m, const struct gp_part *p)
{
	bool is_html = gp_str_iends(p->filename, GP_STR(".html")) ||
		       gp_str_iends(p->filename, GP_STR(".htm"));

	if (gp_str_eq(p->type, GP_STR("text/calendar")))
		return GP_STR("");
	if (p->decoded.len && gp_str_is_ascii(p->decoded))
		return p->decoded;
	if (!p->decoded.len && !is_html && !gp_str_starts(p->type, GP_STR("message/")))
		return GP_STR("");
	return gp_message_part_bytes(m, p);
}

static void build_rawbody(struct builder *b, struct gp_message *m)
{
	for (size_t i = 0; i < m->parts.len; i++) {
		struct gp_str s = raw_text(m, &m->parts.items[i]);

		if (s.len == 0)
			continue;
		if (s.len > GP_RULE_PART_MAX)
			s = gp_str_sub(s, 0, cut_near(s, GP_RULE_PART_MAX, 1024));
		if (s.len <= GP_RULE_LINE_MAX) {
			add(b, s);
			continue;
		}
		while (s.len > 2 * GP_RULE_LINE_MAX) {
			size_t end = cut_near(s, GP_RULE_LINE_MAX, GP_RULE_LINE_MAX);

			add(b, gp_str_sub(s, 0, end));
			s = gp_str_sub(s, end, SIZE_MAX);
		}
		if (s.len)
			add(b, s);
	}
}

/* Links in attached PDF files. */
static void add_pdf_uris(struct gp_rule_uris *uris, const struct gp_message *m, struct gp_arena *a)
{
	struct gp_pdf pdf = {0};

	gp_pdf_read_all(a, m, &pdf);
	for (size_t i = 0; i < pdf.uris.len; i++)
		gp_rule_uris_add(uris, pdf.uris.items[i], false);
}

/* Links that attached office documents open. */
static void add_ole_uris(struct gp_rule_uris *uris, const struct gp_message *m, struct gp_arena *a)
{
	struct gp_ole ole;

	gp_ole_read_all(uris->set, uris->pcre, a, m, &ole);
	for (size_t i = 0; i < ole.n_uris; i++)
		gp_rule_uris_add(uris, ole.uris[i], false);
}

/* Links of the HTML, then what the text (all of it, the Subject too) has. */
static void build_uri(struct builder *b, const struct gp_rule_set *set, struct gp_pcre *pcre,
		      struct gp_message *m)
{
	const struct gp_header *subject = last_subject(m);
	struct gp_rule_uris uris;

	gp_rule_uris_init(&uris, set, pcre, b->arena);
	for (size_t i = 0; i < m->references.len; i++)
		gp_rule_uris_add_reference(&uris, &m->references.items[i]);
	if (subject)
		gp_rule_uris_scan(&uris, subject->value);
	gp_rule_uris_scan(&uris, gp_message_flat_text(m));
	if (set->reads_pdf)
		add_pdf_uris(&uris, m, b->arena);
	if (set->reads_ole && pcre)
		add_ole_uris(&uris, m, b->arena);
	for (size_t i = 0; i < uris.items.len; i++)
		add(b, uris.items.items[i]);
}

/* One segment a part; with `concat` one in all. */
static void build_mime_field(struct builder *b, const struct gp_rule_field *f,
			     const struct gp_message *m)
{
	begin(b);
	for (size_t i = 0; i < m->parts.len; i++) {
		if (i + 1 < f->part_min || i + 1 > f->part_max)
			continue;
		if (!gp_field_part_value(f, &m->parts.items[i], &b->buf))
			gp_buf_add_str(&b->buf, f->unset);
		if (f->is_concat) {
			if (b->buf.len > b->start && b->buf.data[b->buf.len - 1] != '\n')
				gp_buf_add_chr(&b->buf, '\n');
			continue;
		}
		finish(b);
		begin(b);
	}
	if (f->is_concat)
		finish(b);
}

static void build_mimeheader(struct builder *b, const struct gp_rule_set *set,
			     const struct gp_message *m)
{
	const struct gp_rule_target *t = &set->targets[GP_RULE_MIMEHEADER];

	for (unsigned i = 0; i < t->fields.len; i++) {
		open_field(b, i);
		build_mime_field(b, t->fields.items[i], m);
	}
}

/* The message is there in one piece already; no separator is needed behind a single segment. */
static void build_full(struct gp_rule_subject *s, struct gp_message *m, struct gp_arena *a)
{
	s->text = gp_str_sub(gp_message_full(m), 0, GP_RULE_SUBJECT_MAX);
	*gp_vec_push(a, &s->segments) = (struct gp_rule_segment){.len = s->text.len};
	s->ranges[0].n = 1;
}

void gp_rule_subject_build(enum gp_rule_type target, const struct gp_rule_set *set,
			   const struct gp_rule_input *in, const struct gp_relay_path *relays,
			   struct gp_pcre *pcre, struct gp_arena *a, struct gp_rule_subject *ret)
{
	size_t n_fields = GP_MAX(set->targets[target].fields.len, 1u);
	struct builder *b = GP_ARENA_NEW(a, struct builder);

	*ret = (struct gp_rule_subject){.ranges = GP_ARENA_NEW_N(a, n_fields, struct gp_rule_range)};
	ret->ranges[0] = (struct gp_rule_range){.is_present = true};
	if (target == GP_RULE_FULL) {
		build_full(ret, in->message, a);
		return;
	}
	b->arena = a;
	b->subject = ret;
	gp_buf_init(&b->buf, GP_RULE_SUBJECT_MAX);
	gp_arena_on_end(a, free_buf, &b->buf);
	if (target == GP_RULE_HEADER)
		build_header(b, set, in, relays);
	else if (target == GP_RULE_BODY)
		build_body(b, in->message);
	else if (target == GP_RULE_RAWBODY)
		build_rawbody(b, in->message);
	else if (target == GP_RULE_URI)
		build_uri(b, set, pcre, in->message);
	else if (target == GP_RULE_MIMEHEADER)
		build_mimeheader(b, set, in->message);
	ret->text = gp_buf_str(&b->buf);
}

size_t gp_rule_segment_at(const struct gp_rule_subject *s, size_t end)
{
	size_t low = 0, high = s->segments.len;

	while (low + 1 < high) { /* the last one that starts at or before `end` */
		size_t middle = low + (high - low) / 2;

		if (s->segments.items[middle].start <= end)
			low = middle;
		else
			high = middle;
	}
	return low;
}

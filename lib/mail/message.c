/*
 * The message model: taking in header fields and body, finishing, looking up.
 *
 * The body is one contiguous buffer that doubles by realloc, up to body_max.
 * Above the C library's threshold (128 KB) that is mremap, which moves pages,
 * not bytes, and pages never touched cost nothing; so one buffer is as cheap as
 * a chunk list and the scanners see one span.  Price: address space of up to
 * twice the body.  What is beyond body_max is counted, not kept.
 *
 * Line ends become LF on the way in, as rules and digest want them.
 */
#include "lib/base/limits.h"
#include "lib/mail/header.h"
#include "lib/mail/message_int.h"

static void body_release(void *arg)
{
	gp_buf_done(arg);
}

struct gp_message *gp_message_new(struct gp_arena *arena, const struct gp_message_options *options)
{
	size_t body_max = options && options->body_max ? options->body_max : GP_MAX_BODY_SIZE;
	struct gp_message *m = GP_ARENA_NEW(arena, struct gp_message);

	m->arena = arena;
	m->state = GP_ARENA_NEW(arena, struct gp_message_state);
	gp_buf_init(&m->state->body, body_max);
	gp_arena_on_end(arena, body_release, &m->state->body);
	return m;
}

/* The value with LF line ends and without the last one, copied into the arena. */
static struct gp_str copy_raw(struct gp_arena *a, struct gp_str value)
{
	char *out;
	size_t n = 0;

	while (value.len && (value.ptr[value.len - 1] == '\n' || value.ptr[value.len - 1] == '\r'))
		value.len--;
	if (!value.len || !memchr(value.ptr, '\r', value.len))
		return gp_arena_str(a, value);
	out = gp_arena_alloc(a, value.len + 1);
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == '\r' && i + 1 < value.len && value.ptr[i + 1] == '\n')
			continue;
		out[n++] = value.ptr[i];
	}
	out[n] = '\0';
	return gp_str_n(out, n);
}

static bool is_8bit(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] & 0x80)
			return true;
	}
	return false;
}

static bool is_header_allowed(struct gp_message *m, struct gp_str value)
{
	size_t size = m->state->headers_size + GP_MIN(value.len, (size_t)GP_MAX_HEADER_SIZE);

	if (m->headers.len < GP_MAX_HEADERS && size <= GP_MAX_HEADERS_SIZE)
		return true;
	m->cut |= GP_CUT_HEADERS;
	return false;
}

static struct gp_header header_make(struct gp_message *m, struct gp_str name, struct gp_str value)
{
	struct gp_header h;

	if (name.len + value.len > GP_MAX_HEADER_SIZE) {
		m->cut |= GP_CUT_HEADER_SIZE;
		name = gp_str_sub(name, 0, GP_MAX_HEADER_SIZE);
		value = gp_str_sub(value, 0, GP_MAX_HEADER_SIZE - name.len);
	}
	m->state->headers_size += name.len + value.len;
	m->is_smtputf8 |= is_8bit(value);
	h.name = gp_arena_str(m->arena, name);
	h.raw = copy_raw(m->arena, value);
	h.value = gp_header_decode(m->arena, h.raw);
	return h;
}

void gp_message_add_header(struct gp_message *m, struct gp_str name, struct gp_str value)
{
	m->size += name.len + value.len + 3; /* colon and CRLF */
	if (is_header_allowed(m, value))
		*gp_vec_push(m->arena, &m->headers) = header_make(m, name, value);
}

void gp_message_prepend_header(struct gp_message *m, struct gp_str name, struct gp_str value)
{
	struct gp_header h = header_make(m, name, value);

	m->size += name.len + value.len + 3;
	(void)gp_vec_push(m->arena, &m->headers);
	memmove(m->headers.items + 1, m->headers.items,
		(m->headers.len - 1) * sizeof(m->headers.items[0]));
	m->headers.items[0] = h;
}

/* Appends what fits; the rest is cut. */
static void body_keep(struct gp_message *m, const char *data, size_t len)
{
	struct gp_buf *b = &m->state->body;
	size_t n = GP_MIN(len, b->max - b->len);

	if (n < len)
		m->cut |= GP_CUT_BODY;
	gp_buf_add(b, data, n);
}

/* A line end: LF alone, or the LF behind a CR that is not in the body yet. */
static void note_line_ends(struct gp_message *m, struct gp_str text)
{
	if (!m->state->has_lf && text.len && memchr(text.ptr, '\n', text.len))
		m->state->has_lf = true;
}

void gp_message_add_body(struct gp_message *m, struct gp_str chunk)
{
	struct gp_message_state *st = m->state;

	m->body_size += chunk.len;
	m->size += chunk.len;
	if (!chunk.len)
		return;
	m->has_nul |= memchr(chunk.ptr, '\0', chunk.len) != NULL;
	if (st->is_after_cr && chunk.ptr[0] == '\n') {
		body_keep(m, "\n", 1);
		st->has_crlf = true;
		chunk = gp_str_sub(chunk, 1, chunk.len);
	} else if (st->is_after_cr) {
		body_keep(m, "\r", 1);
		m->has_bare_cr = true;
	}
	st->is_after_cr = false;
	while (chunk.len) {
		size_t cr = gp_str_find_chr(chunk, '\r', 0);

		note_line_ends(m, gp_str_sub(chunk, 0, cr));
		body_keep(m, chunk.ptr, cr);
		if (cr == chunk.len)
			return;
		if (cr + 1 == chunk.len) {
			st->is_after_cr = true;
			return;
		}
		if (chunk.ptr[cr + 1] == '\n') {
			body_keep(m, "\n", 1);
			st->has_crlf = true;
			cr++;
		} else {
			body_keep(m, "\r", 1);
			m->has_bare_cr = true;
		}
		chunk = gp_str_sub(chunk, cr + 1, chunk.len);
	}
}

void gp_message_finish(struct gp_message *m)
{
	struct gp_message_state *st = m->state;

	if (m->is_finished)
		return;
	if (st->is_after_cr) {
		body_keep(m, "\r", 1);
		m->has_bare_cr = true;
		st->is_after_cr = false;
	}
	m->has_bare_lf = st->has_crlf && st->has_lf;
	m->body = gp_buf_str(&st->body);
	m->is_finished = true;
	gp_mime_walk(m);
	gp_text_render(m);
}

struct gp_message *gp_message_parse(struct gp_arena *arena, const struct gp_message_options *options,
				    struct gp_str bytes)
{
	struct gp_message *m = gp_message_new(arena, options);
	struct gp_str name, raw;
	size_t pos = 0;

	if (gp_str_starts(bytes, GP_STR("\xef\xbb\xbf")))
		bytes = gp_str_sub(bytes, 3, bytes.len); /* a file saved with a byte order mark */
	if (gp_str_starts(bytes, GP_STR("From ")) || gp_str_starts(bytes, GP_STR(">From ")))
		pos = gp_str_find_chr(bytes, '\n', 0) + 1;
	while (gp_header_next(bytes, &pos, &name, &raw))
		gp_message_add_header(m, name, raw);
	m->lacks_separator = pos == 0 || bytes.len == 0 || pos > bytes.len || bytes.ptr[pos - 1] != '\n' ||
			     (pos > 1 && bytes.ptr[pos - 2] != '\n' && bytes.ptr[pos - 2] != '\r');
	gp_message_add_body(m, gp_str_sub(bytes, pos, bytes.len));
	gp_message_finish(m);
	return m;
}

const struct gp_header *gp_message_header_n(const struct gp_message *m, const char *name, unsigned n)
{
	struct gp_str want = gp_str(name);

	for (size_t i = 0; i < m->headers.len; i++) {
		if (gp_str_ieq(m->headers.items[i].name, want) && n-- == 0)
			return &m->headers.items[i];
	}
	return NULL;
}

const struct gp_header *gp_message_header(const struct gp_message *m, const char *name)
{
	return gp_message_header_n(m, name, 0);
}

struct gp_str gp_message_value(const struct gp_message *m, const char *name)
{
	const struct gp_header *h = gp_message_header(m, name);

	return h ? h->value : GP_STR("");
}

void gp_message_note(struct gp_message *m, struct gp_str name, struct gp_str value)
{
	for (size_t i = 0; i < m->notes.len; i++)
		if (gp_str_ieq(m->notes.items[i].name, name)) {
			m->notes.items[i].value = value;
			return;
		}
	*gp_vec_push(m->arena, &m->notes) = (struct gp_header){.name = name, .value = value};
}

struct gp_str gp_message_noted(const struct gp_message *m, struct gp_str name)
{
	for (size_t i = 0; i < m->notes.len; i++)
		if (gp_str_ieq(m->notes.items[i].name, name))
			return m->notes.items[i].value;
	return (struct gp_str){0};
}

struct gp_str gp_message_full(struct gp_message *m)
{
	size_t size = 1 + m->body.len;
	char *out, *to;

	if (m->state->full.ptr)
		return m->state->full;
	for (size_t i = 0; i < m->headers.len; i++)
		size += m->headers.items[i].name.len + m->headers.items[i].raw.len + 2;
	out = to = gp_arena_alloc(m->arena, size + 1);
	for (size_t i = 0; i < m->headers.len; i++) {
		const struct gp_header *h = &m->headers.items[i];

		to = mempcpy(to, h->name.ptr, h->name.len);
		*to++ = ':';
		to = mempcpy(to, h->raw.ptr, h->raw.len);
		*to++ = '\n';
	}
	*to++ = '\n';
	if (m->body.len)
		to = mempcpy(to, m->body.ptr, m->body.len);
	*to = '\0';
	m->state->full = gp_str_n(out, (size_t)(to - out));
	return m->state->full;
}

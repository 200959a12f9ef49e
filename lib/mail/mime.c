/*
 * The MIME structure of a message, in one pass over the body.
 *
 * This is the pre-scan that keeps strangers from exhausting us, grown into the
 * splitter itself.  A pre-scan must find every delimiter line and know which
 * multipart it belongs to, so it has found the parts when it is done; giving
 * the bytes to a library's parser (GMime's) after that would parse twice,
 * allocate some 2 KB a part, and leave a gap wherever the two readings of a
 * malformed message differ.  So there is no such library: what is allocated for
 * a part is one struct gp_part and its header fields, at most GP_MAX_MIME_PARTS
 * of them.  Price: the tolerance of malformed structure is ours to get right;
 * the unit tests, the torture messages and the fuzz target watch it.
 *
 * RFC 2046 §5.1, read as mail programs read it:
 * - a delimiter line is the exact boundary, white space may follow; the
 *   innermost open multipart is asked first, so equal boundaries nest;
 * - what follows a closing delimiter is epilogue, unless the same boundary opens
 *   another part: programs show that one, so it counts;
 * - of two boundary parameters, programs take the one or the other: both count;
 * - a multipart without (usable) boundary is read by its first "--" line;
 * - a multipart in which nothing is delimited is shown as text, so it is text;
 * - an encapsulated message that is encoded, which RFC 2046 forbids, is decoded
 *   and walked, because some programs do so.
 *
 * RFC 2046, 2045, 6532; not message/partial, not message/external-body.
 */
#include "lib/mail/header.h"
#include "lib/mail/message_int.h"
#include "lib/mail/part.h"

/* Deeper entities are leaves, so no more multiparts than this can be open. */
#define STACK_MAX (GP_MAX_MIME_DEPTH + 1)
#define NO_PART UINT32_MAX

struct open_multipart {
	struct gp_str boundary, other; /* `other`: of a second boundary parameter */
	unsigned part;
	size_t start;  /* of its content */
	size_t lines;  /* counted before it */
	bool is_closed, has_children;
};

struct walk {
	struct gp_message *m;
	struct gp_str in;
	size_t pos, lines;
	struct open_multipart stack[STACK_MAX];
	unsigned n_open;
	unsigned leaf; /* the part whose content is being passed, or NO_PART */
	size_t leaf_start, leaf_lines;
	bool is_full; /* the cap on parts was met */
};

static void walk_message(struct gp_message *m, struct gp_str in, unsigned part);

static struct gp_part *part_at(struct walk *w, unsigned i)
{
	return &w->m->parts.items[i];
}

/* `line` is without its dashes and without white space at the end. */
static bool is_delimiter(struct gp_str line, struct gp_str boundary, bool *ret_is_closing)
{
	if (!boundary.len || !gp_str_starts(line, boundary))
		return false;
	if (line.len != boundary.len && !gp_str_eq(gp_str_sub(line, boundary.len, line.len), GP_STR("--")))
		return false;
	*ret_is_closing = line.len != boundary.len;
	return true;
}

/* Which open multipart the line at pos delimits; -1 if none. */
static int match_delimiter(const struct walk *w, size_t pos, size_t eol, bool *ret_is_closing)
{
	struct gp_str line = gp_str_sub(w->in, pos, eol - pos);
	int closed = -1;

	if (line.len < 3 || line.ptr[0] != '-' || line.ptr[1] != '-')
		return -1;
	while (line.len && (gp_is_space(line.ptr[line.len - 1])))
		line.len--;
	line = gp_str_sub(line, 2, line.len);
	for (int k = (int)w->n_open - 1; k >= 0; k--) {
		if (!is_delimiter(line, w->stack[k].boundary, ret_is_closing) &&
		    !is_delimiter(line, w->stack[k].other, ret_is_closing))
			continue;
		if (!w->stack[k].is_closed)
			return k;
		closed = closed < 0 ? k : closed;
	}
	return closed;
}

/* The header fields of a part, up to the empty line, a delimiter, or a line that
 * is no field. */
static void read_headers(struct walk *w, struct gp_part *p)
{
	GP_VEC(struct gp_header) headers = {0};
	struct gp_message_state *st = w->m->state;
	struct gp_header h = {0};

	for (;;) {
		bool is_closing;
		size_t before = w->pos;

		if (w->pos < w->in.len && w->in.ptr[w->pos] == '-' &&
		    match_delimiter(w, w->pos, gp_str_find_chr(w->in, '\n', w->pos), &is_closing) >= 0)
			break;
		if (!gp_header_next(w->in, &w->pos, &h.name, &h.raw))
			break;
		if (headers.len == GP_MAX_PART_HEADERS ||
		    st->part_headers_size + h.raw.len > GP_MAX_HEADERS_SIZE) {
			w->m->cut |= GP_CUT_HEADERS;
			continue;
		}
		if (w->pos - before > GP_MAX_PART_HEADER_SIZE) {
			w->m->cut |= GP_CUT_HEADER_SIZE;
			h.name = gp_str_sub(h.name, 0, GP_MAX_PART_HEADER_SIZE);
			h.raw = gp_str_sub(h.raw, 0, GP_MAX_PART_HEADER_SIZE);
		}
		st->part_headers_size += h.name.len + h.raw.len;
		h.value = gp_header_decode(w->m->arena, h.raw);
		*gp_vec_push(w->m->arena, &headers) = h;
	}
	p->headers = headers.items;
	p->n_headers = headers.len;
}

/* The boundary that a multipart without one seems to use: its first "--" line. */
static struct gp_str guess_boundary(const struct walk *w)
{
	size_t pos = w->pos;

	while (pos < w->in.len) {
		size_t eol = gp_str_find_chr(w->in, '\n', pos);
		struct gp_str line = gp_str_trim(gp_str_sub(w->in, pos, eol - pos));

		if (gp_str_starts(line, GP_STR("--")) && line.len > 4 && w->in.ptr[pos] == '-')
			return gp_str_sub(line, 2, line.len);
		pos = eol + 1;
	}
	return GP_STR("");
}

static void leaf_begin(struct walk *w, unsigned part)
{
	w->leaf = part;
	w->leaf_start = w->pos;
	w->leaf_lines = w->lines;
}

/* An encapsulated message in base64 or quoted-printable. */
static void walk_encoded_message(struct walk *w, unsigned part, struct gp_str content)
{
	struct gp_str inner = gp_part_decode_bytes(w->m, part_at(w, part), content);

	part_at(w, part)->size = inner.len;
	if (w->m->parts.len >= GP_MAX_MIME_PARTS)
		w->m->cut |= GP_CUT_PARTS;
	else if (part_at(w, part)->depth >= GP_MAX_MIME_DEPTH)
		w->m->cut |= GP_CUT_DEPTH;
	else
		walk_message(w->m, inner, part);
}

static void leaf_end(struct walk *w, size_t end)
{
	unsigned part = w->leaf;
	struct gp_str content;

	if (part == NO_PART)
		return;
	w->leaf = NO_PART;
	if (end > w->leaf_start && end < w->in.len && w->in.ptr[end - 1] == '\n')
		end--; /* belongs to the delimiter */
	content = gp_str_sub(w->in, w->leaf_start, end - GP_MIN(end, w->leaf_start));
	if ((part_at(w, part)->flags & GP_PART_MESSAGE) && !gp_part_is_identity(part_at(w, part)))
		walk_encoded_message(w, part, content);
	else
		gp_part_decode(w->m, part_at(w, part), content, w->lines - w->leaf_lines);
}

static unsigned add_part(struct walk *w, unsigned parent, struct gp_str default_type)
{
	struct gp_part p = {.parent = parent, .depth = part_at(w, parent)->depth + 1};

	read_headers(w, &p);
	gp_part_describe(w->m, &p, default_type);
	*gp_vec_push(w->m->arena, &w->m->parts) = p;
	return (unsigned)w->m->parts.len - 1;
}

static bool is_part_allowed(struct walk *w)
{
	if (w->m->parts.len < GP_MAX_MIME_PARTS)
		return true;
	w->m->cut |= GP_CUT_PARTS;
	w->is_full = true;
	return false;
}

static void multipart_begin(struct walk *w, unsigned part)
{
	struct open_multipart o = {.part = part, .start = w->pos, .lines = w->lines};

	o.boundary = gp_part_boundary(w->m, part_at(w, part), 0);
	o.other = gp_part_boundary(w->m, part_at(w, part), 1);
	if (!o.boundary.len)
		o.boundary = guess_boundary(w);
	w->leaf = NO_PART;
	w->stack[w->n_open++] = o;
}

/* Decides what a part's content is: a multipart (pushed), an encapsulated
 * message (whose own headers are read here, and so on), or a leaf. */
static void entity_begin(struct walk *w, unsigned part)
{
	for (;;) {
		const struct gp_part *p = part_at(w, part);
		bool is_deep = p->depth >= GP_MAX_MIME_DEPTH;

		if ((p->flags & (GP_PART_MULTIPART | GP_PART_MESSAGE)) && is_deep)
			w->m->cut |= GP_CUT_DEPTH;
		if ((p->flags & GP_PART_MULTIPART) && !is_deep) {
			multipart_begin(w, part);
			return;
		}
		if (!(p->flags & GP_PART_MESSAGE) || is_deep || !gp_part_is_identity(p) ||
		    !is_part_allowed(w)) {
			leaf_begin(w, part);
			return;
		}
		part = add_part(w, part, GP_STR("text/plain"));
	}
}

/* Ends the multiparts above level n; one without parts is text after all. */
static void multiparts_end(struct walk *w, unsigned n, size_t end)
{
	while (w->n_open > n) {
		const struct open_multipart *o = &w->stack[--w->n_open];

		if (o->has_children || w->is_full)
			continue;
		part_at(w, o->part)->flags |= GP_PART_TEXT;
		gp_part_decode(w->m, part_at(w, o->part),
			       gp_str_sub(w->in, o->start, end - GP_MIN(end, o->start)), w->lines - o->lines);
	}
}

static void delimiter(struct walk *w, unsigned level, size_t line_start, bool is_closing)
{
	struct open_multipart *o = &w->stack[level];
	bool is_digest;

	leaf_end(w, line_start);
	multiparts_end(w, level + 1, line_start);
	o->is_closed = is_closing;
	if (is_closing) {
		o->has_children = true; /* delimited, if only to say that it is empty */
		return;
	}
	if (!is_part_allowed(w))
		return;
	o->has_children = true;
	is_digest = gp_str_eq(part_at(w, o->part)->type, GP_STR("multipart/digest"));
	entity_begin(w, add_part(w, o->part, is_digest ? GP_STR("message/rfc822")
						       : GP_STR("text/plain")));
}

static void pass_lines(struct walk *w)
{
	while (w->pos < w->in.len && !w->is_full) {
		size_t start = w->pos, eol = gp_str_find_chr(w->in, '\n', start);
		bool is_closing = false;
		int level = -1;

		if (w->n_open && w->in.ptr[start] == '-')
			level = match_delimiter(w, start, eol, &is_closing);
		w->pos = GP_MIN(eol + 1, w->in.len);
		w->lines++;
		if (level >= 0)
			delimiter(w, (unsigned)level, start, is_closing);
	}
	if (!w->is_full)
		leaf_end(w, w->in.len);
	multiparts_end(w, 0, w->in.len);
}

/* An encapsulated message in a buffer of its own, child of `part`.  Nests no
 * deeper than GP_MAX_MIME_DEPTH, since every level adds one to the depth. */
static void walk_message(struct gp_message *m, struct gp_str in, unsigned part)
{
	struct walk w = {.m = m, .in = in, .leaf = NO_PART};

	entity_begin(&w, add_part(&w, part, GP_STR("text/plain")));
	pass_lines(&w);
}

void gp_mime_walk(struct gp_message *m)
{
	struct gp_part root = {.headers = m->headers.items, .n_headers = m->headers.len};
	struct walk w = {.m = m, .in = m->body, .leaf = NO_PART};

	gp_part_describe(m, &root, GP_STR("text/plain"));
	*gp_vec_push(m->arena, &m->parts) = root;
	entity_begin(&w, 0);
	pass_lines(&w);
}

/*
 * Canonical bodies (RFC 6376, 3.4.3 and 3.4.4) in chunks, and the hashes over them.
 *
 * A walk over the body knows three things to treat: line ends, runs of white space, and
 * everything between them.  Clean stretches, which the canonical form leaves as they
 * are and which may hold many lines, go into SHA-256 straight from the chunk; short
 * ones are gathered first.  What may turn out to be nothing (white space before a line
 * end, empty lines at the end of the body, a CR at the end of a chunk) is counted, not kept.
 *
 * There is one walk and one running hash a canonicalisation: a digest of the first N
 * bytes is a look at that hash as it passes N.
 */
#include <assert.h>

#include "lib/auth/canon.h"
#include "lib/base/vec.h"

/* Stretches shorter than this are copied together before they are hashed. */
#define DIRECT_MIN 1024
#define GATHER_SIZE 8192

struct want {
	enum gp_canon canon;
	int64_t length;
	struct gp_body_digest result;
};

/* One canonicalisation in progress. */
struct stream {
	enum gp_canon canon;
	size_t newlines; /* line ends read and not yet hashed */
	bool has_wsp;	 /* white space read and not yet hashed (relaxed) */
	uint64_t size;	 /* canonical bytes so far */
	uint64_t hashed; /* of them, those given to the digest */
	bool is_whole;	 /* a digest over all of it is wanted */
	struct gp_sha256 *digest;
	unsigned *marks; /* the wants with a length, shortest first */
	size_t n_marks, next;
	size_t gathered;
	char gather[GATHER_SIZE];
};

struct gp_body_hasher {
	struct gp_arena *arena;
	GP_VEC(struct want) wants;
	struct stream *streams[2]; /* by enum gp_canon, NULL where nothing is wanted */
	bool has_begun, is_finished;
	bool has_cr; /* the last chunk ended in one */
};

/* The running hash. */

static void take_digest(struct gp_body_hasher *h, struct stream *s)
{
	struct want *w = &h->wants.items[s->marks[s->next++]];

	gp_sha256_peek(s->digest, w->result.digest);
	w->result.hashed = s->hashed;
}

/* Hashes n canonical bytes, stopping at each length on the way that is wanted. */
static void hash(struct gp_body_hasher *h, struct stream *s, const char *data, size_t n)
{
	while (s->next < s->n_marks) {
		uint64_t left = (uint64_t)h->wants.items[s->marks[s->next]].length - s->hashed;

		if (left > n)
			break;
		gp_sha256_add(s->digest, data, left);
		s->hashed += left;
		data += left;
		n -= left;
		take_digest(h, s);
	}
	if (n == 0 || (!s->is_whole && s->next == s->n_marks))
		return;
	gp_sha256_add(s->digest, data, n);
	s->hashed += n;
}

static void flush(struct gp_body_hasher *h, struct stream *s)
{
	hash(h, s, s->gather, s->gathered);
	s->gathered = 0;
}

static void put(struct gp_body_hasher *h, struct stream *s, const char *data, size_t n)
{
	s->size += n;
	if (n < DIRECT_MIN) {
		if (n > GATHER_SIZE - s->gathered)
			flush(h, s);
		memcpy(s->gather + s->gathered, data, n);
		s->gathered += n;
		return;
	}
	flush(h, s);
	hash(h, s, data, n);
}

static void put_newlines(struct gp_body_hasher *h, struct stream *s)
{
	static const char many[] =
		"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";

	while (s->newlines) {
		size_t n = GP_MIN(s->newlines, sizeof(many) / 2);

		put(h, s, many, 2 * n);
		s->newlines -= n;
	}
}

static void put_content(struct gp_body_hasher *h, struct stream *s, const char *data, size_t n)
{
	put_newlines(h, s);
	if (s->has_wsp)
		put(h, s, " ", 1);
	s->has_wsp = false;
	put(h, s, data, n);
}

/* Finding clean stretches. */

static bool is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* The bytes of the line end at p: 2, 1 (LF alone), or 0 where there is none. */
static size_t newline_at(const char *p, const char *end)
{
	if (*p == '\n')
		return 1;
	return *p == '\r' && end - p > 1 && p[1] == '\n' ? 2 : 0;
}

/* Up to the first LF without CR. */
static const char *clean_simple(const char *p, const char *end)
{
	const char *from = p + 1;

	while (from < end) {
		const char *lf = memchr(from, '\n', (size_t)(end - from));

		if (!lf)
			return end;
		if (lf[-1] != '\r')
			return lf;
		from = lf + 1;
	}
	return end;
}

/* Does relaxed leave `a` alone, with `b` behind it? */
static bool is_clean(char a, char b)
{
	if (a == ' ')
		return !is_wsp(b) && b != '\r' && b != '\n';
	return a != '\t' && (b != '\n' || a == '\r');
}

typedef unsigned char lanes __attribute__((vector_size(16)));
typedef uint64_t words __attribute__((vector_size(16)));

/* is_clean of 16 neighbours at once: needs p[0 … 16]. */
static bool is_clean_block(const char *p)
{
	lanes a, b;
	words dirty;

	memcpy(&a, p, sizeof(a));
	memcpy(&b, p + 1, sizeof(b));
	dirty = (words)((a == ' ') & ((b == ' ') | (b == '\t') | (b == '\r') | (b == '\n')));
	dirty |= (words)((a == '\t') | ((b == '\n') & (a != '\r')));
	return (dirty[0] | dirty[1]) == 0;
}

/* Up to white space that relaxed changes, or to a LF without CR; content at p. */
static const char *clean_relaxed(const char *p, const char *end)
{
	while (end - p > (ptrdiff_t)sizeof(lanes) && is_clean_block(p))
		p += sizeof(lanes);
	while (end - p > 1 && is_clean(p[0], p[1]))
		p++;
	/* What stops here is the white space itself, or what stands before the LF. */
	return is_wsp(*p) || newline_at(p, end) ? p : p + 1;
}

/* Without line ends (and white space) at its end: what becomes of them, time will tell. */
static const char *trim(enum gp_canon canon, const char *p, const char *q, const char *end)
{
	if (q < end && q - p > 1 && *q == '\n' && q[-1] == '\r')
		q--;
	while (q - p > 1) {
		if (q[-1] == '\n')
			q -= q - p > 2 && q[-2] == '\r' ? 2 : 1;
		else if (canon == GP_CANON_RELAXED && is_wsp(q[-1]))
			q--;
		else
			break;
	}
	return q;
}

static void walk(struct gp_body_hasher *h, struct stream *s, const char *p, const char *end)
{
	bool is_relaxed = s->canon == GP_CANON_RELAXED;

	while (p < end) {
		size_t n = newline_at(p, end);
		const char *q;

		if (n) {
			s->has_wsp = false;
			s->newlines++;
			p += n;
		} else if (is_relaxed && is_wsp(*p)) {
			s->has_wsp = true;
			p++;
		} else {
			q = is_relaxed ? clean_relaxed(p, end) : clean_simple(p, end);
			q = trim(s->canon, p, q, end);
			put_content(h, s, p, (size_t)(q - p));
			p = q;
		}
	}
}

static void walk_all(struct gp_body_hasher *h, const char *p, size_t n)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(h->streams); i++)
		if (h->streams[i])
			walk(h, h->streams[i], p, p + n);
}

/* Setting up. */

struct gp_body_hasher *gp_body_hasher_new(struct gp_arena *arena)
{
	struct gp_body_hasher *h = GP_ARENA_NEW(arena, struct gp_body_hasher);

	h->arena = arena;
	return h;
}

unsigned gp_body_hasher_want(struct gp_body_hasher *h, enum gp_canon c, int64_t length)
{
	assert(!h->has_begun);
	if (length < 0)
		length = GP_BODY_WHOLE;
	for (unsigned i = 0; i < h->wants.len; i++)
		if (h->wants.items[i].canon == c && h->wants.items[i].length == length)
			return i;
	*gp_vec_push(h->arena, &h->wants) = (struct want){.canon = c, .length = length};
	return (unsigned)(h->wants.len - 1);
}

static void free_digest(void *digest)
{
	gp_sha256_free(digest);
}

static struct stream *new_stream(struct gp_body_hasher *h, enum gp_canon c)
{
	struct stream *s = gp_arena_alloc(h->arena, sizeof(*s));

	memset(s, 0, offsetof(struct stream, gather));
	s->canon = c;
	s->marks = GP_ARENA_NEW_N(h->arena, h->wants.len, unsigned);
	s->digest = gp_sha256_begin();
	gp_arena_on_end(h->arena, free_digest, &s->digest);
	return s;
}

static void add_mark(struct gp_body_hasher *h, struct stream *s, unsigned number)
{
	size_t i = s->n_marks++;

	for (; i > 0 && h->wants.items[s->marks[i - 1]].length > h->wants.items[number].length; i--)
		s->marks[i] = s->marks[i - 1];
	s->marks[i] = number;
}

static void begin(struct gp_body_hasher *h)
{
	if (h->has_begun)
		return;
	h->has_begun = true;
	for (unsigned i = 0; i < h->wants.len; i++) {
		struct want *w = &h->wants.items[i];
		struct stream **s = &h->streams[w->canon];

		if (!*s)
			*s = new_stream(h, w->canon);
		if (w->length == GP_BODY_WHOLE)
			(*s)->is_whole = true;
		else
			add_mark(h, *s, i);
	}
}

void gp_body_hasher_add(struct gp_body_hasher *h, struct gp_str chunk)
{
	const char *p = chunk.ptr;
	size_t n = chunk.len;

	assert(!h->is_finished);
	begin(h);
	if (n == 0)
		return;
	if (h->has_cr) {
		bool is_newline = *p == '\n';

		walk_all(h, "\r\n", is_newline ? 2 : 1);
		p += is_newline;
		n -= is_newline;
	}
	h->has_cr = n && p[n - 1] == '\r';
	walk_all(h, p, n - h->has_cr);
}

/* The end of the body: 3.4.3 leaves one line end whatever there was, 3.4.4 none of an
 * empty body. */
static void end_stream(struct gp_body_hasher *h, struct stream *s)
{
	s->has_wsp = false;
	s->newlines = s->canon == GP_CANON_SIMPLE || s->size ? 1 : 0;
	put_newlines(h, s);
	flush(h, s);
}

void gp_body_hasher_finish(struct gp_body_hasher *h)
{
	unsigned char whole[2][GP_SHA256_SIZE];

	if (h->is_finished)
		return;
	begin(h);
	if (h->has_cr)
		walk_all(h, "\r", 1);
	h->is_finished = true;
	for (size_t i = 0; i < GP_ARRAY_SIZE(h->streams); i++)
		if (h->streams[i]) {
			end_stream(h, h->streams[i]);
			gp_sha256_peek(h->streams[i]->digest, whole[i]);
		}
	for (size_t i = 0; i < h->wants.len; i++) {
		struct want *w = &h->wants.items[i];

		w->result.size = h->streams[w->canon]->size;
		if (w->length == GP_BODY_WHOLE) {
			w->result.hashed = w->result.size;
			memcpy(w->result.digest, whole[w->canon], GP_SHA256_SIZE);
		}
	}
}

const struct gp_body_digest *gp_body_hasher_get(const struct gp_body_hasher *h, unsigned number)
{
	const struct want *w;

	assert(h->is_finished && number < h->wants.len);
	w = &h->wants.items[number];
	if (w->length != GP_BODY_WHOLE && (uint64_t)w->length > w->result.size)
		return NULL;
	return &w->result;
}

/*
 * Tokens of a message: the collector, words, and the words and pairs of its
 * text.  Headers are in token_header.c, structure and links in token_mime.c.
 *
 * A word is a run of letters, digits, bytes above ASCII and a few marks that
 * spam likes ($ ! % @), without the punctuation at its ends.  Han, Kana and
 * the like have no spaces, so each such character is a word and the pairs are
 * its neighbours.  Characters of no width, which are put into words to hide
 * them from filters, are not part of a word.
 *
 * Deliberately not here: stemming, stop words, languages.  They help little
 * once pairs exist and each is a language's worth of tables.
 */
#include "lib/score/token.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/score/token_int.h"

#define WORD_MAX 30   /* bytes; longer ones are URLs, ids, encoded data */
#define OPAQUE_MIN 12 /* bytes from which on many digits make an id of a word */
#define WINDOW 5      /* a pair's words lie in a window of so many */
/* Words of one text looked at: a megabyte of one word repeated gives no new token, but costs. */
#define TEXT_WORDS_MAX 20000
#define HIDDEN_MAX 200 /* words of hidden text */

enum {
	CLASS_WORD = 1, /* part of a word */
	CLASS_MARK = 2, /* part of a word, but not at its ends */
	CLASS_UPPER = 4,
	CLASS_DIGIT = 8,
};

static const uint8_t classes[256] = {
	['0' ... '9'] = CLASS_WORD | CLASS_DIGIT,
	['A' ... 'Z'] = CLASS_WORD | CLASS_UPPER,
	['a' ... 'z'] = CLASS_WORD,
	['$'] = CLASS_WORD,
	['!'] = CLASS_WORD,
	['%'] = CLASS_WORD,
	['@'] = CLASS_WORD,
	['-'] = CLASS_WORD | CLASS_MARK,
	['.'] = CLASS_WORD | CLASS_MARK,
	['\''] = CLASS_WORD | CLASS_MARK,
	['_'] = CLASS_WORD | CLASS_MARK,
	[0x80 ... 0xff] = CLASS_WORD,
};

/* Murmur's finaliser: every input bit reaches every output bit. */
static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

bool gp_collector_is_full(const struct gp_collector *c)
{
	return c->n >= c->limit;
}

void gp_collector_add(struct gp_collector *c, enum gp_token_field field, uint64_t hash,
		      struct gp_str text, unsigned gap)
{
	uint64_t h = mix(hash + ((uint64_t)field + 1) * UINT64_C(0x9e3779b97f4a7c15));
	size_t slot;

	h += h == 0; /* 0 is nobody's token */
	for (slot = h & (GP_TOKEN_SLOTS - 1); c->slots[slot] != 0;
	     slot = (slot + 1) & (GP_TOKEN_SLOTS - 1)) {
		if (c->hashes[c->slots[slot] - 1] == h)
			return;
	}
	if (gp_collector_is_full(c)) {
		c->is_cut = true;
		return;
	}
	c->hashes[c->n] = h;
	c->sources[c->n] = (struct gp_token_source){
		.ptr = text.ptr,
		.len = (uint16_t)GP_MIN(text.len, UINT16_MAX),
		.field = (uint8_t)field,
		.gap = (uint8_t)gap,
	};
	c->slots[slot] = (uint16_t)++c->n;
}

void gp_collector_add_exact(struct gp_collector *c, enum gp_token_field field, unsigned kind,
			    struct gp_str s)
{
	gp_collector_add(c, field, gp_hash64(kind, s.ptr, s.len), s, 0);
}

void gp_collector_add_lower(struct gp_collector *c, enum gp_token_field field, unsigned kind,
			    struct gp_str s)
{
	char lower[256];
	size_t n = GP_MIN(s.len, sizeof(lower));

	for (size_t i = 0; i < n; i++)
		lower[i] = gp_lower(s.ptr[i]);
	gp_collector_add(c, field, gp_hash64(kind, lower, n), s, 0);
}

void gp_collector_add_value(struct gp_collector *c, enum gp_token_field field, const char *name,
			    unsigned long value)
{
	const char *text = gp_arena_printf(c->arena, "%s=%lu", name, value);

	gp_collector_add_exact(c, field, 0, gp_str(text));
}

void gp_collector_add_shape(struct gp_collector *c, enum gp_token_field field, unsigned kind,
			    struct gp_str s)
{
	char shape[64];
	size_t n = 0;

	for (size_t i = 0; i < s.len && n < sizeof(shape); i++) {
		char ch = s.ptr[i];

		if (gp_is_digit(ch))
			ch = '0';
		else if (gp_is_alpha(ch))
			ch = ch == gp_lower(ch) ? 'a' : 'A';
		if (n == 0 || shape[n - 1] != ch)
			shape[n++] = ch;
	}
	gp_collector_add(c, field, gp_hash64(kind, shape, n), s, 0);
}

void gp_collector_add_words(struct gp_collector *c, enum gp_token_field field, uint64_t seed,
			    struct gp_str s, unsigned max)
{
	struct gp_word word;

	for (unsigned i = 0; i < max && gp_word_next(&s, &word); i++) {
		if (!word.is_opaque)
			gp_collector_add(c, field, word.hash + seed, gp_str_n(word.ptr, word.len),
					 0);
	}
}

void gp_collector_add_domain(struct gp_collector *c, enum gp_token_field field, unsigned kind,
			     struct gp_str domain)
{
	size_t at = domain.len;

	for (unsigned i = 0; i < 5 && at > 0; i++) {
		while (at > 0 && domain.ptr[at - 1] != '.')
			at--;
		gp_collector_add_lower(c, field, kind, gp_str_sub(domain, at, SIZE_MAX));
		at -= at > 0;
	}
}

/* Length of the sequence at p if it is one character without width: soft hyphen, zero width
 * space and joiners, byte order mark. */
static size_t no_width(const unsigned char *p, size_t left)
{
	if (left >= 2 && p[0] == 0xc2 && p[1] == 0xad)
		return 2;
	if (left >= 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x8b && p[2] <= 0x8f)
		return 3;
	if (left >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
		return 3;
	return 0;
}

/* U+3000 … U+9FFF: scripts written without spaces. */
static bool is_ideograph(const unsigned char *p, size_t left)
{
	return left >= 3 && p[0] >= 0xe3 && p[0] <= 0xe9;
}

/* Hash, capitals and kind of the word that [p, p + len) is. */
static void word_describe(const unsigned char *p, size_t len, struct gp_word *w)
{
	char lower[WORD_MAX] = "";
	size_t n = 0, digits = 0;
	size_t skip;

	w->has_upper = false;
	for (size_t i = 0; i < len && n < sizeof(lower); i++) {
		if (p[i] >= 0xc2 && (skip = no_width(p + i, len - i)) > 0) {
			i += skip - 1;
			continue;
		}
		w->has_upper |= (classes[p[i]] & CLASS_UPPER) != 0;
		digits += (classes[p[i]] & CLASS_DIGIT) != 0;
		lower[n++] = gp_lower((char)p[i]);
	}
	w->ptr = (const char *)p;
	w->len = len;
	w->is_long = len > WORD_MAX;
	w->is_opaque = w->is_long || (n >= OPAQUE_MIN && digits >= 4);
	if (w->is_long) {
		lower[1] = (char)('a' + GP_MIN(len / 10, 20));
		n = 2;
	}
	w->hash = gp_hash64(w->is_long, lower, n);
}

bool gp_word_next(struct gp_str *rest, struct gp_word *ret_word)
{
	const unsigned char *p = (const unsigned char *)rest->ptr;
	size_t len = rest->len, i = 0, start, end;

	do {
		while (i < len && !(classes[p[i]] & CLASS_WORD))
			i++;
		while (i < len && (classes[p[i]] & CLASS_MARK))
			i++;
		start = i;
		if (i < len && is_ideograph(p + i, len - i)) {
			i += 3;
		} else {
			while (i < len && (classes[p[i]] & CLASS_WORD) &&
			       !is_ideograph(p + i, len - i))
				i++;
		}
		for (end = i; end > start && (classes[p[end - 1]] & CLASS_MARK); end--)
			;
	} while (end == start && i < len);

	*rest = gp_str_sub(*rest, i, SIZE_MAX);
	if (end == start)
		return false;
	word_describe(p + start, end - start, ret_word);
	return true;
}

/* Under which fields a run of text is collected. */
struct text_fields {
	enum gp_token_field word, written, pair, sparse;
};

static void add_text(struct gp_collector *c, const struct text_fields *fields, struct gp_str s)
{
	struct gp_word past[WINDOW - 1] = {0}; /* a ring of the words before this one */
	struct gp_word word;
	unsigned n;

	for (n = 0; n < TEXT_WORDS_MAX && !gp_collector_is_full(c) && gp_word_next(&s, &word);
	     n++) {
		struct gp_str text = gp_str_n(word.ptr, word.len);

		gp_collector_add(c, fields->word, word.hash, text, 0);
		if (word.has_upper && !word.is_long)
			gp_collector_add(c, fields->written, gp_hash64(2, text.ptr, text.len), text,
					 0);
		for (unsigned gap = 1; gap < WINDOW && gap <= n; gap++) {
			const struct gp_word *first = &past[(n - gap) % (WINDOW - 1)];
			uint64_t pair = mix(first->hash + gap) * 3 + word.hash;

			gp_collector_add(
				c, gap == 1 ? fields->pair : fields->sparse, pair,
				gp_str_n(first->ptr, (size_t)(word.ptr - first->ptr) + word.len),
				gap);
		}
		past[n % (WINDOW - 1)] = word;
	}
	c->is_cut |= n == TEXT_WORDS_MAX;
}

static void add_subject(struct gp_collector *c, const struct gp_message *m)
{
	static const struct text_fields fields = {GP_TOKEN_SUBJECT, GP_TOKEN_SUBJECT,
						  GP_TOKEN_SUBJECT_PAIR, GP_TOKEN_SUBJECT_PAIR};

	add_text(c, &fields, gp_str_sub(gp_message_value(m, "Subject"), 0, 1000));
}

static void add_body(struct gp_collector *c, const struct gp_message *m)
{
	static const struct text_fields fields = {GP_TOKEN_WORD, GP_TOKEN_CASE, GP_TOKEN_PAIR,
						  GP_TOKEN_SPARSE};

	add_text(c, &fields, m->text);
}

void gp_token_collect(struct gp_arena *arena, const struct gp_message *m,
		      struct gp_str envelope_from, struct gp_str asn,
		      struct gp_token_list *ret_list)
{
	struct gp_collector *c = GP_ARENA_NEW(arena, struct gp_collector);

	c->arena = arena;
	c->hashes = gp_arena_alloc(arena, GP_MAX_TOKENS * sizeof(*c->hashes));
	c->sources = gp_arena_alloc(arena, GP_MAX_TOKENS * sizeof(*c->sources));

	c->limit = GP_TOKEN_HEADERS_MAX;
	add_subject(c, m);
	gp_token_add_headers(c, m, envelope_from, asn);
	c->limit = GP_TOKEN_PARTS_MAX;
	gp_token_add_parts(c, m);
	gp_token_add_shapes(c, m);
	gp_token_add_uris(c, m);
	gp_collector_add_words(c, GP_TOKEN_HIDDEN, 0, m->hidden_text, HIDDEN_MAX);
	c->limit = GP_MAX_TOKENS;
	add_body(c, m);

	*ret_list = (struct gp_token_list){c->hashes, c->sources, c->n, c->is_cut};
}

const char *gp_token_field_name(unsigned field)
{
	static const char *const names[GP_TOKEN_FIELDS] = {
		[GP_TOKEN_WORD] = "word",
		[GP_TOKEN_CASE] = "case",
		[GP_TOKEN_PAIR] = "pair",
		[GP_TOKEN_SPARSE] = "sparse",
		[GP_TOKEN_HIDDEN] = "hidden",
		[GP_TOKEN_SUBJECT] = "subject",
		[GP_TOKEN_SUBJECT_PAIR] = "subject-pair",
		[GP_TOKEN_FROM_NAME] = "from-name",
		[GP_TOKEN_FROM_ADDR] = "from-addr",
		[GP_TOKEN_REPLY_TO] = "reply-to",
		[GP_TOKEN_SENDER] = "sender",
		[GP_TOKEN_RCPT] = "rcpt",
		[GP_TOKEN_URL_HOST] = "url-host",
		[GP_TOKEN_URL_PATH] = "url-path",
		[GP_TOKEN_MIME] = "mime",
		[GP_TOKEN_HTML] = "html",
		[GP_TOKEN_SHAPE] = "shape",
		[GP_TOKEN_HEADER_NAME] = "header-name",
		[GP_TOKEN_HEADER_ORDER] = "header-order",
		[GP_TOKEN_HEADER] = "header",
		[GP_TOKEN_LIST] = "list",
		[GP_TOKEN_MAILER] = "mailer",
		[GP_TOKEN_MESSAGE_ID] = "message-id",
		[GP_TOKEN_DATE] = "date",
		[GP_TOKEN_RECEIVED] = "received",
	};

	return field < GP_TOKEN_FIELDS ? names[field] : "?";
}

void gp_token_format(const struct gp_token_source *source, struct gp_buf *out)
{
	struct gp_str rest = gp_str_n(source->ptr, GP_MIN(source->len, 80)), piece;
	const char *gap = "";

	gp_buf_add_cstr(out, gp_token_field_name(source->field));
	gp_buf_add_chr(out, ':');
	while (gp_str_next_word(&rest, &piece)) {
		gp_buf_add_cstr(out, gap);
		gp_buf_add_str(out, piece);
		gap = " ";
	}
}

/*
 * Parameters of MIME header fields, read with one cursor that always moves on:
 * name, '=', value, up to the next semicolon outside quotes.
 */
#include "lib/mail/param.h"

#include "lib/base/buf.h"
#include "lib/mail/charset.h"
#include "lib/mail/header.h"

#define MAIN_MAX 256   /* "type/subtype"; registered ones have up to 80 bytes */
#define PIECES_MAX 100 /* name*0 … name*99; a file name of 4 KB needs 60 */

struct cursor {
	struct gp_str s;
	size_t i;
	bool has_open_comment; /* one that never closes: parentheses are text then */
};

struct param {
	struct gp_str name;  /* without "*0*" */
	struct gp_str value; /* as written, without the outer quotes */
	int piece;	     /* -1: not in pieces */
	bool is_quoted, is_extended;
};

/* Moves behind the comment that opens here; false if it never closes. */
static bool skip_comment(struct cursor *c)
{
	int depth = 0;

	for (size_t i = c->i; i < c->s.len && !c->has_open_comment; i++) {
		char ch = c->s.ptr[i];

		if (ch == '\\')
			i++;
		else if (ch == '(')
			depth++;
		else if (ch == ')' && --depth == 0) {
			c->i = i + 1;
			return true;
		}
	}
	c->has_open_comment = true;
	return false;
}

static void skip_blank(struct cursor *c)
{
	while (c->i < c->s.len) {
		char ch = c->s.ptr[c->i];

		if (gp_is_space(ch))
			c->i++;
		else if (ch != '(' || !skip_comment(c))
			return;
	}
}

/* Behind the main value, where parameters begin. */
static struct cursor params_begin(struct gp_str value)
{
	struct cursor c = {.s = value};

	for (skip_blank(&c); c.i < c.s.len && c.s.ptr[c.i] != ';'; skip_blank(&c))
		c.i++;
	return c;
}

struct gp_str gp_param_main(struct gp_arena *a, struct gp_str value)
{
	struct cursor c = {.s = gp_str_sub(value, 0, MAIN_MAX)};
	char *out = gp_arena_alloc(a, c.s.len + 1);
	size_t n = 0;

	skip_blank(&c);
	while (c.i < c.s.len && c.s.ptr[c.i] != ';') {
		size_t end;

		out[n++] = gp_lower(c.s.ptr[c.i++]);
		end = c.i;
		skip_blank(&c); /* "text / plain", but not "text/plain charset=x" */
		if (c.i > end && c.i < c.s.len && c.s.ptr[c.i] != '/' && out[n - 1] != '/')
			break;
	}
	return gp_str_n(out, n);
}

/* A quoted value: up to the closing quote, or all of the rest without one. */
static struct gp_str take_quoted(struct cursor *c)
{
	size_t start = ++c->i;

	while (c->i < c->s.len && c->s.ptr[c->i] != '"')
		c->i += c->s.ptr[c->i] == '\\' ? 2 : 1;
	c->i = GP_MIN(c->i, c->s.len);
	return gp_str_sub(c->s, start, c->i++ - start);
}

/* name, name*, name*3, name*3* */
static void split_name(struct param *p)
{
	size_t star = gp_str_find_chr(p->name, '*', 0);
	struct gp_str rest = gp_str_sub(p->name, star, p->name.len);

	p->piece = -1;
	p->name = gp_str_sub(p->name, 0, star);
	if (!rest.len)
		return;
	rest = gp_str_sub(rest, 1, rest.len);
	if (!rest.len || rest.ptr[rest.len - 1] == '*') {
		p->is_extended = true;
		rest = gp_str_sub(rest, 0, rest.len ? rest.len - 1 : 0);
	}
	for (size_t i = 0; i < rest.len && gp_is_digit(rest.ptr[i]) && p->piece < PIECES_MAX; i++)
		p->piece = (p->piece < 0 ? 0 : p->piece * 10) + (rest.ptr[i] - '0');
}

/* The next parameter; false at the end. */
static bool param_next(struct cursor *c, struct param *p)
{
	size_t start, end;

	*p = (struct param){0};
	for (skip_blank(c); c->i < c->s.len && c->s.ptr[c->i] == ';'; skip_blank(c))
		c->i++;
	if (c->i >= c->s.len)
		return false;
	for (start = c->i; c->i < c->s.len && c->s.ptr[c->i] != '=' && c->s.ptr[c->i] != ';'; c->i++)
		;
	p->name = gp_str_trim(gp_str_sub(c->s, start, c->i - start));
	split_name(p);
	if (c->i >= c->s.len || c->s.ptr[c->i] == ';')
		return true;
	c->i++;
	skip_blank(c);
	if (c->i < c->s.len && c->s.ptr[c->i] == '"') {
		p->is_quoted = true;
		p->value = take_quoted(c);
		c->i = GP_MIN(gp_str_find_chr(c->s, ';', c->i), c->s.len);
		return true;
	}
	start = c->i;
	end = c->i = gp_str_find_chr(c->s, ';', c->i);
	p->value = gp_str_trim(gp_str_sub(c->s, start, end - start));
	if (p->value.len && p->value.ptr[p->value.len - 1] == ')') /* charset=us-ascii (plain) */
		p->value = gp_str_trim(gp_str_sub(p->value, 0, gp_str_find(p->value, GP_STR(" ("), 0)));
	return true;
}

static int hex_value(char c)
{
	c = gp_lower(c);
	return gp_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_value(const struct param *p, struct gp_buf *out)
{
	const struct gp_str v = p->value;

	for (size_t i = 0; i < v.len; i++) {
		if (p->is_extended && v.ptr[i] == '%' && i + 2 < v.len &&
		    hex_value(v.ptr[i + 1]) >= 0 && hex_value(v.ptr[i + 2]) >= 0) {
			gp_buf_add_chr(out, (char)(hex_value(v.ptr[i + 1]) << 4 |
						   hex_value(v.ptr[i + 2])));
			i += 2;
		} else if (p->is_quoted && v.ptr[i] == '\\' && i + 1 < v.len) {
			gp_buf_add_chr(out, v.ptr[++i]);
		} else {
			gp_buf_add_chr(out, v.ptr[i]);
		}
	}
}

/* charset'language'text (RFC 2231 §4): takes the first two off. */
static struct gp_str take_charset(struct gp_str *value)
{
	size_t first = gp_str_find_chr(*value, '\'', 0);
	size_t second = gp_str_find_chr(*value, '\'', first + 1);
	struct gp_str charset = gp_str_sub(*value, 0, first);

	if (second >= value->len)
		return GP_STR("");
	*value = gp_str_sub(*value, second + 1, value->len);
	return charset;
}

static void add_pieces(struct gp_str value, struct gp_str name, struct gp_buf *out,
		       struct gp_str *ret_charset)
{
	for (int piece = 0; piece < PIECES_MAX; piece++) {
		struct cursor c = params_begin(value);
		struct param p;
		bool is_found = false;

		while (!is_found && param_next(&c, &p))
			is_found = p.piece == piece && gp_str_ieq(p.name, name);
		if (!is_found)
			return;
		if (piece == 0 && p.is_extended)
			*ret_charset = take_charset(&p.value);
		add_value(&p, out);
	}
}

struct gp_str gp_param_get(struct gp_arena *a, struct gp_str value, const char *name)
{
	return gp_param_get_n(a, value, name, 0);
}

struct gp_str gp_param_get_n(struct gp_arena *a, struct gp_str value, const char *name, unsigned n)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(value.len);
	GP_BUF_AUTO out = GP_BUF_INIT(3 * value.len + 16);
	struct cursor c = params_begin(value);
	struct gp_str charset = {0}, want = gp_str(name);
	bool is_encoded = false;
	struct param p;

	while (param_next(&c, &p)) {
		if (!gp_str_ieq(p.name, want) || p.piece > 0 || n-- > 0)
			continue;
		is_encoded = p.is_extended || p.piece >= 0;
		if (p.piece < 0) {
			if (p.is_extended)
				charset = take_charset(&p.value);
			add_value(&p, &bytes);
		} else {
			add_pieces(value, want, &bytes, &charset);
		}
		break;
	}
	if (!bytes.len)
		return GP_STR("");
	if (!is_encoded)
		return gp_header_decode_words(a, gp_arena_str(a, gp_buf_str(&bytes)));
	(void)gp_charset_to_utf8(charset, gp_buf_str(&bytes), &out);
	return gp_arena_str(a, gp_buf_str(&out));
}

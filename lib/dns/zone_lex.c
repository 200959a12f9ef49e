/*
 * Words of a zone file.  Knows comments, quotes, escapes and parentheses; what the words
 * mean is dns_zone_file.c's.
 */
#include "lib/dns/zone_lex.h"

#include "lib/base/vec.h"

/* Where the lexer stands within an entry. */
struct state {
	struct gp_zone_lexer *l;
	struct gp_arena *arena;
	struct gp_diag *diag;
	GP_VEC(struct gp_zone_word) words;
	unsigned open; /* line of the open parenthesis, 0: none */
	bool is_indented, has_ended;
	unsigned line; /* of the first word */
};

static void skip(struct state *s, size_t n)
{
	s->l->rest = gp_str_sub(s->l->rest, n, s->l->rest.len);
}

static int complain(const struct state *s, const char *what)
{
	gp_diag_set(s->diag, "%s:%u: %s", s->l->file, s->l->line + 1, what);
	return GP_EINVAL;
}

static bool ends_word(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '"' ||
	       c == '(' || c == ')';
}

/* A word up to its end, `from` bytes into the rest; in quotes up to the quote. */
static int take_word(struct state *s, bool is_quoted)
{
	struct gp_str rest = s->l->rest;
	size_t from = is_quoted ? 1 : 0, at = from;

	while (at < rest.len && (is_quoted ? rest.ptr[at] != '"' : !ends_word(rest.ptr[at]))) {
		char c = rest.ptr[at];

		if (c == '\n' || (c == '\\' && (at + 1 == rest.len || rest.ptr[at + 1] == '\n')))
			break;
		if (((unsigned char)c < ' ' && c != '\t' && c != '\r') || c == 0x7f)
			return complain(s, "a control character; write it as \\DDD");
		at += c == '\\' ? 2 : 1;
	}
	if (is_quoted && (at >= rest.len || rest.ptr[at] != '"'))
		return complain(s, "a quoted string is not closed in its line; close it with \"");
	if (at < rest.len && rest.ptr[at] == '\\')
		return complain(s, "a backslash ends the line; write \\092 for a backslash");
	if (s->words.len == 0)
		s->line = s->l->line + 1;
	*gp_vec_push(s->arena, &s->words) =
		(struct gp_zone_word){gp_str_sub(rest, from, at - from), is_quoted};
	skip(s, at + (is_quoted ? 1 : 0));
	return GP_OK;
}

static int take_parenthesis(struct state *s, bool is_open)
{
	if (is_open && s->open)
		return complain(s, "a parenthesis within parentheses; close the first with )");
	if (!is_open && !s->open)
		return complain(s, "a ) without its (");
	s->open = is_open ? s->l->line + 1 : 0;
	skip(s, 1);
	return GP_OK;
}

static void end_line(struct state *s)
{
	skip(s, 1);
	s->l->line++;
	if (s->open)
		return;
	s->has_ended = s->words.len > 0;
	if (!s->has_ended)
		s->is_indented = false;
}

static int take(struct state *s)
{
	switch (s->l->rest.ptr[0]) {
	case ' ':
	case '\t':
	case '\r':
		if (s->words.len == 0 && !s->open)
			s->is_indented = true;
		skip(s, 1);
		return GP_OK;
	case '\n':
		end_line(s);
		return GP_OK;
	case ';':
		skip(s, gp_str_find_chr(s->l->rest, '\n', 0));
		return GP_OK;
	case '(':
	case ')':
		return take_parenthesis(s, s->l->rest.ptr[0] == '(');
	case '"':
		return take_word(s, true);
	}
	return take_word(s, false);
}

int gp_zone_lex_next(struct gp_zone_lexer *l, struct gp_arena *arena, struct gp_zone_entry *ret,
		     struct gp_diag *diag)
{
	struct state s = {.l = l, .arena = arena, .diag = diag};

	while (l->rest.len && !s.has_ended) {
		int r = take(&s);

		if (r < 0)
			return r;
	}
	if (s.open && !s.has_ended) {
		gp_diag_set(diag, "%s:%u: a ( is never closed; write ) after the record's data",
			    l->file, s.open);
		return GP_EINVAL;
	}
	if (s.words.len == 0)
		return GP_ENOENT;
	*ret = (struct gp_zone_entry){s.words.items, s.words.len, s.is_indented, s.line};
	return GP_OK;
}

/*
 * One Received line: what may stand anywhere in it (id, HELO, envelope sender,
 * authentication), then its form.  SpamAssassin's reading, learned from what it
 * makes of lines; see relay.h.
 */
#include "lib/mail/relay_line.h"

#include "lib/mail/relay_form.h"

/* A longer line is cut; SpamAssassin's are. */
#define LINE_MAX_BYTES 8192

struct line {
	struct gp_arena *arena;
	struct gp_str all;  /* "from …", white space folded, without the date */
	struct gp_str rest; /* behind "from " */
	struct gp_relay_fields fields;
	struct gp_str envelope_from, auth;
};

static bool has(struct gp_str s, const char *what)
{
	return gp_str_find(s, gp_str(what), 0) < s.len;
}

/* A server forgets the space in ")by ". */
static struct gp_str mended(struct gp_arena *a, struct gp_str s)
{
	size_t i = gp_str_find(s, GP_STR(")by "), 0);

	if (i == s.len)
		return s;
	return gp_str(gp_arena_printf(a, "%.*s) %.*s", (int)i, s.ptr,
				      GP_STR_FMT(gp_str_sub(s, i + 1, SIZE_MAX))));
}

/* White space folded; none at the ends, no ";" at the end either. */
static struct gp_str fold(struct gp_arena *a, struct gp_str s)
{
	char *text = gp_arena_alloc(a, GP_MIN(s.len, (size_t)LINE_MAX_BYTES) + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len && n < LINE_MAX_BYTES; i++) {
		if (!gp_is_space(s.ptr[i]))
			text[n++] = s.ptr[i];
		else if (n && text[n - 1] != ' ')
			text[n++] = ' ';
	}
	while (n && text[n - 1] == ' ')
		n--;
	while (n && text[n - 1] == ';')
		n -= n > 1 && text[n - 2] == ' ' ? 2 : 1;
	return gp_str_n(text, n);
}

/* Takes the last word off, and the space before it. */
static struct gp_str last_word(struct gp_str *s)
{
	size_t i = s->len;
	struct gp_str word;

	while (i && s->ptr[i - 1] != ' ')
		i--;
	word = gp_str_sub(*s, i, SIZE_MAX);
	*s = gp_str_sub(*s, 0, i ? i - 1 : 0);
	return word;
}

static bool is_digits(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!gp_is_digit(s.ptr[i]))
			return false;
	return s.len > 0;
}

static bool is_one_of(struct gp_str s, const char *names)
{
	struct gp_str rest = gp_str(names), name;

	while (gp_str_next(&rest, ' ', &name))
		if (gp_str_eq(s, name))
			return true;
	return false;
}

/* "12:34:56", "12:34" */
static bool is_time(struct gp_str s)
{
	struct gp_str piece;
	unsigned n = 0;

	for (; gp_str_next(&s, ':', &piece); n++)
		if (!is_digits(piece))
			return false;
	return n == 2 || n == 3;
}

/* "…; Tue, 23 May 2006 13:06:35 -0400" without the date; with a comment behind it, as it is. */
static struct gp_str without_date(struct gp_str s)
{
	struct gp_str left = s, before;

	if (!last_word(&left).len || !is_time(last_word(&left)) || !is_digits(last_word(&left)) ||
	    !is_one_of(last_word(&left), "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec") ||
	    !is_digits(last_word(&left)))
		return s;
	before = left;
	if (is_one_of(last_word(&before), "Mon, Tue, Wed, Thu, Fri, Sat, Sun,"))
		left = before;
	while (left.len && (left.ptr[left.len - 1] == ' ' || left.ptr[left.len - 1] == ';'))
		left.len--;
	return left;
}

struct gp_str gp_relay_word_after(struct gp_str s, const char *key)
{
	size_t i = gp_str_find(s, gp_str(key), 0);

	if (i == s.len)
		return GP_STR("");
	s = gp_str_sub(s, i + strlen(key), SIZE_MAX);
	return gp_str_sub(s, 0, gp_str_find_chr(s, ' ', 0));
}

static size_t span(struct gp_str s, const char *more)
{
	size_t n = 0;

	while (n < s.len && (gp_is_alnum(s.ptr[n]) || (s.ptr[n] && strchr(more, s.ptr[n]))))
		n++;
	return n;
}

/* " id <X>": at least three characters. */
static struct gp_str queue_id(struct gp_str s)
{
	struct gp_str id = gp_relay_word_after(s, " id ");
	size_t n = 0;

	if (gp_str_starts(id, GP_STR("<")))
		id = gp_str_sub(id, 1, SIZE_MAX);
	while (n < id.len && !strchr("<>;", id.ptr[n]))
		n++;
	return n >= 3 ? gp_str_sub(id, 0, n) : GP_STR("");
}

static struct gp_str helo(struct gp_str s)
{
	static const char *const keys[] = {"helo=", "HELO ", "EHLO "};

	for (size_t i = 0; i < GP_ARRAY_SIZE(keys); i++) {
		struct gp_str word = gp_relay_word_after(s, keys[i]);
		size_t n = span(word, "-.^+_&:=?!@%*$\\/");

		if (n)
			return gp_str_sub(word, 0, n);
	}
	return GP_STR("");
}

static bool is_word_chr(char c)
{
	return gp_is_alnum(c) || c == '_' || (unsigned char)c >= 0x80;
}

static struct gp_str to_last_letter(struct gp_str s)
{
	while (s.len && !is_word_chr(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* The envelope sender in a comment: ptr NULL when there is none, or the empty one. */
static struct gp_str envelope_sender(struct gp_str s)
{
	static const char *const keys[] = {"return-path: ",    "return-path ",	  "envelope-sender ",
					   "envelope-sender=", "envelope-from ", "envelope-from="};
	struct gp_str best = {0};
	size_t first = s.len;

	for (size_t i = 0; i < GP_ARRAY_SIZE(keys); i++) {
		size_t at = gp_str_ifind(s, gp_str(keys[i]), 0);
		struct gp_str word = gp_str_sub(s, at + strlen(keys[i]), SIZE_MAX);

		word = to_last_letter(gp_str_sub(word, 0, gp_str_find_chr(word, ' ', 0)));
		if (at < first && word.len) {
			first = at;
			best = word;
		}
	}
	while (best.len && best.ptr[0] == '<')
		best = gp_str_sub(best, 1, SIZE_MAX);
	while (best.len && best.ptr[best.len - 1] == '>')
		best.len--;
	return best;
}

/* Whatever is recognised: the first word, "(word)", "[address]", "by word". */
static bool match_parts(struct gp_str s, struct gp_relay_fields *f)
{
	size_t n = gp_str_find_chr(s, ' ', 0), at = 0;
	struct gp_str word;

	if (n && n < s.len)
		f->rdns = gp_str_sub(s, 0, n);
	word = gp_relay_word_after(s, " (");
	if (word.len > 1 && word.ptr[word.len - 1] == ')')
		f->helo = gp_str_sub(word, 0, word.len - 1);
	while (!f->ip.len && (at = gp_str_find(s, GP_STR(" ["), at)) < s.len) {
		gp_relay_ip(s, at + 2, &f->ip);
		at += 2;
	}
	word = gp_relay_word_after(s, "by ");
	if (word.len)
		f->by = word;
	return f->ip.len && f->by.len;
}

/* The last resort: an address in brackets, anywhere. */
static void find_ip(struct gp_str s, struct gp_relay_fields *f)
{
	for (size_t i = 0; (i = gp_str_find_chr(s, '[', i)) < s.len; i++) {
		size_t n = gp_relay_ip(s, i + 1, &f->ip);

		if (n && i + 1 + n < s.len && s.ptr[i + 1 + n] == ']')
			return;
		f->ip = GP_STR("");
	}
}

/* "IDENT:user@name", "user@name" */
static void split_ident(struct gp_relay_fields *f)
{
	size_t at;

	while ((at = gp_str_find_chr(f->rdns, '@', 0)) < f->rdns.len) {
		f->ident = gp_str_sub(f->rdns, 0, at);
		f->rdns = gp_str_sub(f->rdns, at + 1, SIZE_MAX);
		if (gp_str_starts(f->ident, GP_STR("IDENT:")))
			f->ident = gp_str_sub(f->ident, 6, SIZE_MAX);
	}
}

static enum gp_relay_outcome match_form(struct line *l, const struct gp_relay_form *form, bool *ret_rdns)
{
	if (form->flags & GP_FORM_PARTS) {
		if (!match_parts(l->rest, &l->fields))
			return GP_RELAY_UNPARSEABLE;
	} else if (!gp_relay_form_match(form->text, l->rest, &l->fields)) {
		return GP_RELAY_UNPARSEABLE;
	}
	if (form->flags & GP_FORM_FETCH)
		return GP_RELAY_FETCHED;
	if (form->flags & GP_FORM_SCANNER)
		return GP_RELAY_SCANNER;
	if (form->flags & GP_FORM_SKIP)
		return GP_RELAY_SKIPPED;
	if (form->flags & GP_FORM_NO_ID)
		l->fields.id = GP_STR("");
	if (form->flags & GP_FORM_IDENT)
		split_ident(&l->fields);
	if (form->flags & GP_FORM_LAST_WORD)
		l->fields.by = to_last_letter(l->fields.by);
	*ret_rdns = form->flags & GP_FORM_RDNS;
	return GP_RELAY_FOUND;
}

static enum gp_relay_outcome match_forms(struct line *l, enum gp_relay_start start, bool *ret_rdns)
{
	for (const struct gp_relay_form *f = gp_relay_forms; f->text; f++) {
		enum gp_relay_outcome o;

		if (f->start != start || (f->gate && !has(l->rest, f->gate)) ||
		    (f->unless && has(l->rest, f->unless)))
			continue;
		o = match_form(l, f, ret_rdns);
		if (o != GP_RELAY_UNPARSEABLE)
			return o;
	}
	if (start == GP_START_FROM && !l->fields.helo.len)
		l->fields.helo = gp_str_sub(l->rest, 0, gp_str_find_chr(l->rest, ' ', 0));
	if (!l->fields.ip.len)
		find_ip(l->rest, &l->fields);
	return l->fields.ip.len && l->fields.by.len ? GP_RELAY_FOUND : GP_RELAY_UNPARSEABLE;
}

/* "from a.example by b.example;": nothing about the connection. */
static bool says_nothing(struct gp_str s)
{
	struct gp_str word, rest = gp_str_sub(s, 5, SIZE_MAX);
	size_t n = gp_str_find_chr(rest, ' ', 0), k = 0;

	word = gp_str_sub(rest, 0, n);
	rest = gp_str_sub(rest, n, SIZE_MAX);
	if (!word.len || !gp_str_istarts(rest, GP_STR(" by ")))
		return false;
	rest = gp_str_sub(rest, 4, SIZE_MAX);
	while (k < rest.len && rest.ptr[k] != ' ' && rest.ptr[k] != ';')
		k++;
	n = k + (k < rest.len && rest.ptr[k] == ' ');
	if (!k || n >= rest.len || rest.ptr[n] != ';')
		return false;
	for (size_t i = 1; i + 1 < word.len; i++)
		if (!gp_is_digit(word.ptr[i]) && word.ptr[i] != '.')
			return true;
	return word.ptr[0] != '[' || word.ptr[word.len - 1] != ']';
}

static enum gp_relay_outcome parse_line(struct line *l, bool *ret_rdns)
{
	static const struct {
		struct gp_str text;
		enum gp_relay_start start;
	} starts[] = {{GP_STR("from "), GP_START_FROM},
		      {GP_STR("FROM "), GP_START_UPPER},
		      {GP_STR("(from "), GP_START_PAREN}};
	struct gp_str s = l->all;

	if (!gp_str_istarts(s, GP_STR("from ")) && !gp_str_istarts(s, GP_STR("(from ")))
		return GP_RELAY_SKIPPED;
	if (has(s, " with local for ") || (s.ptr[0] != '(' && says_nothing(s)))
		return GP_RELAY_SKIPPED;
	s = l->all = mended(l->arena, without_date(s));
	l->fields.id = queue_id(s);
	l->fields.helo = helo(s);
	l->fields.by = gp_relay_word_after(s, " by ");
	l->auth = gp_relay_auth(l->arena, s);
	for (size_t i = 0; i < GP_ARRAY_SIZE(starts); i++) {
		if (!gp_str_starts(s, starts[i].text))
			continue;
		l->rest = gp_str_sub(s, starts[i].text.len, SIZE_MAX);
		if (starts[i].start == GP_START_FROM)
			l->envelope_from = envelope_sender(l->rest);
		return match_forms(l, starts[i].start, ret_rdns);
	}
	l->rest = s;
	find_ip(s, &l->fields);
	return l->fields.ip.len && l->fields.by.len ? GP_RELAY_FOUND : GP_RELAY_UNPARSEABLE;
}

/* What would break the text apart. */
static struct gp_str safe(struct gp_arena *a, struct gp_str s)
{
	char *copy = gp_arena_alloc(a, s.len + 1);

	for (size_t i = 0; i < s.len; i++)
		copy[i] = s.ptr[i] == '\0' || gp_is_space(s.ptr[i]) || strchr("#[]()<>|", s.ptr[i])
				  ? '!'
				  : s.ptr[i];
	return gp_str_n(copy, s.len);
}

static struct gp_relay relay_of(struct line *l, bool looks_up)
{
	struct gp_relay_fields *f = &l->fields;
	struct gp_relay r = {.id = f->id};

	while (f->rdns.len && f->rdns.ptr[f->rdns.len - 1] == '.')
		f->rdns.len--;
	if (gp_str_ieq(f->rdns, GP_STR("unknown")) || gp_str_starts(f->rdns, GP_STR("[")))
		f->rdns = GP_STR("");
	if (f->by.len && f->by.ptr[f->by.len - 1] == ';')
		f->by.len--;
	r.ip = safe(l->arena, f->ip);
	r.rdns = safe(l->arena, f->rdns);
	r.helo = safe(l->arena, f->helo);
	r.by = safe(l->arena, f->by);
	r.ident = safe(l->arena, f->ident);
	r.auth = safe(l->arena, l->auth);
	if (l->envelope_from.ptr)
		r.envelope_from = safe(l->arena, l->envelope_from);
	r.has_no_rdns = !r.rdns.len && looks_up;
	return r;
}

enum gp_relay_outcome gp_relay_read_line(struct gp_arena *a, struct gp_str text,
					 struct gp_relay *ret)
{
	struct line l = {.arena = a, .all = fold(a, text)};
	bool looks_up = false;
	enum gp_relay_outcome o = parse_line(&l, &looks_up);

	*ret = relay_of(&l, looks_up);
	return o;
}

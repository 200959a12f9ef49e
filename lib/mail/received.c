/*
 * Received: one tokenizer for all forms.
 *
 * The value is cut into clauses at the keywords from, by, with, id, for, via
 * that stand outside comments; what tells the forms apart is then which comments
 * the from clause has:
 *
 *	Postfix, sendmail	from HELO (RDNS [IP]) …
 *	Exim			from RDNS ([IP] helo=HELO), from [IP] (helo=HELO)
 *	qmail			from RDNS (HELO HELO) (ident@IP), from RDNS (IP)
 *	Exchange, MTAs like it	from HELO (IP), from HELO ([IP])
 *	CommuniGate		from [IP] (account USER HELO HELO)
 */
#include "lib/mail/received.h"

#include <arpa/inet.h>

#include "lib/base/limits.h"
#include "lib/mail/date.h"
#include "lib/mail/header.h"

#define COMMENTS_MAX 8 /* of the from clause; real ones have up to 4 */

struct clauses {
	struct gp_str from, by, with, id, for_addr, via; /* first word each; `with` all words */
	struct gp_str comments[COMMENTS_MAX];		  /* of `from`, without parentheses */
	unsigned n_comments;
	struct gp_str all, date;
};

/* What a comment of the from clause says. */
struct found {
	struct gp_str helo, rdns, ip, ident;
	bool is_bracketed; /* the address stood in [ ] */
	bool is_unknown;   /* "[unknown]": who wrote this did not know it either */
};

static const struct {
	struct gp_str word;
	size_t offset;
} keywords[] = {
	{GP_STR("from"), offsetof(struct clauses, from)}, {GP_STR("by"), offsetof(struct clauses, by)},
	{GP_STR("with"), offsetof(struct clauses, with)}, {GP_STR("id"), offsetof(struct clauses, id)},
	{GP_STR("for"), offsetof(struct clauses, for_addr)}, {GP_STR("via"), offsetof(struct clauses, via)},
};

static struct gp_str *clause_of(struct clauses *c, struct gp_str word)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(keywords); i++) {
		if (gp_str_ieq(word, keywords[i].word))
			return (struct gp_str *)((char *)c + keywords[i].offset);
	}
	return NULL;
}

/* End of the comment that opens at i (behind its parenthesis), or of the text. */
static size_t comment_end(struct gp_str s, size_t i)
{
	unsigned depth = 0;

	for (; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '(')
			depth++;
		else if (s.ptr[i] == ')' && --depth == 0)
			return i + 1;
	}
	return s.len;
}

static struct gp_str word_at(struct gp_str s, size_t i)
{
	size_t n = 0;

	while (i + n < s.len && !gp_is_space(s.ptr[i + n]) && s.ptr[i + n] != '(' && s.ptr[i + n] != ';')
		n++;
	return gp_str_sub(s, i, n);
}

static void split(struct gp_str s, struct clauses *c)
{
	struct gp_str *current = NULL;
	size_t i = 0;

	c->all = s;
	while (i < s.len && s.ptr[i] != ';') {
		struct gp_str word, *clause;
		size_t end;

		if (gp_is_space(s.ptr[i])) {
			i++;
		} else if (s.ptr[i] == '(') {
			end = comment_end(s, i);
			if (current == &c->from && c->n_comments < COMMENTS_MAX)
				c->comments[c->n_comments++] = gp_str_sub(s, i + 1, end - i - 2);
			if (current && current != &c->from && current->len)
				current = NULL; /* "with esmtps (TLS1.3) tls X": the value has ended */
			i = end;
		} else {
			word = word_at(s, i);
			clause = clause_of(c, word);
			if (clause && !clause->len && !(current && !current->len && current == &c->from)) {
				current = clause;
				clause->ptr = NULL;
			} else if (current && !current->len) {
				*current = word;
			} else if (current == &c->with) {
				current->len = (size_t)(word.ptr + word.len - current->ptr);
			}
			i += word.len;
		}
	}
	c->date = gp_str_sub(s, i + 1, s.len);
}

/* The address in canonical form, or empty if it is none. */
static struct gp_str canonical_ip(struct gp_arena *a, struct gp_str s)
{
	unsigned char addr[16];
	char text[INET6_ADDRSTRLEN], out[INET6_ADDRSTRLEN];
	bool is_v6;

	if (gp_str_istarts(s, GP_STR("IPv6:")))
		s = gp_str_sub(s, 5, s.len);
	s = gp_str_sub(s, 0, gp_str_find_chr(s, '%', 0)); /* fe80::1%eth0 */
	if (!s.len || !gp_str_copy(text, sizeof(text), s))
		return GP_STR("");
	is_v6 = inet_pton(AF_INET6, text, addr) == 1;
	if (!is_v6 && inet_pton(AF_INET, text, addr) != 1)
		return GP_STR("");
	if (is_v6 && memcmp(addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0) {
		memmove(addr, addr + 12, 4);
		is_v6 = false;
	}
	if (!inet_ntop(is_v6 ? AF_INET6 : AF_INET, addr, out, sizeof(out)))
		return GP_STR("");
	return gp_str(gp_arena_strdup(a, out));
}

/* The address in the first [ ] of s; ret_before is what stands before it. */
static struct gp_str bracketed_ip(struct gp_arena *a, struct gp_str s, struct gp_str *ret_before)
{
	size_t open = gp_str_find_chr(s, '[', 0), close = gp_str_find_chr(s, ']', open);

	*ret_before = gp_str_trim(gp_str_sub(s, 0, open));
	if (close >= s.len)
		return GP_STR("");
	return canonical_ip(a, gp_str_sub(s, open + 1, close - open - 1));
}

/* The value behind "key=" or "KEY " in a comment. */
static struct gp_str value_of(struct gp_str comment, const char *key)
{
	struct gp_str k = gp_str(key);
	size_t i = gp_str_ifind(comment, k, 0);

	if (i >= comment.len || (i > 0 && !gp_is_space(comment.ptr[i - 1]) && comment.ptr[i - 1] != ','))
		return GP_STR("");
	return word_at(comment, i + k.len);
}

static void take_name(struct gp_str before, struct found *f)
{
	size_t at = gp_str_find_chr(before, '@', 0);

	before = word_at(before, 0); /* "name (may be forged)", "name, " */
	if (gp_str_istarts(before, GP_STR("IDENT:")) || at < before.len) {
		f->ident = gp_str_sub(before, 0, GP_MIN(at, before.len));
		if (gp_str_istarts(f->ident, GP_STR("IDENT:")))
			f->ident = gp_str_sub(f->ident, 6, f->ident.len);
		before = gp_str_sub(before, at + 1, before.len);
	}
	while (before.len && (before.ptr[before.len - 1] == '.' || before.ptr[before.len - 1] == ','))
		before.len--;
	f->rdns = before;
}

static void read_comment(struct gp_arena *a, struct gp_str comment, struct found *f)
{
	struct gp_str before, helo = value_of(comment, "helo="), ident = value_of(comment, "ident="), ip;

	if (!helo.len)
		helo = value_of(comment, "HELO ");
	if (!f->helo.len)
		f->helo = helo;
	if (!f->ident.len)
		f->ident = ident;
	f->is_unknown |= gp_str_ifind(comment, GP_STR("[unknown]"), 0) < comment.len;
	if (f->ip.len)
		return;
	ip = bracketed_ip(a, comment, &before);
	if (ip.len) {
		f->is_bracketed = true;
		if (!helo.len || gp_str_find_chr(before, '=', 0) == before.len)
			take_name(before, f);
	} else {
		size_t at = gp_str_find_chr(comment, '@', 0); /* qmail: ident@address */

		ip = canonical_ip(a, at < comment.len ? gp_str_sub(comment, at + 1, comment.len) : comment);
		if (ip.len && at < comment.len)
			f->ident = gp_str_sub(comment, 0, at);
	}
	f->ip = ip;
}

/* Puts name and HELO where they belong, by the form. */
static void assign(struct gp_arena *a, const struct clauses *c, struct found *f,
		   struct gp_received *ret)
{
	struct gp_str before, from_ip = bracketed_ip(a, c->from, &before);
	bool is_qmail = !f->is_bracketed && f->ip.len;

	if (!from_ip.len)
		from_ip = canonical_ip(a, c->from);
	if (!f->ip.len && !f->is_unknown) /* a HELO is the client's own word */
		f->ip = from_ip;
	ret->helo = c->from;
	ret->rdns = f->rdns;
	if (f->helo.len) {
		ret->helo = f->helo;
		if (!f->rdns.len && !from_ip.len)
			ret->rdns = c->from;
	} else if (!f->rdns.len && !from_ip.len && f->ip.len &&
		   gp_str_ifind(c->all, GP_STR("(Exim"), 0) < c->all.len) {
		ret->rdns = c->from; /* Exim leaves out a HELO that equals the name */
	} else if (is_qmail && !from_ip.len &&
		   gp_str_ifind(c->with, GP_STR("Microsoft"), 0) >= c->with.len) {
		ret->rdns = c->from;
	}
	ret->ip = f->ip;
	ret->ident = f->ident;
	if (gp_str_ieq(ret->rdns, GP_STR("unknown")))
		ret->rdns = GP_STR("");
}

/* RFC 3848: the A and S of ESMTPSA; and what programs write about it. */
static void read_auth(const struct clauses *c, struct gp_received *ret)
{
	struct gp_str proto = word_at(ret->with, 0), user = {0};
	bool is_smtp = gp_str_ifind(proto, GP_STR("MTP"), 0) < proto.len;

	for (unsigned i = 0; i < c->n_comments && !user.len; i++) {
		static const struct gp_str sender = GP_STR("Authenticated sender: ");
		static const struct gp_str account = GP_STR("account ");

		if (gp_str_istarts(c->comments[i], sender))
			user = word_at(c->comments[i], sender.len);
		else if (gp_str_istarts(c->comments[i], account))
			user = word_at(c->comments[i], account.len);
		if (user.len && user.ptr[0] == '[') /* a host called "account" */
			user.len = 0;
		/* "authenticated bits=0", not a client whose name begins with the word. */
		if (!user.len && gp_str_ieq(word_at(c->comments[i], 0), GP_STR("authenticated")) &&
		    gp_str_find_chr(c->comments[i], '[', 0) == c->comments[i].len)
			user = GP_STR("authenticated");
	}
	ret->is_tls = gp_str_ifind(c->all, GP_STR("(using TLS"), 0) < c->all.len ||
		      gp_str_ifind(c->all, GP_STR("version=TLS"), 0) < c->all.len;
	if (is_smtp && gp_str_iends(proto, GP_STR("A"))) {
		if (!user.len)
			user = GP_STR("authenticated");
		proto.len--;
	} else if (gp_str_istarts(proto, GP_STR("ASMTP")) && !user.len) {
		user = GP_STR("authenticated");
	}
	if (is_smtp && gp_str_iends(proto, GP_STR("S")))
		ret->is_tls = true;
	ret->auth = user;
	ret->is_authenticated = user.len != 0;
}

/* <addr>, addr; and the envelope-from of a comment anywhere. */
static struct gp_str strip_angles(struct gp_str s)
{
	while (s.len && (s.ptr[s.len - 1] == ',' || s.ptr[s.len - 1] == ')' || s.ptr[s.len - 1] == '>'))
		s.len--;
	return s.len && s.ptr[0] == '<' ? gp_str_sub(s, 1, s.len) : s;
}

void gp_received_parse(struct gp_arena *a, struct gp_str value, struct gp_received *ret)
{
	struct gp_str s = gp_str_sub(gp_header_unfold(a, value), 0, GP_MAX_PART_HEADER_SIZE);
	struct clauses c = {0};
	struct found f = {0};
	size_t at;

	*ret = (struct gp_received){0};
	split(s, &c);
	for (unsigned i = 0; i < c.n_comments; i++)
		read_comment(a, c.comments[i], &f);
	ret->has_from = c.from.len != 0;
	if (ret->has_from)
		assign(a, &c, &f, ret);
	ret->by = c.by;
	ret->with = c.with;
	ret->id = strip_angles(c.id);
	ret->for_addr = strip_angles(c.for_addr);
	at = gp_str_ifind(s, GP_STR("envelope-from "), 0);
	if (at < s.len)
		ret->envelope_from = strip_angles(word_at(s, at + 14));
	read_auth(&c, ret);
	if (gp_date_parse(c.date, &ret->time_s) < 0)
		ret->time_s = 0;
}

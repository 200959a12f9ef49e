/*
 * Authentication-Results, written (RFC 8601, 2.2).
 *
 * Everything but the words of the results comes from strangers.  A value is
 * written bare where the grammar allows it and every reader will understand it,
 * quoted where it can be, and else its property is left out.  The value that
 * most often needs quotes, header.b, stands last in its entry, because some readers
 * (python3-authres) take a quoted string for the end of one.
 */
#include "lib/auth/authres.h"

#include "lib/base/limits.h"
#include "lib/base/utf8.h"

/* The text is bounded by its parts: so many entries of a few values and a comment each. */
#define VALUE_MAX 400	/* bytes of a value: a line must stay below 998 (RFC 5322, 2.1.1) */
#define COMMENT_MAX 200 /* bytes of a comment */
#define TEXT_MAX (GP_MAX_AUTHRES * (8 * 2 * VALUE_MAX + 2 * COMMENT_MAX))
/* Signatures behind that are left out, however many were verified: a filter can add a field of
 * 64 KB. */
#define SIGNATURES_SIZE_MAX (40 << 10)
#define LINE_MAX_COLUMNS 77

struct writer {
	struct gp_buf *out;
	size_t column;
	size_t n_entries;
	const struct gp_authres_options *options;
};

/* A word behind a space, on a new line where it would not fit. */
static void put_word(struct writer *w, struct gp_str word)
{
	if (w->column + 1 + word.len > LINE_MAX_COLUMNS) {
		gp_buf_add_cstr(w->out, "\n\t");
		w->column = 8;
	} else {
		gp_buf_add_chr(w->out, ' ');
		w->column++;
	}
	gp_buf_add_str(w->out, word);
	w->column += word.len;
}

/* Token, domain or address with a plain local part: what needs no quotes. */
static bool is_bare(struct gp_str value)
{
	size_t at = gp_str_find_chr(value, '@', 0);
	struct gp_str domain = gp_str_sub(value, at + 1, value.len);
	bool has_at = at < value.len;

	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		bool ok = gp_is_alnum(c) || c == '-' || c == '.';

		if (!ok && i != at && !(c && i < at && strchr("_+", c)))
			return false;
	}
	if (!has_at)
		return value.len > 0;
	return domain.len && gp_is_alnum(domain.ptr[0]) && gp_is_alnum(domain.ptr[domain.len - 1]) &&
	       gp_str_find(value, GP_STR(".."), 0) == value.len && value.ptr[0] != '.' &&
	       !(at && value.ptr[at - 1] == '.') && gp_str_find(domain, GP_STR(".-"), 0) == domain.len &&
	       gp_str_find(domain, GP_STR("-."), 0) == domain.len;
}

/* Appends the value as the grammar wants it, an address bare only as that of a property;
 * false, and nothing appended, if it cannot be written. */
static bool add_value(const struct writer *w, struct gp_buf *out, struct gp_str value,
		      bool is_property)
{
	if (!value.len || value.len > VALUE_MAX)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];

		if (c < ' ' || c == 0x7f || (c > 0x7f && !w->options->utf8))
			return false;
	}
	if (!gp_utf8_is_valid(value))
		return false;
	if (is_bare(value) && (is_property || gp_str_find_chr(value, '@', 0) == value.len)) {
		gp_buf_add_str(out, value);
		return true;
	}
	gp_buf_add_chr(out, '"');
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == '"' || value.ptr[i] == '\\')
			gp_buf_add_chr(out, '\\');
		gp_buf_add_chr(out, value.ptr[i]);
	}
	gp_buf_add_chr(out, '"');
	return true;
}

static bool put_property(struct writer *w, const char *name, struct gp_str value)
{
	GP_BUF_AUTO word = GP_BUF_INIT(3 * VALUE_MAX);

	gp_buf_add_cstr(&word, name);
	gp_buf_add_chr(&word, '=');
	if (!add_value(w, &word, value, true))
		return false;
	put_word(w, gp_buf_str(&word));
	return true;
}

/* What may stand in a comment without a backslash; the rest, and all that is not ASCII,
 * becomes harmless. */
static char comment_char(char c)
{
	switch (c) {
	case '(':
		return '[';
	case ')':
		return ']';
	case '\\':
		return '/';
	default:
		return (unsigned char)c < ' ' || (unsigned char)c >= 0x7f ? '?' : c;
	}
}

/* Folded between words. */
static void put_comment(struct writer *w, struct gp_str text)
{
	GP_BUF_AUTO words = GP_BUF_INIT(4 * COMMENT_MAX);
	struct gp_str rest, word;

	if (w->options->plain || !gp_str_trim(text).len)
		return;
	gp_buf_add_chr(&words, '(');
	for (size_t i = 0; i < GP_MIN(text.len, (size_t)COMMENT_MAX); i++)
		gp_buf_add_chr(&words, gp_is_space(text.ptr[i]) ? ' ' : comment_char(text.ptr[i]));
	gp_buf_add_chr(&words, ')');
	rest = gp_buf_str(&words);
	while (gp_str_next_word(&rest, &word))
		put_word(w, word);
}

static void begin_entry(struct writer *w, const char *method, enum gp_auth_status status)
{
	gp_buf_printf(w->out, ";\n\t%s=%s", method, gp_auth_status_name(status));
	w->column = 8 + strlen(method) + 1 + strlen(gp_auth_status_name(status));
	w->n_entries++;
}

static void put_spf(struct writer *w, const struct gp_spf_result *spf)
{
	const char *name = spf->is_helo ? "smtp.helo" : "smtp.mailfrom";

	if (spf->status == GP_AUTH_NONE && !spf->domain.len)
		return;
	begin_entry(w, "spf", spf->status);
	put_comment(w, spf->reason);
	if (spf->is_helo || !put_property(w, name, spf->sender))
		put_property(w, name, spf->domain);
}

static void put_dkim(struct writer *w, const struct gp_dkim_result *dkim)
{
	GP_BUF_AUTO comment = GP_BUF_INIT(2 * COMMENT_MAX);

	begin_entry(w, "dkim", dkim->status);
	if (dkim->key_bits)
		gp_buf_printf(&comment, "%u-bit key%s", dkim->key_bits,
			      dkim->reason.len && dkim->status != GP_AUTH_PASS ? "; " : "");
	if (dkim->status != GP_AUTH_PASS)
		gp_buf_add_str(&comment, gp_str_sub(dkim->reason, 0, COMMENT_MAX));
	put_comment(w, gp_buf_str(&comment));
	put_property(w, "header.d", dkim->domain);
	put_property(w, "header.i", dkim->identity);
	put_property(w, "header.s", dkim->selector);
	put_property(w, "header.a", dkim->algorithm);
	put_property(w, "header.b", dkim->b);
}

/* "temperror" is not registered for arc, but neither pass nor fail would be true. */
static void put_arc(struct writer *w, const struct gp_arc_result *arc)
{
	GP_BUF_AUTO comment = GP_BUF_INIT(2 * COMMENT_MAX);

	if (arc->status == GP_AUTH_NONE && !w->options->with_none)
		return;
	begin_entry(w, "arc", arc->status);
	if (arc->n_sets)
		gp_buf_printf(&comment, "i=%zu%s", arc->n_sets, arc->reason.len ? "; " : "");
	gp_buf_add_str(&comment, gp_str_sub(arc->reason, 0, COMMENT_MAX));
	put_comment(w, gp_buf_str(&comment));
	put_property(w, "smtp.remote-ip", w->options->remote_ip);
}

static void put_dmarc(struct writer *w, const struct gp_dmarc_result *dmarc)
{
	if (dmarc->status == GP_AUTH_NONE && !dmarc->from.len && !w->options->with_none)
		return;
	begin_entry(w, "dmarc", dmarc->status);
	put_comment(w, dmarc->reason);
	put_property(w, "header.from", dmarc->from);
	if (!dmarc->has_record)
		return;
	put_property(w, "policy.dmarc", gp_str(gp_dmarc_policy_name(dmarc->policy)));
	if (!gp_str_ieq(dmarc->record_domain, dmarc->from))
		put_property(w, "polrec.domain", dmarc->record_domain);
}

static void put_entries(struct writer *w, const struct gp_auth_result *result)
{
	const struct gp_authres_options *o = w->options;
	size_t n_dkim = GP_MIN(result->n_dkim, (size_t)GP_MAX_AUTHRES - 5); /* and the others */

	if (o->auth_user.len) {
		begin_entry(w, "auth", GP_AUTH_PASS);
		put_property(w, "smtp.auth", o->auth_user);
	}
	put_spf(w, &result->mailfrom);
	if (o->with_helo)
		put_spf(w, &result->helo);
	for (size_t i = 0; i < n_dkim && w->out->len < SIGNATURES_SIZE_MAX; i++)
		put_dkim(w, &result->dkim[i]);
	if (!n_dkim && o->with_none)
		begin_entry(w, "dkim", GP_AUTH_NONE);
	put_arc(w, &result->arc);
	put_dmarc(w, &result->dmarc);
}

struct gp_str gp_authres_format(struct gp_arena *arena, struct gp_str id,
				const struct gp_auth_result *result,
				const struct gp_authres_options *options)
{
	GP_BUF_AUTO out = GP_BUF_INIT(TEXT_MAX);
	struct writer w = {.out = &out, .options = options};

	if (!add_value(&w, &out, gp_str_trim(id), false))
		gp_buf_add_cstr(&out, "localhost");
	put_entries(&w, result);
	if (!w.n_entries)
		gp_buf_add_cstr(&out, "; none");
	return gp_arena_str(arena, gp_buf_str(&out));
}

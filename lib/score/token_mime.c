/*
 * Tokens of what a message is made of: MIME structure, links, HTML, and the
 * shape of its text.  Quantities are put into few steps, because a token is
 * worth something only if it is met again.
 */
#include <stdio.h>
#include <string.h>

#include "lib/score/token_int.h"

#define PARTS_LOOKED_AT 50
#define URIS_LOOKED_AT 100
#define PATH_WORDS_MAX 10
#define SHAPE_TEXT_MAX ((size_t)64 << 10) /* text whose characters are counted */

/* Steps of a quantity: 0, 1, 2, 3–4, 5–8, … */
static unsigned long step(size_t n)
{
	unsigned long s = 0;

	while (n > 0 && s < 40) {
		n = n == 1 ? 0 : (n + 1) / 2;
		s++;
	}
	return s;
}

/* Names of a Content-Type's parameters, the boundary's shape (each program has its own). */
static void add_type_params(struct gp_collector *c, struct gp_str value)
{
	struct gp_str piece;

	if (!gp_str_next(&value, ';', &piece))
		return;
	for (unsigned n = 0; n < 10 && gp_str_next(&value, ';', &piece); n++) {
		size_t eq = gp_str_find_chr(piece, '=', 0);
		struct gp_str name = gp_str_trim(gp_str_sub(piece, 0, eq));

		gp_collector_add_lower(c, GP_TOKEN_MIME, 1, name);
		if (gp_str_ieq(name, GP_STR("boundary")))
			gp_collector_add_shape(c, GP_TOKEN_MIME, 2,
					       gp_str_sub(piece, eq + 1, SIZE_MAX));
	}
}

static void add_part(struct gp_collector *c, const struct gp_part *part)
{
	gp_collector_add_exact(c, GP_TOKEN_MIME, 3 + 16 * GP_MIN(part->depth, 15), part->type);
	if (part->charset.len > 0)
		gp_collector_add_exact(c, GP_TOKEN_MIME, 4, part->charset);
	if (part->encoding.len > 0)
		gp_collector_add_exact(c, GP_TOKEN_MIME, 5 + 16 * !!(part->flags & GP_PART_HTML),
				       part->encoding);
	if (part->disposition.len > 0)
		gp_collector_add_words(c, GP_TOKEN_MIME, 6, part->disposition, 1);
	if (part->flags & (GP_PART_CUT | GP_PART_BAD_CHARSET | GP_PART_BAD_ENCODING))
		gp_collector_add_value(c, GP_TOKEN_MIME, "flags", part->flags);
	if (part->filename.len > 0) {
		size_t dot = part->filename.len;

		gp_collector_add_words(c, GP_TOKEN_MIME, 7, part->filename, 10);
		while (dot > 0 && part->filename.ptr[dot - 1] != '.')
			dot--;
		gp_collector_add_lower(c, GP_TOKEN_MIME, 8,
				       gp_str_sub(part->filename, dot, SIZE_MAX));
	}
	for (size_t i = 0; i < part->n_headers; i++) {
		if (gp_str_ieq(part->headers[i].name, GP_STR("Content-Type")))
			add_type_params(c, part->headers[i].value);
	}
}

void gp_token_add_parts(struct gp_collector *c, const struct gp_message *m)
{
	char tree[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < m->parts.len && i < PARTS_LOOKED_AT; i++) {
		const struct gp_part *part = &m->parts.items[i];
		int n = snprintf(tree + used, sizeof(tree) - used, "%u%.*s ", part->depth,
				 (int)GP_MIN(part->type.len, 60),
				 part->type.ptr ? part->type.ptr : "");

		used = GP_MIN(used + (size_t)GP_MAX(n, 0), sizeof(tree) - 1);
		add_part(c, part);
	}
	gp_collector_add_exact(c, GP_TOKEN_MIME, 9, gp_str(gp_arena_strdup(c->arena, tree)));
	gp_collector_add_value(c, GP_TOKEN_MIME, "parts", step(m->parts.len));
}

static bool is_numeric_host(struct gp_str host)
{
	for (size_t i = 0; i < host.len; i++) {
		if (!gp_is_digit(host.ptr[i]) && host.ptr[i] != '.' && host.ptr[i] != ':' &&
		    host.ptr[i] != '[')
			return false;
	}
	return host.len > 0;
}

static void add_uri(struct gp_collector *c, const struct gp_uri *u)
{
	size_t colon = gp_str_find_chr(u->uri, ':', 0);
	size_t host = gp_str_ifind(u->uri, u->host, colon);

	gp_collector_add_lower(c, GP_TOKEN_URL_HOST, 1, gp_str_sub(u->uri, 0, colon));
	if (is_numeric_host(u->host)) {
		gp_collector_add_value(c, GP_TOKEN_URL_HOST, "numeric", 1);
		gp_collector_add_exact(c, GP_TOKEN_URL_HOST, 3, u->host);
	} else {
		gp_collector_add_domain(c, GP_TOKEN_URL_HOST, 2, u->host);
	}
	gp_collector_add_words(c, GP_TOKEN_URL_PATH, 0,
			       gp_str_sub(u->uri, host + u->host.len, SIZE_MAX), PATH_WORDS_MAX);
}

void gp_token_add_uris(struct gp_collector *c, const struct gp_message *m)
{
	for (size_t i = 0; i < m->uris.len && i < URIS_LOOKED_AT; i++)
		add_uri(c, &m->uris.items[i]);
}

/* How many of which kind of character, in twentieths, and which scripts. */
static void add_text_shape(struct gp_collector *c, struct gp_str s, bool is_subject)
{
	size_t upper = 0, lower = 0, digits = 0, high = 0, marks = 0;
	bool leads[256] = {false};
	size_t n = GP_MIN(s.len, SHAPE_TEXT_MAX);

	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)s.ptr[i];

		upper += ch >= 'A' && ch <= 'Z';
		lower += ch >= 'a' && ch <= 'z';
		digits += ch >= '0' && ch <= '9';
		marks += ch == '!';
		high += ch >= 0x80;
		leads[ch] = true;
	}
	gp_collector_add_value(c, GP_TOKEN_SHAPE, is_subject ? "s.upper" : "upper",
			       20 * upper / (upper + lower + 1));
	gp_collector_add_value(c, GP_TOKEN_SHAPE, is_subject ? "s.digits" : "digits",
			       20 * digits / (n + 1));
	gp_collector_add_value(c, GP_TOKEN_SHAPE, is_subject ? "s.high" : "high",
			       20 * high / (n + 1));
	gp_collector_add_value(c, GP_TOKEN_SHAPE, is_subject ? "s.marks" : "marks",
			       GP_MIN(marks, 8));
	gp_collector_add_value(c, GP_TOKEN_SHAPE, is_subject ? "s.length" : "length", step(s.len));
	for (unsigned ch = 0xc2; ch < 0xf5; ch++) {
		if (leads[ch])
			gp_collector_add_value(c, GP_TOKEN_SHAPE, is_subject ? "s.lead" : "lead",
					       ch);
	}
}

static void add_html_shape(struct gp_collector *c, const struct gp_message *m)
{
	const struct gp_html_stats *h = &m->html;
	const struct {
		const char *name;
		size_t n;
	} amounts[] = {
		{"tags", h->tags},
		{"links", h->links},
		{"images", h->images},
		{"forms", h->forms},
		{"scripts", h->scripts},
		{"iframes", h->iframes},
		{"comments", h->comments},
		{"unknown", h->unknown_tags},
		{"area", h->image_area / 10000},
		{"visible", h->visible_chars},
		{"hidden", h->hidden_chars},
		{"per-tag", h->visible_chars / (h->tags + 1)},
	};
	const struct {
		const char *name;
		bool is_set;
	} traits[] = {
		{"unclosed", h->has_unclosed},
		{"password", h->has_form_password},
		{"data-uri", h->has_data_uri},
		{"refresh", h->has_meta_refresh},
	};

	if (!h->has_html)
		return;
	for (size_t i = 0; i < GP_ARRAY_SIZE(amounts); i++)
		gp_collector_add_value(c, GP_TOKEN_HTML, amounts[i].name, step(amounts[i].n));
	for (size_t i = 0; i < GP_ARRAY_SIZE(traits); i++) {
		if (traits[i].is_set)
			gp_collector_add_value(c, GP_TOKEN_HTML, traits[i].name, 1);
	}
}

void gp_token_add_shapes(struct gp_collector *c, const struct gp_message *m)
{
	add_text_shape(c, m->text, false);
	add_text_shape(c, gp_message_value(m, "Subject"), true);
	add_html_shape(c, m);
	gp_collector_add_value(c, GP_TOKEN_SHAPE, "cut", m->cut);
	gp_collector_add_value(c, GP_TOKEN_SHAPE, "uris", step(m->uris.len));
}

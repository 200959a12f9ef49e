/*
 * Texts of answers; see the header.
 */
#include "policyd-ratelimit/limit_text.h"

#include "lib/base/num.h"
#include "lib/base/vec.h"

static void add_number(const struct limit_met *met, int64_t n, struct gp_buf *out)
{
	char text[GP_NUM_TEXT];

	if (met->is_size)
		gp_buf_add_cstr(out, gp_num_format_size(n, text));
	else
		gp_buf_printf(out, "%lld", (long long)n);
}

static void add_limit(const struct limit_met *met, struct gp_buf *out)
{
	gp_buf_add_str(out, met->limit);
}

static void add_max(const struct limit_met *met, struct gp_buf *out)
{
	add_number(met, met->max, out);
}

static void add_used(const struct limit_met *met, struct gp_buf *out)
{
	add_number(met, met->used, out);
}

static void add_window(const struct limit_met *met, struct gp_buf *out)
{
	gp_buf_add_str(out, met->window);
}

static void add_retry(const struct limit_met *met, struct gp_buf *out)
{
	limit_text_duration(met->retry_ms, out);
}

static void add_word(struct gp_str word, struct gp_buf *out)
{
	bool is_long = word.len > LIMIT_TEXT_WORD_MAX;

	gp_buf_add_str(out, gp_str_sub(word, 0, LIMIT_TEXT_WORD_MAX - (is_long ? strlen("...") : 0)));
	gp_buf_add_cstr(out, is_long ? "..." : "");
}

static void add_key(const struct limit_met *met, struct gp_buf *out)
{
	add_word(met->key, out);
}

static void add_account(const struct limit_met *met, struct gp_buf *out)
{
	add_word(met->account, out);
}

typedef void add_fn(const struct limit_met *met, struct gp_buf *out);

static const struct {
	const char *name;
	add_fn *add;
} places[] = {
	{"limit", add_limit}, {"max", add_max}, {"used", add_used},	  {"window", add_window},
	{"retry", add_retry}, {"key", add_key}, {"account", add_account},
};

struct limit_text_piece {
	struct gp_str text; /* before the place */
	add_fn *add;	    /* NULL: no place */
};

static add_fn *find_place(struct gp_str name)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(places); i++)
		if (gp_str_eq(gp_str(places[i].name), name))
			return places[i].add;
	return NULL;
}

/* What stands at text[at], which is a brace, and where it ends. */
static int parse_brace(struct gp_str text, size_t at, struct limit_text_piece *piece,
		       size_t *ret_end, struct gp_diag *diag)
{
	size_t end;

	if (at + 1 < text.len && text.ptr[at + 1] == text.ptr[at]) {
		piece->text.len++; /* the brace itself */
		*ret_end = at + 2;
		return GP_OK;
	}
	end = gp_str_find_chr(text, '}', at);
	if (text.ptr[at] == '}' || end == text.len) {
		gp_diag_set(diag, "text: \"%c\" without its other; a brace itself is written twice",
			    text.ptr[at]);
		return GP_EINVAL;
	}
	piece->add = find_place(gp_str_sub(text, at + 1, end - at - 1));
	if (!piece->add) {
		gp_diag_set(diag,
			    "text: unknown {%.*s} ({limit}, {max}, {used}, {window}, {retry}, "
			    "{key}, {account})",
			    GP_STR_FMT(gp_str_sub(text, at + 1, end - at - 1)));
		return GP_EINVAL;
	}
	*ret_end = end + 1;
	return GP_OK;
}

int limit_text_parse(struct gp_str text, struct gp_arena *arena, struct limit_text *ret,
		     struct gp_diag *diag)
{
	GP_VEC(struct limit_text_piece) pieces = {0};
	size_t at = 0;

	text = gp_arena_str(arena, text);
	while (at < text.len) {
		size_t brace =
			GP_MIN(gp_str_find_chr(text, '{', at), gp_str_find_chr(text, '}', at));
		struct limit_text_piece piece = {gp_str_sub(text, at, brace - at), NULL};

		at = brace;
		if (brace < text.len && parse_brace(text, brace, &piece, &at, diag) < 0)
			return GP_EINVAL;
		*gp_vec_push(arena, &pieces) = piece;
	}
	ret->pieces = pieces.items;
	ret->len = pieces.len;
	return GP_OK;
}

void limit_text_format(const struct limit_text *text, const struct limit_met *met,
		       struct gp_buf *out)
{
	for (size_t i = 0; i < text->len; i++) {
		gp_buf_add_str(out, text->pieces[i].text);
		if (text->pieces[i].add)
			text->pieces[i].add(met, out);
	}
}

void limit_text_duration(int64_t ms, struct gp_buf *out)
{
	static const struct {
		const char *name;
		int64_t ms, below_ms;
	} units[] = {
		{"second", 1000, 90000},
		{"minute", 60000, 5400000},
		{"hour", 3600000, 129600000},
		{"day", 86400000, INT64_MAX},
	};
	size_t u = 0;
	int64_t n;

	if (ms < 0) {
		gp_buf_add_cstr(out, "smaller parts");
		return;
	}
	while (ms >= units[u].below_ms && u + 1 < GP_ARRAY_SIZE(units))
		u++;
	n = ms / units[u].ms + (ms % units[u].ms > 0);
	n = GP_MAX(n, (int64_t)1);
	gp_buf_printf(out, "%lld %s%s", (long long)n, units[u].name, n == 1 ? "" : "s");
}

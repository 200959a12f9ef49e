/*
 * Windows as text; see the header.
 */
#include "policyd-ratelimit/limit_window.h"

#include "lib/base/num.h"

/* "100" or "500M"; 1 … GP_LIMIT_MAX, or 0. */
static int parse_max(struct gp_str text, const struct limit_window_form *form, int64_t *ret,
		     struct gp_diag *diag)
{
	int64_t n;
	int r = form->is_size ? gp_num_parse_size(text, &n) : gp_num_parse_int(text, &n);

	if (r < 0) {
		gp_diag_set(diag, "\"%.*s\" is not %s", GP_STR_FMT(text),
			    form->is_size ? "a size like \"64K\", \"500M\" or \"2G\"" : "a number");
		return GP_EINVAL;
	}
	if (n == 0 && !form->has_zero) {
		gp_diag_set(diag, "0 (nothing at all) is for overrides alone");
		return GP_EINVAL;
	}
	if (n < 0 || n > GP_LIMIT_MAX) {
		gp_diag_set(diag, "\"%.*s\" is out of bounds (1 to 10^12)", GP_STR_FMT(text));
		return GP_EINVAL;
	}
	*ret = n;
	return GP_OK;
}

/* "1h"; "hour" and "h" are an hour as well. */
static int parse_length(struct gp_str text, int64_t *ret_ms, struct gp_diag *diag)
{
	static const struct {
		const char *word;
		int64_t ms;
	} words[] = {
		{"minute", 60000},   {"hour", 3600000}, {"day", 86400000},
		{"week", 604800000}, {"s", 1000},	{"m", 60000},
		{"h", 3600000},	     {"d", 86400000},	{"w", 604800000},
	};
	int64_t ms = 0;

	for (size_t i = 0; i < GP_ARRAY_SIZE(words); i++)
		if (gp_str_eq(text, gp_str(words[i].word)))
			ms = words[i].ms;
	if (ms == 0 && gp_num_parse_duration(text, &ms) < 0) {
		gp_diag_set(diag, "\"%.*s\" is not a time like \"10m\", \"1h\" or \"1d\"",
			    GP_STR_FMT(text));
		return GP_EINVAL;
	}
	if (ms < 1000 || ms > GP_LIMIT_WINDOW_MS_MAX) {
		gp_diag_set(diag, "a window of \"%.*s\" is out of bounds (1s to 37d)",
			    GP_STR_FMT(text));
		return GP_EINVAL;
	}
	*ret_ms = ms;
	return GP_OK;
}

int limit_window_parse(struct gp_str text, const struct limit_window_form *form,
		       struct limit_window *ret, struct gp_diag *diag)
{
	struct limit_window w = {.limit.kind = form->kind};
	struct gp_str rest = text, max, per, length, more;
	char name[GP_NUM_TEXT];
	int r;

	if (!gp_str_next_word(&rest, &max) || !gp_str_next_word(&rest, &per) ||
	    !gp_str_next_word(&rest, &length) || gp_str_next_word(&rest, &more) ||
	    !gp_str_eq(per, GP_STR("per"))) {
		gp_diag_set(diag, "\"%.*s\" is not of the form \"%s per 1h\"", GP_STR_FMT(text),
			    form->is_size ? "500M" : "100");
		return GP_EINVAL;
	}
	r = parse_max(max, form, &w.limit.max, diag);
	if (r == GP_OK)
		r = parse_length(length, &w.limit.window_ms, diag);
	if (r < 0)
		return r;
	if (form->kind == GP_LIMIT_GCRA)
		w.limit.burst = form->burst > 0 ? GP_MIN(form->burst, w.limit.max) : w.limit.max;
	(void)gp_str_copy(w.name, sizeof(w.name),
			  gp_str(gp_num_format_duration(w.limit.window_ms, name)));
	*ret = w;
	return GP_OK;
}

const struct limit_window *limit_windows_zero(const struct limit_windows *windows)
{
	for (size_t i = 0; i < windows->len; i++)
		if (windows->items[i].limit.max == 0)
			return &windows->items[i];
	return NULL;
}

int limit_windows_add(struct limit_windows *windows, const struct limit_window *window,
		      struct gp_diag *diag)
{
	for (size_t i = 0; i < windows->len; i++) {
		if (windows->items[i].limit.window_ms == window->limit.window_ms) {
			gp_diag_set(diag, "two windows of %s", window->name);
			return GP_EINVAL;
		}
	}
	if (windows->len == LIMIT_WINDOWS_MAX) {
		gp_diag_set(diag, "more than %d windows", LIMIT_WINDOWS_MAX);
		return GP_ELIMIT;
	}
	windows->items[windows->len++] = *window;
	return GP_OK;
}

int limit_windows_parse(struct gp_str text, const struct limit_window_form *form,
			struct limit_windows *ret, struct gp_diag *diag)
{
	struct limit_windows windows = {0};
	struct limit_window window;
	struct gp_str piece;

	if (!gp_str_eq(gp_str_trim(text), GP_STR("unlimited"))) {
		do {
			size_t comma = gp_str_find_chr(text, ',', 0);

			piece = gp_str_trim(gp_str_sub(text, 0, comma));
			text = comma < text.len ? gp_str_sub(text, comma + 1, text.len)
						: (struct gp_str){0};
			if (limit_window_parse(piece, form, &window, diag) < 0 ||
			    limit_windows_add(&windows, &window, diag) < 0)
				return GP_EINVAL;
		} while (text.ptr);
	}
	*ret = windows;
	return GP_OK;
}

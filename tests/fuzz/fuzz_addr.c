/*
 * Address lists.  What was parsed, written out again as `"name" <addr>` and
 * parsed once more, is the same list; names are UTF-8; the cap holds.
 */
#include "lib/base/limits.h"
#include "lib/base/utf8.h"
#include "lib/mail/addr.h"
#include "tests/fuzz/fuzz.h"

static void add_quoted(struct gp_buf *out, struct gp_str s)
{
	gp_buf_add_chr(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"' || s.ptr[i] == '\\')
			gp_buf_add_chr(out, '\\');
		gp_buf_add_chr(out, s.ptr[i]);
	}
	gp_buf_add_chr(out, '"');
}

/* An address of plain characters, which needs no quoting, and a name without
 * what an encoded word may hold but folding takes away. */
static bool is_plain(const struct gp_addr *a)
{
	for (size_t i = 0; i < a->name.len; i++) {
		if (gp_is_space(a->name.ptr[i]) &&
		    (a->name.ptr[i] != ' ' || i == 0 || i + 1 == a->name.len || a->name.ptr[i - 1] == ' '))
			return false;
	}
	for (size_t i = 0; i < a->addr.len; i++) {
		if (!gp_is_alnum(a->addr.ptr[i]) && !memchr("@.-_+", a->addr.ptr[i], 5))
			return false;
	}
	return a->local.len && a->domain.len;
}

static void check_round_trip(struct gp_arena *arena, const struct gp_addr *a)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 22);
	struct gp_addr again;

	if (!is_plain(a) || gp_str_find(a->name, GP_STR("=?"), 0) < a->name.len)
		return;
	add_quoted(&text, a->name);
	gp_buf_printf(&text, " <%.*s>", GP_STR_FMT(a->addr));
	FUZZ_CHECK(gp_addr_first(arena, gp_buf_str(&text), &again));
	FUZZ_CHECK(gp_str_eq(again.addr, a->addr) && gp_str_eq(again.domain, a->domain));
	FUZZ_CHECK(gp_str_eq(again.name, a->name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_addr_list list;
	struct gp_addr first;

	gp_addr_parse(arena, gp_str_n(data, size), &list);
	FUZZ_CHECK(list.len <= GP_MAX_ADDRESSES);
	FUZZ_CHECK(gp_addr_first(arena, gp_str_n(data, size), &first) == (list.len > 0));
	for (size_t i = 0; i < list.len; i++) {
		const struct gp_addr *a = &list.items[i];

		FUZZ_CHECK(gp_utf8_is_valid(a->name));
		FUZZ_CHECK(a->addr.len == a->local.len + (a->domain.len ? a->domain.len + 1 : 0) ||
			   !a->domain.len);
		check_round_trip(arena, a);
	}
	if (list.len)
		FUZZ_CHECK(gp_str_eq(first.addr, list.items[0].addr));
	gp_arena_free(arena);
	return 0;
}

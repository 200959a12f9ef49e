/*
 * What header rules read, by every name and modifier that they know.
 *
 * Whatever the header: reading it twice gives the same; a field is there with one
 * modifier if it is with another; :first and :last are the ends of the whole; ToCc and
 * MESSAGEID are their parts one after the other; trusted and untrusted, internal and
 * external headers are the upper and the lower end of ALL and together all of it.
 */
#include <string.h>

#include "lib/base/limits.h"
#include "lib/score/rule_field.h"
#include "tests/fuzz/fuzz.h"

static const char rules[] = "trusted_networks 192.0.2.0/24 10.\ninternal_networks 10.\n";

struct world {
	struct gp_arena *arena;
	struct gp_rule_set *set;
	struct gp_rule_input in;
	struct gp_relay_path relays;
};

static struct gp_str get(struct world *w, const char *name, const char *modifiers)
{
	struct gp_str spec = gp_str(gp_arena_printf(w->arena, "%s%s", name, modifiers));
	struct gp_str s = gp_field_read(spec, w->set, &w->in, &w->relays, w->arena);
	struct gp_str again = gp_field_read(spec, w->set, &w->in, &w->relays, w->arena);

	FUZZ_CHECK(!s.ptr == !again.ptr && gp_str_eq(s, again));
	return s;
}

static bool ends(struct gp_str s, struct gp_str tail)
{
	return s.len >= tail.len && gp_str_eq(gp_str_sub(s, s.len - tail.len, SIZE_MAX), tail);
}

static size_t lines_of(struct gp_str s)
{
	size_t n = 0;
	struct gp_str line;

	while (gp_str_next(&s, '\n', &line))
		n += line.len > 0;
	return n;
}

/* One header name with its modifiers. */
static void check_name(struct world *w, const char *name)
{
	struct gp_str whole = get(w, name, ""), raw = get(w, name, ":raw");
	struct gp_str first = get(w, name, ":first"), last = get(w, name, ":last");
	struct gp_str addr = get(w, name, ":addr"), names = get(w, name, ":name");
	struct gp_str ip = get(w, name, ":ip"), revip = get(w, name, ":revip");

	FUZZ_CHECK(!whole.ptr == !raw.ptr && !whole.ptr == !first.ptr && !whole.ptr == !last.ptr);
	FUZZ_CHECK(gp_str_starts(whole, first) && ends(whole, last));
	FUZZ_CHECK(!whole.len || whole.ptr[whole.len - 1] == '\n');
	FUZZ_CHECK(gp_str_starts(raw, get(w, name, ":raw:first")) && ends(raw, get(w, name, ":raw:last")));
	FUZZ_CHECK(whole.ptr || (!addr.ptr && !names.ptr && !ip.ptr));
	FUZZ_CHECK(gp_str_starts(addr, get(w, name, ":addr:first")));
	FUZZ_CHECK(ends(addr, get(w, name, ":addr:last")));
	FUZZ_CHECK(lines_of(addr) <= GP_MAX_ADDRESSES * w->in.message->headers.len);
	FUZZ_CHECK(!ip.ptr == !revip.ptr && lines_of(ip) == lines_of(revip));
	FUZZ_CHECK(lines_of(get(w, name, ":domain")) <= lines_of(get(w, name, ":host")));
	while (ip.len) {
		struct gp_str line = {0};
		struct gp_ip parsed;

		gp_str_next(&ip, '\n', &line);
		FUZZ_CHECK(line.len == 0 || gp_ip_parse(line, &parsed) == GP_OK);
	}
}

/* The values of several names, one behind the other. */
static struct gp_str joined(struct world *w, const char *const *list, size_t n, const char *modifiers,
			    const char *between)
{
	const char *text = "";

	for (size_t i = 0; i < n; i++) {
		struct gp_str s = get(w, list[i], modifiers);

		if (s.ptr && !memchr(s.ptr, 0, s.len))
			text = gp_arena_printf(w->arena, "%s%s%.*s", text, *text ? between : "",
					       GP_STR_FMT(s));
	}
	return gp_str(text);
}

static void check_joined(struct world *w, const char *name, const char *const *list, size_t n)
{
	FUZZ_CHECK(gp_str_eq(get(w, name, ""), joined(w, list, n, "", "")));
	FUZZ_CHECK(gp_str_eq(get(w, name, ":addr"), joined(w, list, n, ":addr", "\n")));
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(!get(w, list[i], "").ptr || get(w, name, "").ptr);
}

/* The two ends of ALL. */
static void check_halves(struct world *w, const char *upper_name, const char *lower_name,
			 const char *modifiers)
{
	struct gp_str all = get(w, "ALL", modifiers), upper = get(w, upper_name, modifiers);
	struct gp_str lower = get(w, lower_name, modifiers);

	FUZZ_CHECK(gp_str_starts(all, upper) && ends(all, lower));
	FUZZ_CHECK(upper.len + lower.len >= all.len);
}

static void check_all(struct world *w)
{
	const struct gp_message *m = w->in.message;
	struct gp_str all = get(w, "ALL", "");
	size_t len = 0;

	FUZZ_CHECK(!all.ptr == !m->headers.len);
	for (size_t i = 0; i < m->headers.len; i++)
		len += m->headers.items[i].name.len + gp_str_trim(m->headers.items[i].value).len + 3;
	FUZZ_CHECK(all.len == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tocc[] = {"To", "Cc"};
	static const char *const ids[] = {"X-Message-Id", "Resent-Message-Id", "X-Original-Message-ID",
					  "Message-Id"};
	static const char *const plain[] = {"From", "To", "Cc", "Subject", "Received", "Message-Id", "X-A"};
	static struct gp_rule_set *set; /* for all runs */
	struct world w = {.arena = gp_arena_new(0), .in = {.bayes = -1}};

	if (!set)
		gp_rule_set_load_text("f.cf", gp_str(rules), NULL, NULL, &set);
	w.set = set;

	/* NULs would end the strings that this file works with; the cap on a value would cut them. */
	if (size < (32u << 10) && (size == 0 || !memchr(data, 0, size))) {
		w.in.message = gp_message_parse(w.arena, NULL, gp_str_n(data, size));
		gp_relay_path_make(w.arena, w.in.message, &w.set->trust, &w.relays);
		for (size_t i = 0; i < GP_ARRAY_SIZE(plain); i++)
			check_name(&w, plain[i]);
		check_joined(&w, "ToCc", tocc, GP_ARRAY_SIZE(tocc));
		check_joined(&w, "MESSAGEID", ids, GP_ARRAY_SIZE(ids));
		check_all(&w);
		check_halves(&w, "ALL-TRUSTED", "ALL-UNTRUSTED", "");
		check_halves(&w, "ALL-INTERNAL", "ALL-EXTERNAL", ":raw");
		(void)get(&w, "EnvelopeFrom", ":host");
		w.in.envelope_from = GP_STR("given@example.com");
		FUZZ_CHECK(gp_str_eq(get(&w, "EnvelopeFrom", ""), w.in.envelope_from));
	}
	gp_arena_free(w.arena);
	return 0;
}

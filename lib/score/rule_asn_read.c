/*
 * What a list answers, in the forms that are met (strings in quotes):
 *
 *	"1103" "192.0.2.0" "24"
 *	"559 1103 | 192.0.2.0/24 | CH | ripencc | 2001-06-01"
 *	"192.0.2.0/24 | AS1103 | a name | 2002-10-15 | EU"
 *	"as1103"
 */
#include "lib/score/rule_asn.h"

#include "lib/base/buf.h"
#include "lib/base/num.h"

#define TEXT_MAX (128u << 10) /* of one record: the wire has 64 KiB */
#define FIELDS 3
/* No number, no network is longer; a longer word is somebody's joke. */
#define WORD_MAX 64
#define NOBODY 4294967295u /* the number of space that nobody announces */

struct tag {
	struct gp_tag_values values;
	struct gp_str numbers; /* of the values those that are numbers, without prefix */
};

struct gp_asn_found {
	struct gp_arena *arena;
	struct gp_str prefix, numbers;
	struct gp_map tags; /* name → struct tag */
};

struct gp_asn_found *gp_asn_found_new(struct gp_arena *a, struct gp_str prefix)
{
	struct gp_asn_found *f = GP_ARENA_NEW(a, struct gp_asn_found);

	f->arena = a;
	f->prefix = prefix;
	gp_map_init(&f->tags, a, false);
	return f;
}

static struct tag *tag_of(struct gp_asn_found *f, struct gp_str name)
{
	struct tag *t = gp_map_get(&f->tags, name);

	if (!t) {
		t = GP_ARENA_NEW(f->arena, struct tag);
		gp_map_set(&f->tags, name, t);
	}
	return t;
}

/* Fields between bars.  Blanks around bars do not count; those at the end of all do. */
static void split(struct gp_arena *a, struct gp_str text, struct gp_str *ret)
{
	struct gp_str rest = gp_arena_str(a, text);

	for (size_t i = 0; i < FIELDS && rest.len; i++) {
		size_t bar = gp_str_find_chr(rest, '|', 0), end = bar;

		while (bar < rest.len && end && gp_is_space(rest.ptr[end - 1]))
			end--;
		ret[i] = gp_str_sub(rest, 0, end);
		rest = gp_str_sub(rest, bar + 1, SIZE_MAX);
		while (rest.len && gp_is_space(rest.ptr[0]))
			rest = gp_str_sub(rest, 1, SIZE_MAX);
	}
}

/* The first fields of a record: its strings, or what stands between bars. */
static void read_fields(struct gp_arena *a, const struct gp_dns_record *record, struct gp_str *ret)
{
	GP_BUF_AUTO all = GP_BUF_INIT(TEXT_MAX);
	struct gp_str s, strings[FIELDS] = {0};
	size_t n = 0;

	for (size_t at = 0; gp_dns_record_string(record, &at, &s); n++) {
		if (n)
			gp_buf_add_chr(&all, ' ');
		gp_buf_add_str(&all, s);
		if (n < FIELDS)
			strings[n] = s;
	}
	if (n < 2 || gp_str_find_chr(record->text, '|', 0) < record->text.len) {
		split(a, gp_buf_str(&all), ret);
		return;
	}
	memcpy(ret, strings, sizeof(strings));
	if (n >= FIELDS && gp_str_find_chr(ret[1], '/', 0) == ret[1].len &&
	    gp_str_is_digits(ret[2]))
		ret[1] = gp_str(gp_arena_printf(a, "%.*s/%.*s", GP_STR_FMT(ret[1]),
						GP_STR_FMT(ret[2])));
}

static struct gp_str without_as(struct gp_str word)
{
	bool has_as = gp_str_istarts(word, GP_STR("AS")) && word.len > 2 && gp_is_digit(word.ptr[2]);

	return has_as ? gp_str_sub(word, 2, SIZE_MAX) : word;
}

/* Whether its last word, with which it ends, is a number. */
static bool is_numbers(struct gp_str field)
{
	struct gp_str rest = field, word = {0};

	if (field.len == 0 || gp_is_space(field.ptr[field.len - 1]))
		return false;
	while (gp_str_next_word(&rest, &word))
		continue;
	word = without_as(word);
	return word.len && gp_str_is_digits(word);
}

static bool is_word(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
			return false;
	return s.len && s.len <= WORD_MAX;
}

static bool is_nobody(struct gp_str number)
{
	uint64_t n;

	return gp_str_eq(number, GP_STR("0")) ||
	       (gp_num_parse_uint(number, 10, &n) == GP_OK && n == NOBODY);
}

static void add_numbers(struct gp_asn_found *f, struct tag *t, struct gp_str words)
{
	struct gp_str word;

	while (gp_str_next_word(&words, &word)) {
		size_t n = t->values.len;

		word = without_as(word);
		if (!is_word(word) || is_nobody(word))
			continue;
		gp_tag_add(&t->values, gp_str(gp_arena_printf(f->arena, "%.*s%.*s",
							      GP_STR_FMT(f->prefix),
							      GP_STR_FMT(word))));
		if (t->values.len == n)
			continue; /* known, or one too many */
		t->numbers = gp_str(gp_arena_printf(f->arena, "%.*s%s%.*s", GP_STR_FMT(t->numbers),
						    t->numbers.len ? " " : "", GP_STR_FMT(word)));
		f->numbers = t->numbers;
	}
}

/* "192.0.2.0/0": of nobody. */
static bool is_nowhere(struct gp_str route)
{
	size_t n = route.len;

	while (n && route.ptr[n - 1] == '0')
		n--;
	return n && n < route.len && route.ptr[n - 1] == '/';
}

static void add_routes(struct gp_asn_found *f, struct tag *t, struct gp_str words)
{
	struct gp_str word;

	while (gp_str_next_word(&words, &word))
		if (is_word(word) && !is_nowhere(word))
			gp_tag_add(&t->values, gp_arena_str(f->arena, word));
}

void gp_asn_read(struct gp_asn_found *f, const struct gp_asn_lookup *l,
		 const struct gp_dns_record *records, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct gp_str fields[FIELDS] = {0};
		size_t at;

		read_fields(f->arena, &records[i], fields);
		at = is_numbers(fields[0]) ? 0 : 1;
		if (!is_numbers(fields[at]))
			continue;
		add_numbers(f, tag_of(f, l->number_tag), fields[at]);
		add_routes(f, tag_of(f, l->route_tag), fields[1 - at]);
	}
}

bool gp_asn_values(const struct gp_asn_found *f, struct gp_str tag, struct gp_tag_values *ret)
{
	const struct tag *t = gp_map_get(&f->tags, tag);

	if (!t || t->values.len == 0)
		return false;
	*ret = t->values;
	return true;
}

struct gp_str gp_asn_numbers(const struct gp_asn_found *f)
{
	return f->numbers;
}

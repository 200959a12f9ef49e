/*
 * DNS names and records.  Whatever the bytes: a folded name folds to itself, a name
 * from the wire is plain text and its length on the wire is within the input, a
 * record is taken whole or not at all.
 */
#include "lib/base/err.h"
#include "lib/dns/dns.h"
#include "tests/fuzz/fuzz.h"

static void check_plain(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		FUZZ_CHECK(s.ptr[i] > ' ' && s.ptr[i] < 0x7f);
}

static void check_fold(struct gp_str in)
{
	char name[GP_DNS_NAME_MAX + 1], again[GP_DNS_NAME_MAX + 1];

	if (gp_dns_name_fold(in, name) != GP_OK)
		return;
	check_plain(gp_str(name));
	FUZZ_CHECK(gp_dns_name_fold(gp_str(name), again) == GP_OK);
	FUZZ_CHECK(strcmp(name, again) == 0);
}

static void check_escapes(struct gp_arena *a, struct gp_str in)
{
	char name[GP_DNS_NAME_MAX + 1], again[GP_DNS_NAME_MAX + 1];
	struct gp_str escaped = gp_dns_name_escape(a, in);

	check_plain(escaped);
	if (gp_dns_name_fold_escaped(escaped, name) == GP_OK) {
		FUZZ_CHECK(gp_dns_name_fold_escaped(gp_str(name), again) == GP_OK);
		FUZZ_CHECK(strcmp(name, again) == 0);
	}
}

static void check_records(struct gp_str in)
{
	static const enum gp_dns_type TYPES[] = {GP_DNS_A,  GP_DNS_AAAA, GP_DNS_TXT,
						 GP_DNS_MX, GP_DNS_PTR,	 GP_DNS_CNAME,
						 GP_DNS_NS};

	for (size_t i = 0; i < GP_ARRAY_SIZE(TYPES); i++) {
		struct gp_dns_question q = {.type = TYPES[i], .arena = gp_arena_new(0)};
		int r = gp_dns_answer_add(&q, in.ptr, in.len);

		FUZZ_CHECK(r == GP_OK || r == GP_EINVAL);
		FUZZ_CHECK(q.answer.n_records == (r == GP_OK));
		if (r == GP_OK && TYPES[i] != GP_DNS_TXT)
			check_plain(q.answer.records[0].text);
		if (r == GP_OK)
			FUZZ_CHECK(q.answer.records[0].text.len <= 4 * in.len);
		gp_arena_free(q.arena);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str in = gp_str_n(data, size), text;
	struct gp_arena *a = gp_arena_new(0);
	size_t len;

	check_fold(in);
	check_escapes(a, in);
	check_records(in);
	if (gp_dns_name_from_wire(a, in, &text, &len) == GP_OK) {
		FUZZ_CHECK(len >= 1 && len <= 255 && len <= size);
		check_plain(text);
	}
	gp_arena_free(a);
	return 0;
}

/*
 * Authentication-Results from strangers' bytes, twice: as a field that is read, and as
 * what the field of ours that is written has to hold (a line each).
 *
 * What the strict reader takes the lenient one takes the same; both know the id that
 * gp_authres_id knows; what is written is printable, short of line, taken by the strict
 * reader, and says the same again.
 */
#include "lib/auth/authres.h"
#include "tests/fuzz/fuzz.h"

static void check_text(struct gp_str text)
{
	size_t line = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '\n') {
			FUZZ_CHECK(i + 1 < text.len && text.ptr[i + 1] == '\t');
			line = 0;
		} else {
			FUZZ_CHECK((c >= ' ' && c < 0x7f) || (c == '\t' && !line));
			line++;
		}
		FUZZ_CHECK(line < 998);
	}
}

static void check_same(const struct gp_auth_result *a, const struct gp_auth_result *b)
{
	FUZZ_CHECK(a->mailfrom.status == b->mailfrom.status && a->helo.status == b->helo.status);
	FUZZ_CHECK(a->arc.status == b->arc.status && a->dmarc.status == b->dmarc.status);
	FUZZ_CHECK(a->n_dkim == b->n_dkim);
	for (size_t i = 0; i < a->n_dkim; i++)
		FUZZ_CHECK(a->dkim[i].status == b->dkim[i].status);
}

/* Written, read, and written again; `ret` is what the text says. */
static struct gp_str write(struct gp_arena *a, struct gp_str id, const struct gp_auth_result *in,
			   struct gp_auth_result *ret)
{
	const struct gp_authres_options options = {.with_helo = true};
	struct gp_str text = gp_authres_format(a, id, in, &options);
	struct gp_authres parsed;

	check_text(text);
	FUZZ_CHECK(gp_authres_parse(a, text, &parsed, NULL) == GP_OK);
	gp_authres_to_result(a, &parsed, ret);
	return text;
}

static void check_writing(struct gp_arena *a, struct gp_str data)
{
	struct gp_str s[6] = {0};
	struct gp_auth_result result, again;

	for (size_t i = 0; i < GP_ARRAY_SIZE(s) && gp_str_next(&data, '\n', &s[i]); i++)
		;
	result = (struct gp_auth_result){
		.mailfrom = {.status = GP_AUTH_PASS, .sender = s[1], .domain = s[2], .reason = s[3]},
		.helo = {.status = GP_AUTH_FAIL, .is_helo = true, .domain = s[2]},
		.dkim = &(struct gp_dkim_result){.status = GP_AUTH_FAIL, .domain = s[2], .identity = s[1],
						 .selector = s[4], .b = s[5], .reason = s[3], .key_bits = 1},
		.n_dkim = 1,
		.arc = {.status = GP_AUTH_PASS, .reason = s[4], .n_sets = 1},
		.dmarc = {.status = GP_AUTH_FAIL, .from = s[2], .has_record = true, .record_domain = s[0]},
	};
	write(a, s[0], &result, &again);
	/* A HELO that cannot be written leaves spf without an identity. */
	again.helo.status = GP_AUTH_FAIL;
	check_same(&result, &again);
}

static void check_entries(const struct gp_authres *strict, const struct gp_authres *lenient)
{
	FUZZ_CHECK(gp_str_eq(strict->id, lenient->id));
	FUZZ_CHECK(strict->entries.len == lenient->entries.len);
	for (size_t i = 0; i < strict->entries.len; i++)
		FUZZ_CHECK(strict->entries.items[i].properties.len ==
			   lenient->entries.items[i].properties.len);
}

static void check_reading(struct gp_arena *a, struct gp_str data)
{
	struct gp_auth_result result, again, twice;
	struct gp_authres strict, lenient;
	struct gp_diag diag = {0};
	struct gp_str id, text;
	int r = gp_authres_parse(a, data, &strict, &diag);
	int l = gp_authres_parse_lenient(a, data, &lenient, NULL);

	FUZZ_CHECK((r == GP_OK) == (diag.text[0] == '\0'));
	FUZZ_CHECK(r != GP_OK || l == GP_OK);
	if (l)
		return;
	FUZZ_CHECK(gp_authres_id(a, data, &id) == GP_OK && gp_str_eq(id, lenient.id));
	if (r == GP_OK)
		check_entries(&strict, &lenient);
	gp_authres_to_result(a, &lenient, &result);
	text = write(a, id, &result, &again);
	FUZZ_CHECK(gp_str_eq(text, write(a, id, &again, &twice)) || again.n_dkim == result.n_dkim);
	check_same(&again, &twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *a = gp_arena_new(0);

	check_reading(a, gp_str_n(data, size));
	check_writing(a, gp_str_n(data, size));
	gp_arena_free(a);
	return 0;
}

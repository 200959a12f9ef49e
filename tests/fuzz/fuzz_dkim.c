/*
 * Signatures, key records, verification and signing.
 *
 * The first line is the key record, which every name has; the rest is the message.  Whatever
 * the bytes: the caps hold, what does not pass says why, the same input gives the same
 * result, and what we sign over these very fields and this body verifies.
 */
#include "lib/auth/dkim.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "tests/fuzz/fuzz.h"

#define NOW 1700000000

struct one_record {
	struct gp_resolver base;
	struct gp_str text;
};

static void answer(struct gp_resolver *r, struct gp_dns_question *q)
{
	struct gp_str text = ((struct one_record *)r)->text;
	GP_BUF_AUTO wire = GP_BUF_INIT(1 << 20);

	for (; text.len; text = gp_str_sub(text, 255, text.len)) {
		struct gp_str string = gp_str_sub(text, 0, 255);

		gp_buf_add_chr(&wire, (char)string.len);
		gp_buf_add_str(&wire, string);
	}
	if (wire.len)
		FUZZ_CHECK(gp_dns_answer_add(q, wire.data, wire.len) == GP_OK);
	gp_dns_answered(q, GP_OK);
}

static void nothing_to_close(struct gp_resolver *r)
{
	(void)r;
}

static const struct gp_resolver_ops ops = {.ask = answer, .close = nothing_to_close};

static struct gp_auth_result verify(struct gp_arena *arena, struct gp_str record,
				    const struct gp_fields *fields, struct gp_str body,
				    size_t chunk)
{
	struct one_record resolver = {.base = {.ops = &ops}, .text = gp_str_sub(record, 0, 60000)};
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 10000);
	struct gp_body_hasher *hasher = gp_body_hasher_new(arena);
	struct gp_auth_result result = {0};
	struct gp_dkim_verify *v;
	struct gp_asker asker;

	gp_asker_init(&asker, &resolver.base, batch, arena);
	v = gp_dkim_verify_begin(&asker, NULL, &gp_dkim_defaults, fields, GP_STR("a.example"),
				 hasher, NOW);
	for (size_t pos = 0; pos < body.len; pos += chunk)
		gp_body_hasher_add(hasher, gp_str_sub(body, pos, chunk));
	gp_body_hasher_finish(hasher);
	gp_dkim_verify_finish(v, &result);
	FUZZ_CHECK(result.n_dkim <= gp_dkim_defaults.signatures_max);
	FUZZ_CHECK(result.n_dkim <= result.n_dkim_seen && asker.seen.len <= result.n_dkim);
	gp_batch_free(&batch);
	return result;
}

static void check_result(const struct gp_dkim_result *r)
{
	FUZZ_CHECK((r->status == GP_AUTH_PASS) == (r->reason.len == 0));
	FUZZ_CHECK(r->status != GP_AUTH_PASS ||
		   (r->domain.len && r->selector.len && r->record.len));
	FUZZ_CHECK(r->status != GP_AUTH_PASS || r->key_bits >= 256);
}

static const struct gp_key *our_key(void)
{
	/* RFC 8032, 7.1, test 1, which is the one of RFC 8463. */
	static const char pem[] =
		"-----BEGIN PRIVATE KEY-----\n"
		"MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
		"-----END PRIVATE KEY-----\n";
	static struct gp_key *key;

	if (!key)
		FUZZ_CHECK(gp_key_from_pem(gp_str(pem), &key, NULL) == GP_OK);
	return key;
}

/* CR CR LF loses a CR whenever it is read: such a field cannot be handed on as it was. */
static bool has_odd_line_end(const struct gp_fields *fields)
{
	for (size_t i = 0; i < fields->list.len; i++) {
		struct gp_str value = fields->list.items[i].value;

		if (gp_str_find(value, GP_STR("\r\n"), 0) < value.len)
			return true;
	}
	return false;
}

static void check_signing(struct gp_arena *arena, const struct gp_fields *fields,
			  struct gp_str body, unsigned variant)
{
	struct gp_body_hasher *hasher = gp_body_hasher_new(arena);
	const struct gp_sign_as as = {
		.domain = GP_STR("a.example"), .selector = GP_STR("s"), .key = our_key()};
	struct gp_sign_options options = gp_sign_defaults;
	struct gp_fields with = {0};
	struct gp_auth_result r;
	struct gp_str value;
	struct gp_sign s;

	options.header_canon = variant & 1 ? GP_CANON_RELAXED : GP_CANON_SIMPLE;
	options.body_canon = variant & 2 ? GP_CANON_RELAXED : GP_CANON_SIMPLE;
	options.has_length = variant & 4;
	gp_sign_begin(&s, arena, &options, hasher);
	gp_body_hasher_add(hasher, body);
	gp_body_hasher_finish(hasher);
	if (gp_sign_finish(&s, fields, hasher, &as, NOW, &value, NULL))
		return;
	gp_fields_add(arena, &with, GP_STR("DKIM-Signature"),
		      gp_str(gp_arena_printf(arena, " %.*s", GP_STR_FMT(value))));
	for (size_t i = 0; i < fields->list.len; i++)
		gp_fields_add(arena, &with, fields->list.items[i].name,
			      fields->list.items[i].value);
	r = verify(arena, GP_STR("k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
		   &with, body, 13);
	FUZZ_CHECK(with.is_cut || r.dkim[0].status == GP_AUTH_PASS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_str text = gp_str_n(data, size), body;
	size_t line = gp_str_find_chr(text, '\n', 0);
	struct gp_str record = gp_str_sub(text, 0, line);
	struct gp_fields fields;
	struct gp_auth_result a, b;

	gp_fields_parse(arena, gp_str_sub(text, line + 1, text.len), &fields, &body);
	a = verify(arena, record, &fields, body, body.len + 1);
	b = verify(arena, record, &fields, body, 7);
	FUZZ_CHECK(a.n_dkim == b.n_dkim);
	for (size_t i = 0; i < a.n_dkim; i++) {
		check_result(&a.dkim[i]);
		FUZZ_CHECK(a.dkim[i].status == b.dkim[i].status);
		FUZZ_CHECK(gp_str_eq(a.dkim[i].reason, b.dkim[i].reason));
	}
	if (!has_odd_line_end(&fields))
		check_signing(arena, &fields, body, size ? data[size - 1] : 0);
	gp_arena_free(arena);
	return 0;
}

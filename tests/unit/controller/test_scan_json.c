/*
 * Verdicts as JSON, whatever the message holds; orders and reports of scans on the wire; unpacking.
 */
#include <math.h>
#include <stdlib.h>

#include "config.h"
#include "controller/http_zstd.h"
#include "controller/scan_json.h"
#include "tests/unit/test.h"

#if GP_HAVE_ZSTD
#include <zstd.h>
#endif

static struct gp_arena *arena;

static int setup(void **state)
{
	arena = gp_arena_new(0);
	return 0;
}

static int teardown(void **state)
{
	gp_arena_free(arena);
	return 0;
}

static struct spam_verdict verdict_of(const char *message, size_t len)
{
	struct spam_verdict v = {.mail = gp_message_parse(arena, NULL, gp_str_n(message, len))};

	gp_symbols_init(&v.result.symbols, arena);
	v.result.missing = "";
	v.result.score = 0.79;
	v.decision.thresholds = (struct gp_thresholds){.greylist = 4, .add_header = 6, .reject = 15,
						       .quarantine = (double)INFINITY,
						       .discard = (double)INFINITY};
	v.decision.action = GP_ACTION_GREYLIST;
	return v;
}

static const char *text_of(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void fields(void **state)
{
	static const char mail[] = "Message-ID: <a@example.org>\n\nhttp://www.example.com/x "
				   "http://www.example.com/y mailto:x@example.net?subject=z\n";
	struct spam_verdict v = verdict_of(mail, sizeof(mail) - 1);
	struct scan_order order = {.queue_id = GP_STR("4XyZ")};
	json_t *o, *thresholds, *symbol;
	char *text;

	gp_symbols_add(&v.result.symbols, "T_ONE", 0.79, "one")->evidence = GP_STR("what matched");
	o = scan_json(&v, &order, 0.25);
	assert_non_null(o);
	assert_string_equal(text_of(o, "action"), "greylist");
	assert_string_equal(text_of(o, "message-id"), "a@example.org");
	assert_string_equal(text_of(o, "queue-id"), "4XyZ");
	thresholds = json_object_get(o, "thresholds");
	assert_int_equal(json_object_size(thresholds), 3);
	assert_true(json_real_value(json_object_get(thresholds, "add header")) > 5.9);
	symbol = json_object_get(json_object_get(o, "symbols"), "T_ONE");
	assert_string_equal(text_of(symbol, "name"), "T_ONE");
	assert_string_equal(json_string_value(json_array_get(json_object_get(symbol, "options"), 0)),
			    "what matched");
	assert_int_equal(json_array_size(json_object_get(o, "urls")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "emails"), 0)),
			    "x@example.net");
	text = json_dumps(json_object_get(o, "score"), JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	assert_string_equal(text, "0.79");
	free(text);
	json_decref(o);
}

static void hostile_content(void **state)
{
	static const char mail[] = "Message-ID: <\xff\xfe\"\\\x01\x7f\xed\xa0\x80>\nFrom: \xc3\n\n"
				   "http://a\x00.example/ mailto:\xff\"}@x\n";
	struct spam_verdict v = verdict_of(mail, sizeof(mail) - 1);
	struct scan_order order = {.queue_id = GP_STR("\xff\n\"")};
	json_t *o, *again;
	char *text;

	v.decision.decided_by = GP_STR("a\0b\xff@example.org");
	gp_symbols_add(&v.result.symbols, "T_ONE", -0.0, "d\xff")->evidence =
		GP_STR("\0\x1b[31m\xf0\x9f\x98");
	o = scan_json(&v, &order, 0);
	assert_non_null(o);
	text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15));
	assert_non_null(text);
	again = json_loads(text, JSON_ALLOW_NUL, NULL);
	assert_non_null(again);
	json_decref(again);
	free(text);
	json_decref(o);
}

static void orders_come_back(void **state)
{
	static const struct gp_str recipients[] = {GP_STR("a@example.org"), GP_STR("")};
	static const struct gp_str words[] = {GP_STR("reject=5"), {0}};
	struct scan_order order = {.left_ms = 1234, .ip = GP_STR("192.0.2.1"), .helo = GP_STR("h"),
				   .user = GP_STR("u"), .queue_id = GP_STR("q"), .from = GP_STR(""),
				   .recipients = recipients, .n_recipients = 2, .words = words,
				   .user_words = GP_STR("reject=9"), .directory_failure = GP_STR("down")};
	GP_BUF_AUTO out = GP_BUF_INIT(4096);
	struct scan_order back;

	scan_order_encode(&order, &out);
	assert_int_equal(scan_order_decode(gp_buf_str(&out), arena, &back), GP_OK);
	assert_int_equal(back.left_ms, 1234);
	assert_str(back.ip, "192.0.2.1");
	assert_str(back.from, "");
	assert_non_null(back.from.ptr); /* the empty sender is known */
	assert_int_equal(back.n_recipients, 2);
	assert_str(back.recipients[0], "a@example.org");
	assert_str(back.words[0], "reject=5");
	assert_str(back.words[1], "");
	assert_str(back.user_words, "reject=9");
	assert_str(back.directory_failure, "down");
	for (size_t n = 0; n < out.len; n++)
		assert_int_equal(scan_order_decode(gp_str_n(out.data, n), arena, &back), GP_EINVAL);
	gp_buf_reset(&out);
	order.from = gp_str(NULL);
	scan_order_encode(&order, &out);
	assert_int_equal(scan_order_decode(gp_buf_str(&out), arena, &back), GP_OK);
	assert_null(back.from.ptr);
}

static void reports_are_looked_at(void **state)
{
	struct scan_report r = {.score = 1.5, .action = GP_ACTION_REJECT, .json = GP_STR("{}")}, back;
	GP_BUF_AUTO out = GP_BUF_INIT(4096);

	scan_report_encode(&r, &out);
	assert_int_equal(scan_report_decode(gp_buf_str(&out), &back), GP_OK);
	assert_str(back.json, "{}");
	gp_buf_reset(&out);
	r.score = (double)NAN;
	scan_report_encode(&r, &out);
	assert_int_equal(scan_report_decode(gp_buf_str(&out), &back), GP_EINVAL);
	gp_buf_reset(&out);
	r.score = 1;
	r.action = (enum gp_action)99;
	scan_report_encode(&r, &out);
	assert_int_equal(scan_report_decode(gp_buf_str(&out), &back), GP_EINVAL);
	assert_int_equal(scan_report_decode(gp_str(""), &back), GP_EINVAL);
}

#if GP_HAVE_ZSTD
static void unpacking(void **state)
{
	static char plain[200000], packed[201000];
	size_t n = ZSTD_compress(packed, sizeof(packed), plain, sizeof(plain), 3);
	GP_BUF_AUTO out = GP_BUF_INIT(sizeof(plain));
	GP_BUF_AUTO small = GP_BUF_INIT(sizeof(plain) - 1);

	assert_false(ZSTD_isError(n));
	assert_int_equal(http_zstd_unpack(gp_str_n(packed, n), &out), GP_OK);
	assert_int_equal(out.len, sizeof(plain));
	assert_int_equal(http_zstd_unpack(gp_str_n(packed, n), &small), GP_ELIMIT);
	gp_buf_reset(&out);
	assert_int_equal(http_zstd_unpack(gp_str_n(packed, n - 1), &out), GP_EINVAL);
	gp_buf_reset(&out);
	assert_int_equal(http_zstd_unpack(GP_STR("no zstd at all"), &out), GP_EINVAL);
	assert_int_equal(http_zstd_unpack(GP_STR(""), &out), GP_EINVAL);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fields, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_content, setup, teardown),
		cmocka_unit_test_setup_teardown(orders_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(reports_are_looked_at, setup, teardown),
#if GP_HAVE_ZSTD
		cmocka_unit_test(unpacking),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

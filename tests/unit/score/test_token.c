/*
 * Tokens of hand-written messages: which there are, which there must not be.
 */
#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/base/limits.h"
#include "lib/mail/message.h"
#include "lib/score/token.h"

struct fixture {
	struct gp_arena *arena;
	struct gp_buf buf;
	const char *asn;
};

static int setup(void **state)
{
	static struct fixture f;

	f.arena = gp_arena_new(0);
	f.asn = "";
	gp_buf_init(&f.buf, 16 << 20);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	gp_buf_done(&f->buf);
	gp_arena_free(f->arena);
	return 0;
}

static struct gp_token_list collect_from(struct fixture *f, struct gp_str mail, const char *sender)
{
	struct gp_message *m = gp_message_parse(f->arena, &(struct gp_message_options){0},
						gp_arena_str(f->arena, mail));
	struct gp_token_list list;

	gp_token_collect(f->arena, m, gp_str(sender), gp_str(f->asn), &list);
	return list;
}

static struct gp_token_list collect(struct fixture *f, const char *mail)
{
	return collect_from(f, gp_str(mail), "");
}

/* The hash of the token that prints so, or 0. */
static uint64_t find(const struct gp_token_list *list, const char *text)
{
	uint64_t found = 0;

	for (size_t i = 0; i < list->n && found == 0; i++) {
		GP_BUF_AUTO out = GP_BUF_INIT(1000);

		gp_token_format(&list->sources[i], &out);
		if (gp_str_eq(gp_str_n(out.data, out.len), gp_str(text)))
			found = list->hashes[i];
	}
	return found;
}

static bool holds(const struct gp_token_list *list, uint64_t hash)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->hashes[i] == hash)
			return true;
	}
	return false;
}

static void assert_same(const struct gp_token_list *a, const struct gp_token_list *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		assert_true(holds(b, a->hashes[i]));
}

static void test_autonomous_systems(void **state)
{
	static const char mail[] = "From: a@b.example\n\nx\n";
	struct fixture *f = *state;
	struct gp_token_list plain = collect(f, mail), judged, delivered;

	f->asn = "15169 36040";
	judged = collect(f, mail);
	f->asn = "";
	assert_int_equal(judged.n, plain.n + 2);
	assert_true(find(&judged, "header:15169") != 0);
	/* What was judged is what is learned later. */
	delivered = collect(f, "X-Spam-ASN: AS15169 AS36040\n\t192.0.2.0/24 198.51.100.0/24\n"
			       "From: a@b.example\n\nx\n");
	assert_same(&judged, &delivered);
	delivered = collect(f, "From: a@b.example\nX-Spam-ASN: 15169 36040\n\nx\n");
	assert_same(&judged, &delivered);
	delivered = collect(f, "From: a@b.example\nX-Spam-ASN: 192.0.2.0/24 AS 7x\n\nx\n");
	assert_same(&plain, &delivered);
}

static void test_languages(void **state)
{
	static const char mail[] = "From: a@b.example\n\nx\n";
	struct fixture *f = *state;
	struct gp_message *m = gp_message_parse(f->arena, &(struct gp_message_options){0}, gp_str(mail));
	struct gp_token_list plain = collect(f, mail), judged, delivered;

	gp_message_note(m, GP_STR("X-Languages"), GP_STR("en ru.koi8-r"));
	gp_token_collect(f->arena, m, GP_STR(""), GP_STR(""), &judged);
	assert_int_equal(judged.n, plain.n + 2);
	assert_true(find(&judged, "header:ru.koi8-r") != 0);
	delivered = collect(f, "X-Spam-Languages: en ru.koi8-r\nFrom: a@b.example\n\nx\n");
	assert_same(&judged, &delivered);
	/* No guess is one too: what someone else wrote does not count then. */
	m = gp_message_parse(f->arena, &(struct gp_message_options){0},
			     GP_STR("X-Spam-Languages: en\nFrom: a@b.example\n\nx\n"));
	gp_message_note(m, GP_STR("X-Languages"), GP_STR(""));
	gp_token_collect(f->arena, m, GP_STR(""), GP_STR(""), &judged);
	assert_same(&plain, &judged);
}

static void test_words_and_pairs(void **state)
{
	struct gp_token_list list =
		collect(*state, "Subject: Cheap meds\n\nbuy the very best pills -- today!\n");
	static const char *const there[] = {
		"word:buy",
		"word:pills",
		"word:today!",
		"pair:buy the",
		"sparse:buy the very",
		"sparse:buy the very best",
		"sparse:buy the very best pills",
		"pair:pills -- today!",
		"subject:Cheap",
		"subject-pair:Cheap meds",
	};
	static const char *const absent[] = {"word:--", "word:Cheap", "subject:buy",
					     "sparse:buy the very best pills -- today!"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(there); i++) {
		if (find(&list, there[i]) == 0)
			fail_msg("no token %s", there[i]);
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(absent); i++) {
		if (find(&list, absent[i]) != 0)
			fail_msg("token %s", absent[i]);
	}
	assert_false(list.is_cut);
}

/* What is stored: these may change only together with GP_TOKEN_VERSION. */
static void test_hashes_are_stable(void **state)
{
	struct gp_token_list list =
		collect(*state, "Subject: offer\nFrom: A <a@b.example>\n\nhello world\n");

	assert_int_equal(GP_TOKEN_VERSION, 1);
	assert_int_equal(find(&list, "word:hello"), UINT64_C(0x56f1a10a2abd675b));
	assert_int_equal(find(&list, "pair:hello world"), UINT64_C(0x50fb2c441af8aa31));
	assert_int_equal(find(&list, "subject:offer"), UINT64_C(0xfd7931fd470973c1));
	assert_int_equal(find(&list, "from-addr:b.example"), UINT64_C(0x330cd1e53bea2324));
}

static void test_distinct_and_not_zero(void **state)
{
	struct gp_token_list list =
		collect(*state, "Subject: a a a\n\nspam spam eggs spam spam eggs spam\n");

	for (size_t i = 0; i < list.n; i++) {
		assert_int_not_equal(list.hashes[i], 0);
		for (size_t k = i + 1; k < list.n; k++)
			assert_int_not_equal(list.hashes[i], list.hashes[k]);
	}
}

static void test_case_is_folded_and_kept(void **state)
{
	struct gp_token_list upper = collect(*state, "\nFREE Money\n");
	struct gp_token_list lower = collect(*state, "\nfree money\n");

	assert_true(holds(&upper, find(&lower, "word:free")));
	assert_int_not_equal(find(&upper, "case:FREE"), 0);
	assert_int_equal(find(&lower, "case:free"), 0);
}

static void test_characters_of_no_width_do_not_hide_words(void **state)
{
	struct gp_token_list plain = collect(*state, "\nviagra\n");
	struct gp_token_list hidden = collect(*state, "Content-Type: text/plain; charset=utf-8\n\n"
						      "vi\xe2\x80\x8b"
						      "ag\xc2\xadra\n");

	assert_true(holds(&hidden, find(&plain, "word:viagra")));
}

static void test_scripts_without_spaces_give_characters(void **state)
{
	struct gp_token_list list = collect(*state, "Content-Type: text/plain; charset=utf-8\n\n"
						    "\xe5\x85\x8d\xe8\xb4\xb9\n");

	assert_int_not_equal(find(&list, "word:\xe5\x85\x8d"), 0);
	assert_int_not_equal(find(&list, "word:\xe8\xb4\xb9"), 0);
	assert_int_not_equal(find(&list, "pair:\xe5\x85\x8d\xe8\xb4\xb9"), 0);
}

static void test_addresses(void **state)
{
	struct gp_token_list list =
		collect(*state, "From: \"Lucky Win\" <win7@mail.lotto.example>\n"
				"Reply-To: other@x.example\nTo: a@b.example, c@d.example\n\nx\n");
	static const char *const there[] = {
		"from-name:Lucky",	   "from-addr:win7@mail.lotto.example",
		"from-addr:win7",	   "from-addr:mail.lotto.example",
		"from-addr:lotto.example", "from-addr:example",
		"reply-to:x.example",	   "rcpt:d.example",
		"rcpt:addresses=2",
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(there); i++) {
		if (find(&list, there[i]) == 0)
			fail_msg("no token %s", there[i]);
	}
}

/* The envelope's sender and what becomes of it at delivery are the same tokens. */
static void test_sender_is_return_path(void **state)
{
	struct gp_token_list smtp =
		collect_from(*state, GP_STR("Subject: x\n\ny\n"), "a@b.example");
	struct gp_token_list imap =
		collect(*state, "Return-Path: <a@b.example>\nSubject: x\n\ny\n");

	assert_int_not_equal(find(&smtp, "sender:b.example"), 0);
	assert_same(&smtp, &imap);
}

static void test_delivery_and_filters_change_nothing(void **state)
{
	struct gp_token_list before = collect(*state, "Subject: x\nX-Mailer: y\n\nz\n");
	struct gp_token_list after =
		collect(*state, "Delivered-To: me@here.example\nReceived: from mx.here.example by "
				"here.example with LMTP id aa11; Mon, 1 Jan 2024 10:00:00 +0100\n"
				"X-Spam-Status: Yes, score=7\nSubject: x\n"
				"X-Spam-Flag: YES\nAuthentication-Results: here; spf=fail\n"
				"X-Gatepost-Seal: 0\nX-Mailer: y\nStatus: RO\n\nz\n");

	assert_same(&before, &after);
}

static void test_line_ends_change_nothing(void **state)
{
	struct gp_token_list lf = collect(*state, "Subject: x\nTo: a@b.example\n\nhello\nworld\n");
	struct gp_token_list crlf =
		collect(*state, "Subject: x\r\nTo: a@b.example\r\n\r\nhello\r\nworld\r\n");

	assert_same(&lf, &crlf);
}

/* Dates and queue ids would fill the store and never be met again. */
static void test_no_dates_nor_ids(void **state)
{
	struct gp_token_list one = collect(
		*state,
		"Received: from mx.a.example ([192.0.2.1]) by b.example with ESMTP id "
		"4Xy12z; Mon, 1 Jan 2024 10:00:00 +0100\n"
		"Date: Mon, 1 Jan 2024 10:00:00 +0100\nMessage-ID: <11aa@c.example>\n\nx\n");
	struct gp_token_list two = collect(
		*state,
		"Received: from mx.a.example ([192.0.2.1]) by b.example with ESMTP id "
		"9Qr55t; Tue, 2 Feb 2025 23:59:59 +0100\n"
		"Date: Tue, 2 Feb 2025 23:59:59 +0100\nMessage-ID: <97zz@c.example>\n\nx\n");

	assert_int_not_equal(find(&one, "received:192.0.2.1"), 0);
	assert_int_not_equal(find(&one, "received:192.0.2"), 0);
	assert_same(&one, &two);
}

static void test_structure(void **state)
{
	struct gp_token_list list = collect(
		*state, "Content-Type: multipart/mixed; boundary=\"=_ab12\"\n\n"
			"--=_ab12\nContent-Type: text/plain; charset=koi8-r\n\nx\n"
			"--=_ab12\nContent-Type: application/zip; name=\"Invoice.exe.zip\"\n"
			"Content-Disposition: attachment; filename=\"Invoice.exe.zip\"\n\n"
			"x\n--=_ab12--\n");

	assert_int_not_equal(find(&list, "mime:koi8-r"), 0);
	assert_int_not_equal(find(&list, "mime:application/zip"), 0);
	assert_int_not_equal(find(&list, "mime:zip"), 0);
	assert_int_not_equal(find(&list, "mime:boundary"), 0);
	assert_int_not_equal(find(&list, "mime:0multipart/mixed 1text/plain 1application/zip"), 0);
}

static void test_html_and_links(void **state)
{
	struct gp_token_list list =
		collect(*state, "Content-Type: text/html\n\n<p>visible <span "
				"style=\"display:none\">secret</span> <a "
				"href=\"http://u@Shop.Deals.example:81/order/now?x=1\">here</a>"
				"<img src=\"http://192.0.2.7/p.gif\">\n");
	static const char *const there[] = {
		"word:visible",
		"hidden:secret",
		"word:here",
		"url-host:shop.deals.example",
		"url-host:deals.example",
		"url-path:order",
		"url-path:now",
		"url-host:192.0.2.7",
		"url-host:numeric=1",
		"html:links=1",
		"html:images=1",
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(there); i++) {
		if (find(&list, there[i]) == 0)
			fail_msg("no token %s", there[i]);
	}
	assert_int_equal(find(&list, "word:secret"), 0);
	assert_int_equal(find(&list, "word:span"), 0);
}

/* Neither endless headers nor endless text makes more than the cap, and the one does not keep
 * the other out. */
static void test_caps(void **state)
{
	struct fixture *f = *state;
	struct gp_token_list list;

	for (unsigned i = 0; i < 3000; i++)
		gp_buf_printf(&f->buf, "X-Head%u: w%u x%u y%u\n", i % 100, i, i, i);
	gp_buf_add_cstr(&f->buf, "\nunmistakable ");
	for (unsigned i = 0; i < 100000; i++)
		gp_buf_printf(&f->buf, "text%u ", i);
	list = collect_from(f, gp_str_n(f->buf.data, f->buf.len), "");
	assert_int_equal(list.n, GP_MAX_TOKENS);
	assert_true(list.is_cut);
	assert_int_not_equal(find(&list, "word:unmistakable"), 0);
	assert_int_not_equal(find(&list, "word:text50"), 0);
}

/* A long text of few words is not read to its end. */
static void test_repeated_text_is_cut(void **state)
{
	struct fixture *f = *state;
	struct gp_token_list list;

	gp_buf_add_cstr(&f->buf, "\n");
	for (unsigned i = 0; i < 30000; i++)
		gp_buf_add_cstr(&f->buf, "again ");
	gp_buf_add_cstr(&f->buf, "end");
	list = collect_from(f, gp_str_n(f->buf.data, f->buf.len), "");
	assert_true(list.is_cut);
	assert_int_not_equal(find(&list, "word:again"), 0);
	assert_int_equal(find(&list, "word:end"), 0);
}

static void test_nothing(void **state)
{
	struct gp_token_list list = collect(*state, "");

	assert_true(list.n < 40);
	assert_string_equal(gp_token_field_name(GP_TOKEN_FIELDS), "?");
	for (unsigned field = 0; field < GP_TOKEN_FIELDS; field++)
		assert_string_not_equal(gp_token_field_name(field), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_autonomous_systems, setup, teardown),
		cmocka_unit_test_setup_teardown(test_languages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_words_and_pairs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hashes_are_stable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_distinct_and_not_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(test_case_is_folded_and_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_characters_of_no_width_do_not_hide_words,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_scripts_without_spaces_give_characters, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sender_is_return_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delivery_and_filters_change_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_line_ends_change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_dates_nor_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_structure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_html_and_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_caps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repeated_text_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

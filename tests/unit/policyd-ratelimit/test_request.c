/*
 * Requests of the policy protocol: as Postfix sends them, in pieces and in a row, and as it
 * never would.
 */
#include "lib/base/buf.h"
#include "policyd-ratelimit/request.h"
#include "tests/unit/test.h"

#define HEAD "request=smtpd_access_policy\n"

static const char full[] =
	HEAD "protocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=192.0.2.7\n"
	     "client_name=mail.example.net\nclient_port=4711\nreverse_client_name=mail.example.net\n"
	     "server_address=198.51.100.1\nserver_port=587\nhelo_name=mail.example.net\n"
	     "sender=a=b@example.net\nrecipient=x@example.org\nrecipient_count=3\nqueue_id=4XyZ\n"
	     "instance=1f0.67a.0\nsize=12345\netrn_domain=\nstress=\nsasl_method=plain\n"
	     "sasl_username=joe\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\n"
	     "ccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\nencryption_cipher=X\n"
	     "encryption_keysize=256\npolicy_context=submission\ncompatibility_level=3.6\n"
	     "mail_version=3.11.0\nfrom_the_future=1\n\n";

static void test_full(void **state)
{
	struct policy_request r;
	const char *why = NULL;

	(void)state;
	for (size_t cut = 0; cut < sizeof(full) - 1; cut++)
		assert_int_equal(policy_request_parse(gp_str_n(full, cut), &r, &why), 0);
	assert_int_equal(policy_request_parse(gp_str_n(full, sizeof(full) - 1), &r, &why),
			 sizeof(full) - 1);
	assert_int_equal(r.stage, POLICY_RCPT);
	assert_str(policy_get(&r, POLICY_sender), "a=b@example.net");
	assert_str(policy_get(&r, POLICY_sasl_username), "joe");
	assert_str(policy_get(&r, POLICY_mail_version), "3.11.0");
	assert_str(policy_get(&r, POLICY_stress), "");
	assert_int_equal(r.recipients, 3);
	assert_int_equal(r.size, 12345);
	assert_int_equal(r.client.family, 4);
}

static void test_pipelined(void **state)
{
	GP_BUF_AUTO two = GP_BUF_INIT(65536);
	struct policy_request r;
	const char *why = NULL;
	long n;

	(void)state;
	gp_buf_add(&two, full, sizeof(full) - 1);
	gp_buf_add_cstr(&two, HEAD "protocol_state=END-OF-MESSAGE\nclient_address=unknown\n\nrest");
	n = policy_request_parse(gp_buf_str(&two), &r, &why);
	assert_int_equal(n, sizeof(full) - 1);
	gp_buf_consume(&two, (size_t)n);
	n = policy_request_parse(gp_buf_str(&two), &r, &why);
	assert_int_equal(r.stage, POLICY_END_OF_MESSAGE);
	assert_int_equal(r.client.family, 0);
	assert_int_equal(r.recipients, 0);
	gp_buf_consume(&two, (size_t)n);
	assert_int_equal(policy_request_parse(gp_buf_str(&two), &r, &why), 0);
}

static void test_stages(void **state)
{
	(void)state;
	for (int i = 0; i < POLICY_STAGES; i++) {
		GP_BUF_AUTO text = GP_BUF_INIT(256);
		struct policy_request r;
		const char *why;

		gp_buf_printf(&text, HEAD "protocol_state=%s\n\n", policy_stage_name((enum policy_stage)i));
		assert_true(policy_request_parse(gp_buf_str(&text), &r, &why) > 0);
		assert_int_equal(r.stage, i);
	}
}

static void test_malformed(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
#define BAD(s) {s, sizeof(s) - 1}
		BAD("\n"),
		BAD("protocol_state=RCPT\n\n"),
		BAD("request=smtp\nprotocol_state=RCPT\n\n"),
		BAD(HEAD "\n"),
		BAD(HEAD "protocol_state=LUNCH\n\n"),
		BAD(HEAD "protocol_state=RCPT\nnonsense\n\n"),
		BAD(HEAD "protocol_state=RCPT\nsender=a\nsender=b\n\n"),
		BAD(HEAD "protocol_state=RCPT\nsender=a\0b\n\n"),
		BAD(HEAD "protocol_state=RCPT\nsize=-1\n\n"),
		BAD(HEAD "protocol_state=RCPT\nsize=99999999999999999999\n\n"),
		BAD(HEAD "protocol_state=RCPT\nrecipient_count=two\n\n"),
		BAD("GET / HTTP/1.0\n\n"),
#undef BAD
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad); i++) {
		struct policy_request r;
		const char *why = NULL;

		assert_int_equal(policy_request_parse(gp_str_n(bad[i].text, bad[i].len), &r, &why), -1);
		assert_non_null(why);
	}
}

static void test_endless(void **state)
{
	static char many[POLICY_REQUEST_MAX];
	struct policy_request r;
	const char *why = NULL;

	(void)state;
	memset(many, 'x', sizeof(many));
	assert_int_equal(policy_request_parse(gp_str_n(many, sizeof(many) - 1), &r, &why), 0);
	assert_int_equal(policy_request_parse(gp_str_n(many, sizeof(many)), &r, &why), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),	  cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_stages),	  cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

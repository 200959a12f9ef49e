/*
 * Requests of the policy protocol; see the header.
 */
#include "policyd-ratelimit/request.h"

#include "lib/base/err.h"
#include "lib/base/num.h"
#include "lib/proto/attrs.h"

static const struct gp_attr names[POLICY_ATTRIBUTES_N] = {
#define POLICY_NAME(name, since) {#name, sizeof(#name) - 1},
	POLICY_ATTRIBUTES(POLICY_NAME)
#undef POLICY_NAME
};

static const char *const stages[POLICY_STAGES] = {
	[POLICY_CONNECT] = "CONNECT",
	[POLICY_EHLO] = "EHLO",
	[POLICY_HELO] = "HELO",
	[POLICY_MAIL] = "MAIL",
	[POLICY_RCPT] = "RCPT",
	[POLICY_DATA] = "DATA",
	[POLICY_END_OF_MESSAGE] = "END-OF-MESSAGE",
	[POLICY_VRFY] = "VRFY",
	[POLICY_ETRN] = "ETRN",
};

const char *policy_stage_name(enum policy_stage stage)
{
	return stage < POLICY_STAGES ? stages[stage] : "?";
}

/* An absent or empty number is 0. */
static bool take_number(struct gp_str text, int64_t *ret)
{
	uint64_t n = 0;

	if (text.len > 0 && (gp_num_parse_uint(text, 10, &n) < 0 || n > INT64_MAX))
		return false;
	*ret = (int64_t)n;
	return true;
}

static bool take_stage(struct gp_str text, enum policy_stage *ret)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(stages); i++) {
		if (gp_str_eq(text, gp_str(stages[i]))) {
			*ret = (enum policy_stage)i;
			return true;
		}
	}
	return false;
}

static const char *interpret(struct policy_request *r)
{
	if (!gp_str_eq(policy_get(r, POLICY_request), GP_STR("smtpd_access_policy")))
		return "no \"request=smtpd_access_policy\"";
	if (!take_stage(policy_get(r, POLICY_protocol_state), &r->stage))
		return "an unknown protocol_state";
	if (!take_number(policy_get(r, POLICY_recipient_count), &r->recipients))
		return "a recipient_count that is no number";
	if (!take_number(policy_get(r, POLICY_size), &r->size))
		return "a size that is no number";
	if (gp_ip_parse(policy_get(r, POLICY_client_address), &r->client) < 0)
		r->client = (struct gp_ip){0};
	return NULL;
}

long policy_request_parse(struct gp_str bytes, struct policy_request *ret, const char **ret_why)
{
	struct gp_attr values[POLICY_ATTRIBUTES_N];
	struct policy_request r = {0};
	const char *why;
	long n = gp_attrs_parse(bytes.ptr, bytes.len, POLICY_REQUEST_MAX, names,
				POLICY_ATTRIBUTES_N, values, ret_why);

	if (n <= 0)
		return n;
	for (size_t i = 0; i < POLICY_ATTRIBUTES_N; i++)
		r.texts[i] = gp_str_n(values[i].data, values[i].len);
	why = interpret(&r);
	if (why) {
		*ret_why = why;
		return -1;
	}
	*ret = r;
	return n;
}

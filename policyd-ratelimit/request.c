/*
 * Requests of the policy protocol; see the header.
 */
#include "policyd-ratelimit/request.h"

#include "lib/base/err.h"
#include "lib/base/num.h"

static const struct gp_str names[] = {
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

static long malformed(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -1;
}

/* The bytes of the request with the empty line that ends it; 0: it is not there yet. */
static size_t request_length(struct gp_str bytes)
{
	size_t end;

	if (bytes.len > 0 && bytes.ptr[0] == '\n')
		return 1;
	end = gp_str_find(bytes, GP_STR("\n\n"), 0);
	return end < bytes.len ? end + 2 : 0;
}

static const char *take_line(struct policy_request *r, bool *seen, struct gp_str line)
{
	size_t equals = gp_str_find_chr(line, '=', 0);
	struct gp_str name = gp_str_sub(line, 0, equals);

	if (equals == line.len)
		return "a line without \"=\"";
	if (gp_str_find_chr(line, '\0', 0) < line.len)
		return "a NUL in an attribute";
	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++) {
		if (!gp_str_eq(name, names[i]))
			continue;
		if (seen[i])
			return "an attribute twice";
		seen[i] = true;
		r->texts[i] = gp_str_sub(line, equals + 1, line.len);
		break;
	}
	return NULL;
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
	struct policy_request r = {0};
	bool seen[POLICY_ATTRIBUTES_N] = {false};
	size_t len = request_length(gp_str_sub(bytes, 0, POLICY_REQUEST_MAX));
	struct gp_str rest, line;
	const char *why;

	if (len == 0)
		return bytes.len < POLICY_REQUEST_MAX ? 0 : malformed(ret_why, "too many bytes");
	rest = gp_str_sub(bytes, 0, len - 1);
	while (gp_str_next(&rest, '\n', &line)) {
		why = take_line(&r, seen, line);
		if (why)
			return malformed(ret_why, why);
	}
	why = interpret(&r);
	if (why)
		return malformed(ret_why, why);
	*ret = r;
	return (long)len;
}

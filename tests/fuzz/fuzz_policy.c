/*
 * Requests of the policy protocol.  What was read lies within the request, without line
 * ends or NULs; read in any two pieces it is the same; numbers are not negative.
 */
#include "policyd-ratelimit/request.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct policy_request *r, const uint8_t *data, size_t len)
{
	FUZZ_CHECK(r->stage < POLICY_STAGES && r->recipients >= 0 && r->size >= 0);
	for (size_t i = 0; i < POLICY_ATTRIBUTES_N; i++) {
		struct gp_str t = r->texts[i];

		if (t.len == 0)
			continue;
		FUZZ_CHECK((const uint8_t *)t.ptr > data);
		FUZZ_CHECK((size_t)((const uint8_t *)t.ptr - data) + t.len < len);
		FUZZ_CHECK(gp_str_find_chr(t, '\n', 0) == t.len && gp_str_find_chr(t, '\0', 0) == t.len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size > 0) {
		struct policy_request r;
		const char *why = NULL;
		long n = policy_request_parse(gp_str_n(data, size), &r, &why);

		FUZZ_CHECK(n >= -1 && n <= (long)size && (n < 0) == (why != NULL));
		if (n <= 0)
			break;
		check(&r, data, (size_t)n);
		FUZZ_CHECK(policy_request_parse(gp_str_n(data, (size_t)n), &r, &why) == n);
		FUZZ_CHECK(policy_request_parse(gp_str_n(data, (size_t)n - 1), &r, &why) == 0);
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

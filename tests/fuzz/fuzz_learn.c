/*
 * Frames of the learn protocol.  What was read lies within the bytes, and written again
 * gives the very same bytes.
 */
#include <string.h>

#include "lib/proto/learn.h"
#include "tests/fuzz/fuzz.h"

static void check_text(struct gp_learn_text text, const uint8_t *data, size_t len)
{
	const uint8_t *at = (const uint8_t *)text.data;

	FUZZ_CHECK(text.len <= len);
	FUZZ_CHECK(text.len == 0 || (at >= data && at - data <= (long)(len - text.len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[GP_LEARN_PAYLOAD_MAX + GP_LEARN_HEAD_SIZE];

	while (size > 0) {
		struct gp_learn_frame frame;
		const char *why = NULL;
		long n = gp_learn_parse(data, size, &frame, &why);

		FUZZ_CHECK(n >= -1 && n <= (long)size);
		FUZZ_CHECK((n == -1) == (why != NULL));
		if (n <= 0)
			break;
		check_text(frame.user, data, (size_t)n);
		check_text(frame.text, data, (size_t)n);
		FUZZ_CHECK(gp_learn_format(&frame, buf, sizeof(buf)) == (size_t)n);
		FUZZ_CHECK(memcmp(buf, data, (size_t)n) == 0);
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

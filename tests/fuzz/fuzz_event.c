/*
 * Events' frames and their answers.  What was read lies within the frame; written again and
 * read again it is the same but for control bytes; a frame cut short is never taken.
 */
#include <string.h>

#include "lib/proto/event.h"
#include "tests/fuzz/fuzz.h"

static void check_text(struct gp_attr text, const uint8_t *data, size_t len)
{
	const uint8_t *at = (const uint8_t *)text.data;

	if (text.len == 0)
		return;
	FUZZ_CHECK(text.len <= GP_EVENT_TEXT_MAX && at > data);
	FUZZ_CHECK((size_t)(at - data) + text.len < len);
	FUZZ_CHECK(!memchr(text.data, '\n', text.len) && !memchr(text.data, '\0', text.len));
}

static void check_event(const struct gp_event *e, const uint8_t *data, size_t len)
{
	static char first[GP_EVENT_SIZE_MAX], second[GP_EVENT_SIZE_MAX];
	const char *why = NULL;
	struct gp_event again;
	size_t n;

	check_text(e->id, data, len);
	check_text(e->account, data, len);
	check_text(e->client, data, len);
	check_text(e->sender, data, len);
	check_text(e->recipient, data, len);
	check_text(e->queue_id, data, len);
	n = gp_event_format(e, first, sizeof(first));
	FUZZ_CHECK(n > 0);
	FUZZ_CHECK(gp_event_parse(first, n, &again, &why) == (long)n);
	FUZZ_CHECK(gp_event_parse(first, n - 1, &again, &why) == 0);
	FUZZ_CHECK(again.kind == e->kind && again.time_s == e->time_s);
	FUZZ_CHECK(gp_event_parse(first, n, &again, &why) == (long)n);
	FUZZ_CHECK(gp_event_format(&again, second, sizeof(second)) == n);
	FUZZ_CHECK(memcmp(first, second, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size > 0) {
		struct gp_event event;
		struct gp_attr text;
		enum gp_event_answer answer;
		const char *why = NULL;
		long n = gp_event_parse((const char *)data, size, &event, &why);

		FUZZ_CHECK(n >= -1 && n <= (long)size && (n < 0) == (why != NULL));
		if (n > 0) {
			check_event(&event, data, (size_t)n);
		} else {
			n = gp_event_answer_parse((const char *)data, size, &answer, &text, &why);
			FUZZ_CHECK(n >= -1 && n <= (long)size);
			if (n > 0)
				check_text(text, data, (size_t)n);
		}
		if (n <= 0)
			break;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/*
 * What the control socket and the store tell policyd-ratelimit: frames of commands, contained keys,
 * scores of own mail.  What was read and is written again reads the same; a name is its own name.
 */
#include <string.h>

#include "lib/proto/sent.h"
#include "lib/store/store.h"
#include "policyd-ratelimit/command_parse.h"
#include "tests/fuzz/fuzz.h"

static void check_command(struct gp_str frame, struct gp_arena *arena)
{
	struct command_request c, again;
	const char *why = command_parse(frame, arena, &c);
	struct gp_str text;

	if (why || c.verb == COMMAND_LIST)
		return;
	FUZZ_CHECK(c.key.len > 0 && c.name.len <= GP_ENTRY_NAME_MAX);
	FUZZ_CHECK(c.for_s >= 1 && c.for_s <= COMMAND_FOR_S_MAX && c.action >= ANSWER_HOLD);
	FUZZ_CHECK(!memchr(c.name.ptr, '\n', c.name.len));
	if (c.key.len > CONTAINED_KEY_MAX)
		return; /* cut */
	text = gp_str(gp_arena_printf(arena, "request=show\nkey=%.*s\n\n", GP_STR_FMT(c.name)));
	FUZZ_CHECK(!command_parse(text, arena, &again));
	FUZZ_CHECK(gp_str_eq(again.name, c.name));
}

static void check_contained(struct gp_str value, struct gp_arena *arena)
{
	GP_BUF_AUTO first = GP_BUF_INIT(GP_RECORD_MAX), second = GP_BUF_INIT(GP_RECORD_MAX);
	GP_BUF_AUTO json = GP_BUF_INIT(8192);
	struct contained c, again;

	if (contained_parse(GP_STR("sender:a@example.org"), value, arena, &c) < 0)
		return;
	contained_format(&c, &first);
	FUZZ_CHECK(!gp_buf_error(&first)); /* whatever stood there, it fits an entry */
	FUZZ_CHECK(contained_parse(GP_STR("sender:a@example.org"), gp_buf_str(&first), arena,
				   &again) == GP_OK);
	contained_format(&again, &second);
	FUZZ_CHECK(gp_str_eq(gp_buf_str(&first), gp_buf_str(&second)));
	contained_json(&c, &json);
	FUZZ_CHECK(!gp_buf_error(&json) && !memchr(json.data, '\n', json.len));
}

static void check_sent(const char *data, size_t size)
{
	char first[GP_SENT_MAX], second[GP_SENT_MAX];
	struct gp_sent sent, again;
	size_t n;

	if (!gp_sent_parse(data, size, &sent))
		return;
	n = gp_sent_format(&sent, first, sizeof(first));
	FUZZ_CHECK(n > 0);
	FUZZ_CHECK(gp_sent_parse(first, n, &again));
	FUZZ_CHECK(again.time_s == sent.time_s && again.score_milli == sent.score_milli);
	FUZZ_CHECK(gp_sent_format(&again, second, sizeof(second)) == n);
	FUZZ_CHECK(memcmp(first, second, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_str text = gp_str_n(data, size);

	check_command(text, arena);
	check_contained(text, arena);
	check_sent(text.ptr, text.len);
	gp_arena_free(arena);
	return 0;
}

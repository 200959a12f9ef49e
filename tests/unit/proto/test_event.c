/*
 * Events' frames: there and back, in pieces and in a row, and what is none.
 */
#include "lib/proto/event.h"
#include "tests/unit/test.h"

#define TEXT(s) {s, sizeof(s) - 1}

static const struct gp_event bounce = {
	.kind = GP_EVENT_BOUNCE, .id = TEXT("4fXw2k6c1Zz1q-9a3f"), .account = TEXT("u@example.org"),
	.client = TEXT("2001:db8::7"), .sender = TEXT(""), .recipient = TEXT("a=b@example.net"),
	.queue_id = TEXT("4fXw2k6c1Zz1q"), .time_s = 1790000000};
static const struct gp_event failure = {.kind = GP_EVENT_AUTH_FAILURE, .id = TEXT("9a3f"),
					.client = TEXT("192.0.2.7"), .time_s = 0};

static void same_text(struct gp_attr a, struct gp_attr b)
{
	assert_int_equal(a.len, b.len);
	if (a.len > 0)
		assert_memory_equal(a.data, b.data, a.len);
}

static void same(const struct gp_event *a, const struct gp_event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_true(a->time_s == b->time_s);
	same_text(a->id, b->id);
	same_text(a->account, b->account);
	same_text(a->client, b->client);
	same_text(a->sender, b->sender);
	same_text(a->recipient, b->recipient);
	same_text(a->queue_id, b->queue_id);
}

static void test_round_trip(void **state)
{
	char buf[GP_EVENT_SIZE_MAX];
	struct gp_event again;
	const char *why = NULL;
	size_t first = gp_event_format(&bounce, buf, sizeof(buf));
	size_t both = first + gp_event_format(&failure, buf + first, sizeof(buf) - first);

	(void)state;
	assert_true(first > 0 && both > first);
	for (size_t cut = 0; cut < first; cut++)
		assert_int_equal(gp_event_parse(buf, cut, &again, &why), 0);
	assert_int_equal(gp_event_parse(buf, both, &again, &why), first);
	same(&again, &bounce);
	assert_int_equal(gp_event_parse(buf + first, both - first, &again, &why), both - first);
	same(&again, &failure);
	for (size_t size = 0; size < first; size++)
		assert_int_equal(gp_event_format(&bounce, buf, size), 0);
}

/* The values' maxima fit into the frame's. */
static void test_largest(void **state)
{
	static char text[GP_EVENT_TEXT_MAX + 1], buf[GP_EVENT_SIZE_MAX];
	struct gp_attr most = {text, GP_EVENT_TEXT_MAX};
	struct gp_event e = {.kind = GP_EVENT_AUTH_FAILURE, .id = most, .account = most,
			     .client = most, .sender = most, .recipient = most, .queue_id = most,
			     .time_s = INT64_MAX}, again;
	const char *why = NULL;
	size_t n;

	(void)state;
	memset(text, 'x', sizeof(text));
	n = gp_event_format(&e, buf, sizeof(buf));
	assert_true(n > 0);
	assert_int_equal(gp_event_parse(buf, n, &again, &why), n);
	same(&again, &e);
	e.sender.len++;
	assert_int_equal(gp_event_format(&e, buf, sizeof(buf)), 0);
}

static void test_format_refuses(void **state)
{
	struct gp_event e = bounce;
	char buf[GP_EVENT_SIZE_MAX];

	(void)state;
	e.time_s = -1;
	assert_int_equal(gp_event_format(&e, buf, sizeof(buf)), 0);
	e = bounce;
	e.id.len = 0;
	assert_int_equal(gp_event_format(&e, buf, sizeof(buf)), 0);
	e = bounce;
	e.kind = GP_EVENT_KINDS;
	assert_string_equal(gp_event_kind_name(e.kind), "?");
}

/* No value can make a line of its own. */
static void test_control_bytes(void **state)
{
	struct gp_event e = bounce, again;
	char buf[GP_EVENT_SIZE_MAX];
	const char *why = NULL;
	size_t n;

	(void)state;
	e.account = (struct gp_attr)TEXT("a\nkind=x\r\0b\x7f");
	n = gp_event_format(&e, buf, sizeof(buf));
	assert_int_equal(gp_event_parse(buf, n, &again, &why), n);
	e.account = (struct gp_attr)TEXT("a?kind=x??b?");
	same(&again, &e);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *frame, *why;
	} cases[] = {
		{"\n", "no \"request=event\""},
		{"request=other\nkind=bounce\nevent_id=1\ntime=1\n\n", "no \"request=event\""},
		{"request=event\nevent_id=1\ntime=1\n\n", "an unknown kind of event"},
		{"request=event\nkind=sent\nevent_id=1\ntime=1\n\n", "an unknown kind of event"},
		{"request=event\nkind=bounce\ntime=1\n\n", "no event_id"},
		{"request=event\nkind=bounce\nevent_id=\ntime=1\n\n", "no event_id"},
		{"request=event\nkind=bounce\nevent_id=1\n\n", "a time that is no number"},
		{"request=event\nkind=bounce\nevent_id=1\ntime=-1\n\n", "a time that is no number"},
		{"request=event\nkind=bounce\nevent_id=1\ntime=1x\n\n", "a time that is no number"},
		{"request=event\nkind=bounce\nevent_id=1\ntime=9223372036854775808\n\n",
		 "a time that is no number"},
		{"request=event\nkind=bounce\nkind=bounce\nevent_id=1\ntime=1\n\n", "an attribute twice"},
		{"request=event\nkind\n\n", "a line without \"=\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct gp_event e;
		const char *why = NULL;

		assert_int_equal(gp_event_parse(cases[i].frame, strlen(cases[i].frame), &e, &why), -1);
		assert_string_equal(why, cases[i].why);
	}
}

static void test_endless(void **state)
{
	static char bytes[GP_EVENT_SIZE_MAX];
	struct gp_event e;
	const char *why = NULL;

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	assert_int_equal(gp_event_parse(bytes, sizeof(bytes) - 1, &e, &why), 0);
	assert_int_equal(gp_event_parse(bytes, sizeof(bytes), &e, &why), -1);
	assert_string_equal(why, "too many bytes");
}

/* Later versions may say more. */
static void test_unknown_attribute(void **state)
{
	static const char frame[] = "request=event\nkind=bounce\nevent_id=1\nlater=x\ntime=1\n\n";
	struct gp_event e;
	struct gp_attr request;
	const char *why = NULL;

	(void)state;
	assert_int_equal(gp_event_parse(frame, sizeof(frame) - 1, &e, &why), sizeof(frame) - 1);
	assert_true(gp_attrs_find(frame, sizeof(frame) - 1, "request", &request));
	assert_true(gp_attr_is(request, "event"));
	assert_false(gp_attrs_find(frame, sizeof(frame) - 1, "late", &request));
}

static void test_answers(void **state)
{
	char buf[GP_EVENT_ANSWER_MAX];
	enum gp_event_answer answer;
	struct gp_attr text;
	const char *why = NULL;
	size_t n = gp_event_answer_format(GP_EVENT_OK, "", buf, sizeof(buf));

	(void)state;
	assert_int_equal(n, strlen("action=OK\n\n"));
	assert_memory_equal(buf, "action=OK\n\n", n);
	assert_int_equal(gp_event_answer_parse(buf, n - 1, &answer, &text, &why), 0);
	assert_int_equal(gp_event_answer_parse(buf, n, &answer, &text, &why), n);
	assert_int_equal(answer, GP_EVENT_OK);
	assert_int_equal(text.len, 0);
	n = gp_event_answer_format(GP_EVENT_LATER, "the store is down", buf, sizeof(buf));
	assert_int_equal(gp_event_answer_parse(buf, n, &answer, &text, &why), n);
	assert_int_equal(answer, GP_EVENT_LATER);
	assert_true(gp_attr_is(text, "the store is down"));
	assert_int_equal(gp_event_answer_parse("action=ERROR\n\n", 14, &answer, &text, &why), 14);
	assert_int_equal(answer, GP_EVENT_ERROR);
	assert_int_equal(gp_event_answer_format(GP_EVENT_ANSWERS, "", buf, sizeof(buf)), 0);
	assert_int_equal(gp_event_answer_format(GP_EVENT_OK, "", buf, n), 11);
	assert_int_equal(gp_event_answer_format(GP_EVENT_OK, "", buf, 10), 0);
	assert_int_equal(gp_event_answer_parse("action=OKAY\n\n", 13, &answer, &text, &why), -1);
	assert_int_equal(gp_event_answer_parse("\n", 1, &answer, &text, &why), -1);
	assert_string_equal(why, "an unknown answer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_format_refuses),
		cmocka_unit_test(test_control_bytes),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_unknown_attribute),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

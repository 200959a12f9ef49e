/*
 * Events' frames; see the header.  One table of names serves writer and reader.
 */
#include "lib/proto/event.h"

#include <string.h>

enum name { REQUEST, KIND, ID, ACCOUNT, CLIENT, SENDER, RECIPIENT, QUEUE_ID, TIME, NAMES };

#define NAME(text) {text, sizeof(text) - 1}
static const struct gp_attr names[NAMES] = {
	[REQUEST] = NAME("request"),
	[KIND] = NAME("kind"),
	[ID] = NAME("event_id"),
	[ACCOUNT] = NAME("sasl_username"),
	[CLIENT] = NAME("client_address"),
	[SENDER] = NAME("sender"),
	[RECIPIENT] = NAME("recipient"),
	[QUEUE_ID] = NAME("queue_id"),
	[TIME] = NAME("time"),
};
static const struct gp_attr answer_names[] = {NAME("action")};

static const struct gp_attr answers[GP_EVENT_ANSWERS] = {
	[GP_EVENT_OK] = NAME("OK"),
	[GP_EVENT_LATER] = NAME("LATER"),
	[GP_EVENT_ERROR] = NAME("ERROR"),
};

static const char *const kinds[GP_EVENT_KINDS] = {
	[GP_EVENT_BOUNCE] = "bounce",
	[GP_EVENT_AUTH_FAILURE] = "auth_failure",
};

#define TIME_DIGITS 20

const char *gp_event_kind_name(enum gp_event_kind kind)
{
	return kind < GP_EVENT_KINDS ? kinds[kind] : "?";
}

/* A buffer that is written; its failure sticks. */
struct writer {
	char *at;
	size_t left;
	bool failed;
};

static void put(struct writer *w, struct gp_attr text)
{
	w->failed |= text.len > w->left;
	if (w->failed)
		return;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		*w->at++ = c < ' ' || c == 0x7f ? '?' : text.data[i];
	}
	w->left -= text.len;
}

static void put_end(struct writer *w)
{
	w->failed |= w->left == 0;
	if (w->failed)
		return;
	*w->at++ = '\n';
	w->left--;
}

static struct gp_attr text_of(const char *text)
{
	return (struct gp_attr){text, strlen(text)};
}

static void put_line(struct writer *w, struct gp_attr name, struct gp_attr value)
{
	w->failed |= value.len > GP_EVENT_TEXT_MAX;
	put(w, name);
	put(w, text_of("="));
	put(w, value);
	put_end(w);
}

static struct gp_attr format_time(int64_t time_s, char digits[TIME_DIGITS])
{
	size_t at = TIME_DIGITS;

	do {
		digits[--at] = (char)('0' + time_s % 10);
		time_s /= 10;
	} while (time_s > 0);
	return (struct gp_attr){digits + at, TIME_DIGITS - at};
}

size_t gp_event_format(const struct gp_event *e, char *buf, size_t size)
{
	struct writer w = {.at = buf, .left = size, .failed = e->id.len == 0 || e->time_s < 0};
	char digits[TIME_DIGITS];
	struct gp_attr values[NAMES] = {
		[REQUEST] = text_of("event"),
		[KIND] = text_of(gp_event_kind_name(e->kind)),
		[ID] = e->id,
		[ACCOUNT] = e->account,
		[CLIENT] = e->client,
		[SENDER] = e->sender,
		[RECIPIENT] = e->recipient,
		[QUEUE_ID] = e->queue_id,
	};

	if (!w.failed)
		values[TIME] = format_time(e->time_s, digits);
	for (size_t i = 0; i < NAMES; i++)
		put_line(&w, names[i], values[i]);
	put_end(&w);
	return w.failed ? 0 : size - w.left;
}

static bool parse_time(struct gp_attr text, int64_t *ret)
{
	int64_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		int digit = text.data[i] - '0';

		if (digit < 0 || digit > 9 || n > (INT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret = n;
	return text.len > 0;
}

static bool parse_kind(struct gp_attr text, enum gp_event_kind *ret)
{
	for (size_t i = 0; i < GP_EVENT_KINDS; i++) {
		if (gp_attr_is(text, kinds[i])) {
			*ret = (enum gp_event_kind)i;
			return true;
		}
	}
	return false;
}

static const char *interpret(const struct gp_attr values[NAMES], struct gp_event *ret)
{
	*ret = (struct gp_event){.id = values[ID], .account = values[ACCOUNT],
				 .client = values[CLIENT], .sender = values[SENDER],
				 .recipient = values[RECIPIENT], .queue_id = values[QUEUE_ID]};
	if (!gp_attr_is(values[REQUEST], "event"))
		return "no \"request=event\"";
	if (!parse_kind(values[KIND], &ret->kind))
		return "an unknown kind of event";
	if (values[ID].len == 0)
		return "no event_id";
	if (!parse_time(values[TIME], &ret->time_s))
		return "a time that is no number";
	for (size_t i = 0; i < NAMES; i++)
		if (values[i].len > GP_EVENT_TEXT_MAX)
			return "a value that is too long";
	return NULL;
}

long gp_event_parse(const char *data, size_t len, struct gp_event *ret, const char **ret_why)
{
	struct gp_attr values[NAMES];
	struct gp_event event;
	long n = gp_attrs_parse(data, len, GP_EVENT_SIZE_MAX, names, NAMES, values, ret_why);

	if (n <= 0)
		return n;
	*ret_why = interpret(values, &event);
	if (*ret_why)
		return -1;
	*ret = event;
	return n;
}

size_t gp_event_answer_format(enum gp_event_answer answer, const char *text, char *buf, size_t size)
{
	struct writer w = {.at = buf, .left = size < GP_EVENT_ANSWER_MAX ? size : GP_EVENT_ANSWER_MAX,
			   .failed = answer >= GP_EVENT_ANSWERS};
	size_t had = w.left;

	put(&w, answer_names[0]);
	put(&w, text_of("="));
	put(&w, w.failed ? text_of("") : answers[answer]);
	put(&w, text_of(*text ? " " : ""));
	put(&w, text_of(text));
	put_end(&w);
	put_end(&w);
	return w.failed ? 0 : had - w.left;
}

/* Is this the word, and nothing or a text behind it? */
static bool is_answer(struct gp_attr value, struct gp_attr word, struct gp_attr *ret_text)
{
	size_t skip = word.len + (value.len > word.len ? 1 : 0);

	if (value.len < word.len || memcmp(value.data, word.data, word.len) != 0 ||
	    (value.len > word.len && value.data[word.len] != ' '))
		return false;
	*ret_text = (struct gp_attr){value.data + skip, value.len - skip};
	return true;
}

long gp_event_answer_parse(const char *data, size_t len, enum gp_event_answer *ret,
			   struct gp_attr *ret_text, const char **ret_why)
{
	struct gp_attr value;
	long n = gp_attrs_parse(data, len, GP_EVENT_ANSWER_MAX, answer_names, 1, &value, ret_why);

	for (size_t i = 0; n > 0 && i < GP_EVENT_ANSWERS; i++) {
		if (is_answer(value, answers[i], ret_text)) {
			*ret = (enum gp_event_answer)i;
			return n;
		}
	}
	if (n <= 0)
		return n;
	*ret_why = "an unknown answer";
	return -1;
}

/*
 * Spam scores of own mail as text; see the header.
 */
#include "lib/proto/sent.h"

#include <stdio.h>
#include <string.h>

enum { TIME, ID, ACCOUNT, CLIENT, SENDER, SCORE, ACTION, NAMES };

#define NAME(text) {text, sizeof(text) - 1}
static const struct gp_attr names[NAMES] = {
	[TIME] = NAME("time"),	   [ID] = NAME("queue_id"),   [ACCOUNT] = NAME("sasl_username"),
	[CLIENT] = NAME("client_address"), [SENDER] = NAME("sender"), [SCORE] = NAME("score_milli"),
	[ACTION] = NAME("action"),
};

/* Appends "name=value\n"; false: it does not fit. */
static bool put(char **at, size_t *left, struct gp_attr name, struct gp_attr value)
{
	size_t len = value.len < GP_SENT_TEXT_MAX ? value.len : GP_SENT_TEXT_MAX;
	char *p = *at;

	if (*left < name.len + 1 + len + 1)
		return false;
	memcpy(p, name.data, name.len);
	p += name.len;
	*p++ = '=';
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value.data[i];

		*p++ = c < ' ' || c == 0x7f ? '?' : value.data[i];
	}
	*p++ = '\n';
	*left -= (size_t)(p - *at);
	*at = p;
	return true;
}

size_t gp_sent_format(const struct gp_sent *s, char *buf, size_t size)
{
	char time_text[32], score[32], *at = buf;
	size_t left = size;
	const struct gp_attr values[NAMES] = {
		[TIME] = {time_text, (size_t)snprintf(time_text, sizeof(time_text), "%lld",
						      (long long)s->time_s)},
		[ID] = s->id,
		[ACCOUNT] = s->account,
		[CLIENT] = s->client,
		[SENDER] = s->sender,
		[SCORE] = {score, (size_t)snprintf(score, sizeof(score), "%lld",
						   (long long)s->score_milli)},
		[ACTION] = s->action,
	};

	for (size_t i = 0; i < NAMES; i++)
		if (!put(&at, &left, names[i], values[i]))
			return 0;
	if (left == 0)
		return 0;
	*at++ = '\n';
	return (size_t)(at - buf);
}

static bool parse_number(struct gp_attr text, int64_t *ret)
{
	bool is_negative = text.len > 0 && text.data[0] == '-';
	int64_t n = 0;

	for (size_t i = is_negative; i < text.len; i++) {
		int digit = text.data[i] - '0';

		if (digit < 0 || digit > 9 || n > (INT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret = is_negative ? -n : n;
	return text.len > (size_t)is_negative;
}

bool gp_sent_parse(const char *data, size_t len, struct gp_sent *ret)
{
	struct gp_attr values[NAMES];
	const char *why;
	struct gp_sent s;

	if (gp_attrs_parse(data, len, GP_SENT_MAX, names, NAMES, values, &why) <= 0 ||
	    values[ID].len == 0)
		return false;
	s = (struct gp_sent){.id = values[ID], .account = values[ACCOUNT], .client = values[CLIENT],
			     .sender = values[SENDER], .action = values[ACTION]};
	if (!parse_number(values[TIME], &s.time_s) || !parse_number(values[SCORE], &s.score_milli))
		return false;
	*ret = s;
	return true;
}

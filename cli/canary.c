/*
 * The canary's bytes; see the header.
 *
 * Its words are made up, so that no rule and no memory knows them: what is learned from it
 * says nothing of other mail, should it ever stay learned.
 */
#include "cli/canary.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "lib/base/num.h"
#include "lib/base/rand.h"

#define PREFIX "gatepost-canary."
#define SUFFIX "@self-test.invalid"
#define LINES 16
#define WORDS 8 /* a line */
#define SYLLABLES 4

struct canary canary_new(int64_t now_s)
{
	struct canary c = {.time_s = now_s};

	gp_rand_bytes(&c.seed, sizeof(c.seed));
	return c;
}

void canary_message_id(const struct canary *c, char ret[CANARY_ID_SIZE])
{
	snprintf(ret, CANARY_ID_SIZE, "<" PREFIX "%" PRId64 ".%016" PRIx64 SUFFIX ">", c->time_s,
		 c->seed);
}

bool canary_parse(struct gp_str message_id, struct canary *ret)
{
	struct gp_str rest = gp_str_trim(message_id), time_text, end = GP_STR(SUFFIX);
	int64_t time_s;
	uint64_t seed;

	if (gp_str_starts(rest, GP_STR("<")) && rest.len > 1 && rest.ptr[rest.len - 1] == '>')
		rest = gp_str_sub(rest, 1, rest.len - 2);
	if (!gp_str_starts(rest, GP_STR(PREFIX)) || rest.len < end.len ||
	    !gp_str_eq(gp_str_sub(rest, rest.len - end.len, end.len), end))
		return false;
	rest = gp_str_sub(rest, strlen(PREFIX), rest.len - strlen(PREFIX) - end.len);
	if (!gp_str_next(&rest, '.', &time_text) || gp_num_parse_int(time_text, &time_s) ||
	    rest.len != 16 || gp_num_parse_uint(rest, 16, &seed) || time_s < 0)
		return false;
	*ret = (struct canary){time_s, seed};
	return true;
}

/* SplitMix64. */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void add_word(uint64_t *state, struct gp_buf *out)
{
	static const char consonants[] = "bdfgklmnprstvwxz", vowels[] = "aeiou";
	uint64_t bits = next(state);

	for (int i = 0; i < SYLLABLES; i++) {
		gp_buf_add_chr(out, consonants[bits % (sizeof(consonants) - 1)]);
		bits /= sizeof(consonants) - 1;
		gp_buf_add_chr(out, vowels[bits % (sizeof(vowels) - 1)]);
		bits /= sizeof(vowels) - 1;
	}
}

/* In English whatever the locale is, and in UTC: part of what the digest is made of. */
static void add_date(int64_t time_s, struct gp_buf *out)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t when = (time_t)time_s;
	struct tm tm = {.tm_mday = 1};

	gmtime_r(&when, &tm);
	gp_buf_printf(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * tm.tm_wday,
		      tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
		      tm.tm_sec);
}

void canary_write(const struct canary *c, struct gp_buf *out)
{
	char id[CANARY_ID_SIZE];
	uint64_t state = c->seed;

	canary_message_id(c, id);
	/* A header of a verdict, because a controller may want one (learn.scanned_only). */
	gp_buf_add_cstr(out, "X-Spam-Status: No, score=0.0\r\n");
	add_date(c->time_s, out);
	gp_buf_printf(out,
		      "From: Gatepost self-test <canary@self-test.invalid>\r\n"
		      "To: undisclosed-recipients:;\r\n"
		      "Subject: Gatepost self-test\r\n"
		      "Message-ID: %s\r\n"
		      "Auto-Submitted: auto-generated\r\n"
		      "MIME-Version: 1.0\r\n"
		      "Content-Type: text/plain; charset=us-ascii\r\n"
		      "\r\n", id);
	for (int line = 0; line < LINES; line++)
		for (int word = 0; word < WORDS; word++) {
			add_word(&state, out);
			gp_buf_add_cstr(out, word < WORDS - 1 ? " " : "\r\n");
		}
}

/*
 * Words, separated by white space and commas: the date is the first three of the form "21 Nov
 * 2026", else four of the form "Nov 21 11:22:58 2026", whose clock is not looked at; the time
 * the first other word of the form "11:22" or "11:22:58", else midnight; the zone the first
 * of the form "+0100", else that of the first two to four capital letters.  A time with
 * anything attached to it is none.
 */
#include "lib/score/rule_date.h"

#include <stdbool.h>

#include "lib/base/num.h"

#define WORDS_MAX 40
#define YEAR_MIN 1970
#define YEAR_MAX 2037

struct zone {
	char name[5];
	int16_t minutes;
};

static const struct zone zones[] = {
	{"UT", 0},	{"UTC", 0},	{"GMT", 0},	{"NDT", -150},	{"NST", -210},	{"AST", -240},
	{"ADT", -180},	{"EST", -300},	{"EDT", -240},	{"CST", -360},	{"CDT", -300},	{"MST", -420},
	{"MDT", -360},	{"PST", -480},	{"PDT", -420},	{"HST", -600},	{"AKST", -540}, {"AKDT", -480},
	{"HADT", -540}, {"HAST", -600}, {"BST", 60},	{"IST", 60},	{"WET", 0},	{"WEST", 60},
	{"CET", 60},	{"CEST", 120},	{"EET", 120},	{"EEST", 180},	{"MSK", 180},	{"MSD", 240},
	{"MET", 60},	{"MEZ", 60},	{"MEST", 120},	{"MESZ", 120},	{"BRST", -120}, {"BRT", -180},
	{"AEST", 600},	{"AEDT", 660},	{"ACST", 570},	{"ACDT", 630},	{"AWST", 480},	{"NZST", 720},
	{"NZDT", 780},	{"JST", 540},	{"KST", 540},	{"HKT", 480},	{"SGT", 480},	{"PHT", 480},
	{"IDT", 180},
};

struct words {
	struct gp_str items[WORDS_MAX];
	size_t len;
	size_t date, date_len; /* those that are the date */
};

static void split(struct gp_str text, struct words *ret)
{
	size_t i = 0;

	ret->len = 0;
	while (i < text.len && ret->len < WORDS_MAX) {
		size_t from = i;

		while (i < text.len && !gp_is_space(text.ptr[i]) && text.ptr[i] != ',')
			i++;
		if (i > from)
			ret->items[ret->len++] = gp_str_sub(text, from, i - from);
		i++;
	}
}

/* 1 to 12; 0: no month. */
static int month_of(struct gp_str word)
{
	static const char names[] = "jan feb mar apr may jun jul aug sep oct nov dec";

	for (int i = 0; i < 12 && word.len == 3; i++)
		if (gp_str_ieq(word, gp_str_n(names + 4 * i, 3)))
			return i + 1;
	return 0;
}

/* The number that a word is; -1: it is none of min to max digits. */
static int number(struct gp_str word, size_t min, size_t max)
{
	uint64_t n;

	if (word.len < min || word.len > max || gp_num_parse_uint(word, 10, &n))
		return -1;
	return (int)GP_MIN(n, 9999u);
}

static int year_of(struct gp_str word)
{
	int year = number(word, 2, 4);

	if (year < 0 || word.len == 4)
		return year;
	return year + (word.len == 2 && year < 50 ? 2000 : 1900);
}

struct clock {
	int hour, minute, second;
};

static bool is_clock(struct gp_str word, struct clock *ret)
{
	struct gp_str rest = word, piece;
	int fields[3] = {0};
	size_t n = 0;

	while (gp_str_next(&rest, ':', &piece)) {
		if (n == 3 || (fields[n] = number(piece, n ? 2 : 1, 2)) < 0)
			return false;
		n++;
	}
	if (n < 2 || word.ptr[word.len - 1] == ':')
		return false;
	*ret = (struct clock){GP_MIN(fields[0], 23), GP_MIN(fields[1], 59), GP_MIN(fields[2], 59)};
	return true;
}

struct day {
	int year, month, day;
};

static bool find_day(struct words *w, struct day *ret)
{
	struct clock unused;

	for (size_t i = 0; i + 2 < w->len; i++) {
		*ret = (struct day){year_of(w->items[i + 2]), month_of(w->items[i + 1]),
				    number(w->items[i], 1, 9)};
		w->date = i;
		w->date_len = 3;
		if (ret->year >= 0 && ret->month && ret->day >= 0)
			return true;
	}
	for (size_t i = 0; i + 3 < w->len; i++) {
		*ret = (struct day){number(w->items[i + 3], 4, 4), month_of(w->items[i]),
				    number(w->items[i + 1], 1, 9)};
		w->date = i;
		w->date_len = 4;
		if (ret->year >= 0 && ret->month && ret->day >= 0 &&
		    is_clock(w->items[i + 2], &unused) && w->items[i + 2].len > 6)
			return true;
	}
	return false;
}

static bool is_of_date(const struct words *w, size_t i)
{
	return i >= w->date && i < w->date + w->date_len;
}

static struct clock find_clock(const struct words *w)
{
	struct clock clock = {0};

	for (size_t i = 0; i < w->len; i++)
		if (!is_of_date(w, i) && is_clock(w->items[i], &clock))
			break;
	return clock;
}

/* The offset that the first two to four capital letters in these words stand for. */
static int named_zone(const struct words *w)
{
	for (size_t i = 0; i < w->len; i++) {
		struct gp_str s = w->items[i];

		for (size_t from = 0, to; !is_of_date(w, i) && from < s.len; from = to + (to == from)) {
			bool is_capital = true;

			for (to = from; to < s.len && (gp_is_alnum(s.ptr[to]) || s.ptr[to] == '_'); to++)
				is_capital &= s.ptr[to] >= 'A' && s.ptr[to] <= 'Z';
			if (!is_capital || to - from < 2 || to - from > 4)
				continue;
			for (size_t k = 0; k < GP_ARRAY_SIZE(zones); k++)
				if (gp_str_eq(gp_str_sub(s, from, to - from), gp_str(zones[k].name)))
					return zones[k].minutes;
			return 0;
		}
	}
	return 0;
}

static int find_zone(const struct words *w)
{
	for (size_t i = 0; i < w->len; i++) {
		struct gp_str s = w->items[i];
		int n = number(gp_str_sub(s, 1, s.len), 4, 4);

		if (!is_of_date(w, i) && n >= 0 && (s.ptr[0] == '+' || s.ptr[0] == '-'))
			return (s.ptr[0] == '-' ? -1 : 1) * (n / 100 * 60 + n % 100);
	}
	return named_zone(w);
}

/* Days from the epoch to the first of a month. */
static int64_t days_to(int year, int month)
{
	static const int16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	int leap_years = (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 - 477;
	bool is_leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

	return (year - YEAR_MIN) * 365 + leap_years + before[month - 1] + (is_leap && month > 2);
}

int gp_rule_date_parse(struct gp_str text, int64_t *ret_s)
{
	GP_UNZEROED struct words words;
	struct clock clock;
	struct day day;
	int64_t first, next;

	split(text, &words);
	if (!find_day(&words, &day) || day.day == 0)
		return GP_EINVAL;
	clock = find_clock(&words);
	day.year = GP_MIN(GP_MAX(day.year, YEAR_MIN), YEAR_MAX);
	first = days_to(day.year, day.month);
	next = day.month == 12 ? days_to(day.year + 1, 1) : days_to(day.year, day.month + 1);
	*ret_s = GP_MIN(first + day.day - 1, next) * 86400 + clock.hour * 3600 + clock.minute * 60 +
		 clock.second - (int64_t)find_zone(&words) * 60;
	if (*ret_s < 0)
		*ret_s = 0;
	return GP_OK;
}

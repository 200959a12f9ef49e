/*
 * Dates of mail.  Tolerant: the day's name, seconds and zone may be missing,
 * comments are skipped, years have two to four digits; month and day may change
 * places.  No locale, no time zone database.
 */
#include "lib/mail/date.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/base/num.h"

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

struct date {
	int64_t day, month, year, hour, minute, second, zone_s;
	bool has_time, has_zone;
};

static int month_of(struct gp_str word)
{
	for (int i = 0; i < 12; i++) {
		if (word.len >= 3 && gp_str_istarts(word, gp_str_n(months[i], 3)))
			return i + 1;
	}
	return 0;
}

static bool parse_time(struct gp_str word, struct date *d)
{
	int64_t *const fields[] = {&d->hour, &d->minute, &d->second};
	struct gp_str piece;
	size_t n = 0;

	while (n < 3 && gp_str_next(&word, ':', &piece)) {
		if (piece.len > 2 || gp_num_parse_int(piece, fields[n++]) < 0)
			return false;
	}
	d->has_time = n >= 2;
	return d->has_time && d->hour < 24 && d->minute < 60 && d->second <= 60;
}

static void parse_zone(struct gp_str word, struct date *d)
{
	static const struct {
		struct gp_str name;
		int hours;
	} zones[] = {{GP_STR("EST"), -5}, {GP_STR("EDT"), -4}, {GP_STR("CST"), -6}, {GP_STR("CDT"), -5},
		     {GP_STR("MST"), -7}, {GP_STR("MDT"), -6}, {GP_STR("PST"), -8}, {GP_STR("PDT"), -7}};
	uint64_t n;

	d->has_zone = true;
	if (word.len == 5 && (word.ptr[0] == '+' || word.ptr[0] == '-') &&
	    gp_num_parse_uint(gp_str_sub(word, 1, 4), 10, &n) == GP_OK && n % 100 < 60) {
		d->zone_s = (int64_t)(n / 100 * 3600 + n % 100 * 60);
		if (word.ptr[0] == '-')
			d->zone_s = -d->zone_s;
		return;
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(zones); i++) {
		if (gp_str_ieq(word, zones[i].name))
			d->zone_s = zones[i].hours * 3600;
	}
}

/* Days since the epoch of a Gregorian date. */
static int64_t days_from_civil(int64_t y, int64_t m, int64_t d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void take_word(struct gp_str word, struct date *d)
{
	int64_t n;

	if (gp_str_find_chr(word, ':', 0) < word.len && !d->has_time) {
		if (!parse_time(word, d))
			d->hour = -1;
	} else if (!d->month && month_of(word)) {
		d->month = month_of(word);
	} else if (word.ptr[0] != '-' && word.len <= 4 && gp_num_parse_int(word, &n) == GP_OK) {
		if (!d->day && word.len <= 2)
			d->day = n;
		else if (!d->year)
			d->year = word.len == 4 ? n : n + (n < 50 ? 2000 : 1900);
	} else if (d->has_time && !d->has_zone) {
		parse_zone(word, d);
	}
}

int gp_date_parse(struct gp_str text, int64_t *ret_s)
{
	struct date d = {0};
	struct gp_str word;
	unsigned n = 0;

	text = gp_str_sub(text, 0, 200);
	while (n++ < 12 && gp_str_next_word(&text, &word)) {
		size_t dash;

		if (word.ptr[0] == '(')
			break;
		while (word.len && word.ptr[word.len - 1] == ',')
			word.len--;
		dash = gp_str_find_chr(word, '-', 1);
		while (word.len && dash < word.len && !d.year) { /* 21-Nov-2026 */
			take_word(gp_str_sub(word, 0, dash), &d);
			word = gp_str_sub(word, dash + 1, word.len);
			dash = gp_str_find_chr(word, '-', 0);
		}
		if (word.len)
			take_word(word, &d);
	}
	if (d.day < 1 || d.day > 31 || !d.month || !d.year || d.hour < 0)
		return GP_EINVAL;
	*ret_s = days_from_civil(d.year, d.month, d.day) * 86400 + d.hour * 3600 + d.minute * 60 +
		 d.second - d.zone_s;
	return GP_OK;
}

const char *gp_date_format(int64_t time_s, char buf[GP_DATE_TEXT])
{
	time_t t = (time_t)time_s;
	struct tm tm = {0};

	gmtime_r(&t, &tm);
	snprintf(buf, GP_DATE_TEXT, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday % 7], tm.tm_mday,
		 months[tm.tm_mon % 12], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return buf;
}

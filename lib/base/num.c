/*
 * Strict number parsing and the matching formatting.
 */
#include "lib/base/num.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"

struct unit {
	const char *name;
	int64_t factor;
};

/* Largest first: formatting takes the first that divides. */
static const struct unit durations[] = {{"w", 604800000}, {"d", 86400000}, {"h", 3600000},
					{"m", 60000},	  {"s", 1000},	   {"ms", 1}};
static const struct unit sizes[] = {
	{"T", (int64_t)1 << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}};

static int digit_value(char c)
{
	if (gp_is_digit(c))
		return c - '0';
	c = gp_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

int gp_num_parse_uint(struct gp_str s, int base, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.len == 0)
		return GP_EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		int d = digit_value(s.ptr[i]);

		if (d >= base)
			return GP_EINVAL;
		if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)d, &v))
			return GP_ELIMIT;
	}
	*ret = v;
	return GP_OK;
}

int gp_num_parse_int(struct gp_str s, int64_t *ret)
{
	bool negative = s.len && s.ptr[0] == '-';
	uint64_t v = 0;
	int r = gp_num_parse_uint(gp_str_sub(s, negative, s.len), 10, &v);

	if (r)
		return r;
	if (v > (uint64_t)INT64_MAX)
		return GP_ELIMIT;
	*ret = negative ? -(int64_t)v : (int64_t)v;
	return GP_OK;
}

static locale_t c_locale;

static void make_locale(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", NULL);
}

/* Few enough digits are exact as they are. */
static bool is_small_integer(struct gp_str s, double *ret)
{
	unsigned v = 0;

	if (!s.len || s.len > 9)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!gp_is_digit(s.ptr[i]))
			return false;
		v = v * 10 + (unsigned)(s.ptr[i] - '0');
	}
	*ret = v;
	return true;
}

int gp_num_parse_double(struct gp_str s, double *ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	char text[64];
	char *end;
	double v;

	if (is_small_integer(s, ret))
		return GP_OK;
	if (s.len == 0 || !gp_str_copy(text, sizeof(text), s))
		return GP_EINVAL;
	for (size_t i = 0; i < s.len; i++)
		if (!gp_is_digit(text[i]) && !memchr("+-.eE", text[i], 5))
			return GP_EINVAL;
	pthread_once(&once, make_locale);
	v = strtod_l(text, &end, c_locale);
	if (*end || !isfinite(v))
		return GP_EINVAL;
	*ret = v;
	return GP_OK;
}

static int parse_with_unit(struct gp_str s, const struct unit *units, size_t n,
			   int64_t bare, int64_t *ret)
{
	size_t digits = 0;
	int64_t v = 0, factor = bare;
	struct gp_str suffix;
	int r;

	while (digits < s.len && gp_is_digit(s.ptr[digits]))
		digits++;
	suffix = gp_str_sub(s, digits, s.len);
	r = gp_num_parse_int(gp_str_sub(s, 0, digits), &v);
	if (r)
		return r;
	if (suffix.len) {
		size_t i = 0;

		while (i < n && !gp_str_ieq(suffix, gp_str(units[i].name)))
			i++;
		if (i == n)
			return GP_EINVAL;
		factor = units[i].factor;
	}
	if (__builtin_mul_overflow(v, factor, &v))
		return GP_ELIMIT;
	*ret = v;
	return GP_OK;
}

int gp_num_parse_duration(struct gp_str s, int64_t *ret_ms)
{
	return parse_with_unit(s, durations, GP_ARRAY_SIZE(durations), 1000, ret_ms);
}

int gp_num_parse_size(struct gp_str s, int64_t *ret_bytes)
{
	return parse_with_unit(s, sizes, GP_ARRAY_SIZE(sizes), 1, ret_bytes);
}

static const char *format_with_unit(int64_t v, const struct unit *units, size_t n, char *buf)
{
	size_t i = 0;

	while (i < n - 1 && (v == 0 || v % units[i].factor))
		i++;
	snprintf(buf, GP_NUM_TEXT, "%lld%s", (long long)(v / units[i].factor), units[i].name);
	return buf;
}

const char *gp_num_format_duration(int64_t ms, char buf[GP_NUM_TEXT])
{
	return format_with_unit(ms, durations, GP_ARRAY_SIZE(durations), buf);
}

const char *gp_num_format_size(int64_t bytes, char buf[GP_NUM_TEXT])
{
	return format_with_unit(bytes, sizes, GP_ARRAY_SIZE(sizes), buf);
}

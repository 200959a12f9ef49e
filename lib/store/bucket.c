/*
 * Packed token records; the format is described in the header.
 */
#include "lib/store/bucket.h"

#include <endian.h>

#include "lib/base/clock.h"
#include "lib/store/keys.h"

static uint32_t get24(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static void put24(unsigned char *p, uint32_t v)
{
	p[0] = (unsigned char)v;
	p[1] = (unsigned char)(v >> 8);
	p[2] = (unsigned char)(v >> 16);
}

static const unsigned char *find(struct gp_str bucket, uint32_t name)
{
	const unsigned char *p = (const unsigned char *)bucket.ptr;
	uint32_t want = htole32(name), have;

	for (size_t left = bucket.len / GP_BUCKET_RECORD; left > 0; left--, p += GP_BUCKET_RECORD) {
		memcpy(&have, p, sizeof(have));
		if (have == want)
			return p;
	}
	return NULL;
}

struct gp_bayes_count gp_bucket_find(struct gp_str bucket, uint32_t name)
{
	const unsigned char *p = find(bucket, name);

	if (!p)
		return (struct gp_bayes_count){0};
	return (struct gp_bayes_count){.spam = get24(p + 4), .ham = get24(p + 7)};
}

void gp_bucket_record(struct gp_str bucket, size_t i, uint32_t *ret_name,
		      struct gp_bayes_count *ret)
{
	const unsigned char *p = (const unsigned char *)bucket.ptr + i * GP_BUCKET_RECORD;

	*ret_name = get24(p) | (uint32_t)p[3] << 24;
	*ret = (struct gp_bayes_count){.spam = get24(p + 4), .ham = get24(p + 7)};
}

static uint32_t sum(uint32_t count, int32_t delta)
{
	int64_t v = (int64_t)count + delta;

	return v < 0 ? 0 : (uint32_t)GP_MIN(v, (int64_t)GP_BAYES_COUNT_MAX);
}

static void put_record(unsigned char *p, uint32_t name, uint32_t spam, uint32_t ham, uint16_t day)
{
	put24(p, name);
	p[3] = (unsigned char)(name >> 24);
	put24(p + 4, spam);
	put24(p + 7, ham);
	p[10] = (unsigned char)day;
	p[11] = (unsigned char)(day >> 8);
}

/* One change to what is already in `out`; by how much the number of records changed. */
static int64_t apply(struct gp_buf *out, size_t start, const struct gp_delta *d, uint16_t day)
{
	struct gp_str have = gp_str_n(out->data + start, out->len - start);
	uint32_t name = gp_keys_name(d->token), spam, ham;
	const unsigned char *found = out->data ? find(have, name) : NULL;
	unsigned char *p;

	spam = sum(found ? get24(found + 4) : 0, d->spam);
	ham = sum(found ? get24(found + 7) : 0, d->ham);
	if (!found && spam == 0 && ham == 0)
		return 0;
	if (found) {
		p = (unsigned char *)out->data + (found - (const unsigned char *)out->data);
		put_record(p, name, spam, ham, day);
		if (spam != 0 || ham != 0)
			return 0;
		out->len -= GP_BUCKET_RECORD; /* the last one takes its place */
		memmove(p, out->data + out->len, GP_BUCKET_RECORD);
		return -1;
	}
	if (have.len + GP_BUCKET_RECORD > GP_BUCKET_MAX)
		return 0;
	p = (unsigned char *)gp_buf_reserve(out, GP_BUCKET_RECORD);
	if (!p)
		return 0;
	put_record(p, name, spam, ham, day);
	out->len += GP_BUCKET_RECORD;
	return 1;
}

int64_t gp_bucket_apply(struct gp_str bucket, const struct gp_delta *deltas, size_t n, uint16_t day,
			struct gp_buf *out)
{
	size_t start = out->len;
	int64_t change = 0;

	gp_buf_add(out, bucket.ptr, bucket.len - bucket.len % GP_BUCKET_RECORD);
	for (size_t i = 0; i < n; i++)
		change += apply(out, start, &deltas[i], day);
	return change;
}

size_t gp_bucket_expire(struct gp_str bucket, unsigned count_max, uint16_t before,
			struct gp_buf *out)
{
	const unsigned char *p = (const unsigned char *)bucket.ptr;
	size_t gone = 0;

	for (size_t left = bucket.len / GP_BUCKET_RECORD; left > 0; left--, p += GP_BUCKET_RECORD) {
		unsigned day = p[10] | (unsigned)p[11] << 8;

		if (get24(p + 4) + get24(p + 7) <= count_max && day < before)
			gone++;
		else
			gp_buf_add(out, p, GP_BUCKET_RECORD);
	}
	return gone;
}

uint16_t gp_bucket_today(void)
{
	return (uint16_t)(gp_clock_real_s() / 86400);
}

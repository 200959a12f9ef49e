/*
 * zlib with an end to the output: a few kilobytes can inflate to gigabytes.
 */
#include "lib/base/inflate.h"

#define ZLIB_CONST
#include <zlib.h>

#include "lib/base/attr.h"
#include "lib/base/mem.h"

#define CHUNK (64u << 10)

int gp_inflate(struct gp_str in, struct gp_buf *out)
{
	z_stream z = {.next_in = (const Bytef *)in.ptr};
	int code = Z_OK;

	if (in.len > UINT32_MAX)
		return GP_ELIMIT;
	z.avail_in = (uInt)in.len;
	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		gp_mem_exhausted(CHUNK);
	while (code == Z_OK && out->len < out->max) {
		size_t room = GP_MIN(out->max - out->len, (size_t)CHUNK);
		char *to = gp_buf_reserve(out, room);

		if (!to)
			break;
		z.next_out = (Bytef *)to;
		z.avail_out = (uInt)room;
		code = inflate(&z, Z_NO_FLUSH);
		out->len += room - z.avail_out;
	}
	inflateEnd(&z);
	return code == Z_STREAM_END ? GP_OK : code == Z_OK ? GP_ELIMIT : GP_EINVAL;
}

/* One member into z->next_out over and over; Z_OK: there is no room for more. */
static int pass_member(z_stream *z, uint64_t *room)
{
	GP_UNZEROED Bytef scratch[CHUNK / 4];
	int code = Z_OK;

	while (code == Z_OK && *room > 0) {
		uInt size = (uInt)GP_MIN(*room, (uint64_t)sizeof(scratch));

		z->next_out = scratch;
		z->avail_out = size;
		code = inflate(z, Z_NO_FLUSH);
		*room -= size - z->avail_out;
	}
	return code;
}

int gp_gzip_check(struct gp_str file, uint64_t *room)
{
	static const struct gp_str member = {"\x1f\x8b\x08", 3};
	z_stream z = {.next_in = (const Bytef *)file.ptr};
	int code;

	if (file.len > UINT32_MAX)
		return GP_ELIMIT;
	z.avail_in = (uInt)file.len;
	if (inflateInit2(&z, MAX_WBITS + 16) != Z_OK)
		gp_mem_exhausted(CHUNK);
	do
		code = pass_member(&z, room);
	while (code == Z_STREAM_END && gp_str_starts(gp_str_n(z.next_in, z.avail_in), member) &&
	       inflateReset(&z) == Z_OK);
	inflateEnd(&z);
	return code == Z_STREAM_END ? GP_OK : code == Z_OK ? GP_ELIMIT : GP_EINVAL;
}

uint32_t gp_crc32(struct gp_str s)
{
	return (uint32_t)crc32_z(0, (const Bytef *)s.ptr, s.len);
}

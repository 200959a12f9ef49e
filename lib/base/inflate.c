/*
 * zlib with an end to the output: a few kilobytes can inflate to gigabytes.
 */
#include "lib/base/inflate.h"

#include <stdint.h>

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

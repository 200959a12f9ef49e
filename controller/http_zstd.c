/*
 * Zstandard by libzstd, piece by piece: a small body may unpack to any size.
 */
#include "controller/http_zstd.h"

#include <zstd.h>
#include <zstd_errors.h>

#include "lib/base/mem.h"

#define WINDOW_LOG_MAX 23 /* what RFC 8878 asks decoders to support */
#define STEP 65536

static int unpack(ZSTD_DStream *stream, struct gp_str packed, char *piece, struct gp_buf *out)
{
	ZSTD_inBuffer in = {packed.ptr, packed.len, 0};
	ZSTD_outBuffer to;
	size_t left = 1;

	do {
		to = (ZSTD_outBuffer){piece, STEP, 0};
		left = ZSTD_decompressStream(stream, &to, &in);
		if (ZSTD_isError(left))
			return ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge
				       ? GP_ELIMIT
				       : GP_EINVAL;
		gp_buf_add(out, piece, to.pos);
		if (gp_buf_error(out))
			return GP_ELIMIT;
	} while (in.pos < in.size || to.pos == to.size);
	return left == 0 ? GP_OK : GP_EINVAL;
}

int http_zstd_unpack(struct gp_str packed, struct gp_buf *out)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	char *piece = gp_xmalloc(STEP);
	int r = GP_EINVAL;

	if (stream &&
	    !ZSTD_isError(ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
		r = unpack(stream, packed, piece, out);
	gp_freep(&piece);
	ZSTD_freeDStream(stream);
	return r;
}

/*
 * Bodies that were compressed with Zstandard (RFC 8878).
 */
#ifndef GP_CONTROLLER_HTTP_ZSTD_H
#define GP_CONTROLLER_HTTP_ZSTD_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

/* Appends what `packed` unpacks to.  GP_ELIMIT beyond out's ceiling or with a window of more than
 * 8 MiB, GP_EINVAL for what is broken or cut, GP_ENOENT in a build without libzstd. */
int http_zstd_unpack(struct gp_str packed, struct gp_buf *out) GP_MUST_USE;

#endif

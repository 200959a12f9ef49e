/*
 * Strict number parsing: the whole span or nothing, with bounds.
 */
#ifndef GP_BASE_NUM_H
#define GP_BASE_NUM_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/str.h"

/* Decimal, an optional '-'; no space, no '+'. GP_EINVAL if malformed, GP_ELIMIT if
 * it overflows int64_t. */
int gp_num_parse_int(struct gp_str s, int64_t *ret) GP_MUST_USE;
/* Unsigned, base 8, 10 or 16 (no prefix). */
int gp_num_parse_uint(struct gp_str s, int base, uint64_t *ret) GP_MUST_USE;
/* Decimal fraction with '.', optional sign; locale-independent; no inf, nan, hex. */
int gp_num_parse_double(struct gp_str s, double *ret) GP_MUST_USE;
/* "90s", "15m", "2h", "1d", "1w", "250ms"; a bare number is seconds.  Milliseconds. */
int gp_num_parse_duration(struct gp_str s, int64_t *ret_ms) GP_MUST_USE;
/* "10M", "64K", "2G"; powers of 1024; a bare number is bytes. */
int gp_num_parse_size(struct gp_str s, int64_t *ret_bytes) GP_MUST_USE;

/* The shortest text that parses back to the same value ("90s", "10M"). */
#define GP_NUM_TEXT 32
const char *gp_num_format_duration(int64_t ms, char buf[GP_NUM_TEXT]);
const char *gp_num_format_size(int64_t bytes, char buf[GP_NUM_TEXT]);

#endif

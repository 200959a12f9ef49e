/*
 * Random bytes from the kernel.
 */
#ifndef GP_BASE_RAND_H
#define GP_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

/* Fills the buffer; cannot fail (no entropy source is a reason to abort). */
void gp_rand_bytes(void *buf, size_t len);

#endif

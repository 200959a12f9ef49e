/*
 * Heap allocation that does not fail: true exhaustion ends the process with a
 * message (systemd restarts it, Postfix defers).  This is honest only because
 * no input can exhaust us; see lib/base/limits.h.
 */
#ifndef GP_BASE_MEM_H
#define GP_BASE_MEM_H

#include <stddef.h>

#include "lib/base/attr.h"

/* As malloc, calloc, realloc and strdup, but never NULL; free() releases. */
void *gp_xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *gp_xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *gp_xrealloc(void *old, size_t size) __attribute__((returns_nonnull));
/* realloc of n * size with the multiplication checked; overflow aborts. */
void *gp_xreallocarray(void *old, size_t n, size_t size) __attribute__((returns_nonnull));
char *gp_xstrdup(const char *s) __attribute__((malloc, returns_nonnull));

/* Ends the process with the message, for a library's allocation of `size` bytes that failed. */
GP_NORETURN void gp_mem_exhausted(size_t size);

/* Overwrites a secret in a way the compiler keeps, then frees it. */
void gp_wipe_free(void *p, size_t size);

/* For GP_CLEANUP on any pointer: frees *p and clears it. */
void gp_freep(void *p);
#define GP_FREE GP_CLEANUP(gp_freep)

#endif

/*
 * Compiler attributes under names that say what the reader should know.
 */
#ifndef GP_BASE_ATTR_H
#define GP_BASE_ATTR_H

#include <stddef.h>

/* The result must be looked at: every function that can fail carries it. */
#define GP_MUST_USE __attribute__((warn_unused_result))
/* printf-like: argument `fmt` is the format, `first` the first value. */
#define GP_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define GP_NORETURN __attribute__((noreturn))
#define GP_UNUSED __attribute__((unused))
/* Room on the stack that is written before it is read: where zeroing it (as the build flags ask for)
 * would cost more than what is done with it. */
#define GP_UNZEROED __attribute__((uninitialized))
/* Runs `fn(&variable)` when the variable leaves its scope. */
#define GP_CLEANUP(fn) __attribute__((cleanup(fn)))

#define GP_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define GP_MIN(a, b) ((a) < (b) ? (a) : (b))
#define GP_MAX(a, b) ((a) > (b) ? (a) : (b))

#endif

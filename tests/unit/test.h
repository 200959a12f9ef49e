/*
 * cmocka with the headers that it forgets to include.
 */
#ifndef GP_TEST_H
#define GP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/str.h"

/* Compares a span with a C string. */
#define assert_str(span, cstr)                                                                     \
	do {                                                                                       \
		struct gp_str s_ = (span);                                                         \
		assert_int_equal(s_.len, strlen(cstr));                                            \
		assert_memory_equal(s_.ptr ? s_.ptr : "", (cstr), s_.len);                         \
	} while (0)

#endif

/*
 * What a fuzz target is: one function, called with any bytes.
 *
 * It states an invariant and aborts (FUZZ_CHECK) where that does not hold; not
 * crashing is the least of them.  Built by tests/fuzz/meson.build either with
 * libFuzzer (-Dfuzz=libfuzzer) or with driver.c over tests/fuzz/corpus/NAME.
 */
#ifndef GP_FUZZ_H
#define GP_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(cond)                                                                           \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif

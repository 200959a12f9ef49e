/*
 * Memory that was not there, with glibc: see engine_faults.c.
 *
 * A worker's memory is bounded (RLIMIT_AS), and what libclamav does when it gets none differs from
 * place to place.
 */
#include <errno.h>
#include <stddef.h>

#include "milter-virus/engine_faults.h"

#define INTERPOSED __attribute__((visibility("default")))

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *old, size_t size);

INTERPOSED void *malloc(size_t size)
{
	void *p = __libc_malloc(size);

	if (!p)
		virus_faults_note_memory();
	return p;
}

INTERPOSED void *calloc(size_t n, size_t size)
{
	void *p = __libc_calloc(n, size);

	if (!p)
		virus_faults_note_memory();
	return p;
}

INTERPOSED void *realloc(void *old, size_t size)
{
	void *p = __libc_realloc(old, size);

	if (!p && size)
		virus_faults_note_memory();
	return p;
}

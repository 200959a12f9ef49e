/*
 * Preloaded into a program: the allocation number $FAIL_AT fails, once.
 *
 * Ours must end the program with a message, a library's must come back as an
 * error that is handled.  libconfig looks at none of its own before 1.8, so
 * nothing fails between its config_init() and config_destroy().
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

EXPORT void *malloc(size_t size);
EXPORT void *calloc(size_t n, size_t size);
EXPORT void *realloc(void *old, size_t size);

EXPORT void config_init(void *config);
EXPORT void config_destroy(void *config);

static atomic_ulong calls;
static unsigned long fail_at;
static atomic_int paused;
static void (*real_init)(void *config), (*real_destroy)(void *config);

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FAIL_AT");

	*(void **)&real_init = dlsym(RTLD_NEXT, "config_init");
	*(void **)&real_destroy = dlsym(RTLD_NEXT, "config_destroy");
	atomic_store(&calls, 0);
	fail_at = text ? strtoul(text, NULL, 10) : 0;
}

static bool fails(void)
{
	if (fail_at == 0 || atomic_load(&paused) || atomic_fetch_add(&calls, 1) + 1 != fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

void config_init(void *config)
{
	atomic_fetch_add(&paused, 1);
	real_init(config);
}

void config_destroy(void *config)
{
	real_destroy(config);
	atomic_fetch_sub(&paused, 1);
}

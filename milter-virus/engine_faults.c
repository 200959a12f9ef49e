/*
 * Failures that libclamav overlooks.
 *
 * libclamav 1.4 does not look at the result when it writes an attachment to its temporary file:
 * with a full disk, or when somebody has removed its temporary folder, it scans what is there, or
 * nothing, and calls the message clean.  So this program has functions of its own under the names
 * that libclamav calls, in the place of libc's (a symbol of the program goes before one of a
 * library); they call libc's and note failures.
 * A verdict "clean" with a failure noted is none.
 *
 * stdio: what is lost in a buffer shows when the file is closed, and in its error flag, which
 * stays.  Memory is looked after with glibc only, and not under a sanitizer, which has its own.
 */
#include "milter-virus/engine_faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define INTERPOSED __attribute__((visibility("default"))) /* seen by the library */

static int seen;
static bool is_gone;

void virus_faults_begin(void)
{
	seen = 0;
	is_gone = false;
}

int virus_faults_seen(void)
{
	return seen;
}

bool virus_faults_has_no_folder(void)
{
	return is_gone;
}

void virus_faults_note_memory(void)
{
	if (!seen)
		seen = ENOMEM;
}

/* Those of the host; a file that is not there, or not to be had, is nothing of note. */
static void note(void)
{
	static const int noted[] = {ENOSPC, EDQUOT, EFBIG, EIO, EMFILE, ENFILE, ENOMEM, EROFS};

	for (size_t i = 0; !seen && i < sizeof(noted) / sizeof(*noted); i++)
		if (errno == noted[i])
			seen = errno;
}

/* Something was to be made: where there is no place for it the temporary folder is gone, or out of
 * reach. */
static void note_making(void)
{
	static const int noted[] = {ENOENT, ENOTDIR, EACCES, EPERM, ELOOP};

	for (size_t i = 0; i < sizeof(noted) / sizeof(*noted); i++) {
		if (errno != noted[i])
			continue;
		is_gone = true;
		if (!seen)
			seen = errno;
	}
	note();
}

/* libc's function of this name.  The first call is while there is one thread: at the first file
 * that the program opens or writes. */
#define REAL(type, name)                                                                           \
	static type *real;                                                                         \
	if (!real)                                                                                 \
		real = (type *)(uintptr_t)dlsym(RTLD_NEXT, name)

typedef ssize_t write_fn(int, const void *, size_t);
typedef int fclose_fn(FILE *);
typedef int open_fn(const char *, int, ...);
typedef int mkdir_fn(const char *, mode_t);
typedef FILE *fopen_fn(const char *, const char *);

/* By their names in the library: the headers have others for some of them (open, open64). */
#define UNDER(name) __asm__(name) INTERPOSED

ssize_t virus_faulty_write(int fd, const void *data, size_t len) UNDER("write");
int virus_faulty_fclose(FILE *file) UNDER("fclose");
int virus_faulty_open(const char *path, int flags, ...) UNDER("open");
int virus_faulty_open64(const char *path, int flags, ...) UNDER("open64");
int virus_faulty_mkdir(const char *path, mode_t mode) UNDER("mkdir");
FILE *virus_faulty_fopen(const char *path, const char *mode) UNDER("fopen64");

ssize_t virus_faulty_write(int fd, const void *data, size_t len)
{
	REAL(write_fn, "write");
	ssize_t n = real(fd, data, len);

	if (n < 0)
		note();
	else if ((size_t)n < len && !seen)
		seen = ENOSPC; /* a file takes all, or there is no room for it */
	return n;
}

int virus_faulty_fclose(FILE *file)
{
	REAL(fclose_fn, "fclose");
	bool has_failed = ferror(file) != 0;
	int r = real(file);

	if (r != 0)
		note();
	if (has_failed && !seen)
		seen = EIO;
	return r;
}

static int open_by(open_fn *real, const char *path, int flags, va_list args)
{
	mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(args, mode_t) : 0;
	int fd = real(path, flags, mode);

	if (fd < 0 && (flags & O_CREAT))
		note_making();
	else if (fd < 0)
		note();
	return fd;
}

int virus_faulty_open(const char *path, int flags, ...)
{
	REAL(open_fn, "open");
	va_list args;
	int fd;

	va_start(args, flags);
	fd = open_by(real, path, flags, args);
	va_end(args);
	return fd;
}

int virus_faulty_open64(const char *path, int flags, ...)
{
	REAL(open_fn, "open64");
	va_list args;
	int fd;

	va_start(args, flags);
	fd = open_by(real, path, flags, args);
	va_end(args);
	return fd;
}

int virus_faulty_mkdir(const char *path, mode_t mode)
{
	REAL(mkdir_fn, "mkdir");
	int r = real(path, mode);

	if (r < 0)
		note_making();
	return r;
}

FILE *virus_faulty_fopen(const char *path, const char *mode)
{
	REAL(fopen_fn, "fopen64");
	FILE *file = real(path, mode);

	if (!file && *mode != 'r')
		note_making();
	else if (!file)
		note();
	return file;
}

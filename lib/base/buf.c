/*
 * Growing byte buffer with a ceiling and a sticky error.
 */
#include "lib/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"

#define CAP_MIN 128u

void gp_buf_init(struct gp_buf *b, size_t max)
{
	*b = GP_BUF_INIT(max);
}

void gp_buf_done(struct gp_buf *b)
{
	free(b->data);
	*b = GP_BUF_INIT(b->max);
}

void gp_buf_reset(struct gp_buf *b)
{
	b->len = 0;
	b->err = GP_OK;
	if (b->data)
		b->data[0] = '\0';
}

char *gp_buf_reserve(struct gp_buf *b, size_t n)
{
	if (b->err)
		return NULL;
	if (n > b->max - b->len) {
		b->err = GP_ELIMIT;
		return NULL;
	}
	if (b->len + n + 1 > b->cap) {
		size_t cap = GP_MAX(b->cap * 2, (size_t)CAP_MIN);

		b->cap = GP_MAX(GP_MIN(cap, b->max + 1), b->len + n + 1);
		b->data = gp_xrealloc(b->data, b->cap);
	}
	return b->data + b->len;
}

void gp_buf_add(struct gp_buf *b, const void *data, size_t len)
{
	char *p = gp_buf_reserve(b, len);

	if (!p)
		return;
	if (len)
		memcpy(p, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void gp_buf_add_str(struct gp_buf *b, struct gp_str s)
{
	gp_buf_add(b, s.ptr, s.len);
}

void gp_buf_add_cstr(struct gp_buf *b, const char *s)
{
	gp_buf_add(b, s, strlen(s));
}

void gp_buf_add_chr(struct gp_buf *b, char c)
{
	gp_buf_add(b, &c, 1);
}

void gp_buf_printf(struct gp_buf *b, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	p = gp_buf_reserve(b, (size_t)n);
	if (!p)
		return;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void gp_buf_consume(struct gp_buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
	b->data[b->len] = '\0';
}

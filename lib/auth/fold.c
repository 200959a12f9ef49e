/*
 * Folding (RFC 5322, 2.2.3; a line has at most 78 characters).
 */
#include "lib/auth/fold.h"

#include "lib/base/codec.h"

#define COLUMNS 78
#define TAB_WIDTH 8

struct gp_fold gp_fold_begin(struct gp_buf *out, struct gp_str field_name)
{
	return (struct gp_fold){.out = out, .column = field_name.len + 1};
}

static void new_line(struct gp_fold *f)
{
	gp_buf_add(f->out, "\n\t", 2);
	f->column = TAB_WIDTH;
}

void gp_fold_word(struct gp_fold *f, struct gp_str word, bool with_space)
{
	if (f->column > TAB_WIDTH && f->column + with_space + word.len >= COLUMNS) {
		new_line(f);
	} else if (with_space) {
		gp_buf_add_chr(f->out, ' ');
		f->column++;
	}
	gp_buf_add_str(f->out, word);
	f->column += word.len;
}

void gp_fold_base64(struct gp_fold *f, struct gp_str bytes)
{
	GP_BUF_AUTO text = GP_BUF_INIT((bytes.len + 2) / 3 * 4);
	struct gp_str rest;

	gp_base64_encode(bytes.ptr, bytes.len, &text);
	rest = gp_buf_str(&text);
	while (rest.len) {
		size_t n;

		if (f->column + 1 >= COLUMNS)
			new_line(f);
		n = GP_MIN(COLUMNS - 1 - f->column, rest.len);
		gp_buf_add(f->out, rest.ptr, n);
		f->column += n;
		rest = gp_str_sub(rest, n, rest.len);
	}
}

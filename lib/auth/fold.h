/*
 * Writing a field's value word by word, folded with "\n\t" below 78 columns.
 */
#ifndef GP_AUTH_FOLD_H
#define GP_AUTH_FOLD_H

#include "lib/base/buf.h"

struct gp_fold {
	struct gp_buf *out;
	size_t column;
};

/* A value for a field of that name; its colon counts, nothing is written yet. */
struct gp_fold gp_fold_begin(struct gp_buf *out, struct gp_str field_name);
/* A word that is not broken; before it a fold where it would not fit, else a space if
 * with_space says so. */
void gp_fold_word(struct gp_fold *f, struct gp_str word, bool with_space);
/* Base64 of the bytes, broken where a line is full. */
void gp_fold_base64(struct gp_fold *f, struct gp_str bytes);

#endif

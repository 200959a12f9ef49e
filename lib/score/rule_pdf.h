/*
 * What can be seen of PDF files without reading them as such: line by line, as
 * SpamAssassin's PDFInfo does (properties, images, links, digests of their beginning).
 */
#ifndef GP_SCORE_RULE_PDF_H
#define GP_SCORE_RULE_PDF_H

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/mail/message.h"

enum gp_pdf_detail {
	GP_PDF_AUTHOR,
	GP_PDF_CREATOR,
	GP_PDF_CREATED,
	GP_PDF_MODIFIED,
	GP_PDF_PRODUCER,
	GP_PDF_TITLE,
	GP_PDF_DETAILS,
};
extern const char *const gp_pdf_detail_names[GP_PDF_DETAILS]; /* "author", … */

struct gp_pdf_size {
	unsigned height, width;
};

/* Of all PDF files of a message together. */
struct gp_pdf {
	unsigned files, images;
	double area; /* of the images of the last file that has some; 0: none */
	bool is_encrypted;
	GP_VEC(struct gp_str) names;
	GP_VEC(struct gp_pdf_size) sizes; /* of images; and the sums of each file's */
	GP_VEC(struct gp_str) details[GP_PDF_DETAILS];
	GP_VEC(struct gp_str) uris;
	GP_VEC(struct gp_str) md5, fuzzy_md5; /* upper case hexadecimal */
};

/* Reads all that are attached to a message. */
void gp_pdf_read_all(struct gp_arena *a, const struct gp_message *m, struct gp_pdf *pdf);

/* Adds what a file says; everything is copied into the arena.  One that is no PDF adds nothing. */
void gp_pdf_read(struct gp_arena *a, struct gp_str data, struct gp_str name, struct gp_pdf *pdf);

#endif

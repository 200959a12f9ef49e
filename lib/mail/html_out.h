/*
 * Rendered text: white space folded, paragraphs ended by "\n", cut at a ceiling.
 *
 * White space is remembered and written only before the next visible character,
 * so the text never begins or ends with it.  UTF-8 always; memory is on the heap
 * until gp_html_out_done().
 */
#ifndef GP_MAIL_HTML_OUT_H
#define GP_MAIL_HTML_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/mail/html_tag.h"

struct gp_html_out {
	char *data;
	size_t len, cap, max;
	unsigned newlines; /* line breaks since the last character, up to 2 */
	bool has_space;	   /* white space since the last character */
	bool is_cut;
	uint32_t chars; /* without white space, counted beyond the cut too */
};

#define GP_HTML_OUT(max_) ((struct gp_html_out){.max = (max_)})

/* Adds text as it stands in the document; `has_entities`: decodes references. */
void gp_html_out_text(struct gp_html_out *out, struct gp_str text, bool has_entities);
/* What an element puts between words. */
void gp_html_out_space(struct gp_html_out *out, enum gp_html_space space);
/* A copy in the arena; frees what was on the heap. */
struct gp_str gp_html_out_done(struct gp_html_out *out, struct gp_arena *arena);

#endif

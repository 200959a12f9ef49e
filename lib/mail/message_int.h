/*
 * What the files of the message model share and nobody else sees.
 */
#ifndef GP_MAIL_MESSAGE_INT_H
#define GP_MAIL_MESSAGE_INT_H

#include "lib/base/limits.h"
#include "lib/mail/message.h"

struct gp_message_state {
	struct gp_buf body;	/* its ceiling is body_max; m->body borrows from it */
	size_t headers_size;	/* bytes kept of the message's header fields */
	size_t part_headers_size; /* bytes kept of all parts' header fields */
	struct gp_str full;	/* gp_message_full(), once built */
	struct gp_str flat;	/* gp_message_flat_text(), once built */
	size_t decoded_size;	/* bytes decoded of all text parts */
	bool is_after_cr;	/* the last chunk ended in CR, which is not in `body` yet */
	bool has_crlf, has_lf;
};

/* mime.c: fills m->parts from m->headers and m->body. */
void gp_mime_walk(struct gp_message *m);
/* text.c: fills m->text, hidden_text, html and uris from m->parts. */
void gp_text_render(struct gp_message *m);

#endif

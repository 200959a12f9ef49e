/*
 * One MIME part: what its header fields say, and its content decoded.
 */
#ifndef GP_MAIL_PART_H
#define GP_MAIL_PART_H

#include "lib/mail/message_int.h"

/* Fills type, charset, encoding, filename, disposition and flags of a part from
 * its headers.  `default_type` stands in for a missing Content-Type. */
void gp_part_describe(struct gp_message *m, struct gp_part *p, struct gp_str default_type);

/* The nth (from 0) boundary parameter, or empty. */
struct gp_str gp_part_boundary(struct gp_message *m, const struct gp_part *p, unsigned n);

/* Whether content of an encapsulated message stands there as it is. */
bool gp_part_is_identity(const struct gp_part *p);

/* Decodes the content of a leaf: text into `decoded`, of others size and head.
 * `lines` is the number of line ends in it.  Counts against the message's caps. */
void gp_part_decode(struct gp_message *m, struct gp_part *p, struct gp_str content, size_t lines);

/* Transfer-decodes content without charset conversion (an encoded message/rfc822). */
struct gp_str gp_part_decode_bytes(struct gp_message *m, struct gp_part *p, struct gp_str content);

#endif

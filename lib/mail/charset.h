/*
 * Text of any charset to UTF-8.
 *
 * The reader of a mail sees something whatever the charset says, so this never
 * fails: unknown charsets and text that is not in the declared one are read as
 * far as possible, else as windows-1252.
 */
#ifndef GP_MAIL_CHARSET_H
#define GP_MAIL_CHARSET_H

#include <stdbool.h>

#include "lib/base/buf.h"

/* True if `text` is UTF-8 as it stands: nothing to convert.  That holds for text with letters of
 * UTF-8 under the name of any other known charset, too: programs leave a default in the header,
 * and a text of another charset hardly ever looks so. */
bool gp_charset_is_plain(struct gp_str charset, struct gp_str text);

/* Appends `text` as UTF-8.  False if the charset is unknown or the text is not
 * in it (what could be read was appended all the same), or if `out` is full. */
bool gp_charset_to_utf8(struct gp_str charset, struct gp_str text, struct gp_buf *out);

/* Has the C library load what it needs for every charset that mail is known to use: for a
 * process that will not be let read files.  Others are unknown there afterwards. */
void gp_charset_preload(void);

#endif

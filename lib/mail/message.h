/*
 * The message model: what rules, Bayes and programs read of a mail.
 *
 * Feed it as the MTA does (headers one by one, then body chunks), finish it
 * once, then read.  Everything lives in the arena given; all spans borrow from
 * it.  What a stranger can make grow is capped (lib/base/limits.h); what was
 * cut is said in `cut`.  Parsing never fails: the worst input gives a model
 * with less in it.
 *
 *	m = gp_message_new(arena, &options);
 *	gp_message_add_header(m, name, value);	(repeatedly)
 *	gp_message_add_body(m, chunk);		(repeatedly)
 *	gp_message_finish(m);
 *	gp_message_text(m) …
 *
 * or gp_message_parse(arena, &options, bytes) for a whole file.
 *
 * Memory, for any input: the body itself (one buffer of up to body_max bytes),
 * at most 16 MB of what was made of it after gp_message_finish(), 24 MB at the
 * peak within it (seen: 11 and 13).  tests/unit/mail/test_bounds.c holds these figures.
 *
 * Not thread-safe; one message belongs to one session.
 */
#ifndef GP_MAIL_MESSAGE_H
#define GP_MAIL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"

/* One header field of the message or of a part, in the order received. */
struct gp_header {
	struct gp_str name;  /* as written, without the colon */
	struct gp_str raw;   /* after the colon, with leading space and folds, line ends LF, no
			      * final line end */
	struct gp_str value; /* unfolded, RFC 2047 decoded to UTF-8, leading space, and trailing, removed before */
};

enum gp_part_flags {
	GP_PART_TEXT = 1 << 0,	     /* text/… shown inline: its text is rendered */
	GP_PART_HTML = 1 << 1,	     /* text/html (or html by content in text/plain? no: by type) */
	GP_PART_ATTACHMENT = 1 << 2, /* Content-Disposition: attachment, or has a file name */
	GP_PART_MULTIPART = 1 << 3,
	GP_PART_MESSAGE = 1 << 4,    /* message/rfc822; its content follows as child parts */
	GP_PART_CUT = 1 << 5,	     /* content beyond a cap was dropped */
	GP_PART_BAD_CHARSET = 1 << 6, /* unknown or wrongly declared charset */
	GP_PART_BAD_ENCODING = 1 << 7, /* unknown or broken Content-Transfer-Encoding */
};

/* One MIME part, in document order; index 0 is the message's own body. */
struct gp_part {
	struct gp_str type;	/* lower case "text/plain"; "text/plain" when missing */
	struct gp_str charset;	/* lower case, as declared, or empty */
	struct gp_str encoding; /* lower case CTE, or empty */
	struct gp_str filename; /* decoded (RFC 2231, 2047) UTF-8, or empty */
	struct gp_str disposition;
	const struct gp_header *headers; /* of the part; for part 0 those of the message */
	size_t n_headers;
	unsigned parent; /* index; 0 for part 0 itself */
	unsigned depth;
	unsigned flags;	 /* enum gp_part_flags */
	size_t size;	 /* decoded bytes: of text parts those in `decoded`, of others computed
			  * from the encoded length (exact for well-formed base64) */
	struct gp_str decoded; /* decoded content of text parts: bytes in UTF-8, line ends LF; also
				* of a multipart in which no delimiter was found (GP_PART_TEXT then) */
	struct gp_str raw;     /* content of a leaf as it was sent, line ends LF */
	struct gp_str head;    /* first decoded bytes of other leaf parts (≤ 256), for magic */
};

enum gp_uri_source {
	GP_URI_TEXT = 1 << 0,	/* found in plain text */
	GP_URI_HREF = 1 << 1,	/* link target in HTML */
	GP_URI_IMG = 1 << 2,	/* loaded by HTML: img, css, background, iframe … */
	GP_URI_FORM = 1 << 3,	/* form action */
	GP_URI_HEADER = 1 << 4, /* List-Unsubscribe and the like */
	GP_URI_MAILTO = 1 << 5,
};

struct gp_uri {
	struct gp_str raw;   /* as written, entities decoded */
	struct gp_str uri;   /* normalised: scheme added, escapes of unreserved decoded, no control bytes */
	struct gp_str host;  /* lower case, IDN as ASCII (A-labels), or empty */
	struct gp_str text;  /* the link's visible text (HTML), or empty */
	unsigned sources;    /* enum gp_uri_source */
	unsigned part;	     /* index of the part */
};

/* One link as it stands in HTML. */
struct gp_reference {
	struct gp_str target;
	struct gp_str written; /* before <base> made it absolute; empty: it is as written */
	bool is_anchor;	  /* of an <a> … */
	unsigned sources; /* … of others with this target: GP_URI_IMG, GP_URI_FORM, GP_URI_HREF */
};

/* What the HTML of the message looked like, all parts summed. */
struct gp_html_stats {
	uint32_t tags, links, images, forms, scripts, iframes, comments, unknown_tags;
	uint32_t visible_chars, hidden_chars;
	uint32_t image_area; /* sum of width × height where given, capped */
	bool has_html, has_unclosed, has_form_password, has_data_uri, has_meta_refresh;
};

/* Why and where content was dropped; also what was counted beyond a cap. */
enum gp_message_cut {
	GP_CUT_HEADERS = 1 << 0,
	GP_CUT_BODY = 1 << 1,
	GP_CUT_PARTS = 1 << 2,
	GP_CUT_DEPTH = 1 << 3,
	GP_CUT_TEXT = 1 << 4,
	GP_CUT_URIS = 1 << 5,
	GP_CUT_HEADER_SIZE = 1 << 6,
};

struct gp_message_options {
	size_t body_max; /* bytes of body kept for scanning; 0 = GP_MAX_BODY_SIZE */
};

struct gp_message {
	struct gp_arena *arena;
	GP_VEC(struct gp_header) headers;
	struct gp_str body;	/* raw, as received but line ends LF, cut at body_max */
	size_t body_size;	/* whole size as received */
	size_t size;		/* headers and body as received */
	GP_VEC(struct gp_part) parts;
	GP_VEC(struct gp_uri) uris; /* distinct by (uri), in order of appearance */
	GP_VEC(struct gp_reference) references; /* what the HTML links to and loads, by attributes that
					   * all clients know: entities decoded, made absolute
					   * with <base>, else as written; distinct */
	struct gp_str text;	/* visible text of all inline text parts, rendered, UTF-8: white
				 * space folded within a paragraph, paragraphs separated by "\n" */
	struct gp_str hidden_text; /* text that a reader would not see (HTML) */
	struct gp_html_stats html;
	unsigned cut;		/* enum gp_message_cut */
	bool is_smtputf8;	/* any raw 8-bit byte in a header */
	bool has_bare_cr, has_nul; /* seen in the body */
	bool has_bare_lf;	   /* a line end without CR in a body that has CRLF too */
	bool lacks_separator;	   /* no empty line stood between headers and body (gp_message_parse) */
	bool is_finished;
	GP_VEC(struct gp_header) notes; /* of its readers: name and value of what rules see as a
					 * header although it is none (gp_message_note) */
	struct gp_message_state *state; /* private to lib/mail */
};

struct gp_message *gp_message_new(struct gp_arena *arena, const struct gp_message_options *options);
/* name without colon; value as on the wire after the colon, folds included (CRLF or LF). */
void gp_message_add_header(struct gp_message *m, struct gp_str name, struct gp_str value);
/* Prepends, as an MTA would (the synthesised Received); before or after adding others, but before
 * finishing.  Ours, so the cap on the number of headers does not apply. */
void gp_message_prepend_header(struct gp_message *m, struct gp_str name, struct gp_str value);
void gp_message_add_body(struct gp_message *m, struct gp_str chunk);
/* Parses MIME, decodes, renders, finds links.  Call once. */
void gp_message_finish(struct gp_message *m);
/* A whole message in one span (CRLF or LF; an mbox "From " line is skipped). */
struct gp_message *gp_message_parse(struct gp_arena *arena, const struct gp_message_options *options,
				    struct gp_str bytes);

/* The first / nth (from 0) header of that name, case-insensitive; NULL when there is none. */
const struct gp_header *gp_message_header(const struct gp_message *m, const char *name);
const struct gp_header *gp_message_header_n(const struct gp_message *m, const char *name, unsigned n);
/* Decoded value of the first one, or the empty span. */
struct gp_str gp_message_value(const struct gp_message *m, const char *name);

/* Sets what rules see as the header `name` where the message has none; both are borrowed. */
void gp_message_note(struct gp_message *m, struct gp_str name, struct gp_str value);
/* That value; ptr NULL: nobody noted one. */
struct gp_str gp_message_noted(const struct gp_message *m, struct gp_str name);

/* The pristine message (headers and body, LF line ends), for `full` rules; built on first use. */
struct gp_str gp_message_full(struct gp_message *m);

/* A leaf's content with its transfer encoding taken off and line ends LF, in the charset in which it
 * was sent, cut at GP_MAX_PART_TEXT_SIZE.  Lives in the message's arena; made anew at every call. */
struct gp_str gp_message_part_bytes(struct gp_message *m, const struct gp_part *p);

/* A leaf's content with its transfer encoding taken off and nothing else changed, as a file would be
 * saved; as much as `out` takes.  True if that is not all. */
bool gp_message_part_content(const struct gp_part *p, struct gp_buf *out);

/* Content of a part that is HTML by its type, or by its name (attached as application/octet-stream,
 * say); else empty. */
struct gp_str gp_message_part_html(struct gp_message *m, const struct gp_part *p);

/* All text of the message, seen or not, in order, for `body` rules: paragraphs ended by "\n", white
 * space folded to one space, UTF-8; without the Subject.  Built on first use. */
struct gp_str gp_message_flat_text(struct gp_message *m);

/* Identity of a message for learning (DESIGN 4.8): SHA-256 over From, Date, Message-ID, Subject
 * and the body with LF line ends; the same at SMTP, LMTP and IMAP. */
void gp_message_digest(const struct gp_message *m, unsigned char ret_digest[32]);

#endif

/*
 * Tokens: what Bayes remembers of a message.
 *
 * gp_token_collect() turns a finished message into a list of distinct 64-bit
 * hashes, at most GP_MAX_TOKENS.  A token belongs to a field (the body's
 * words, the subject, the hosts of links, ...) and the field is part of the
 * hash, so "free" in the subject and "free" in the body are two tokens.  Body
 * and subject give words and orthogonal sparse bigrams: pairs of words at most
 * four apart (a window of five), the distance being part of the pair.
 *
 * The hashes are what is stored, so they may change only together with
 * GP_TOKEN_VERSION.  Headers that delivery or a filter adds give no token (but see
 * gp_token_collect): a message has the same ones at SMTP time, after LMTP and out of IMAP, but for
 * the trace of the last hop.
 *
 * Everything lives in the arena given or borrows from the message.  No I/O.
 */
#ifndef GP_SCORE_TOKEN_H
#define GP_SCORE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"

struct gp_message;

/* Changes whenever the same message would give other hashes. */
#define GP_TOKEN_VERSION 1

enum gp_token_field {
	GP_TOKEN_WORD,	 /* visible text, lower case */
	GP_TOKEN_CASE,	 /* the same as written, where it has capitals */
	GP_TOKEN_PAIR,	 /* two neighbouring words of the text */
	GP_TOKEN_SPARSE, /* two words of the text 2 to 4 apart */
	GP_TOKEN_HIDDEN, /* text of HTML that a reader does not see */
	GP_TOKEN_SUBJECT,
	GP_TOKEN_SUBJECT_PAIR, /* pairs at any distance up to 4 */
	GP_TOKEN_FROM_NAME,    /* display name */
	GP_TOKEN_FROM_ADDR,    /* address, its domain and parent domains, its shape */
	GP_TOKEN_REPLY_TO,
	GP_TOKEN_SENDER, /* envelope sender, or Return-Path where there is none */
	GP_TOKEN_RCPT,	 /* To and Cc */
	GP_TOKEN_URL_HOST,
	GP_TOKEN_URL_PATH,
	GP_TOKEN_MIME,	       /* structure, types, charsets, encodings, file names */
	GP_TOKEN_HTML,	       /* how much of what the HTML has */
	GP_TOKEN_SHAPE,	       /* capitals, digits, length, scripts */
	GP_TOKEN_HEADER_NAME,  /* which headers there are, spelt how */
	GP_TOKEN_HEADER_ORDER, /* which header follows which */
	GP_TOKEN_HEADER,       /* words of all other headers */
	GP_TOKEN_LIST,	       /* List-…, Precedence */
	GP_TOKEN_MAILER,       /* X-Mailer, User-Agent */
	GP_TOKEN_MESSAGE_ID,
	GP_TOKEN_DATE,	   /* shape and time zone; never the date itself */
	GP_TOKEN_RECEIVED, /* hosts and addresses of the trace; never its dates or ids */
	GP_TOKEN_FIELDS,   /* how many there are */
};

/* Where a token came from, for people. */
struct gp_token_source {
	const char *ptr; /* the word, or everything from the first word of a pair to the second */
	uint16_t len;
	uint8_t field; /* enum gp_token_field */
	uint8_t gap;   /* 0: one word; 1 … 4: distance of the pair's words */
};

struct gp_token_list {
	const uint64_t *hashes;		       /* distinct, never 0, in order of appearance */
	const struct gp_token_source *sources; /* one for each hash */
	size_t n;
	bool is_cut; /* the message had more than fit */
};

/* The tokens of a finished message.  envelope_from and asn may be empty; asn are the autonomous
 * systems of who handed it over, "15169 36040", as a header X-Spam-ASN tells them of a message that
 * has been delivered.  The note X-Languages (rule_textcat.h) of the message is read too, or else its
 * header X-Spam-Languages. */
void gp_token_collect(struct gp_arena *arena, const struct gp_message *m,
		      struct gp_str envelope_from, struct gp_str asn,
		      struct gp_token_list *ret_list);

/* A field's short name ("subject"), never NULL; "?" for a number out of range. */
const char *gp_token_field_name(unsigned field);

/* Appends "subject:cheap" or "pair:cheap … meds", white space folded, cut at 80 bytes of text. */
void gp_token_format(const struct gp_token_source *source, struct gp_buf *out);

#endif

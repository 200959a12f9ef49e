/*
 * Every quantity a stranger controls, its cap, and why.
 *
 * The product of these bounds the memory of one message; lib/mail/message.h
 * states that bound and tests/unit/mail holds it.
 */
#ifndef GP_BASE_LIMITS_H
#define GP_BASE_LIMITS_H

/* Header section.  Postfix cuts at 102,400 bytes a header and takes any number;
 * real mail stays below 64 KiB in all. */
#define GP_MAX_HEADERS 1000	      /* fields kept; further ones are counted only */
#define GP_MAX_HEADER_SIZE (64 << 10) /* one field, cut */
#define GP_MAX_RELAYS 200	      /* Received lines read for the relay path; RFC 5321 asks for loops
				       * to be stopped at 100 */
#define GP_MAX_RELAY_LINE 4096	      /* one of them, cut; real ones have some hundred bytes */
#define GP_MAX_HEADERS_SIZE (512 << 10) /* all fields together, further ones dropped */

/* Message body held for scanning; `size_max` of milter-spam is below it. */
#define GP_MAX_BODY_SIZE (64 << 20)

/* MIME.  100,000 parts (200 MB in GMime) say nothing more about a message
 * than the first few hundred. */
#define GP_MAX_MIME_PARTS 500
#define GP_MAX_MIME_DEPTH 20
#define GP_MAX_PART_HEADERS 50
#define GP_MAX_PART_HEADER_SIZE (8 << 10)

/* Decoded text that rules and Bayes read.  A novel has 1 MB. */
#define GP_MAX_TEXT_SIZE (1 << 20)	/* rendered text, all parts */
#define GP_MAX_PART_TEXT_SIZE (2 << 20) /* decoded bytes of one text part fed to the renderer */
#define GP_MAX_DECODED_SIZE (8 << 20)	/* decoded bytes of all text parts together */
#define GP_MAX_HTML_DEPTH 100		/* open elements tracked */

#define GP_MAX_URIS 500
#define GP_MAX_URI_SIZE 4096
#define GP_MAX_ADDRESSES 200 /* of one header */

/* Envelope.  Postfix' default smtpd_recipient_limit is 1,000. */
#define GP_MAX_RECIPIENTS 1000

/* Bayes: distinct tokens of one message.  Beyond these, accuracy gains nothing measurable, and
 * each costs a look-up in the store. */
#define GP_MAX_TOKENS 1500

/* Authentication.  The header is kept whole, because signatures cover it byte by byte. */
#define GP_MAX_AUTH_HEADER (1 << 20) /* Postfix' header_size_limit allows 100 KiB a field */
#define GP_MAX_AUTH_FIELDS 20000 /* each costs a few dozen bytes beside its text */
#define GP_MAX_AUTH_FROM 20 /* From fields behind those; as large as they together */
#define GP_MAX_FIELD_NAME 128	/* of names that are looked for; the longest in use has 40 */
#define GP_MAX_AUTH_LOOKUPS 300 /* DNS questions of one message: twice SPF's worst (10 MX of 10
				 * names), 20 signatures, 50 ARC sets, two tree walks */
#define GP_MAX_SPF_MACRO 320		/* a value that SPF macros expand: an address of full length */
#define GP_MAX_SPF_EXPANSION (16 << 10) /* a domain-spec or explanation of SPF, expanded */
#define GP_MAX_SPF_EXPLANATION 400     /* shown of exp=; it goes into an SMTP reply */
#define GP_MAX_DMARC_AUTHORS 4 /* domains of From that are judged; one is what RFC 9989 knows */
#define GP_MAX_DMARC_ROW (8 << 10) /* a row of report data: ten signatures with the longest names */
#define GP_MAX_DMARC_ROWS_SIZE (8 << 20) /* rows that wait for the store: 20,000 usual ones */
#define GP_MAX_HISTORY_WAITING (8 << 20) /* items that wait for the store: 3,000 usual ones */
#define GP_MAX_DMARC_RING 100000	 /* rows of one day; a large host has a tenth of it */
#define GP_MAX_TAGS 50		/* of one tag list; DKIM knows 13 */
#define GP_MAX_SIGNED_NAMES 1000 /* in h=; real ones have 10 to 60 */
#define GP_MAX_SIGNATURES_READ 200 /* to find those of the author's domain; few are checked */
#define GP_MAX_KEY_RECORD (16 << 10) /* TXT data; an RSA key of 8192 bits takes 1.4 KB */
#define GP_MAX_KEY_RECORDS 5	/* tried at one name, where RFC 6376 allows one */
#define GP_MAX_RSA_BITS 8192	/* RFC 8301 asks for 4096; a verification costs the square */
#define GP_MAX_KEY_FILE (64 << 10) /* PEM of such a key: 7 KB */
#define GP_MAX_AUTHRES 100	/* entries of one Authentication-Results, properties of one entry */
#define GP_MAX_AUTHRES_COMMENTS 20 /* comments within one another there; RFC 5322 gives no bound */
#define GP_MAX_ARC_SETS 50	/* RFC 8617, 4.2.1 */

/* Rules. */
#define GP_MAX_RULE_HITS 1000	  /* of one `tflags multiple` rule */
#define GP_MAX_RULE_LOOKUPS 400 /* DNS questions of one message: 20 hosts in ten block lists, the
				 * relays in as many, what name servers' addresses add */
#define GP_MAX_ZIP_MEMBERS 2000 /* of one ZIP file that are looked at: a document has some dozens */
#define GP_MAX_REDIRECTORS 200u	  /* redirector_pattern lines; each is tried on every link (the stock
				   * rules have 15) */
#define GP_MAX_RULE_RELAYS 30	  /* hosts of Received that are looked at; lists are asked for 9 */
#define GP_MAX_RULE_FILE (16 << 20)
#define GP_MAX_LANGUAGE_FILE (1 << 20) /* models of languages; SpamAssassin's take 131 KiB */
#define GP_MAX_LANGUAGES 500u	 /* models in it; there are 80 */
#define GP_MAX_PHISH_FEED (64 << 20) /* PhishTank's, the largest, has some 20 MiB */
#define GP_MAX_PHISH_URIS 1000000u   /* in it; there are some 60,000.  Eight bytes are kept of each */
#define GP_SENDER_DAYS 180	/* since its last message, that a sender's scores are kept … */
#define GP_SENDER_ONCE_DAYS 30	/* … where it sent one only: spam comes from a new one each time */

/* One configuration or map file. */
#define GP_MAX_CONF_FILE (4 << 20)
#define GP_MAX_MAP_FILE (64 << 20)

#endif

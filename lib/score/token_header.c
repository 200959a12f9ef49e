/*
 * Tokens of header fields.
 *
 * A table says what each known field gives; any other gives its words, kept
 * apart by the field's name.  The names themselves, as spelt, and their order
 * tell programs apart, so they are tokens too.  Fields that delivery or a
 * filter adds are passed over entirely, name and order included; but for X-Spam-ASN, in which a
 * delivered message keeps what the DNS said when it was judged.
 *
 * Addresses are found lexically, around each "@": a parser for RFC 5322 would
 * reject just those that tell most.
 */
#include <string.h>

#include "lib/base/hash.h"
#include "lib/score/token_int.h"

#define FIELDS_MAX 150	 /* header fields looked at */
#define VALUE_MAX 2000	 /* bytes of one value looked at */
#define WORDS_MAX 40	 /* words of one value */
#define ADDRESSES_MAX 20 /* of one field */
#define RECEIVED_MAX 12	 /* hops, from the newest */

struct fields {
	struct gp_collector *c;
	const struct gp_header *header;
	struct gp_str value; /* decoded, cut */
	uint64_t seed;	     /* of the field's name in lower case */
	unsigned n_received;
	bool has_envelope_from;
};

/* One address without brackets: itself, local part, its shape, domain and parents. */
static void add_address(struct gp_collector *c, enum gp_token_field field, struct gp_str addr)
{
	size_t at = gp_str_find_chr(addr, '@', 0);

	gp_collector_add_lower(c, field, 1, addr);
	gp_collector_add_lower(c, field, 2, gp_str_sub(addr, 0, at));
	gp_collector_add_shape(c, field, 3, gp_str_sub(addr, 0, at));
	if (at < addr.len)
		gp_collector_add_domain(c, field, 4, gp_str_sub(addr, at + 1, SIZE_MAX));
}

static bool is_addr_char(char ch)
{
	return gp_is_alnum(ch) || (ch != '\0' && strchr(".-_+=!#$%&'*/?^`{|}~@", ch)) ||
	       (unsigned char)ch >= 0x80;
}

/* Addresses of the value under addr_field, everything else as words under name_field. */
static void add_addresses(struct fields *f, enum gp_token_field name_field,
			  enum gp_token_field addr_field)
{
	struct gp_str v = f->value;
	size_t done = 0, start, end, at;
	unsigned n = 0;
	uint64_t seed = 5;

	while (n < ADDRESSES_MAX && (at = gp_str_find_chr(v, '@', done)) < v.len) {
		for (start = at; start > done && is_addr_char(v.ptr[start - 1]); start--)
			;
		for (end = at; end < v.len && is_addr_char(v.ptr[end]); end++)
			;
		gp_collector_add_words(f->c, name_field, seed, gp_str_sub(v, done, start - done),
				       WORDS_MAX);
		add_address(f->c, addr_field, gp_str_sub(v, start, end - start));
		done = end;
		n++;
	}
	gp_collector_add_words(f->c, name_field, seed, gp_str_sub(v, done, SIZE_MAX), WORDS_MAX);
	gp_collector_add_value(f->c, name_field, "addresses", GP_MIN(n, 10));
}

static void add_from(struct fields *f)
{
	add_addresses(f, GP_TOKEN_FROM_NAME, GP_TOKEN_FROM_ADDR);
}

static void add_reply_to(struct fields *f)
{
	add_addresses(f, GP_TOKEN_REPLY_TO, GP_TOKEN_REPLY_TO);
}

static void add_rcpt(struct fields *f)
{
	add_addresses(f, GP_TOKEN_RCPT, GP_TOKEN_RCPT);
}

static void add_return_path(struct fields *f)
{
	if (!f->has_envelope_from)
		add_addresses(f, GP_TOKEN_SENDER, GP_TOKEN_SENDER);
}

static void add_mailer(struct fields *f)
{
	gp_collector_add_words(f->c, GP_TOKEN_MAILER, 0, f->value, WORDS_MAX);
	gp_collector_add_lower(f->c, GP_TOKEN_MAILER, 1, f->value);
	gp_collector_add_shape(f->c, GP_TOKEN_MAILER, 2, f->value);
}

static void add_list(struct fields *f)
{
	gp_collector_add_words(f->c, GP_TOKEN_LIST, f->seed, f->value, WORDS_MAX);
}

static void add_other(struct fields *f)
{
	gp_collector_add_words(f->c, GP_TOKEN_HEADER, f->seed, f->value, WORDS_MAX);
}

static void add_whole(struct fields *f)
{
	gp_collector_add(f->c, GP_TOKEN_HEADER,
			 gp_hash64(f->seed, f->value.ptr, GP_MIN(f->value.len, 80)), f->value, 0);
}

/* The local part of an id is new each time; its shape is the program's that made it. */
static void add_message_id(struct fields *f)
{
	struct gp_str id = gp_str_trim(f->value);
	size_t at = gp_str_find_chr(id, '@', 0);
	struct gp_str domain = gp_str_sub(id, at + 1, SIZE_MAX);

	gp_collector_add_shape(f->c, GP_TOKEN_MESSAGE_ID, 1, gp_str_sub(id, 0, at));
	gp_collector_add_shape(f->c, GP_TOKEN_MESSAGE_ID, 2, id);
	domain.len -= domain.len > 0 && domain.ptr[domain.len - 1] == '>';
	gp_collector_add_domain(f->c, GP_TOKEN_MESSAGE_ID, 3, domain);
}

/* Ids of other messages: only who made them. */
static void add_references(struct fields *f)
{
	size_t at = 0, end;

	for (unsigned n = 0; n < 5; n++) {
		at = gp_str_find_chr(f->value, '@', at);
		end = gp_str_find_chr(f->value, '>', at);
		if (at >= f->value.len)
			break;
		gp_collector_add_domain(f->c, GP_TOKEN_HEADER, 7,
					gp_str_sub(f->value, at + 1, end - at - 1));
		at = end;
	}
}

/* Every letter and digit by its kind, runs kept: "aaa, 00 aaa 0000 00:00:00 +0000". */
static void add_date(struct fields *f)
{
	struct gp_str v = gp_str_trim(f->value);
	size_t zone = v.len;
	char shape[64];
	size_t n = GP_MIN(v.len, sizeof(shape));

	for (size_t i = 0; i < n; i++) {
		char ch = v.ptr[i];

		shape[i] = gp_is_digit(ch) ? '0' : gp_is_alpha(ch) ? 'a' : ch;
	}
	gp_collector_add(f->c, GP_TOKEN_DATE, gp_hash64(1, shape, n), v, 0);
	while (zone > 0 && v.ptr[zone - 1] != ':')
		zone--;
	gp_collector_add_words(f->c, GP_TOKEN_DATE, 2,
			       gp_str_sub(v, zone + (zone + 2 < v.len ? 2 : 0), SIZE_MAX), 4);
}

/* "[a.b.c.d": the address and its networks of 24 and 16 bits. */
static void add_received_ip(struct gp_collector *c, struct gp_str v)
{
	size_t end = 0, cut;

	while (end < v.len && (gp_is_alnum(v.ptr[end]) || v.ptr[end] == '.' || v.ptr[end] == ':'))
		end++;
	for (unsigned i = 0; i < 3 && end > 0; i++) {
		gp_collector_add_lower(c, GP_TOKEN_RECEIVED, 1, gp_str_sub(v, 0, end));
		for (cut = end; cut > 0 && v.ptr[cut - 1] != '.' && v.ptr[cut - 1] != ':'; cut--)
			;
		end = cut > 0 ? cut - 1 : 0;
	}
}

/* Hosts, programs and addresses of one hop; neither its queue id nor its date, which nobody
 * meets again. */
static void add_received(struct fields *f)
{
	struct gp_str rest = gp_str_sub(f->value, 0, gp_str_find_chr(f->value, ';', 0));
	struct gp_word word;
	bool is_id = false;

	if (gp_str_ifind(rest, GP_STR(" with LMTP"), 0) < rest.len)
		return; /* delivery's own hop, which is not there yet when mail is judged */
	if (++f->n_received > RECEIVED_MAX)
		return;
	for (size_t i = gp_str_find_chr(rest, '[', 0); i < rest.len;
	     i = gp_str_find_chr(rest, '[', i + 1))
		add_received_ip(f->c, gp_str_sub(rest, i + 1, SIZE_MAX));
	for (unsigned n = 0; n < WORDS_MAX && gp_word_next(&rest, &word); n++) {
		struct gp_str text = gp_str_n(word.ptr, word.len);

		if (!is_id && !word.is_opaque)
			gp_collector_add(f->c, GP_TOKEN_RECEIVED, word.hash, text, 0);
		is_id = gp_str_ieq(text, GP_STR("id"));
	}
}

/* What is left out goes without name and order: filters and delivery add it. */
static const char *const ignored[] = {
	"x-spam",
	"x-gatepost",
	"x-virus",
	"x-bogosity",
	"x-rspamd",
	"x-dspam",
	"x-crm114",
	"x-amavis",
	"x-assp",
	"authentication-results",
	"received-spf",
	"arc-",
	"delivered-to",
	"x-original-to",
	"x-envelope",
	"status",
	"x-status",
	"x-keywords",
	"x-uid",
	"x-mozilla",
	"x-gmail-labels",
	"x-evolution",
	"x-imap",
	"envelope-to",
	"x-delivered-to",
	"x-resolved-to",
	"lines",
	"delivery-date",
	NULL,
};

/* Names (or beginnings, with "*") and what gives their tokens; NULL: only name and order. */
static const struct {
	const char *name;
	void (*add)(struct fields *f);
} handlers[] = {
	{"subject", NULL}, /* with its pairs, in token.c */
	{"from", add_from},
	{"reply-to", add_reply_to},
	{"to", add_rcpt},
	{"cc", add_rcpt},
	{"return-path", add_return_path},
	{"received", add_received},
	{"message-id", add_message_id},
	{"references", add_references},
	{"in-reply-to", add_references},
	{"date", add_date},
	{"x-mailer", add_mailer},
	{"user-agent", add_mailer},
	{"precedence", add_list},
	{"mailing-list", add_list},
	{"x-beenthere", add_list},
	{"list-*", add_list},
	{"content-type", NULL}, /* structure, in token_mime.c */
	{"content-*", add_whole},
	{"mime-version", add_whole},
	{"dkim-signature", NULL},
	{"domainkey-signature", NULL},
	{"x-google-*", NULL},
	{"x-ms-exchange-*", NULL},
	{"x-microsoft-antispam*", NULL},
	{"x-forefront-*", NULL},
	{"x-face", NULL},
	{"thread-index", NULL},
	{"autocrypt", NULL},
	{"*", add_other},
};

static bool is_ignored(struct gp_str name)
{
	for (const char *const *prefix = ignored; *prefix; prefix++) {
		if (gp_str_istarts(name, gp_str(*prefix)))
			return true;
	}
	return false;
}

static bool name_matches(struct gp_str name, struct gp_str pattern)
{
	if (pattern.ptr[pattern.len - 1] == '*')
		return gp_str_istarts(name, gp_str_sub(pattern, 0, pattern.len - 1));
	return gp_str_ieq(name, pattern);
}

static uint64_t name_hash(struct gp_str name)
{
	char lower[64];
	size_t n = GP_MIN(name.len, sizeof(lower));

	for (size_t i = 0; i < n; i++)
		lower[i] = gp_lower(name.ptr[i]);
	return gp_hash64(0, lower, n);
}

static void add_field(struct fields *f)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(handlers); i++) {
		if (!name_matches(f->header->name, gp_str(handlers[i].name)))
			continue;
		if (handlers[i].add)
			handlers[i].add(f);
		return;
	}
}

/* The numbers of "15169 36040", or of "AS15169 192.0.2.0/24", whatever the prefix. */
static void add_asn(struct gp_collector *c, struct gp_str text)
{
	const uint64_t seed = name_hash(GP_STR("x-asn"));
	struct gp_str word;

	for (unsigned n = 0; n < WORDS_MAX && gp_str_next_word(&text, &word); n++) {
		while (word.len && gp_is_alpha(word.ptr[0]))
			word = gp_str_sub(word, 1, SIZE_MAX);
		if (gp_str_is_digits(word))
			gp_collector_add(c, GP_TOKEN_HEADER, gp_hash64(seed, word.ptr, word.len), word, 0);
	}
}

/* The languages that rules have guessed; of a message that has been delivered those of its header. */
static void add_languages(struct gp_collector *c, const struct gp_message *m)
{
	const uint64_t seed = name_hash(GP_STR("x-languages"));
	struct gp_str text = gp_message_noted(m, GP_STR("X-Languages")), word;

	if (!text.ptr)
		text = gp_message_value(m, "X-Spam-Languages");
	for (unsigned n = 0; n < WORDS_MAX && gp_str_next_word(&text, &word); n++)
		gp_collector_add(c, GP_TOKEN_HEADER, gp_hash64(seed, word.ptr, word.len), word, 0);
}

void gp_token_add_headers(struct gp_collector *c, const struct gp_message *m,
			  struct gp_str envelope_from, struct gp_str asn)
{
	struct fields f = {.c = c, .has_envelope_from = envelope_from.len > 0};
	uint64_t previous = 0;

	add_asn(c, asn.len ? asn : gp_message_value(m, "X-Spam-ASN"));
	add_languages(c, m);
	if (f.has_envelope_from) {
		f.value = gp_str_sub(envelope_from, 0, VALUE_MAX);
		add_addresses(&f, GP_TOKEN_SENDER, GP_TOKEN_SENDER);
	}
	for (size_t i = 0; i < m->headers.len && i < FIELDS_MAX; i++) {
		f.header = &m->headers.items[i];
		struct gp_str name = f.header->name;

		if (is_ignored(name))
			continue;
		f.value = gp_str_sub(f.header->value, 0, VALUE_MAX);
		f.seed = name_hash(name);
		if (!gp_str_ieq(name, GP_STR("return-path")) &&
		    !gp_str_ieq(name, GP_STR("received"))) {
			gp_collector_add_exact(c, GP_TOKEN_HEADER_NAME, 0, name);
			gp_collector_add(c, GP_TOKEN_HEADER_ORDER, previous * 3 + f.seed, name, 0);
			previous = f.seed;
		}
		add_field(&f);
	}
	gp_collector_add_value(c, GP_TOKEN_HEADER_NAME, "received", GP_MIN(f.n_received, 15));
}

/*
 * Values end in a line end where SpamAssassin's do: headers do (several of the
 * same name are joined that way), addresses and names are joined by line ends
 * without a last one.  Rules depend on it: /^$/, /foo\n\z/.  :raw keeps the space
 * behind the colon, except in mimeheader rules.
 */
#include "lib/score/rule_field.h"

#include "lib/score/rule_addr.h"
#include "lib/score/rule_field_host.h"

/* One value by itself; longer ones are cut. */
#define GP_RULE_FIELD_MAX (256u << 10)

static const struct {
	const char *name;
	enum gp_field_special special;
	bool is_exact; /* letter case matters */
	const char *headers[4];
} specials[] = {
	{"ALL", GP_FIELD_ALL, true, {0}},
	{"ToCc", GP_FIELD_TOCC, false, {"To", "Cc"}},
	{"MESSAGEID", GP_FIELD_MESSAGEID, true,
	 {"X-Message-Id", "Resent-Message-Id", "X-Original-Message-ID", "Message-Id"}},
	{"EnvelopeFrom", GP_FIELD_ENVELOPE_FROM, false, {0}},
	{"ALL-EXTERNAL", GP_FIELD_ALL_OF + GP_RELAYS_EXTERNAL, true, {0}},
	{"ALL-INTERNAL", GP_FIELD_ALL_OF + GP_RELAYS_INTERNAL, true, {0}},
	{"ALL-UNTRUSTED", GP_FIELD_ALL_OF + GP_RELAYS_UNTRUSTED, true, {0}},
	{"ALL-TRUSTED", GP_FIELD_ALL_OF + GP_RELAYS_TRUSTED, true, {0}},
	{"X-Spam-Relays-Trusted", GP_FIELD_RELAYS + GP_RELAYS_TRUSTED, false, {0}},
	{"X-Spam-Relays-Untrusted", GP_FIELD_RELAYS + GP_RELAYS_UNTRUSTED, false, {0}},
	{"X-Spam-Relays-Internal", GP_FIELD_RELAYS + GP_RELAYS_INTERNAL, false, {0}},
	{"X-Spam-Relays-External", GP_FIELD_RELAYS + GP_RELAYS_EXTERNAL, false, {0}},
};

static const struct {
	const char *name;
	unsigned flags;
} modifiers[] = {
	{"raw", GP_FIELD_RAW},
	{"addr", GP_FIELD_ADDR},
	{"name", GP_FIELD_NAME},
	{"first", GP_FIELD_FIRST},
	{"last", GP_FIELD_LAST},
	{"host", GP_FIELD_HOST},
	{"domain", GP_FIELD_HOST | GP_FIELD_DOMAIN},
	{"ip", GP_FIELD_IP},
	{"revip", GP_FIELD_IP | GP_FIELD_REVIP},
};

static int parse_modifier(struct gp_str word, struct gp_rule_field *f, struct gp_diag *diag)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(modifiers); i++) {
		if (!gp_str_eq(word, gp_str(modifiers[i].name)))
			continue;
		f->modifiers |= modifiers[i].flags;
		return GP_OK;
	}
	gp_diag_set(diag, "unknown header modifier \":%.*s\"", GP_STR_FMT(word));
	return GP_EINVAL;
}

int gp_field_parse(struct gp_arena *a, struct gp_str spec, bool is_mime, struct gp_rule_field *ret,
		   struct gp_diag *diag)
{
	struct gp_rule_field f = {.is_mime = is_mime, .part_max = UINT32_MAX};
	struct gp_str name = {0}, word;

	gp_str_next(&spec, ':', &name);
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (c > ' ' && c < 127)
			continue;
		gp_diag_set(diag, "malformed header name");
		return GP_EINVAL;
	}
	if (name.len == 0 || name.len > 200) {
		gp_diag_set(diag, "a header name is missing");
		return GP_EINVAL;
	}
	while (gp_str_next(&spec, ':', &word)) {
		if (word.len == 0 && spec.len == 0)
			break;
		if (parse_modifier(word, &f, diag))
			return GP_EINVAL;
	}
	f.name = gp_arena_str(a, name);
	f.is_asn = !is_mime && gp_str_ieq(name, GP_STR("X-ASN"));
	for (size_t i = 0; i < GP_ARRAY_SIZE(specials); i++) {
		if (specials[i].is_exact ? gp_str_eq(name, gp_str(specials[i].name))
					 : gp_str_ieq(name, gp_str(specials[i].name)))
			f.special = specials[i].special;
	}
	*ret = f;
	return GP_OK;
}

static unsigned slot_of(struct gp_map *slots, struct gp_str name)
{
	uintptr_t slot = (uintptr_t)gp_map_get(slots, name);

	if (!slot) {
		slot = slots->len + 1;
		gp_map_set(slots, name, (void *)slot);
	}
	return (unsigned)slot - 1;
}

void gp_field_bind(struct gp_map *slots, struct gp_rule_field *f)
{
	if (f->is_mime)
		return;
	if (f->special == GP_FIELD_HEADER)
		f->slots[f->n_slots++] = slot_of(slots, f->name);
	for (size_t i = 0; i < GP_ARRAY_SIZE(specials); i++) {
		if (specials[i].special != f->special)
			continue;
		for (size_t k = 0; k < 4 && specials[i].headers[k]; k++)
			f->slots[f->n_slots++] = slot_of(slots, gp_str(specials[i].headers[k]));
	}
}

void gp_field_index_init(struct gp_field_index *x, const struct gp_rule_set *set,
			 const struct gp_map *slots, const struct gp_message *m,
			 const struct gp_relay_path *relays, struct gp_arena *a)
{
	x->message = m;
	x->relays = relays;
	x->set = set;
	x->n_slots = slots->len;
	x->first = GP_ARENA_NEW_N(a, slots->len + 1, unsigned);
	x->next = GP_ARENA_NEW_N(a, m->headers.len + 1, unsigned);
	for (size_t i = m->headers.len; i-- > 0;) { /* from the end, so that chains run forward */
		uintptr_t slot = (uintptr_t)gp_map_get(slots, m->headers.items[i].name);

		if (!slot)
			continue;
		x->next[i] = x->first[slot - 1];
		x->first[slot - 1] = (unsigned)i + 1;
	}
}

/* A raw value has the space behind its colon. */
static void add_plain(const struct gp_header *h, bool is_raw, struct gp_buf *out)
{
	gp_buf_add_str(out, is_raw ? h->raw : h->value);
	gp_buf_add_chr(out, '\n');
}

/* Raw, but each fold (line end and white space) a space. */
static void add_unfolded(const struct gp_header *h, struct gp_buf *out)
{
	struct gp_str s = h->raw;

	for (size_t i; (i = gp_str_find_chr(s, '\n', 0)) < s.len;) {
		gp_buf_add_str(out, gp_str_sub(s, 0, i));
		while (i < s.len && gp_is_space(s.ptr[i]))
			i++;
		if (i < s.len)
			gp_buf_add_chr(out, ' ');
		s = gp_str_sub(s, i, SIZE_MAX);
	}
	gp_buf_add_str(out, s);
	gp_buf_add_chr(out, '\n');
}

static void add_addresses(const struct gp_rule_field *f, const struct gp_header *h,
			  struct gp_arena *a, size_t start, struct gp_buf *out)
{
	bool is_name = f->modifiers & GP_FIELD_NAME;
	struct gp_rule_addrs list;

	gp_rule_addr_parse(a, h->raw, &list);
	for (size_t i = 0; i < list.len; i++) {
		struct gp_str s = is_name ? list.items[i].name : list.items[i].addr;

		if (!s.ptr)
			continue;
		if (is_name && !(f->modifiers & GP_FIELD_RAW))
			s = gp_rule_addr_decode(a, s);
		if (out->len > start)
			gp_buf_add_chr(out, '\n');
		gp_buf_add_str(out, s);
	}
}

static void add_header(const struct gp_rule_field *f, const struct gp_header *h, struct gp_arena *a,
		       size_t start, struct gp_buf *out)
{
	if (f->modifiers & (GP_FIELD_ADDR | GP_FIELD_NAME))
		add_addresses(f, h, a, start, out);
	else if (f->modifiers & GP_FIELD_RAW && f->special != GP_FIELD_HEADER)
		add_unfolded(h, out);
	else
		add_plain(h, f->modifiers & GP_FIELD_RAW, out);
}

static void add_whole(const struct gp_header *h, bool is_raw, struct gp_buf *out)
{
	gp_buf_add_str(out, h->name);
	gp_buf_add_cstr(out, is_raw ? ":" : ": ");
	add_plain(h, is_raw, out);
}

static bool add_all(const struct gp_rule_field *f, const struct gp_message *m, struct gp_buf *out)
{
	for (size_t i = 0; i < m->headers.len; i++)
		add_whole(&m->headers.items[i], f->modifiers & GP_FIELD_RAW, out);
	return m->headers.len > 0;
}

/*
 * The headers above (trusted, internal) or from on (untrusted, external) the
 * Received line with which the trusted part ends.  That line is ours and says
 * where the others begin: it belongs to both.
 */
static bool add_all_of(const struct gp_rule_field *f, const struct gp_message *m,
		       const struct gp_relay_path *r, struct gp_buf *out)
{
	enum gp_relay_lists group = (enum gp_relay_lists)(f->special - GP_FIELD_ALL_OF);
	bool is_upper = group == GP_RELAYS_TRUSTED || group == GP_RELAYS_INTERNAL;
	long edge = group == GP_RELAYS_TRUSTED || group == GP_RELAYS_UNTRUSTED
			    ? r->last_trusted + 1
			    : r->last_internal + 1;
	long lines = 0; /* Received lines seen */
	size_t start = out->len;

	for (size_t i = 0; i < m->headers.len; i++) {
		const struct gp_header *h = &m->headers.items[i];
		bool is_edge;

		lines += gp_str_ieq(h->name, GP_STR("Received"));
		is_edge = lines == edge + 1;
		if (is_upper ? lines <= edge || is_edge : lines > edge)
			add_whole(h, f->modifiers & GP_FIELD_RAW, out);
		if (is_upper && is_edge)
			break;
	}
	return out->len > start;
}

static bool add_envelope_from(struct gp_str s, struct gp_buf *out)
{
	gp_buf_add_str(out, s);
	return s.ptr != NULL;
}

/* Headers in which servers and fetchers leave the envelope sender, in the order of belief. */
static const struct {
	struct gp_str name;
	bool ends; /* if it was a list's, no other is looked at */
} sender_headers[] = {
	{GP_STR("X-Envelope-From"), true},
	{GP_STR("Envelope-Sender"), false},
	{GP_STR("Return-Path"), false},
};

/* The first address in the first header of that name; ptr NULL: none.  *ret_late: a Received
 * line stands above one of them, so that the message has been sent on since. */
static struct gp_str sender_in(const struct gp_message *m, struct gp_str name, struct gp_arena *a,
			       bool *ret_late)
{
	const struct gp_header *first = NULL;
	struct gp_rule_addrs list;
	bool is_received = false;

	*ret_late = false;
	for (size_t i = 0; i < m->headers.len; i++) {
		const struct gp_header *h = &m->headers.items[i];

		is_received |= gp_str_ieq(h->name, GP_STR("Received"));
		if (!gp_str_ieq(h->name, name))
			continue;
		first = first ? first : h;
		*ret_late |= is_received;
	}
	if (!first)
		return (struct gp_str){0};
	gp_rule_addr_parse(a, first->raw, &list);
	return list.len ? list.items[0].addr : (struct gp_str){0};
}

/* fetchmail makes up an envelope sender when a list has left one in X-Sender. */
static bool is_fetched_from_list(const struct gp_message *m, struct gp_arena *a)
{
	bool late;
	struct gp_str sender = sender_in(m, GP_STR("X-Sender"), a, &late);

	if (gp_str_find_chr(sender, '@', 0) == sender.len)
		return false;
	for (size_t i = 0; i < m->headers.len; i++) {
		const struct gp_header *h = &m->headers.items[i];

		if (gp_str_ieq(h->name, GP_STR("Received")) &&
		    gp_str_find(h->value, GP_STR("(fetchmail"), 0) < h->value.len)
			return true;
	}
	return false;
}

/* What the first relay that is not trusted was told; of an all trusted path the oldest. */
static struct gp_str sender_of_relays(const struct gp_relay_path *r)
{
	const struct gp_relay_list *trusted = &r->lists[GP_RELAYS_TRUSTED];
	const struct gp_relay_list *untrusted = &r->lists[GP_RELAYS_UNTRUSTED];
	struct gp_str s = {0};
	size_t at;

	if (untrusted->items.len)
		s = untrusted->items.items[0]->envfrom;
	else if (trusted->items.len)
		s = trusted->items.items[trusted->items.len - 1]->envfrom;
	at = gp_str_find_chr(s, '@', 0); /* <> is one too */
	return !s.len || (at > 0 && at < s.len) ? s : (struct gp_str){0};
}

struct gp_str gp_field_envelope_from(const struct gp_message *m, const struct gp_relay_path *relays,
				     const struct gp_rule_input *in, struct gp_arena *a)
{
	struct gp_str s = in->envelope_from;
	bool late;

	if (!s.ptr)
		s = sender_of_relays(relays);
	if (s.ptr || is_fetched_from_list(m, a))
		return s;
	for (size_t i = 0; i < GP_ARRAY_SIZE(sender_headers); i++) {
		s = sender_in(m, sender_headers[i].name, a, &late);
		if (s.ptr && !late)
			return s;
		if (s.ptr && sender_headers[i].ends)
			break;
	}
	return (struct gp_str){0};
}

/* What is no header and read as one; without a line end. */
static bool add_note(const struct gp_rule_field *f, const struct gp_message *m, struct gp_buf *out)
{
	struct gp_str s = gp_message_noted(m, f->name);

	if (f->modifiers & (GP_FIELD_ADDR | GP_FIELD_NAME))
		return false;
	gp_buf_add_str(out, s);
	return s.ptr != NULL;
}

/* The value, but for the modifiers that look for hosts in it. */
static bool whole_value(const struct gp_rule_field *f, const struct gp_field_index *x,
			const struct gp_rule_input *in, struct gp_arena *a, struct gp_buf *out)
{
	const struct gp_header *last = NULL;
	size_t start = out->len;
	bool found = false;

	if (f->special == GP_FIELD_ALL)
		return add_all(f, x->message, out);
	if (f->special == GP_FIELD_ENVELOPE_FROM)
		return add_envelope_from(
			gp_field_envelope_from(x->message, x->relays, in, a), out);
	if (f->special >= GP_FIELD_ALL_OF)
		return add_all_of(f, x->message, x->relays, out);
	if (f->special >= GP_FIELD_RELAYS) {
		gp_buf_add_str(out, x->relays->text[f->special - GP_FIELD_RELAYS]);
		return true;
	}
	for (unsigned s = 0; s < f->n_slots; s++) {
		for (unsigned i = x->first[f->slots[s]]; i; i = x->next[i - 1]) {
			const struct gp_header *h = &x->message->headers.items[i - 1];

			last = h;
			if ((f->modifiers & GP_FIELD_LAST) || (found && f->modifiers & GP_FIELD_FIRST))
				continue;
			found = true;
			add_header(f, h, a, start, out);
		}
	}
	if (last && f->modifiers & GP_FIELD_LAST)
		add_header(f, last, a, start, out);
	if (!last && x->set->textcat && f->special == GP_FIELD_HEADER && add_note(f, x->message, out))
		return true;
	if (f->modifiers & (GP_FIELD_ADDR | GP_FIELD_NAME))
		return out->len > start;
	if (!last && f->is_asn && x->relays->asn.len) {
		gp_buf_add_str(out, x->relays->asn);
		return true;
	}
	return last != NULL;
}

bool gp_field_value(const struct gp_rule_field *f, const struct gp_field_index *x,
		    const struct gp_rule_input *in, struct gp_arena *a, struct gp_buf *out)
{
	GP_BUF_AUTO value = GP_BUF_INIT(GP_RULE_FIELD_MAX);

	if (!(f->modifiers & (GP_FIELD_HOST | GP_FIELD_IP)))
		return whole_value(f, x, in, a, out);
	return whole_value(f, x, in, a, &value) &&
	       gp_field_hosts(f, x->set, gp_buf_str(&value), out);
}

struct gp_str gp_field_read(struct gp_str spec, const struct gp_rule_set *set,
			    const struct gp_rule_input *in, const struct gp_relay_path *relays,
			    struct gp_arena *a)
{
	GP_BUF_AUTO value = GP_BUF_INIT(GP_RULE_FIELD_MAX);
	struct gp_rule_field f;
	struct gp_field_index x;
	struct gp_map slots;

	if (gp_field_parse(a, spec, false, &f, NULL))
		return (struct gp_str){0};
	gp_map_init(&slots, a, true);
	gp_field_bind(&slots, &f);
	gp_field_index_init(&x, set, &slots, in->message, relays, a);
	if (!gp_field_value(&f, &x, in, a, &value))
		return (struct gp_str){0};
	return gp_str_n(gp_arena_cstr(a, gp_buf_str(&value)), value.len);
}

/* The space behind the colon is part of the message's own raw headers, not of the parts' below it. */
static void add_part_header(const struct gp_header *h, bool is_raw, bool is_top, struct gp_buf *out)
{
	struct gp_header trimmed = *h;

	while (!is_top && trimmed.raw.len && gp_is_space(*trimmed.raw.ptr))
		trimmed.raw = gp_str_sub(trimmed.raw, 1, SIZE_MAX);
	add_plain(&trimmed, is_raw, out);
}

bool gp_field_part_value(const struct gp_rule_field *f, const struct gp_part *part,
			 struct gp_buf *out)
{
	const struct gp_header *last = NULL;
	bool is_top = part->depth == 0;

	for (size_t i = 0; i < part->n_headers; i++) {
		const struct gp_header *h = &part->headers[i];

		if (f->special == GP_FIELD_ALL) {
			gp_buf_add_str(out, h->name);
			gp_buf_add_cstr(out, ": ");
			add_part_header(h, f->modifiers & GP_FIELD_RAW, false, out);
			last = h;
		} else if (gp_str_ieq(h->name, f->name)) {
			last = h;
		}
	}
	if (last && f->special != GP_FIELD_ALL)
		add_part_header(last, f->modifiers & GP_FIELD_RAW, is_top, out);
	return last != NULL;
}

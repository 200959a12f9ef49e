/*
 * Values end in a line end where SpamAssassin's do: headers do (several of the
 * same name are joined that way), addresses and names are joined by line ends
 * without a last one.  Rules depend on it: /^$/, /foo\n\z/.  Display names are
 * decoded also where :raw is said.
 */
#include "lib/score/rule_field.h"

#include "lib/mail/addr.h"

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
	{"EnvelopeFrom", GP_FIELD_ENVELOPE_FROM, false, {"Return-Path"}},
	{"X-Spam-Relays-Trusted", GP_FIELD_RELAYS + GP_RELAYS_TRUSTED, false, {0}},
	{"X-Spam-Relays-Untrusted", GP_FIELD_RELAYS + GP_RELAYS_UNTRUSTED, false, {0}},
	{"X-Spam-Relays-Internal", GP_FIELD_RELAYS + GP_RELAYS_INTERNAL, false, {0}},
	{"X-Spam-Relays-External", GP_FIELD_RELAYS + GP_RELAYS_EXTERNAL, false, {0}},
};

static const struct {
	const char *name;
	unsigned flag; /* 0: known, but we cannot */
} modifiers[] = {
	{"raw", GP_FIELD_RAW},	 {"addr", GP_FIELD_ADDR}, {"name", GP_FIELD_NAME},
	{"first", GP_FIELD_FIRST}, {"last", GP_FIELD_LAST}, {"host", 0},
	{"domain", 0},		 {"ip", 0},		  {"revip", 0},
};

static int parse_modifier(struct gp_str word, struct gp_rule_field *f, const char **ret_inert,
			  struct gp_diag *diag)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(modifiers); i++) {
		if (!gp_str_eq(word, gp_str(modifiers[i].name)))
			continue;
		f->modifiers |= modifiers[i].flag;
		if (!modifiers[i].flag)
			*ret_inert = "the modifiers :host, :domain, :ip and :revip are not supported";
		return GP_OK;
	}
	gp_diag_set(diag, "unknown header modifier \":%.*s\"", GP_STR_FMT(word));
	return GP_EINVAL;
}

int gp_field_parse(struct gp_rule_builder *b, struct gp_str spec, bool is_mime,
		   struct gp_rule_field *ret, const char **ret_inert, struct gp_diag *diag)
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
		if (parse_modifier(word, &f, ret_inert, diag))
			return GP_EINVAL;
	}
	f.name = gp_arena_str(b->arena, name);
	if (gp_str_starts(name, GP_STR("ALL-")))
		*ret_inert = "ALL-TRUSTED, ALL-EXTERNAL … need the analysis of relays";
	for (size_t i = 0; i < GP_ARRAY_SIZE(specials); i++) {
		if (specials[i].is_exact ? gp_str_eq(name, gp_str(specials[i].name))
					 : gp_str_ieq(name, gp_str(specials[i].name)))
			f.special = specials[i].special;
	}
	if (f.special >= GP_FIELD_RELAYS && !b->set->options.has_relays)
		*ret_inert = "needs the analysis of relays (X-Spam-Relays-…)";
	*ret = f;
	return GP_OK;
}

static unsigned slot_of(struct gp_rule_set *set, struct gp_str name)
{
	uintptr_t slot = (uintptr_t)gp_map_get(&set->slots, name);

	if (!slot) {
		slot = set->slots.len + 1;
		gp_map_set(&set->slots, name, (void *)slot);
	}
	return (unsigned)slot - 1;
}

void gp_field_bind(struct gp_rule_set *set, struct gp_rule_field *f)
{
	if (f->is_mime)
		return;
	if (f->special == GP_FIELD_HEADER)
		f->slots[f->n_slots++] = slot_of(set, f->name);
	for (size_t i = 0; i < GP_ARRAY_SIZE(specials); i++) {
		if (specials[i].special != f->special)
			continue;
		for (size_t k = 0; k < 4 && specials[i].headers[k]; k++)
			f->slots[f->n_slots++] = slot_of(set, gp_str(specials[i].headers[k]));
	}
}

void gp_field_index_init(struct gp_field_index *x, const struct gp_rule_set *set,
			 const struct gp_message *m, struct gp_arena *a)
{
	x->message = m;
	x->n_slots = set->slots.len;
	x->first = GP_ARENA_NEW_N(a, set->slots.len + 1, unsigned);
	x->next = GP_ARENA_NEW_N(a, m->headers.len + 1, unsigned);
	for (size_t i = m->headers.len; i-- > 0;) { /* from the end, so that chains run forward */
		uintptr_t slot = (uintptr_t)gp_map_get(&set->slots, m->headers.items[i].name);

		if (!slot)
			continue;
		x->next[i] = x->first[slot - 1];
		x->first[slot - 1] = (unsigned)i + 1;
	}
}

/* SpamAssassin's raw value: without the space behind the colon, with its line end. */
static struct gp_str raw_value(const struct gp_header *h)
{
	size_t i = 0;

	while (i < h->raw.len && gp_is_space(h->raw.ptr[i]))
		i++;
	return gp_str_sub(h->raw, i, SIZE_MAX);
}

static void add_plain(const struct gp_header *h, bool is_raw, struct gp_buf *out)
{
	gp_buf_add_str(out, is_raw ? raw_value(h) : gp_str_trim(h->value));
	gp_buf_add_chr(out, '\n');
}

static void add_addresses(const struct gp_rule_field *f, const struct gp_header *h,
			  struct gp_arena *a, size_t start, struct gp_buf *out)
{
	struct gp_addr_list list;

	gp_addr_parse(a, h->raw, &list);
	for (size_t i = 0; i < list.len; i++) {
		const struct gp_addr *e = &list.items[i];
		struct gp_str s = f->modifiers & GP_FIELD_NAME ? e->name : e->addr;

		if (s.len == 0 || (f->modifiers & GP_FIELD_ADDR && e->domain.len == 0))
			continue;
		if (out->len > start)
			gp_buf_add_chr(out, '\n');
		gp_buf_add_str(out, s);
	}
}

static bool add_all(const struct gp_rule_field *f, const struct gp_message *m, struct gp_buf *out)
{
	for (size_t i = 0; i < m->headers.len; i++) {
		const struct gp_header *h = &m->headers.items[i];

		gp_buf_add_str(out, h->name);
		if (f->modifiers & GP_FIELD_RAW) {
			gp_buf_add_chr(out, ':');
			gp_buf_add_str(out, h->raw);
			gp_buf_add_chr(out, '\n');
		} else {
			gp_buf_add_cstr(out, ": ");
			add_plain(h, false, out);
		}
	}
	return m->headers.len > 0;
}

static bool add_text(struct gp_str s, struct gp_buf *out, bool *ret_unknown)
{
	if (!s.ptr) {
		*ret_unknown = true;
		return false;
	}
	gp_buf_add_str(out, s);
	return true;
}

/* Of a message in a file the sender stands in Return-Path. */
static struct gp_str envelope_from(const struct gp_rule_field *f, const struct gp_field_index *x,
				   const struct gp_rule_input *in)
{
	unsigned i = x->first[f->slots[0]];
	struct gp_str s;

	if (in->envelope_from.ptr || !i)
		return in->envelope_from;
	s = gp_str_trim(x->message->headers.items[i - 1].raw);
	if (gp_str_starts(s, GP_STR("<")) && s.ptr[s.len - 1] == '>')
		s = gp_str_sub(s, 1, s.len - 2);
	return s;
}

bool gp_field_value(const struct gp_rule_field *f, const struct gp_field_index *x,
		    const struct gp_rule_input *in, struct gp_arena *a, struct gp_buf *out,
		    bool *ret_unknown)
{
	const struct gp_header *last = NULL;
	size_t start = out->len;
	bool found = false;

	if (f->special == GP_FIELD_ALL)
		return add_all(f, x->message, out);
	if (f->special == GP_FIELD_ENVELOPE_FROM)
		return add_text(envelope_from(f, x, in), out, ret_unknown);
	if (f->special >= GP_FIELD_RELAYS)
		return add_text(in->relays[f->special - GP_FIELD_RELAYS], out, ret_unknown);
	for (unsigned s = 0; s < f->n_slots; s++) {
		for (unsigned i = x->first[f->slots[s]]; i; i = x->next[i - 1]) {
			const struct gp_header *h = &x->message->headers.items[i - 1];

			last = h;
			if ((f->modifiers & GP_FIELD_LAST) || (found && f->modifiers & GP_FIELD_FIRST))
				continue;
			found = true;
			if (f->modifiers & (GP_FIELD_ADDR | GP_FIELD_NAME))
				add_addresses(f, h, a, start, out);
			else
				add_plain(h, f->modifiers & GP_FIELD_RAW, out);
		}
	}
	if (last && f->modifiers & GP_FIELD_LAST) {
		if (f->modifiers & (GP_FIELD_ADDR | GP_FIELD_NAME))
			add_addresses(f, last, a, start, out);
		else
			add_plain(last, f->modifiers & GP_FIELD_RAW, out);
	}
	if (f->modifiers & (GP_FIELD_ADDR | GP_FIELD_NAME))
		return out->len > start;
	return last != NULL;
}

bool gp_field_part_value(const struct gp_rule_field *f, const struct gp_part *part,
			 struct gp_buf *out)
{
	const struct gp_header *last = NULL;

	for (size_t i = 0; i < part->n_headers; i++) {
		const struct gp_header *h = &part->headers[i];

		if (f->special == GP_FIELD_ALL) {
			gp_buf_add_str(out, h->name);
			gp_buf_add_cstr(out, ": ");
			add_plain(h, f->modifiers & GP_FIELD_RAW, out);
			last = h;
		} else if (gp_str_ieq(h->name, f->name)) {
			last = h;
		}
	}
	if (last && f->special != GP_FIELD_ALL)
		add_plain(last, f->modifiers & GP_FIELD_RAW, out);
	return last != NULL;
}

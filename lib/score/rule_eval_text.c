/*
 * Header names are looked for in the message itself, each once: eval functions
 * ask for some twenty names, for From a dozen times.
 */
#include "lib/score/rule_eval_text.h"

#include "lib/base/num.h"
#include "lib/mail/relay_form.h"
#include "lib/score/rule_addr.h"
#include "lib/score/rule_field.h"
#include "lib/score/rule_pcre.h"

#define TO_RECEIVED_MAX 3 /* Received lines searched for a recipient */

/* What is known of the headers of one name; ptr NULL, NULL: not asked for yet. */
struct named {
	struct gp_str name;
	struct gp_str value, raw;
	const struct gp_eval_addrs *addrs;
};

/* Enough for all names that SpamAssassin's functions and rules ask for; the room is a lap's: of
 * more, the first ones are forgotten. */
#define NAMED_MAX 64

struct headers {
	struct named items[NAMED_MAX];
	size_t n; /* ever noted */
};

static struct named *named(struct gp_eval *e, struct gp_str name)
{
	struct headers *h = e->memo[GP_EVAL_HEADERS];
	struct named *new;

	if (!h) {
		h = e->memo[GP_EVAL_HEADERS] = gp_arena_alloc(e->arena, sizeof(*h));
		h->n = 0;
	}
	for (size_t i = 0; i < GP_MIN(h->n, (size_t)NAMED_MAX); i++)
		if (gp_str_ieq(h->items[i].name, name))
			return &h->items[i];
	new = &h->items[h->n++ % NAMED_MAX];
	*new = (struct named){.name = name};
	return new;
}

static struct gp_str join(struct gp_eval *e, struct gp_str wanted, bool is_raw)
{
	const struct gp_message *m = e->in->message;
	size_t len = 0;
	char *out, *p;

	for (size_t i = 0; i < m->headers.len; i++)
		if (gp_str_ieq(m->headers.items[i].name, wanted))
			len += GP_MAX(m->headers.items[i].raw.len, m->headers.items[i].value.len) + 1;
	if (!len)
		return GP_STR("");
	p = out = gp_arena_alloc(e->arena, len);
	for (size_t i = 0; i < m->headers.len; i++) {
		const struct gp_header *h = &m->headers.items[i];
		struct gp_str s = is_raw ? h->raw : h->value;

		if (!gp_str_ieq(h->name, wanted))
			continue;
		memcpy(p, s.ptr, s.len);
		p += s.len;
		*p++ = '\n';
	}
	return gp_str_n(out, (size_t)(p - out));
}

struct gp_str gp_eval_header(struct gp_eval *e, const char *name)
{
	struct named *h = named(e, gp_str(name));

	if (!h->value.ptr)
		h->value = join(e, h->name, false);
	return h->value;
}

struct gp_str gp_eval_raw_header(struct gp_eval *e, const char *name)
{
	struct named *h = named(e, gp_str(name));

	if (!h->raw.ptr)
		h->raw = join(e, h->name, true);
	return h->raw;
}

static void add(struct gp_eval *e, struct gp_str s, struct gp_eval_addrs *out)
{
	if (s.len)
		*gp_vec_push(e->arena, &out->items) = s;
}

static void add_of_header(struct gp_eval *e, struct gp_str raw, struct gp_eval_addrs *out)
{
	struct gp_rule_addrs list;

	gp_rule_addr_parse(e->arena, raw, &list);
	for (size_t i = 0; i < list.len; i++)
		add(e, list.items[i].addr, out);
}

static const struct gp_eval_addrs *read_addrs(struct gp_eval *e, struct gp_str name)
{
	const struct gp_message *m = e->in->message;
	struct gp_eval_addrs *out = GP_ARENA_NEW(e->arena, struct gp_eval_addrs);

	if (gp_str_ieq(name, GP_STR("EnvelopeFrom"))) {
		add(e, gp_field_envelope_from(m, e->relays, e->in, e->arena), out);
		return out;
	}
	for (size_t i = 0; i < m->headers.len; i++)
		if (gp_str_ieq(m->headers.items[i].name, name))
			add_of_header(e, m->headers.items[i].raw, out);
	return out;
}

static const struct gp_eval_addrs *addrs_of(struct gp_eval *e, struct gp_str name)
{
	struct named *h = named(e, name);

	if (!h->addrs)
		h->addrs = read_addrs(e, h->name);
	return h->addrs;
}

void gp_eval_add_addrs(struct gp_eval *e, struct gp_str name, struct gp_eval_addrs *out)
{
	const struct gp_eval_addrs *addrs =
		addrs_of(e, gp_str_sub(name, 0, gp_str_find_chr(name, ':', 0)));

	for (size_t i = 0; i < addrs->items.len; i++)
		add(e, addrs->items.items[i], out);
}

struct gp_str gp_eval_addr(struct gp_eval *e, const char *name)
{
	struct gp_str s = gp_str(name);
	const struct gp_eval_addrs *addrs =
		addrs_of(e, gp_str_sub(s, 0, gp_str_find_chr(s, ':', 0)));

	return addrs->items.len ? addrs->items.items[0] : GP_STR("");
}

/* Each once, in order. */
static void drop_same(struct gp_eval_addrs *addrs)
{
	size_t n = 0;

	for (size_t i = 0; i < addrs->items.len; i++) {
		size_t k = 0;

		while (k < n && !gp_str_eq(addrs->items.items[k], addrs->items.items[i]))
			k++;
		if (k == n)
			addrs->items.items[n++] = addrs->items.items[i];
	}
	addrs->items.len = n;
}

/* Addresses of the first header of each name; false when there are none. */
static bool add_resent(struct gp_eval *e, const char *const *names, size_t n,
		       struct gp_eval_addrs *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct gp_header *h = gp_message_header(e->in->message, names[i]);

		if (h)
			add_of_header(e, h->raw, out);
	}
	return out->items.len != 0;
}

/* "a@b..c" as "a@b.c". */
static struct gp_str single_dots(struct gp_eval *e, struct gp_str s)
{
	char *out = gp_arena_cstr(e->arena, s);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != '.' || !n || out[n - 1] != '.')
			out[n++] = s.ptr[i];
	return gp_str_n(out, n);
}

const struct gp_eval_addrs *gp_eval_from_addrs(struct gp_eval *e)
{
	static const char *const resent[] = {"Resent-From"};
	static const char *const names[] = {"From", "Envelope-Sender", "Resent-Sender",
					    "X-Envelope-From", "EnvelopeFrom"};
	struct gp_eval_addrs *addrs = e->memo[GP_EVAL_FROM];

	if (addrs)
		return addrs;
	addrs = e->memo[GP_EVAL_FROM] = GP_ARENA_NEW(e->arena, struct gp_eval_addrs);
	if (!add_resent(e, resent, GP_ARRAY_SIZE(resent), addrs)) {
		for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
			gp_eval_add_addrs(e, gp_str(names[i]), addrs);
		for (size_t i = 0; i < addrs->items.len; i++)
			addrs->items.items[i] = single_dots(e, addrs->items.items[i]);
	}
	drop_same(addrs);
	return addrs;
}

/* " for <user@host>;" of the topmost Received lines. */
static void add_received_for(struct gp_eval *e, struct gp_eval_addrs *out)
{
	for (unsigned i = 0; i < TO_RECEIVED_MAX; i++) {
		const struct gp_header *h = gp_message_header_n(e->in->message, "Received", i);
		struct gp_relay_match m = {0};
		struct gp_str s;

		if (!h || (!gp_relay_form_match(h->value, "%t for <%h>;", &m) &&
			   !gp_relay_form_match(h->value, "%t for %h;", &m)))
			continue;
		s = m.fields[GP_RELAY_HELO];
		if (gp_str_find_chr(gp_eval_domain(s), '.', 0) < gp_eval_domain(s).len)
			add(e, s, out);
	}
}

const struct gp_eval_addrs *gp_eval_to_addrs(struct gp_eval *e)
{
	static const char *const resent[] = {"Resent-To", "Resent-Cc"};
	static const char *const names[] = {
		"To", "Apparently-To", "Delivered-To", "Envelope-Recipients",
		"Apparently-Resent-To", "X-Envelope-To", "Envelope-To", "X-Delivered-To",
		"X-Original-To", "X-Rcpt-To", "X-Real-To", "Cc",
	};
	struct gp_eval_addrs *addrs = e->memo[GP_EVAL_TO];

	if (addrs)
		return addrs;
	addrs = e->memo[GP_EVAL_TO] = GP_ARENA_NEW(e->arena, struct gp_eval_addrs);
	if (!add_resent(e, resent, GP_ARRAY_SIZE(resent), addrs)) {
		for (size_t i = 0; i < e->in->n_recipients; i++)
			add(e, e->in->recipients[i], addrs);
		add_received_for(e, addrs);
		for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
			gp_eval_add_addrs(e, gp_str(names[i]), addrs);
	}
	drop_same(addrs);
	return addrs;
}

const struct gp_rule_subject *gp_eval_subject(struct gp_eval *e, enum gp_rule_type target)
{
	struct gp_rule_subject *s = &e->subjects[target];

	if (!s->ranges)
		gp_rule_subject_build(target, e->set, e->in, e->relays, e->pcre, e->arena, s);
	return s;
}

struct gp_str gp_eval_domain(struct gp_str addr)
{
	size_t i = addr.len;

	while (i && addr.ptr[i - 1] != '@')
		i--;
	return gp_str_sub(addr, i, addr.len);
}

struct gp_str gp_eval_signer(const struct gp_dkim_result *r)
{
	return r->identity.len ? gp_eval_domain(r->identity) : r->domain;
}

struct gp_str gp_eval_lower(struct gp_eval *e, struct gp_str s)
{
	return gp_arena_lower(e->arena, s);
}

bool gp_eval_matches(struct gp_eval *e, const char *pattern, unsigned flags, struct gp_str text)
{
	const struct gp_regex *re = gp_pcre_keep(e->pcre, gp_str(pattern), flags);
	bool limited = false;

	if (!re) /* malformed, or one too many */
		return gp_eval_matches_once(e, pattern, flags, text);
	return gp_pcre_count(e->pcre, re, text, 1, NULL, &limited) > 0;
}

bool gp_eval_matches_once(struct gp_eval *e, const char *pattern, unsigned flags,
			  struct gp_str text)
{
	struct gp_regex re = {.text = gp_str(pattern), .flags = flags | GP_REGEX_ONCE};
	struct gp_diag diag;
	bool limited = false;

	return gp_pcre_compile(e->arena, &re, &diag) == GP_OK &&
	       gp_pcre_count(e->pcre, &re, text, 1, NULL, &limited) > 0;
}

bool gp_eval_number(struct gp_str arg, double *ret)
{
	return gp_str_eq(arg, GP_STR("undef")) || gp_num_parse_double(arg, ret) == GP_OK;
}

bool gp_eval_in_range(double value, const struct gp_str *args, size_t n_args)
{
	double min = value, max = 0;
	bool has_max = n_args > 1 && !gp_str_eq(args[1], GP_STR("undef"));

	if ((n_args && !gp_eval_number(args[0], &min)) || (has_max && !gp_eval_number(args[1], &max)))
		return false;
	return value >= min && (!has_max || value < max);
}

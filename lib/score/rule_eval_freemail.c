/*
 * Eval functions over addresses of free mail providers, under SpamAssassin's
 * names (Mail::SpamAssassin::Plugin::FreeMail): freemail_domains and the
 * settings beside it come from the rule files.
 */
#include "lib/score/rule_email.h"
#include "lib/score/rule_eval_text.h"
#include "lib/score/rule_regex.h"

#define KNOWN_MAX 16 /* addresses of which it is remembered whether they are a free mailer's */
#define BODY_ADDRESSES_MAX 40 /* further ones are not looked at */
#define DETAIL_MAX 1000

/* Local parts that nobody's own mailbox has. */
static const char *const role_patterns[] = {
	"^(?:abuse|support|sales|info|helpdesk|contact|kontakt|(?:post|host|domain)master)$",
	"^(?:undisclosed.*|request-[a-f0-9]{16}|bounced?-|.+=.+=.+)$",
	"^[a-f0-9]{8}(?:\\.[a-f0-9]{8}|-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12})$",
};

static const char bulk_sender[] =
	"(?:^(?:post|host|domain)master|^double-bounce|^(?:sentto|owner|return|(?:gr)?bounced?)-.+|"
	"-(?:request|bounces?|admin|owner)|\\b(?:do[._-t]?)?no[._-t]?repl(?:y|ies)|.+=.+)@";

static const struct gp_rule_list *list(const struct gp_eval *e, const char *name)
{
	return gp_rule_list_get(e->set, gp_str(name));
}

static size_t count_dots(struct gp_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.ptr[i] == '.';
	return n;
}

/* "yahoo.*" has as many labels as what it stands for. */
static bool is_provider(const struct gp_rule_list *domains, struct gp_str domain)
{
	if (gp_rule_list_has(domains, domain))
		return true;
	for (size_t i = 0; i < domains->globs.len; i++)
		if (gp_str_glob(domains->globs.items[i], domain) &&
		    count_dots(domains->globs.items[i]) == count_dots(domain))
			return true;
	return false;
}

static bool is_imported(struct gp_eval *e, const char *setting, const char *name, struct gp_str addr)
{
	return gp_rule_list_number(e->set, setting, 0) != 0 &&
	       gp_rule_list_matches(list(e, name), addr);
}

/* addr is lower case. */
static bool find_out(struct gp_eval *e, struct gp_str addr)
{
	struct gp_str domain = gp_eval_domain(addr);
	struct gp_str local = gp_str_sub(addr, 0, addr.len - GP_MIN(domain.len + 1, addr.len));

	if (!addr.len || !is_provider(list(e, "freemail_domains"), domain) ||
	    gp_rule_list_has(list(e, "freemail_welcomelist"), addr) ||
	    gp_rule_list_has(list(e, "freemail_welcomelist"), domain))
		return false;
	for (size_t i = 0; i < GP_ARRAY_SIZE(role_patterns); i++)
		if (gp_eval_matches(e, role_patterns[i], GP_REGEX_CASELESS, local))
			return false;
	return !is_imported(e, "freemail_import", "welcomelist_auth", addr) &&
	       !is_imported(e, "freemail_import_def", "def_welcomelist_auth", addr);
}

struct known {
	struct gp_str addr;
	bool is_freemail;
};

struct freemails {
	GP_VEC(struct known) items;
};

/* addr is lower case.  Several functions ask about the same few. */
static bool is_freemail(struct gp_eval *e, struct gp_str addr)
{
	struct freemails *f = e->memo[GP_EVAL_FREEMAILS];
	bool answer;

	if (!f)
		f = e->memo[GP_EVAL_FREEMAILS] = GP_ARENA_NEW(e->arena, struct freemails);
	for (size_t i = 0; i < f->items.len; i++)
		if (gp_str_eq(f->items.items[i].addr, addr))
			return f->items.items[i].is_freemail;
	answer = find_out(e, addr);
	if (f->items.len < KNOWN_MAX)
		*gp_vec_push(e->arena, &f->items) = (struct known){addr, answer};
	return answer;
}

/* "(at)" for '@': reports are mail, and may be read as such. */
static void add_address(struct gp_buf *out, struct gp_str addr)
{
	size_t at = gp_str_find_last(addr, '@');

	gp_buf_printf(out, "%.*s(at)%.*s", GP_STR_FMT(gp_str_sub(addr, 0, at)),
		      GP_STR_FMT(gp_str_sub(addr, at + 1, SIZE_MAX)));
}

/* The first n addresses with `between` between them, and behind `joint` those of `more`. */
static void tell(struct gp_eval *e, const struct gp_str *addrs, size_t n, const char *between,
		 const char *joint, const struct gp_str *more, size_t n_more)
{
	GP_BUF_AUTO out = GP_BUF_INIT(DETAIL_MAX);

	if (gp_rule_list_number(e->set, "freemail_add_describe_email", 1) == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		gp_buf_add_cstr(&out, i ? between : "");
		add_address(&out, gp_eval_lower(e, addrs[i]));
	}
	for (size_t i = 0; i < n_more; i++) {
		gp_buf_add_cstr(&out, i ? between : joint);
		add_address(&out, gp_eval_lower(e, more[i]));
	}
	e->detail = gp_arena_str(e->arena, gp_buf_str(&out));
}

/* The first of the addresses that is a free mailer's and, if given, matches the pattern. */
static bool any_freemail(struct gp_eval *e, const struct gp_eval_addrs *addrs,
			 const struct gp_str *pattern)
{
	for (size_t i = 0; i < addrs->items.len; i++) {
		struct gp_str addr = gp_eval_lower(e, addrs->items.items[i]);

		if (is_freemail(e, addr) &&
		    (!pattern ||
		     gp_eval_matches(e, gp_arena_cstr(e->arena, *pattern), 0, addr))) {
			tell(e, &addr, 1, "", "", NULL, 0);
			return true;
		}
	}
	return false;
}

static bool check_freemail_from(struct gp_eval *e, const struct gp_rule_eval *row,
				const struct gp_str *args, size_t n_args)
{
	return any_freemail(e, gp_eval_from_addrs(e), n_args ? &args[0] : NULL);
}

static bool check_freemail_header(struct gp_eval *e, const struct gp_rule_eval *row,
				  const struct gp_str *args, size_t n_args)
{
	struct gp_eval_addrs addrs = {0};

	gp_eval_add_addrs(e, args[0], &addrs);
	return any_freemail(e, &addrs, n_args > 1 ? &args[1] : NULL);
}

struct body {
	struct gp_eval_addrs addrs; /* of free mailers, lower case */
	bool is_over; /* so many that they say nothing */
};

/* Lower case. */
static struct gp_str address_at(struct gp_eval *e, struct gp_str text, size_t at)
{
	return gp_eval_lower(e, gp_rule_email_around(e->set, text, at,
						     GP_EMAIL_NOT_QUOTED | GP_EMAIL_NOT_IN_URL));
}

static void add_once(struct gp_eval *e, struct gp_eval_addrs *all, struct gp_str addr)
{
	for (size_t i = 0; i < all->items.len; i++)
		if (gp_str_eq(all->items.items[i], addr))
			return;
	*gp_vec_push(e->arena, &all->items) = addr;
}

/* Links; one that the text shows as it is counts only as part of the text. */
static void add_links(struct gp_eval *e, struct gp_eval_addrs *all)
{
	const struct gp_message *m = e->in->message;

	for (size_t i = 0; i < m->uris.len && all->items.len < BODY_ADDRESSES_MAX; i++) {
		struct gp_str s = m->uris.items[i].uri;
		struct gp_str addr;

		if (!(m->uris.items[i].sources & GP_URI_HREF) || !gp_str_istarts(s, GP_STR("mailto:")))
			continue;
		s = gp_str_sub(s, 7, s.len);
		if (gp_str_find(m->text, s, 0) < m->text.len)
			continue;
		s = gp_str_sub(s, 0, gp_str_find_chr(s, '?', 0));
		addr = address_at(e, s, gp_str_find_chr(s, '@', 0));
		if (addr.len)
			add_once(e, all, addr);
	}
}

/* The text's addresses, and which are of free mailers. */
static const struct body *body_of(struct gp_eval *e)
{
	double max = gp_rule_list_number(e->set, "freemail_max_body_emails", 5);
	double freemail_max = gp_rule_list_number(e->set, "freemail_max_body_freemails", 3);
	struct gp_str text = e->in->message->text;
	struct gp_eval_addrs all = {0};
	struct body *b = e->memo[GP_EVAL_FREEMAIL_BODY];

	if (b)
		return b;
	b = e->memo[GP_EVAL_FREEMAIL_BODY] = GP_ARENA_NEW(e->arena, struct body);
	add_links(e, &all);
	for (size_t at = 0; all.items.len < BODY_ADDRESSES_MAX &&
			    (at = gp_str_find_chr(text, '@', at)) < text.len; at++) {
		struct gp_str addr = address_at(e, text, at);

		if (addr.len)
			add_once(e, &all, addr);
	}
	for (size_t i = 0; i < all.items.len; i++)
		if (is_freemail(e, all.items.items[i]))
			*gp_vec_push(e->arena, &b->addrs.items) = all.items.items[i];
	b->is_over = gp_rule_list_number(e->set, "freemail_skip_when_over_max", 1) != 0 &&
		     ((double)all.items.len >= max || (double)b->addrs.items.len >= freemail_max);
	return b;
}

static bool check_freemail_body(struct gp_eval *e, const struct gp_rule_eval *row,
				const struct gp_str *args, size_t n_args)
{
	const struct body *b = body_of(e);

	if (b->is_over || !any_freemail(e, &b->addrs, n_args ? &args[0] : NULL))
		return false;
	if (n_args == 0)
		tell(e, b->addrs.items.items, b->addrs.items.len, ", ", "", NULL, 0);
	return true;
}

static bool has(const struct gp_eval_addrs *addrs, struct gp_str addr)
{
	for (size_t i = 0; i < addrs->items.len; i++)
		if (gp_str_ieq(addrs->items.items[i], addr))
			return true;
	return false;
}

static bool share_some(const struct gp_eval_addrs *a, const struct gp_eval_addrs *b)
{
	for (size_t i = 0; i < a->items.len; i++)
		if (has(b, a->items.items[i]))
			return true;
	return false;
}

static bool is_bulk(struct gp_eval *e)
{
	return gp_rule_list_number(e->set, "freemail_skip_bulk_envfrom", 1) != 0 &&
	       gp_eval_matches(e, bulk_sender, GP_REGEX_CASELESS, gp_eval_addr(e, "EnvelopeFrom"));
}

/* Answers would go to another free mailbox than the one that it comes from, or the text names. */
static bool check_freemail_replyto(struct gp_eval *e, const struct gp_rule_eval *row,
				   const struct gp_str *args, size_t n_args)
{
	bool from_is, reply_is, is_reply = n_args && gp_str_eq(args[0], GP_STR("reply"));
	struct gp_eval_addrs from = {0}, reply = {0};
	const struct gp_eval_addrs *wanted;
	const struct body *b;

	gp_eval_add_addrs(e, GP_STR("From"), &from);
	gp_eval_add_addrs(e, GP_STR("Reply-To"), &reply);
	from_is = any_freemail(e, &from, NULL);
	reply_is = any_freemail(e, &reply, NULL);
	if ((!from_is && !reply_is) || is_bulk(e))
		return false;
	e->detail = (struct gp_str){0};
	if (from_is && reply_is && !share_some(&from, &reply)) {
		tell(e, from.items.items, from.items.len, ",", " -> ", reply.items.items,
		     reply.items.len);
		return true;
	}
	if (is_reply ? !from_is || (reply.items.len && !reply_is) : !reply_is)
		return false;
	b = body_of(e);
	wanted = !is_reply || reply_is ? &reply : &from;
	for (size_t i = 0; !b->is_over && i < b->addrs.items.len; i++)
		for (size_t k = 0; k < wanted->items.len; k++)
			if (!gp_str_ieq(b->addrs.items.items[i], wanted->items.items[k])) {
				tell(e, &wanted->items.items[k], 1, "", ", ", &b->addrs.items.items[i], 1);
				return true;
			}
	return false;
}

const struct gp_rule_eval gp_rule_evals_freemail[] = {
	{"check_freemail_from", 0, 1, check_freemail_from, 0, false},
	{"check_freemail_header", 1, 2, check_freemail_header, 0, false},
	{"check_freemail_body", 0, 1, check_freemail_body, 0, false},
	{"check_freemail_replyto", 0, 1, check_freemail_replyto, 0, false},
	{0},
};

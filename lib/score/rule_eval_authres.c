/*
 * check_authres_result: what servers of ours wrote into Authentication-Results (and ARC's), as
 * Mail::SpamAssassin::Plugin::AuthRes reads it: RFC 8601 with the methods, results and properties that
 * it knows; a field with anything else in it counts for nothing.
 *
 * These are results that rules ask for by name.  What the checks of SPF, DKIM and DMARC go by is
 * milter-dkim's sealed results, which lib/auth reads.
 */
#include "lib/score/rule_eval.h"
#include "lib/score/rule_field.h"

/* Properties: "TYPE.NAME", "TYPE.*". */
static const struct method {
	const char *name, *results, *properties;
} methods[] = {
	{"arc", "fail none pass", "smtp.remote-ip header.oldest-pass arc.chain"},
	{"auth", "fail none pass permerror temperror", "smtp.auth smtp.mailfrom"},
	{"dkim", "fail neutral none pass permerror policy temperror",
	 "header.d header.i header.b header.a header.s"},
	{"dkim-adsp", "discard fail none nxdomain pass permerror temperror unknown", "header.from"},
	{"dkim-atps", "fail none pass permerror temperror neutral", "header.from"},
	{"dmarc", "bestguesspass fail none pass permerror temperror", "header.from policy.dmarc"},
	{"dnswl", "none pass permerror temperror", "dns.zone dns.sec policy.ip policy.txt"},
	{"domainkeys", "fail neutral none permerror policy pass temperror",
	 "header.d header.from header.sender"},
	{"iprev", "fail pass permerror temperror", "policy.iprev"},
	{"rrvs", "fail none pass permerror temperror unknown", "smtp.rcptto"},
	{"sender-id", "fail hardfail neutral none pass permerror policy softfail temperror", "header.*"},
	{"smime", "fail neutral none pass permerror policy temperror",
	 "body.smime-part body.smime-identifer body.smime-serial body.smime-issuer"},
	{"spf", "fail hardfail neutral none pass permerror policy softfail temperror",
	 "smtp.mailfrom smtp.mfrom smtp.helo smtp.rcpttodomain"},
	{"vbr", "fail none pass permerror temperror", "header.md header.mv"},
};

struct results {
	struct gp_str of[GP_ARRAY_SIZE(methods)]; /* empty: none */
};

/* Reads on until something is not as it should be: then `bad`. */
struct cursor {
	struct gp_str rest;
	bool bad;
};

static bool is_in(struct gp_str word, const char *list)
{
	struct gp_str rest = gp_str(list), item;

	while (gp_str_next_word(&rest, &item))
		if (gp_str_eq(item, word))
			return true;
	return false;
}

static void skip_space(struct cursor *c)
{
	while (c->rest.len && gp_is_space(c->rest.ptr[0]))
		c->rest = gp_str_sub(c->rest, 1, SIZE_MAX);
}

/* Blanks, and a comment between them. */
static void skip(struct cursor *c)
{
	unsigned depth = 0;
	size_t n = 0;

	skip_space(c);
	if (!gp_str_starts(c->rest, GP_STR("(")))
		return;
	do {
		depth += c->rest.ptr[n] == '(';
		depth -= c->rest.ptr[n] == ')';
	} while (++n < c->rest.len && depth);
	c->bad |= depth != 0;
	c->rest = gp_str_sub(c->rest, n, SIZE_MAX);
	skip_space(c);
}

static bool take(struct cursor *c, char wanted)
{
	if (c->rest.len == 0 || c->rest.ptr[0] != wanted)
		return false;
	c->rest = gp_str_sub(c->rest, 1, SIZE_MAX);
	return true;
}

static void want(struct cursor *c, char wanted)
{
	c->bad |= !take(c, wanted);
	skip(c);
}

static bool is_word_chr(char c)
{
	return gp_is_alnum(c) || c == '_' || c == '-';
}

static bool is_token_chr(char c)
{
	return c > 0x20 && c < 0x7f && !strchr("()<>@,;:/[]?=\"", c);
}

static bool is_atom_chr(char c)
{
	return gp_is_alnum(c) || (c && strchr("@!#$%&\\'*+-/=?^_`{|}~.", c));
}

static struct gp_str take_run(struct cursor *c, bool (*is_of)(char c))
{
	struct gp_str s = c->rest;
	size_t n = 0;

	while (n < s.len && is_of(s.ptr[n]))
		n++;
	c->bad |= n == 0;
	c->rest = gp_str_sub(s, n, SIZE_MAX);
	return gp_str_sub(s, 0, n);
}

/* In lower case, in place of the arena. */
static struct gp_str take_word(struct cursor *c, struct gp_arena *a)
{
	struct gp_str word = gp_arena_lower(a, take_run(c, is_word_chr));

	skip(c);
	return word;
}

static bool take_quoted(struct cursor *c)
{
	if (!take(c, '"'))
		return false;
	while (c->rest.len && !take(c, '"')) {
		take(c, '\\');
		c->rest = gp_str_sub(c->rest, 1, SIZE_MAX);
	}
	return true;
}

static bool ends_here(const struct cursor *c)
{
	return c->rest.len == 0 || c->rest.ptr[0] == ';' || gp_is_space(c->rest.ptr[0]);
}

static void take_value(struct cursor *c)
{
	struct cursor atom = *c, token = *c;

	if (!take_quoted(c)) {
		take_run(&atom, is_atom_chr);
		take_run(&token, is_token_chr);
		*c = !atom.bad && ends_here(&atom) ? atom : token;
		c->bad |= !ends_here(c);
	}
	skip(c);
}

/* "reason=…", "action=…", where it is there. */
static void take_named(struct cursor *c, struct gp_str name)
{
	struct cursor ahead = *c;

	if (!gp_str_ieq(take_run(&ahead, is_word_chr), name))
		return;
	*c = ahead;
	skip(c);
	want(c, '=');
	if (!c->bad && !take_quoted(c))
		take_run(c, is_token_chr);
	skip(c);
}

static void take_properties(struct cursor *c, const struct method *m, struct gp_arena *a)
{
	while (!c->bad && c->rest.len && !take(c, ';')) {
		struct gp_str type = take_word(c, a), name;

		want(c, '.');
		name = take_word(c, a);
		want(c, '=');
		take_value(c);
		c->bad |= !is_in(gp_str(gp_arena_printf(a, "%.*s.%.*s", GP_STR_FMT(type),
							GP_STR_FMT(name))), m->properties) &&
			  !is_in(gp_str(gp_arena_printf(a, "%.*s.*", GP_STR_FMT(type))),
				 m->properties);
	}
	skip(c);
}

/* "METHOD[/VERSION]=RESULT …;" */
static void take_result(struct cursor *c, struct gp_arena *a, struct results *ret)
{
	struct gp_str name = take_word(c, a), result;
	size_t i = 0;

	while (i < GP_ARRAY_SIZE(methods) && !gp_str_eq(name, gp_str(methods[i].name)))
		i++;
	if (i == GP_ARRAY_SIZE(methods)) {
		c->bad = true;
		return;
	}
	if (take(c, '/')) {
		skip(c);
		take_word(c, a);
	}
	want(c, '=');
	result = take_run(c, is_word_chr);
	skip(c);
	c->bad |= !is_in(result, methods[i].results);
	take_named(c, GP_STR("reason"));
	take_named(c, GP_STR("action"));
	take_properties(c, &methods[i], a);
	if (ret->of[i].len == 0 || gp_str_eq(result, GP_STR("pass")))
		ret->of[i] = result;
}

/* ARC's begin with "i=N;". */
static void take_instance(struct cursor *c, struct gp_arena *a)
{
	struct gp_str tag = take_word(c, a);

	c->bad |= !gp_str_eq(tag, GP_STR("i"));
	want(c, '=');
	take_word(c, a);
	want(c, ';');
}

static bool is_believed(const struct gp_eval *e, struct gp_str authserv)
{
	const struct gp_rule_list *trusted =
		gp_rule_list_get(e->set, GP_STR("authres_trusted_authserv"));

	return (trusted->items.len == 0 || gp_rule_list_has(trusted, authserv)) &&
	       !gp_rule_list_has(gp_rule_list_get(e->set, GP_STR("authres_ignored_authserv")),
				 authserv);
}

/* Adds the results of one field, if all of it can be read. */
static void read_field(struct gp_eval *e, struct gp_str value, bool is_arc, struct results *all)
{
	struct cursor c = {.rest = gp_str_trim(value)};
	struct results own = *all;
	struct gp_str authserv;

	if (is_arc)
		take_instance(&c, e->arena);
	authserv = take_run(&c, is_token_chr);
	if (c.bad || !is_believed(e, authserv))
		return;
	skip(&c);
	while (c.rest.len && gp_is_digit(c.rest.ptr[0]))
		c.rest = gp_str_sub(c.rest, 1, SIZE_MAX);
	skip(&c);
	want(&c, ';');
	while (!c.bad && c.rest.len) {
		if (gp_str_istarts(c.rest, authserv) && /* some write their name twice */
		    gp_str_starts(gp_str_trim(gp_str_sub(c.rest, authserv.len, SIZE_MAX)), GP_STR(";"))) {
			c.rest = gp_str_sub(c.rest, gp_str_find_chr(c.rest, ';', 0) + 1, SIZE_MAX);
			skip(&c);
		}
		take_result(&c, e->arena, &own);
	}
	if (!c.bad)
		*all = own;
}

static const char *headers_of(const struct gp_eval *e)
{
	const struct gp_rule_list *list = gp_rule_list_get(e->set, GP_STR("authres_networks"));

	if (list->items.len && gp_str_ieq(list->items.items[0], GP_STR("all")))
		return "ALL";
	if (list->items.len && gp_str_ieq(list->items.items[0], GP_STR("trusted")))
		return "ALL-TRUSTED";
	return "ALL-INTERNAL";
}

static const struct results *results_of(struct gp_eval *e)
{
	const struct gp_str name = GP_STR("Authentication-Results:"), arc = GP_STR("ARC-");
	struct results *all = e->memo[GP_EVAL_AUTHRES];
	struct gp_str rest, line;

	if (all)
		return all;
	all = e->memo[GP_EVAL_AUTHRES] = GP_ARENA_NEW(e->arena, struct results);
	rest = gp_field_read(gp_str(headers_of(e)), e->set, e->in, e->relays, e->arena);
	while (gp_str_next(&rest, '\n', &line)) {
		bool is_arc = gp_str_istarts(line, arc);

		line = gp_str_sub(line, is_arc ? arc.len : 0, SIZE_MAX);
		if (gp_str_istarts(line, name))
			read_field(e, gp_str_sub(line, name.len, SIZE_MAX), is_arc, all);
	}
	return all;
}

/* METHOD, RESULT ("missing": there is none) */
static bool check_authres_result(struct gp_eval *e, const struct gp_rule_eval *row,
				 const struct gp_str *args, size_t n_args)
{
	const struct results *all = results_of(e);
	struct gp_str found = {0};

	for (size_t i = 0; i < GP_ARRAY_SIZE(methods); i++)
		if (gp_str_eq(args[0], gp_str(methods[i].name)))
			found = all->of[i];
	return gp_str_ieq(args[1], found.len ? found : GP_STR("missing"));
}

const struct gp_rule_eval gp_rule_evals_authres[] = {
	{"check_authres_result", 2, 2, check_authres_result, 0, false},
	{0},
};

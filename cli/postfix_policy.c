/*
 * Restriction lists; see the header.
 */
#include "cli/postfix_policy.h"

#include "cli/postfix_table.h"
#include "cli/postfix_text.h"

#define DEPTH_MAX 20	 /* lists within lists, by classes and tables */
#define ANSWERS_MAX 1000 /* different ones of the tables of one list */

/* The lists in the order in which Postfix goes through them.  Those of the client, HELO and
 * sender wait for RCPT unless smtpd_delay_reject is off. */
static const struct {
	const char *parameter;
	enum policy_stage stage, undelayed;
} lists[] = {
	{"smtpd_client_restrictions", POLICY_RCPT, POLICY_CONNECT},
	{"smtpd_helo_restrictions", POLICY_RCPT, POLICY_HELO},
	{"smtpd_sender_restrictions", POLICY_RCPT, POLICY_MAIL},
	{"smtpd_relay_restrictions", POLICY_RCPT, POLICY_RCPT},
	{"smtpd_recipient_restrictions", POLICY_RCPT, POLICY_RCPT},
	{"smtpd_data_restrictions", POLICY_DATA, POLICY_DATA},
	{"smtpd_end_of_data_restrictions", POLICY_END_OF_MESSAGE, POLICY_END_OF_MESSAGE},
	{"smtpd_etrn_restrictions", POLICY_ETRN, POLICY_ETRN},
};

/* Whom a word lets leave the list. */
static const struct {
	const char *word;
	unsigned clients;
} ends[] = {
	{"permit_sasl_authenticated", GP_POLICY_ACCOUNTS},
	{"permit_mynetworks", GP_POLICY_OWN},
	{"permit", GP_POLICY_ALL},
	{"reject", GP_POLICY_ALL},
	{"defer", GP_POLICY_ALL},
};

/* What access(5) knows as an answer; anything else is a list of restrictions. */
static const char *const answers[] = {
	"BCC",	  "DEFER", "DEFER_IF_PERMIT", "DEFER_IF_REJECT", "DISCARD", "DUNNO",   "FILTER",
	"HOLD",	  "INFO",  "OK",	      "PREPEND",	 "REDIRECT", "REJECT", "RELAY",
	"WARN",
};

/* A class that is being gone through. */
struct within {
	struct gp_str name;
	const struct within *outer;
};

struct walk {
	const struct gp_postfix *postfix;
	struct gp_policy_use use; /* as it would be here */
	const char *looked_for;	  /* a word, for gp_postfix_restricts() */
	bool is_found;
	gp_policy_use_fn *fn;
	gp_policy_gap_fn *gap;
	void *arg;
	unsigned depth;
	const struct within *within;
	struct gp_map *told; /* of this list: uses, gaps, and lists that tables answer */
};

static void walk_list(struct walk *w, struct gp_str list);

/* The first time in this list? */
static bool is_new(struct walk *w, const char *text)
{
	return !gp_map_set(w->told, gp_str(text), w->told);
}

static void tell_gap(struct walk *w, struct gp_str what, const char *why)
{
	if (w->gap && is_new(w, gp_arena_printf(w->postfix->arena, "gap %.*s", GP_STR_FMT(what))))
		w->gap(w->arg, &w->use, what, why);
}

/* "unix:path", or that and options: "name=value", or "{ name = value }". */
static void found(struct walk *w, struct gp_str server)
{
	struct gp_policy_use use = w->use;
	struct gp_str option;

	server = gp_postfix_unbrace(server);
	if (!gp_postfix_next_word(&server, true, &use.address))
		return;
	while (gp_postfix_next_word(&server, true, &option)) {
		struct gp_str pair = gp_postfix_unbrace(option);
		size_t equals = gp_str_find_chr(pair, '=', 0);
		struct gp_str name = gp_str_trim(gp_str_sub(pair, 0, equals));
		struct gp_str value = gp_str_trim(gp_str_sub(pair, equals + 1, pair.len));

		if (gp_str_ieq(name, GP_STR("default_action")))
			use.default_action = value;
		else if (gp_str_ieq(name, GP_STR("policy_context")))
			use.context = value;
	}
	if (w->fn && is_new(w, gp_arena_printf(w->postfix->arena, "use %u %.*s {%.*s} {%.*s} {%.*s}",
					       use.clients, GP_STR_FMT(use.address),
					       GP_STR_FMT(use.context), GP_STR_FMT(use.table),
					       GP_STR_FMT(use.default_action))))
		w->fn(w->arg, &use);
}

static bool is_class(const struct walk *w, struct gp_str word)
{
	struct gp_str classes = gp_postfix_value(w->postfix, w->use.service,
						 "smtpd_restriction_classes", "");
	struct gp_str name;

	while (gp_postfix_next_word(&classes, true, &name))
		if (gp_str_eq(name, word))
			return true;
	return false;
}

/* What permits within a class leaves the list itself. */
static void walk_class(struct walk *w, struct gp_str name)
{
	struct within within = {name, w->within};

	for (const struct within *i = w->within; i; i = i->outer)
		if (gp_str_eq(i->name, name)) {
			tell_gap(w, name, "the class contains itself: Postfix refuses mail there");
			return;
		}
	w->within = &within;
	walk_list(w, gp_postfix_value(w->postfix, w->use.service,
				      gp_arena_cstr(w->postfix->arena, name), ""));
	w->within = within.outer;
}

/* Access tables. */

static bool is_answer(struct gp_str value)
{
	struct gp_str word;

	if (!gp_str_next_word(&value, &word) || gp_is_digit(word.ptr[0]))
		return true;
	for (size_t i = 0; i < GP_ARRAY_SIZE(answers); i++)
		if (gp_str_ieq(word, gp_str(answers[i])))
			return true;
	return false;
}

/* A list that a table answers for some: what leaves it does not leave ours. */
static void walk_answer(void *arg, struct gp_str value)
{
	struct walk *w = arg;
	unsigned clients = w->use.clients;
	struct gp_arena *arena = w->postfix->arena;

	if (is_answer(value) || w->told->len >= ANSWERS_MAX ||
	    !is_new(w, gp_arena_printf(arena, "answer %u %.*s {%.*s}", clients,
				       GP_STR_FMT(w->use.table), GP_STR_FMT(value))))
		return;
	walk_list(w, gp_arena_str(arena, value));
	w->use.clients = clients;
}

static void walk_table(struct walk *w, struct gp_str check, struct gp_str table)
{
	struct gp_policy_use outside = w->use;
	struct gp_diag diag;

	if (w->looked_for) /* what is there for some clients is not there for all */
		return;
	w->use.table = table;
	if (gp_str_ieq(check, GP_STR("check_sasl_access")))
		w->use.clients &= GP_POLICY_ACCOUNTS;
	if (gp_postfix_table_each(w->postfix, table, walk_answer, w, &diag))
		tell_gap(w, table, diag.text);
	w->use = outside;
}

static bool is_access_check(struct gp_str word)
{
	return gp_str_istarts(word, GP_STR("check_")) && gp_str_iends(word, GP_STR("_access"));
}

static void walk_word(struct walk *w, struct gp_str word, struct gp_str *rest)
{
	struct gp_str argument;

	if (w->looked_for && gp_str_ieq(word, gp_str(w->looked_for)))
		w->is_found = true;
	if (gp_str_ieq(word, GP_STR("check_policy_service"))) {
		if (gp_postfix_next_word(rest, true, &argument))
			found(w, argument);
	} else if (is_access_check(word)) {
		if (gp_postfix_next_word(rest, true, &argument))
			walk_table(w, word, argument);
	} else if (gp_postfix_is_table(word)) {
		walk_table(w, word, word);
	} else if (is_class(w, word)) {
		walk_class(w, word);
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(ends); i++)
		if (gp_str_ieq(word, gp_str(ends[i].word)))
			w->use.clients &= ~ends[i].clients;
}

static void walk_list(struct walk *w, struct gp_str list)
{
	struct gp_str word;

	if (w->depth++ < DEPTH_MAX)
		while (gp_postfix_next_word(&list, true, &word))
			walk_word(w, word, &list);
	w->depth--;
}

static bool is_on(const struct walk *w, const char *parameter, const char *def)
{
	return gp_str_ieq(gp_postfix_value(w->postfix, w->use.service, parameter, def),
			  GP_STR("yes"));
}

static void walk_service(struct walk *w, const struct gp_postfix_service *service)
{
	bool is_delayed;

	w->use.service = service;
	w->use.has_accounts = is_on(w, "smtpd_sasl_auth_enable", "no");
	w->use.context = gp_postfix_value(w->postfix, service, "smtpd_policy_service_policy_context", "");
	is_delayed = is_on(w, "smtpd_delay_reject", "yes");
	for (size_t i = 0; i < GP_ARRAY_SIZE(lists); i++) {
		w->use.parameter = lists[i].parameter;
		w->use.stage = is_delayed ? lists[i].stage : lists[i].undelayed;
		w->use.clients = GP_POLICY_ALL;
		w->told = GP_ARENA_NEW(w->postfix->arena, struct gp_map);
		gp_map_init(w->told, w->postfix->arena, false);
		w->use.default_action =
			gp_postfix_value(w->postfix, service, "smtpd_policy_service_default_action",
					 "451 4.3.5 Server configuration problem");
		walk_list(w, gp_postfix_value(w->postfix, service, lists[i].parameter, ""));
	}
}

void gp_postfix_policy_each(const struct gp_postfix *p, gp_policy_use_fn *fn, gp_policy_gap_fn *gap,
			    void *arg)
{
	struct walk w = {.postfix = p, .fn = fn, .gap = gap, .arg = arg};

	for (size_t i = 0; i < p->services.len; i++)
		if (gp_str_eq(p->services.items[i].command, GP_STR("smtpd")))
			walk_service(&w, &p->services.items[i]);
}

bool gp_postfix_restricts(const struct gp_postfix *p, const struct gp_postfix_service *service,
			  const char *word)
{
	struct walk w = {.postfix = p, .looked_for = word};

	walk_service(&w, service);
	return w.is_found;
}

bool gp_postfix_is_submission(const struct gp_postfix *p, const struct gp_postfix_service *service)
{
	return gp_str_eq(service->command, GP_STR("smtpd")) &&
	       gp_str_ieq(gp_postfix_value(p, service, "smtpd_sasl_auth_enable", "no"),
			  GP_STR("yes")) &&
	       gp_postfix_restricts(p, service, "reject");
}

/*
 * Limits of the configuration; see the header.
 */
#include "policyd-ratelimit/limit_rule.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/store/store.h"
#include "policyd-ratelimit/limit_override.h"

#define AT(field) offsetof(struct limit_conf, field)
#define DAYS(n) ((n)*86400000.0)

const struct gp_conf_enum limit_count_names[] = {
	{"messages", LIMIT_MESSAGES},
	{"recipients", LIMIT_RECIPIENTS},
	{"distinct_recipients", LIMIT_DISTINCT_RECIPIENTS},
	{"bytes", LIMIT_BYTES},
	{"bounces", LIMIT_BOUNCES},
	{"auth_failures", LIMIT_AUTH_FAILURES},
	{"spam", LIMIT_SPAM},
	{NULL, 0},
};

static const struct gp_conf_enum algorithms[] = {
	{"sliding", GP_LIMIT_SLIDING},
	{"gcra", GP_LIMIT_GCRA},
	{NULL, 0},
};

static const struct gp_conf_enum whens[] = {
	{"any", LIMIT_ANY},
	{"authenticated", LIMIT_AUTHENTICATED},
	{"unauthenticated", LIMIT_UNAUTHENTICATED},
	{NULL, 0},
};

static const struct gp_conf_enum contain_actions[] = {
	{"hold", ANSWER_HOLD},
	{"defer", ANSWER_DEFER},
	{"reject", ANSWER_REJECT},
	{NULL, 0},
};

#define TEXT_DEFAULT "Limit {limit} reached: {max} per {window}; try again in {retry}"

/* As in their rows. */
#define RATIO_MIN_DEFAULT 50
#define SCORE_DEFAULT 6.0

static const struct gp_conf_row rows[] = {
	{"count", GP_CONF_ENUM, AT(count), "messages", .values = limit_count_names,
	 .help = "What is counted; bounces and auth_failures come from Postfix's log, spam from "
		 "milter-spam."},
	{"by", GP_CONF_LIST, AT(by), "sasl_username",
	 .help = "By what: sasl_username, sender, sender_domain, client_address (also with prefix "
		 "lengths, client_address/24/64), helo_name, recipient, recipient_domain, "
		 "ldap_group, "
		 "or several of them together; none counts all together."},
	{"windows", GP_CONF_LIST, AT(windows), "",
	 .help = "How much in how long, \"100 per 1h\", for bytes \"500M per 1d\"; all hold at "
		 "once."},
	{"algorithm", GP_CONF_ENUM, AT(algorithm), "sliding", .values = algorithms,
	 .help = "\"sliding\" is never more than that in any window, \"gcra\" an even rate with a "
		 "burst."},
	{"burst", GP_CONF_INT, AT(burst), "0", .min = 0, .max = GP_LIMIT_MAX,
	 .help = "How much of it may come at once with \"gcra\"; 0: all of it."},
	{"action", GP_CONF_ENUM, AT(action), "defer", .values = answer_names,
	 .help = "What is answered above the limit; what is only held or warned of counts on."},
	{"text", GP_CONF_STRING, AT(text), TEXT_DEFAULT,
	 .help = "What is said then, with {limit}, {max}, {used}, {window}, {retry}, {key} and "
		 "{account} filled in (of long ones the first 157 bytes and "
		 "\"...\"); it may begin with an enhanced status code of the action's class."},
	{"dry_run", GP_CONF_BOOL, AT(dry_run), "false",
	 .help = "Only log what would have been answered."},
	{"when", GP_CONF_ENUM, AT(when), "any", .values = whens,
	 .help = "Whose requests it is for."},
	{"networks", GP_CONF_NETWORKS, AT(networks), "",
	 .help = "Clients that it is for; empty: all."},
	{"context", GP_CONF_LIST, AT(context), "",
	 .help = "Values of smtpd's policy_context that it is for; empty: all."},
	{"overrides", GP_CONF_MAP, AT(overrides), "",
	 .help = "Map file of those that may more or less: a key and \"1000 per 1h, 5000 per 1d\" "
		 "or "
		 "\"unlimited\" or \"0 per 1h\" (nothing), for several limits \"NAME: 1000 per 1h; OTHER: unlimited\"."},
	{"ratio", GP_CONF_DOUBLE, AT(ratio), "0", .min = 0, .max = 100, .unit = "percent",
	 .help = "Bounces only: above the limit only if they are also more than this share of the "
		 "recipients sent to in the window; 0: the number alone."},
	{"ratio_min", GP_CONF_INT, AT(ratio_min), "50", .min = 1, .max = 1e9, .unit = "recipients",
	 .help = "The share is looked at from this number of recipients on."},
	{"score", GP_CONF_DOUBLE, AT(score), "6.0", .min = -1000, .max = 1000, .unit = "points",
	 .help = "Spam only: the score from which a message counts."},
	{"contain", GP_CONF_DURATION, AT(contain_ms), "0s", .min = 0, .max = DAYS(3650),
	 .help = "Contain who exceeds it, for this time; 0: do not."},
	{"contain_action", GP_CONF_ENUM, AT(contain_action), "hold", .values = contain_actions,
	 .help = "What becomes of mail of who is contained."},
};

const struct gp_conf_table limit_table = {
	.group = "policyd-ratelimit.limits",
	.rows = rows,
	.n_rows = GP_ARRAY_SIZE(rows),
	.size = sizeof(struct limit_conf),
};

/* What stands there when nothing is configured: an account that was taken over is stopped, a
 * person's newsletter for the club is not. */
static const char *const default_by[] = {"sasl_username"};
static const char *const default_windows[] = {"300 per 1h", "1500 per 1d"};
static const struct limit_conf default_conf = {
	.count = LIMIT_RECIPIENTS,
	.by = {default_by, GP_ARRAY_SIZE(default_by)},
	.windows = {default_windows, GP_ARRAY_SIZE(default_windows)},
	.algorithm = GP_LIMIT_SLIDING,
	.action = ANSWER_DEFER,
	.text = TEXT_DEFAULT,
	.ratio_min = RATIO_MIN_DEFAULT,
	.score = SCORE_DEFAULT,
	.contain_action = ANSWER_HOLD,
};
static const struct gp_conf_group default_group = {.name = "account", .values = &default_conf};
const struct gp_conf_groups limit_default_groups = {.items = &default_group, .len = 1};

/* Building. */

struct builder {
	const struct gp_conf_table *table;
	const struct gp_conf_group *group; /* of now */
	struct gp_arena *arena;
	struct gp_conf_report *report;
};

static void complain(const struct builder *b, const char *fmt, ...) GP_PRINTF(2, 3);
static void complain(const struct builder *b, const char *fmt, ...)
{
	struct gp_diag text;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text.text, sizeof(text.text), fmt, args);
	va_end(args);
	gp_conf_complain_group(b->table, "limits", b->group, b->report, "%s", text.text);
}

/* Is `of` below its number wherever `by` is?  It is shorter and allows as much; that holds for even
 * rates as well. */
static bool is_covered(const struct gp_limit *of, const struct gp_limit *by)
{
	return of->window_ms < by->window_ms && of->max >= by->max;
}

/* Shares are another matter: of a minute's recipients more may bounce than of a day's. */
static void check_windows(const struct builder *b, const struct limit_rule *rule)
{
	const struct gp_conf_list *list = &rule->conf->windows;
	const struct limit_windows *w = &rule->windows;

	if (w->len < list->len || rule->conf->ratio > 0)
		return;
	for (size_t i = 0; i < w->len; i++)
		for (size_t k = 0; k < w->len; k++)
			if (is_covered(&w->items[i].limit, &w->items[k].limit)) {
				complain(b, "windows: \"%s\" is never reached, \"%s\" always before it",
					 list->items[i], list->items[k]);
				break;
			}
}

static void build_windows(const struct builder *b, struct limit_rule *rule)
{
	const struct gp_conf_list *list = &rule->conf->windows;

	if (list->len == 0)
		complain(b, "has no windows; write windows = [ \"%s per 1h\" ]",
			 rule->form.is_size ? "500M" : "100");
	for (size_t i = 0; i < list->len; i++) {
		struct limit_window window;
		struct gp_diag diag = {""};

		if (limit_window_parse(gp_str(list->items[i]), &rule->form, &window, &diag) < 0 ||
		    limit_windows_add(&rule->windows, &window, &diag) < 0)
			complain(b, "windows: %s", diag.text);
	}
	check_windows(b, rule);
}

/* Does what happened tell this attribute? */
static bool event_knows(enum limit_count count, enum limit_attribute attribute)
{
#define BIT(attribute) (1u << LIMIT_##attribute)
	static const unsigned known[LIMIT_COUNTS] = {
		[LIMIT_BOUNCES] = BIT(SASL_USERNAME) | BIT(CLIENT_ADDRESS) | BIT(SENDER) |
				  BIT(SENDER_DOMAIN) | BIT(RECIPIENT) | BIT(RECIPIENT_DOMAIN),
		[LIMIT_AUTH_FAILURES] = BIT(SASL_USERNAME) | BIT(CLIENT_ADDRESS),
		[LIMIT_SPAM] =
			BIT(SASL_USERNAME) | BIT(CLIENT_ADDRESS) | BIT(SENDER) | BIT(SENDER_DOMAIN),
	};
#undef BIT

	return known[count] & 1u << attribute;
}

static void check_by(const struct builder *b, const struct limit_rule *rule)
{
	bool by_recipient = limit_by_has(&rule->by, LIMIT_RECIPIENT) ||
			    limit_by_has(&rule->by, LIMIT_RECIPIENT_DOMAIN);
	const char *count = gp_conf_enum_name(limit_count_names, (int)rule->count);

	for (size_t i = 0; i < rule->by.len && limit_count_is_event(rule->count); i++)
		if (!event_knows(rule->count, rule->by.parts[i]))
			complain(b, "%s cannot be counted by %s", count,
				 gp_conf_enum_name(limit_attribute_names, (int)rule->by.parts[i]));
	if (rule->count == LIMIT_BYTES && by_recipient)
		complain(b,
			 "bytes cannot be counted by recipient: Postfix tells the size when it no "
			 "longer tells the recipients");
	if (rule->count == LIMIT_DISTINCT_RECIPIENTS && limit_by_has(&rule->by, LIMIT_RECIPIENT))
		complain(b, "distinct recipients by recipient are always one");
}

static bool is_header(struct gp_str text)
{
	size_t colon = gp_str_find_chr(text, ':', 0);

	return colon > 0 && colon < text.len && gp_str_find_chr(text, ' ', 0) > colon;
}

/* Settings that mean nothing to this kind of limit. */
static void check_settings(const struct builder *b, const struct limit_rule *rule)
{
	const struct limit_conf *conf = rule->conf;
	bool by_group = limit_by_has(&rule->by, LIMIT_LDAP_GROUP);

	if (conf->when == LIMIT_UNAUTHENTICATED && rule->count != LIMIT_AUTH_FAILURES &&
	    (by_group || limit_by_has(&rule->by, LIMIT_SASL_USERNAME)))
		complain(b, "by %s is for mail of accounts, and when = \"unauthenticated\" for that "
			    "of others: it is for nothing; write by = [ \"client_address\" ], say",
			 by_group ? "ldap_group" : "sasl_username");
	if (conf->burst > 0 && rule->form.kind != GP_LIMIT_GCRA)
		complain(b, "burst is for algorithm = \"gcra\"");
	if (conf->ratio > 0 && rule->count != LIMIT_BOUNCES)
		complain(b, "ratio is for count = \"bounces\"");
	if (conf->ratio_min != RATIO_MIN_DEFAULT && conf->ratio <= 0)
		complain(b, "ratio_min is for ratio");
	if (rule->count != LIMIT_SPAM && (conf->score > SCORE_DEFAULT || conf->score < SCORE_DEFAULT))
		complain(b, "score is for count = \"spam\"");
	if (conf->contain_action != ANSWER_HOLD && conf->contain_ms == 0)
		complain(b, "contain_action is for contain");
	if (conf->contain_ms > 0 && (rule->by.len != 1 || by_group))
		complain(b, "contain needs a limit by one attribute%s",
			 by_group ? " other than ldap_group" : "");
	if (conf->action == ANSWER_PREPEND && rule->count == LIMIT_BYTES)
		complain(b, "bytes are told at END-OF-MESSAGE, where Postfix takes no \"prepend\"");
	if (conf->action == ANSWER_PREPEND && !is_header(gp_str(conf->text)))
		complain(b, "text: \"prepend\" needs a header line, \"X-Limit: {limit}\"");
}

static void build_rule(const struct builder *b, struct limit_rule *rule, size_t index)
{
	const struct limit_conf *conf = b->group->values;
	struct gp_diag diag = {""};

	rule->name = gp_str(b->group->name);
	if (rule->name.len > LIMIT_NAME_MAX)
		complain(b, "has a name of more than %d characters", LIMIT_NAME_MAX);
	rule->index = index;
	rule->conf = conf;
	rule->count = (enum limit_count)conf->count;
	rule->form = (struct limit_window_form){.kind = (enum gp_limit_kind)conf->algorithm,
						.burst = conf->burst,
						.is_size = rule->count == LIMIT_BYTES};
	if (limit_by_parse(&conf->by, &rule->by, &diag) < 0)
		complain(b, "%s", diag.text);
	if (limit_text_parse(gp_str(conf->text), b->arena, &rule->text, &diag) < 0)
		complain(b, "%s", diag.text);
	if (answer_check_text((enum answer_action)conf->action, gp_str(conf->text), &diag) < 0)
		complain(b, "text: %s", diag.text);
	if (conf->ratio > 0)
		rule->sent_name = gp_str(gp_arena_printf(b->arena, "%s/sent", b->group->name));
	build_windows(b, rule);
	check_by(b, rule);
	check_settings(b, rule);
}

int limit_rules_build(const struct gp_conf_table *table, const struct gp_conf_groups *groups,
		      struct gp_arena *arena, struct limit_rules *ret,
		      struct gp_conf_report *report)
{
	struct limit_rule *items = GP_ARENA_NEW_N(arena, groups->len + 1, struct limit_rule);
	struct limit_rules rules = {.items = items, .len = groups->len};
	struct builder b = {.table = table, .arena = arena, .report = report};
	size_t before = report->errors.len, n_windows = 0;

	for (size_t i = 0; i < groups->len; i++) {
		b.group = &groups->items[i];
		build_rule(&b, &items[i], i);
		n_windows += items[i].windows.len;
		if (n_windows > GP_LIMIT_TAKES_MAX &&
		    n_windows - items[i].windows.len <= GP_LIMIT_TAKES_MAX)
			complain(&b, "more than %d windows of all limits together",
				 GP_LIMIT_TAKES_MAX);
	}
	for (size_t i = 0; i < groups->len; i++)
		limit_override_check(&items[i], &rules, report);
	if (report->errors.len > before)
		return GP_EINVAL;
	*ret = rules;
	return GP_OK;
}

const struct limit_rule *limit_rules_find(const struct limit_rules *rules, struct gp_str name)
{
	for (size_t i = 0; i < rules->len; i++)
		if (gp_str_eq(rules->items[i].name, name))
			return &rules->items[i];
	return NULL;
}

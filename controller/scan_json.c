/*
 * A verdict as /checkv2 gives it.
 *
 * Everything in it is or may be a stranger's: texts are cut, and made valid UTF-8.
 */
#include "controller/scan_json.h"

#include <math.h>

#include "controller/http_request.h"

#define TEXT_MAX 512
#define URLS_MAX 100
#define ID_MAX 998 /* a line of a header */

static const char *const actions[] = {
	[GP_ACTION_ACCEPT] = "no action",   [GP_ACTION_GREYLIST] = "greylist",
	[GP_ACTION_ADD_HEADER] = "add header", [GP_ACTION_QUARANTINE] = "quarantine",
	[GP_ACTION_REJECT] = "reject",	    [GP_ACTION_DISCARD] = "discard",
};

const char *scan_action_name(enum gp_action action)
{
	return actions[action];
}

static void set_threshold(json_t *to, enum gp_action action, double value)
{
	if (isfinite(value))
		json_object_set_new(to, actions[action], json_real(value));
}

json_t *scan_thresholds_json(const struct gp_thresholds *t)
{
	json_t *o = json_object();

	set_threshold(o, GP_ACTION_DISCARD, t->discard);
	set_threshold(o, GP_ACTION_REJECT, t->reject);
	set_threshold(o, GP_ACTION_QUARANTINE, t->quarantine);
	set_threshold(o, GP_ACTION_ADD_HEADER, t->add_header);
	set_threshold(o, GP_ACTION_GREYLIST, t->greylist);
	return o;
}

static json_t *symbols_json(const struct gp_symbols *symbols)
{
	json_t *all = json_object();

	for (size_t i = 0; i < symbols->list.len; i++) {
		const struct gp_symbol *s = &symbols->list.items[i];
		json_t *o = json_pack("{s:s, s:f, s:f, s:o}", "name", s->name, "score", s->score,
				      "metric_score", s->score, "description",
				      http_json_text(gp_str(s->description), TEXT_MAX));

		if (s->evidence.len)
			json_object_set_new(o, "options",
					    json_pack("[o]", http_json_text(s->evidence, TEXT_MAX)));
		json_object_set_new(all, s->name, o);
	}
	return all;
}

/* "a@b" of mailto:a@b?subject=x */
static struct gp_str address_of(const struct gp_uri *uri)
{
	struct gp_str s = gp_str_sub(uri->uri, sizeof("mailto:") - 1, uri->uri.len);

	return gp_str_sub(s, 0, gp_str_find_chr(s, '?', 0));
}

/* Distinct ones; `seen` guards against quadratic work over many links. */
static void add_links(const struct gp_message *mail, bool is_mail, json_t *list)
{
	struct gp_map seen;

	gp_map_init(&seen, mail->arena, true);
	for (size_t i = 0; i < mail->uris.len && seen.len < URLS_MAX; i++) {
		const struct gp_uri *uri = &mail->uris.items[i];
		bool is_mailto = gp_str_istarts(uri->uri, GP_STR("mailto:"));
		struct gp_str what = is_mail ? address_of(uri) : uri->host;

		if (is_mailto != is_mail || !what.len || gp_map_get(&seen, what))
			continue;
		gp_map_set(&seen, what, &seen);
		json_array_append_new(list, http_json_text(what, TEXT_MAX));
	}
}

static json_t *message_id(const struct gp_message *mail)
{
	struct gp_str id = gp_str_trim(gp_message_value(mail, "Message-ID"));

	if (id.len > 2 && id.ptr[0] == '<' && id.ptr[id.len - 1] == '>')
		id = gp_str_sub(id, 1, id.len - 2);
	return http_json_text(id.len ? id : GP_STR("undef"), ID_MAX);
}

/* Rspamd's required_score is the score of its hardest action. */
static double required(const struct gp_thresholds *t)
{
	return isfinite(t->reject)	 ? t->reject
	       : isfinite(t->add_header) ? t->add_header
					 : gp_thresholds_default.reject;
}

json_t *scan_json(const struct spam_verdict *v, const struct scan_order *order, double time_s)
{
	json_t *urls = json_array(), *emails = json_array();
	json_t *root;

	add_links(v->mail, false, urls);
	add_links(v->mail, true, emails);
	root = json_pack("{s:b, s:f, s:f, s:s, s:o, s:o, s:{}, s:o, s:o, s:o, s:f}",
			 "is_skipped", 0, "score", v->result.score, "required_score",
			 required(&v->decision.thresholds), "action",
			 scan_action_name(v->decision.action), "thresholds",
			 scan_thresholds_json(&v->decision.thresholds), "symbols",
			 symbols_json(&v->result.symbols), "messages", "urls", urls, "emails",
			 emails, "message-id", message_id(v->mail), "time_real", time_s);
	if (order->queue_id.len)
		json_object_set_new(root, "queue-id", http_json_text(order->queue_id, TEXT_MAX));
	if (*v->result.missing)
		json_object_set_new(root, "missing", json_string(v->result.missing));
	if (v->directory_failure)
		json_object_set_new(root, "missing_directory",
				    http_json_text(gp_str(v->directory_failure), TEXT_MAX));
	if (v->decision.decided_by.len)
		json_object_set_new(root, "decided_by",
				    http_json_text(v->decision.decided_by, TEXT_MAX));
	return root;
}

/* "60_local" of "/etc/gatepost/rules.d/60_local.cf" */
static struct gp_str group_of(const char *file)
{
	struct gp_str name = gp_str_after_last(gp_str(file ? file : ""), '/');
	size_t dot = gp_str_find_last(name, '.');

	return dot < name.len ? gp_str_sub(name, 0, dot) : name;
}

/* The list of a group's rules, made at its first. */
static json_t *rules_of(json_t *groups, json_t *by_name, struct gp_str name)
{
	json_t *text = http_json_text(name.len ? name : GP_STR("other"), TEXT_MAX);
	json_t *rules = json_object_get(by_name, json_string_value(text));

	if (!rules) {
		rules = json_array();
		json_object_set(by_name, json_string_value(text), rules);
		json_array_append_new(groups, json_pack("{s:O, s:o}", "group", text, "rules", rules));
	}
	json_decref(text);
	return rules;
}

json_t *scan_rules_json(const struct gp_rule_set *set, unsigned score_set)
{
	json_t *groups = json_array(), *by_name = json_object();
	struct gp_rule_info r;

	for (size_t i = 0; gp_rule_set_info(set, i, &r); i++) {
		if (!r.is_scored || r.inert)
			continue;
		json_array_append_new(
			rules_of(groups, by_name, group_of(r.file)),
			json_pack("{s:o, s:f, s:o}", "symbol", http_json_text(gp_str(r.name), TEXT_MAX),
				  "weight", r.score[score_set], "description",
				  http_json_text(gp_str(r.description), TEXT_MAX)));
	}
	json_decref(by_name);
	return groups;
}

static json_t *action_json(enum gp_action action, double value)
{
	return json_pack("{s:s, s:o}", "action", actions[action], "value",
			 isfinite(value) ? json_real(value) : json_null());
}

json_t *scan_actions_json(const struct gp_thresholds *t)
{
	return json_pack("[o,o,o,o,o,o]", action_json(GP_ACTION_GREYLIST, t->greylist),
			 action_json(GP_ACTION_ADD_HEADER, t->add_header),
			 action_json(GP_ACTION_QUARANTINE, t->quarantine),
			 action_json(GP_ACTION_REJECT, t->reject),
			 action_json(GP_ACTION_DISCARD, t->discard),
			 action_json(GP_ACTION_ACCEPT, (double)INFINITY));
}

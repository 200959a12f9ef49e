/*
 * One function a directive, found in a table.
 *
 * A definition that is in error leaves an earlier one of the same name in
 * place.  What belongs to a name (score, description, flags) is kept apart
 * from its definition: it may come before, and survives a redefinition.
 */
#include "lib/score/rule_def.h"

#include <math.h>

#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/score/rule_asn.h"
#include "lib/score/rule_circuit.h"
#include "lib/score/rule_cond.h"
#include "lib/score/rule_eval.h"
#include "lib/score/rule_field.h"
#include "lib/score/rule_list.h"
#include "lib/score/rule_markup.h"
#include "lib/score/rule_meta.h"
#include "lib/score/rule_pcre.h"
#include "lib/score/rule_phishing.h"
#include "lib/score/rule_query.h"
#include "lib/score/rule_redirect.h"
#include "lib/score/rule_regex.h"
#include "lib/score/rule_replace.h"
#include "lib/score/rule_sender.h"
#include "lib/score/rule_test.h"
#include "lib/score/rule_uri_detail.h"

#define NAME_MAX_WANTED 40
#define SCORE_MAX 1000000.0

static void error(struct gp_rule_builder *b, struct gp_str name, const char *what)
{
	gp_rule_note(b, GP_RULE_ERROR, gp_arena_cstr(b->arena, name), "%s", what);
}

/* Takes a valid rule name off the value; false after reporting. */
static bool take_name(struct gp_rule_builder *b, struct gp_str *value, struct gp_str *ret)
{
	struct gp_str name = {0};

	if (!gp_str_next_word(value, &name)) {
		error(b, name, "a rule name is missing");
		return false;
	}
	if (!gp_rule_name_is_valid(name)) {
		error(b, gp_str_sub(name, 0, 100),
		      "a rule name consists of at most 128 letters, digits and _, and does not "
		      "begin with a digit");
		return false;
	}
	*value = gp_str_trim(*value);
	*ret = name;
	return true;
}

/* Puts a definition into the rule of that name. */
static void define(struct gp_rule_builder *b, struct gp_str name, struct gp_str text,
		   const struct gp_rule *def)
{
	struct gp_rule *r = gp_rule_get(b, name);
	bool is_new = r->type == GP_RULE_FACT;

	r->type = def->type;
	r->file = b->file;
	r->line = b->line;
	r->text = gp_arena_cstr(b->arena, text);
	r->regex = def->regex;
	r->field = def->field;
	r->is_negated = def->is_negated;
	r->is_exists = def->is_exists;
	r->meta = def->meta;
	r->eval = def->eval;
	r->args = def->args;
	r->n_args = def->n_args;
	r->is_raw = def->is_raw;
	r->written = def->written;
	r->uri_tests = def->uri_tests;
	r->inert = def->inert;
	r->is_error = false;
	if (is_new && name.len > NAME_MAX_WANTED && !gp_str_starts(name, GP_STR("__")) &&
	    !gp_str_starts(name, GP_STR("T_")))
		gp_rule_note(b, GP_RULE_WARNING, r->name, "the name is over %d characters long",
			     NAME_MAX_WANTED);
}

/* Arguments of an eval: 'text', "text" or bare words, separated by commas. */
static bool parse_args(struct gp_rule_builder *b, struct gp_str s, struct gp_rule *def)
{
	GP_VEC(struct gp_str) args = {0};

	s = gp_str_trim(s);
	while (s.len) {
		struct gp_str arg;
		size_t end;

		if (s.ptr[0] == '\'' || s.ptr[0] == '"') {
			end = gp_str_find_chr(s, s.ptr[0], 1);
			if (end >= s.len)
				return false;
			arg = gp_str_sub(s, 1, end - 1);
			s = gp_str_trim(gp_str_sub(s, end + 1, SIZE_MAX));
		} else {
			end = gp_str_find_chr(s, ',', 0);
			arg = gp_str_trim(gp_str_sub(s, 0, end));
			s = gp_str_sub(s, end, SIZE_MAX);
			for (size_t i = 0; i < arg.len; i++)
				if (!gp_is_alnum(arg.ptr[i]) && !strchr(".:-_", arg.ptr[i]))
					return false;
		}
		*gp_vec_push(b->arena, &args) = gp_arena_str(b->arena, arg);
		if (s.len && s.ptr[0] != ',')
			return false;
		s = gp_str_trim(gp_str_sub(s, 1, SIZE_MAX));
	}
	def->args = args.items;
	def->n_args = args.len;
	return true;
}

static void define_eval(struct gp_rule_builder *b, struct gp_str name, struct gp_str call,
			enum gp_rule_type written)
{
	struct gp_rule def = {.type = GP_RULE_EVAL,
			      .is_raw = written == GP_RULE_RAWBODY,
			      .written = written};
	size_t open = gp_str_find_chr(call, '(', 0);
	const char *reason;
	struct gp_str function = gp_str_trim(gp_str_sub(call, 0, open));

	if (open >= call.len || call.ptr[call.len - 1] != ')' || !gp_rule_name_is_valid(function)) {
		error(b, name, "eval: wants a call, as in eval:check_bayes('0.99', '1.00')");
		return;
	}
	if (!parse_args(b, gp_str_sub(call, open + 1, call.len - open - 2), &def)) {
		error(b, name, "the arguments of the eval function are not understood");
		return;
	}
	def.eval = gp_rule_eval_find(function);
	if (!def.eval) {
		reason = gp_rule_function_reason(function);
		def.inert = gp_arena_printf(b->arena, "no eval function %.*s()%s%s",
					    GP_STR_FMT(function), reason ? ": " : "",
					    reason ? reason : "");
	} else if (def.n_args < def.eval->args_min) {
		error(b, name, "the eval function wants more arguments");
		return;
	} else if (def.n_args > def.eval->args_max) {
		def.n_args = def.eval->args_max;
		gp_rule_note(b, GP_RULE_WARNING, gp_arena_cstr(b->arena, name),
			     "the eval function takes %zu arguments; the others do nothing", def.n_args);
	}
	define(b, name, call, &def);
}

/* "eval:f(…)" or "rbleval:f(…)". */
static bool take_eval(struct gp_str *value)
{
	static const struct gp_str prefixes[] = {{"eval:", 5}, {"rbleval:", 8}};

	for (size_t i = 0; i < GP_ARRAY_SIZE(prefixes); i++) {
		if (!gp_str_starts(*value, prefixes[i]))
			continue;
		*value = gp_str_trim(gp_str_sub(*value, prefixes[i].len, SIZE_MAX));
		return true;
	}
	return false;
}

/* A rule that is there already stays as it is if the new pattern is none. */
static bool spoils(struct gp_rule_builder *b, struct gp_str name, const struct gp_regex *regex)
{
	const struct gp_rule *r = gp_map_get(&b->set->by_name, name);
	struct gp_regex trial = *regex;
	struct gp_diag diag;

	trial.flags |= GP_REGEX_ONCE;
	if (!r || r->type == GP_RULE_FACT || gp_pcre_compile(b->arena, &trial, &diag) != GP_EINVAL)
		return false;
	error(b, name, diag.text);
	return true;
}

static void parse_pattern(struct gp_rule_builder *b, struct gp_str name, struct gp_str value,
			  struct gp_str pattern, struct gp_rule *def)
{
	struct gp_diag diag;
	const char *odd;

	if (gp_regex_parse(b->arena, pattern, &def->regex, &diag)) {
		error(b, name, diag.text);
		return;
	}
	if (spoils(b, name, &def->regex))
		return;
	odd = gp_regex_oddity(&def->regex);
	if (odd)
		gp_rule_note(b, GP_RULE_WARNING, gp_arena_cstr(b->arena, name), "%s", odd);
	define(b, name, value, def);
}

static void define_text(struct gp_rule_builder *b, enum gp_rule_type type, struct gp_str value)
{
	struct gp_rule def = {.type = type};
	struct gp_str name;

	if (!take_name(b, &value, &name))
		return;
	if (value.len == 0)
		error(b, name, "a pattern is missing");
	else if (type != GP_RULE_URI && take_eval(&value))
		define_eval(b, name, value, type);
	else
		parse_pattern(b, name, value, value, &def);
}

static void do_body(struct gp_rule_builder *b, struct gp_str value)
{
	define_text(b, GP_RULE_BODY, value);
}

static void do_rawbody(struct gp_rule_builder *b, struct gp_str value)
{
	define_text(b, GP_RULE_RAWBODY, value);
}

static void do_full(struct gp_rule_builder *b, struct gp_str value)
{
	define_text(b, GP_RULE_FULL, value);
}

static void do_uri(struct gp_rule_builder *b, struct gp_str value)
{
	define_text(b, GP_RULE_URI, value);
}

/* Takes " [if-unset: TEXT]" off the end. */
static void take_if_unset(struct gp_str *value, struct gp_str *ret)
{
	const struct gp_str tag = GP_STR("[if-unset:");
	size_t at = gp_str_find(*value, tag, 0);

	if (value->len == 0 || value->ptr[value->len - 1] != ']' || at >= value->len || at == 0 ||
	    !gp_is_space(value->ptr[at - 1]) || !gp_is_space(value->ptr[at + tag.len]))
		return;
	*ret = gp_str_trim(gp_str_sub(*value, at + tag.len, value->len - 1 - at - tag.len));
	*value = gp_str_trim(gp_str_sub(*value, 0, at));
}

static bool parse_field(struct gp_rule_builder *b, struct gp_str name, struct gp_str spec,
			struct gp_str unset, struct gp_rule *def)
{
	struct gp_diag diag;

	def->field = GP_ARENA_NEW(b->arena, struct gp_rule_field);
	if (gp_field_parse(b->arena, gp_str_trim(spec), def->type == GP_RULE_MIMEHEADER,
			   def->field, &diag)) {
		error(b, name, diag.text);
		return false;
	}
	def->field->unset = gp_arena_str(b->arena, unset);
	return true;
}

static void define_header(struct gp_rule_builder *b, enum gp_rule_type type, struct gp_str value)
{
	const struct gp_str exists = GP_STR("exists:");
	struct gp_rule def = {.type = type};
	struct gp_str name, unset = {0}, spec, pattern;
	size_t op;

	if (!take_name(b, &value, &name))
		return;
	if (type == GP_RULE_HEADER && take_eval(&value)) {
		define_eval(b, name, value, type);
		return;
	}
	if (type == GP_RULE_HEADER && gp_str_starts(value, exists)) {
		def.is_exists = true;
		if (parse_field(b, name, gp_str_sub(value, exists.len, SIZE_MAX), unset, &def))
			define(b, name, value, &def);
		return;
	}
	for (op = 0; op + 1 < value.len; op++)
		if ((value.ptr[op] == '=' || value.ptr[op] == '!') && value.ptr[op + 1] == '~')
			break;
	if (op + 1 >= value.len) {
		error(b, name, "wants HEADER =~ /pattern/ (or !~, exists:HEADER, eval:…)");
		return;
	}
	def.is_negated = value.ptr[op] == '!';
	spec = gp_str_sub(value, 0, op);
	pattern = gp_str_trim(gp_str_sub(value, op + 2, SIZE_MAX));
	take_if_unset(&pattern, &unset);
	if (parse_field(b, name, spec, unset, &def))
		parse_pattern(b, name, value, pattern, &def);
}

static void do_header(struct gp_rule_builder *b, struct gp_str value)
{
	define_header(b, GP_RULE_HEADER, value);
}

static void do_mimeheader(struct gp_rule_builder *b, struct gp_str value)
{
	define_header(b, GP_RULE_MIMEHEADER, value);
}

static void do_meta(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_rule def = {.type = GP_RULE_META};
	struct gp_diag diag;
	struct gp_str name;

	if (!take_name(b, &value, &name))
		return;
	if (value.len == 0)
		error(b, name, "an expression is missing");
	else if (gp_meta_parse(b, value, &def.meta, &diag))
		error(b, name, diag.text);
	else
		define(b, name, value, &def);
}

static void do_uri_detail(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_rule def = {.type = GP_RULE_EVAL,
			      .written = GP_RULE_BODY,
			      .eval = &gp_rule_eval_uri_detail};
	struct gp_diag diag;
	struct gp_str name;
	int r;

	if (!take_name(b, &value, &name))
		return;
	if (value.len == 0) {
		error(b, name, "a test is missing: KEY =~ /pattern/");
		return;
	}
	r = gp_uri_detail_parse(b->arena, value, &def.uri_tests, &diag);
	if (r == GP_EINVAL) {
		error(b, name, diag.text);
		return;
	}
	if (r)
		def.inert = gp_arena_strdup(b->arena, diag.text);
	define(b, name, value, &def);
}

/* askdns RULE NAME [TYPE [TEST]] */
static void do_askdns(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_rule def = {.type = GP_RULE_EVAL, .eval = &gp_rule_eval_askdns, .n_args = 3};
	struct gp_str name, call, asked = {0}, type = {0};

	if (!take_name(b, &value, &name))
		return;
	call = value;
	if (!gp_str_next_word(&value, &asked)) {
		error(b, name, "a name to ask for is missing");
		return;
	}
	gp_str_next_word(&value, &type);
	def.args = GP_ARENA_NEW_N(b->arena, 3, struct gp_str);
	def.args[0] = gp_arena_str(b->arena, asked);
	def.args[1] = gp_arena_str(b->arena, type);
	def.args[2] = gp_arena_str(b->arena, gp_str_trim(value));
	define(b, name, call, &def);
}

/* Digits, in front of which a "-" and behind which a fraction may stand. */
static bool is_plain_number(struct gp_str s)
{
	size_t at = gp_str_starts(s, GP_STR("-")), point = gp_str_find_chr(s, '.', at);

	for (size_t i = at; i < s.len; i++)
		if (!gp_is_digit(s.ptr[i]) && i != point)
			return false;
	return point > at && s.len > at && point + 1 != s.len;
}

/* A score, or a relative one in parentheses. */
static bool parse_score(struct gp_str word, double *ret, bool *ret_relative)
{
	if (word.len > 2 && word.ptr[0] == '(' && word.ptr[word.len - 1] == ')') {
		*ret_relative = true;
		word = gp_str_sub(word, 1, word.len - 2);
	}
	return is_plain_number(word) && gp_num_parse_double(word, ret) == GP_OK &&
	       fabs(*ret) <= SCORE_MAX;
}

static void do_score(struct gp_rule_builder *b, struct gp_str value)
{
	double scores[4];
	bool relative = false;
	struct gp_str name, word;
	struct gp_rule *r;
	size_t n = 0;

	if (!take_name(b, &value, &name))
		return;
	while (gp_str_next_word(&value, &word)) {
		if (n == 4 || !parse_score(word, &scores[n++], &relative)) {
			error(b, name, "a score is a number as 1, -0.5 or 2.25, and there is one of them or four");
			return;
		}
	}
	if (n != 1 && n != 4) {
		error(b, name, "wants one score or four");
		return;
	}
	r = gp_rule_get(b, name);
	if (relative && !r->has_score) {
		error(b, name, "a relative score, (n), needs an earlier one");
		return;
	}
	for (size_t i = 0; i < 4; i++)
		r->score[i] = scores[n == 1 ? 0 : i] + (relative ? r->score[i] : 0);
	r->has_score = true;
}

static void do_describe(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_str name;

	if (!take_name(b, &value, &name))
		return;
	if (value.len == 0)
		error(b, name, "a description is missing");
	else
		gp_rule_get(b, name)->describe = gp_arena_cstr(b->arena, value);
}

/* tflags range=2-3 of mimeheader. */
static bool parse_range(struct gp_str s, struct gp_rule *r)
{
	size_t dash = gp_str_find_chr(s, '-', 0);
	uint64_t from = 0, to = UINT32_MAX;

	if (dash > 0 && gp_num_parse_uint(gp_str_sub(s, 0, dash), 10, &from))
		return false;
	if (dash + 1 < s.len && gp_num_parse_uint(gp_str_sub(s, dash + 1, SIZE_MAX), 10, &to))
		return false;
	if (dash >= s.len)
		to = from;
	r->part_min = (unsigned)GP_MIN(from, (uint64_t)UINT32_MAX);
	r->part_max = (unsigned)GP_MIN(to, (uint64_t)UINT32_MAX);
	return true;
}

static void do_tflags(struct gp_rule_builder *b, struct gp_str value)
{
	static const struct {
		const char *name;
		unsigned flag;
	} flags[] = {
		{"multiple", GP_TFLAG_MULTIPLE},   {"nice", GP_TFLAG_NICE},
		{"net", GP_TFLAG_NET},		   {"learn", GP_TFLAG_LEARN},
		{"userconf", GP_TFLAG_USERCONF},   {"noautolearn", GP_TFLAG_NOAUTOLEARN},
		{"nosubject", GP_TFLAG_NOSUBJECT}, {"concat", GP_TFLAG_CONCAT},
		{"domains_only", GP_TFLAG_DOMAINS_ONLY}, {"ips_only", GP_TFLAG_IPS_ONLY},
		{"a", GP_TFLAG_A},		   {"ns", GP_TFLAG_NS},
		{"notrim", GP_TFLAG_NOTRIM},	   {"noawl", GP_TFLAG_NOAWL},
	};
	const struct gp_str maxhits = GP_STR("maxhits="), range = GP_STR("range=");
	struct gp_str name, word;
	struct gp_rule *r;
	uint64_t n;

	if (!take_name(b, &value, &name))
		return;
	if (value.len == 0) {
		error(b, name, "a flag is missing");
		return;
	}
	r = gp_rule_get(b, name);
	r->tflags = 0;
	r->flags_text = gp_arena_cstr(b->arena, value);
	r->maxhits = 0;
	r->part_min = 0;
	r->part_max = UINT32_MAX;
	while (gp_str_next_word(&value, &word)) {
		for (size_t i = 0; i < GP_ARRAY_SIZE(flags); i++)
			if (gp_str_eq(word, gp_str(flags[i].name)))
				r->tflags |= flags[i].flag;
		if (gp_str_starts(word, maxhits)) {
			if (gp_num_parse_uint(gp_str_sub(word, maxhits.len, SIZE_MAX), 10, &n))
				error(b, name, "maxhits= wants a number");
			else
				r->maxhits = (unsigned)GP_MIN(n, (uint64_t)GP_MAX_RULE_HITS);
		}
		if (gp_str_starts(word, range) &&
		    !parse_range(gp_str_sub(word, range.len, SIZE_MAX), r))
			error(b, name, "range= wants part numbers, as in range=2-3");
	}
}

static void do_priority(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_str name;
	int64_t n;

	if (!take_name(b, &value, &name))
		return;
	if (gp_num_parse_int(value, &n) || n < -100000 || n > 100000)
		error(b, name, "priority wants an integer");
	else
		gp_rule_get(b, name)->priority = (int)n;
}

static void set_tag(struct gp_rule_builder *b, enum gp_tag_kind kind, struct gp_str value)
{
	struct gp_str name, *text;

	if (!gp_str_next_word(&value, &name) || gp_str_trim(value).len == 0) {
		error(b, GP_STR(""), "wants a tag name and an expression");
		return;
	}
	text = GP_ARENA_NEW(b->arena, struct gp_str);
	*text = gp_str(gp_arena_cstr(b->arena, gp_str_trim(value)));
	gp_map_set(&b->tags[kind], gp_arena_str(b->arena, name), text);
}

static void do_replace_tag(struct gp_rule_builder *b, struct gp_str value)
{
	set_tag(b, GP_TAG_TAG, value);
}

static void do_replace_pre(struct gp_rule_builder *b, struct gp_str value)
{
	set_tag(b, GP_TAG_PRE, value);
}

static void do_replace_inter(struct gp_rule_builder *b, struct gp_str value)
{
	set_tag(b, GP_TAG_INTER, value);
}

static void do_replace_post(struct gp_rule_builder *b, struct gp_str value)
{
	set_tag(b, GP_TAG_POST, value);
}

static void do_replace_rules(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_str name;

	while (gp_str_next_word(&value, &name)) {
		if (gp_rule_name_is_valid(name))
			gp_rule_get(b, name)->wants_tags = true;
		else
			error(b, gp_str_sub(name, 0, 100), "malformed rule name");
	}
}

static void do_replace_start(struct gp_rule_builder *b, struct gp_str value)
{
	if (value.len)
		b->tag_start = gp_arena_str(b->arena, value);
}

static void do_replace_end(struct gp_rule_builder *b, struct gp_str value)
{
	if (value.len)
		b->tag_end = gp_arena_str(b->arena, value);
}

bool gp_rule_directive_in(const struct gp_rule_directive_row *table, size_t n, struct gp_rule_builder *b,
			  struct gp_str name, struct gp_str value)
{
	for (size_t i = 0; i < n; i++) {
		if (!gp_str_eq(name, gp_str(table[i].name)))
			continue;
		table[i].fn(b, value);
		return true;
	}
	return false;
}

bool gp_rule_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value)
{
	static const struct gp_rule_directive_row table[] = {
		{"header", do_header},
		{"body", do_body},
		{"rawbody", do_rawbody},
		{"full", do_full},
		{"uri", do_uri},
		{"mimeheader", do_mimeheader},
		{"meta", do_meta},
		{"uri_detail", do_uri_detail},
		{"askdns", do_askdns},
		{"score", do_score},
		{"describe", do_describe},
		{"tflags", do_tflags},
		{"priority", do_priority},
		{"replace_tag", do_replace_tag},
		{"replace_pre", do_replace_pre},
		{"replace_inter", do_replace_inter},
		{"replace_post", do_replace_post},
		{"replace_rules", do_replace_rules},
		{"replace_start", do_replace_start},
		{"replace_end", do_replace_end},
		{"test", gp_rule_test_directive},
		{"loadplugin", gp_rule_plugin_load},
		{"tryplugin", gp_rule_plugin_load},
		{"enable_compat", gp_rule_compat_enable},
	};

	return gp_rule_directive_in(table, GP_ARRAY_SIZE(table), b, name, value) ||
	       gp_rule_redirect_directive(b, name, value) ||
	       gp_rule_circuit_directive(b, name, value) ||
	       gp_rule_asn_directive(b, name, value) || gp_sender_directive(b, name, value) ||
	       gp_rule_phishing_directive(b, name, value) ||
	       gp_query_directive(b, name, value) || gp_markup_directive(b, name, value) ||
	       gp_rule_list_directive(b, name, value);
}

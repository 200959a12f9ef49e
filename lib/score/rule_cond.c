/*
 * The expression language of `if`: numbers, version, plugin(), can(), has(),
 * arithmetic, comparisons, !, &&, ||, parentheses.
 */
#include "lib/score/rule_cond.h"

#include "lib/base/num.h"
#include "lib/score/rule_eval.h"

#define DEPTH_MAX 50

struct cond {
	struct gp_str rest;
	unsigned depth;
	const struct gp_rule_builder *b;
	const char *error;
};

/* Capabilities that can() and has() are asked about, of Conf unless they name a plugin. */
static const struct {
	const char *name;
	const char *function; /* that it promises; NULL: words of the language */
} features[] = {
	{"Conf::feature_originating_ip_headers", NULL},
	{"Conf::feature_dns_local_ports_permit_avoid", NULL},
	{"Conf::feature_bayes_auto_learn_on_error", NULL},
	{"Conf::feature_uri_host_listed", "check_uri_host_listed"},
	{"Conf::feature_yesno_takes_args", NULL},
	{"Conf::feature_bug6558_free", NULL},
	{"Conf::feature_edns", NULL},
	{"Conf::feature_dns_query_restriction", NULL},
	{"Conf::feature_registryboundaries", NULL},
	{"Conf::feature_geodb", NULL},
	{"Conf::feature_dns_block_rule", NULL},
	{"Conf::feature_compile_regexp", NULL},
	{"Conf::feature_meta_rules_matching", NULL},
	{"Conf::feature_subjprefix", NULL},
	{"Conf::feature_bayes_stopwords", NULL},
	{"Conf::feature_get_host", NULL},
	{"Conf::feature_blocklist_welcomelist", NULL},
	{"Conf::feature_welcomelist_blocklist", NULL},
	{"Conf::feature_header_address_parser", NULL},
	{"Conf::feature_local_tests_only", NULL},
	{"Conf::feature_header_first_last", NULL},
	{"Conf::feature_header_match_many", NULL},
	{"Conf::feature_capture_rules", NULL},
	{"Conf::has_tflags_nosubject", NULL},
	{"Conf::has_tflags_nolog", NULL},
	{"Conf::perl_min_version_5010000", NULL},
	{"Plugin::ASN::has_asn_lookup_ipv6", NULL},
	{"Plugin::ASN::has_check_asn", "check_asn"},
	{"Plugin::ASN::has_check_asn_tag", "check_asn"},
	{"Plugin::BodyEval::has_check_body_length", "check_body_length"},
	{"Plugin::BodyEval::has_plaintext_body_sig_ratio", "plaintext_body_sig_ratio"},
	{"Plugin::DKIM::has_arc", "check_arc_valid"},
	{"Plugin::DNSEval::has_tflags_domains_only", NULL},
	{"Plugin::DNSEval::has_tflags_ips_only", NULL},
	{"Plugin::AskDNS::has_tag_header", NULL},
	{"Plugin::HashBL::has_hashbl_bodyre", "check_hashbl_bodyre"},
	{"Plugin::HashBL::has_hashbl_bodyre_num", "check_hashbl_bodyre"},
	{"Plugin::HashBL::has_hashbl_emails", "check_hashbl_emails"},
	{"Plugin::HashBL::has_hashbl_uris", "check_hashbl_uris"},
	{"Plugin::HashBL::has_hashbl_ignore", NULL},
	{"Plugin::HashBL::has_hashbl_email_regex", NULL},
	{"Plugin::HashBL::has_hashbl_email_welcomelist", NULL},
	{"Plugin::HashBL::has_hashbl_email_whitelist", NULL},
	{"Plugin::HashBL::has_hashbl_tag", "check_hashbl_tag"},
	{"Plugin::HashBL::has_hashbl_sha256", NULL},
	{"Plugin::HashBL::has_hashbl_attachments", "check_hashbl_attachments"},
	{"Plugin::HashBL::has_hashbl_email_domain", NULL},
	{"Plugin::HashBL::has_hashbl_email_domain_alias", NULL},
	{"Plugin::MIMEEval::has_check_for_ascii_text_illegal", "check_for_ascii_text_illegal"},
	{"Plugin::MIMEEval::has_check_abundant_unicode_ratio", "check_abundant_unicode_ratio"},
	{"Plugin::MIMEEval::has_check_qp_ratio", "check_qp_ratio"},
	{"Plugin::MIMEHeader::has_all_header", NULL},
	{"Plugin::MIMEHeader::has_tflags_range", NULL},
	{"Plugin::MIMEHeader::has_tflags_concat", NULL},
	{"Plugin::MIMEHeader::has_tflags_multiple", NULL},
	{"Plugin::MIMEHeader::has_capture_rules", NULL},
	{"Plugin::OLEVBMacro::has_olemacro_mhtml_uri", "check_olemacro_mhtml_uri"},
	{"Plugin::OLEVBMacro::has_olemacro_redirect_uri", "check_olemacro_redirect_uri"},
	{"Plugin::OLEVBMacro::has_olertfobject", "check_olertfobject"},
	{"Plugin::SPF::has_check_for_spf_errors", "check_for_spf_permerror"},
	{"Plugin::SPF::has_check_spf_skipped_noenvfrom", "check_spf_skipped_noenvfrom"},
	{"Plugin::URIDNSBL::has_tflags_domains_only", NULL},
	{"Plugin::URIDNSBL::has_subtest_for_ranges", NULL},
	{"Plugin::URIDNSBL::has_uridnsbl_for_a", NULL},
	{"Plugin::URIDNSBL::has_uridnsbl_a_ns", NULL},
	{"Plugin::URIDNSBL::has_tflags_notrim", NULL},
	{"Plugin::URIDNSBL::has_uridnsbl_skip_mailto", NULL},
	{"Plugin::URIDetail::has_host_key", NULL},
};

static struct gp_str peek_rest(struct cond *c)
{
	c->rest = gp_str_trim(c->rest);
	return c->rest;
}

static bool take(struct cond *c, struct gp_str token)
{
	if (!gp_str_starts(peek_rest(c), token))
		return false;
	c->rest = gp_str_sub(c->rest, token.len, SIZE_MAX);
	return true;
}

static struct gp_str take_word(struct cond *c)
{
	struct gp_str s = peek_rest(c);
	size_t n = 0;

	while (n < s.len && (gp_is_alnum(s.ptr[n]) || s.ptr[n] == '_' || s.ptr[n] == ':' ||
			     s.ptr[n] == '.'))
		n++;
	c->rest = gp_str_sub(s, n, SIZE_MAX);
	return gp_str_sub(s, 0, n);
}

static double fail(struct cond *c, const char *error)
{
	if (!c->error)
		c->error = error;
	c->rest = (struct gp_str){0};
	return 0;
}

bool gp_rule_cond_feature(size_t i, const char **ret_name, const char **ret_function)
{
	if (i >= GP_ARRAY_SIZE(features))
		return false;
	*ret_name = features[i].name;
	*ret_function = features[i].function;
	return true;
}

/* "Conf::compat_NAME" that enable_compat has switched on. */
static bool has_compat(const struct gp_rule_builder *b, struct gp_str name)
{
	const struct gp_str prefix = GP_STR("Conf::compat_");

	return gp_str_starts(name, prefix) &&
	       gp_map_get(&b->compats, gp_str_sub(name, prefix.len, SIZE_MAX));
}

/* "Mail::SpamAssassin::Conf::feature", "…::Plugin::NAME::function" of a plugin that is loaded. */
static bool has_feature(const struct gp_rule_builder *b, struct gp_str name)
{
	const struct gp_str prefix = GP_STR("Mail::SpamAssassin::"), plugin = GP_STR("Plugin::");
	size_t at = gp_str_find_last(name, ':');
	struct gp_str what;

	if (!gp_str_starts(name, prefix) || at >= name.len || name.ptr[at - 1] != ':')
		return false;
	what = gp_str_sub(name, prefix.len, SIZE_MAX);
	if (gp_str_starts(what, plugin) && !gp_rule_plugin_is_loaded(b, gp_str_sub(name, 0, at - 1)))
		return false;
	for (size_t i = 0; i < GP_ARRAY_SIZE(features); i++)
		if (gp_str_eq(what, gp_str(features[i].name)))
			return true;
	return has_compat(b, what) ||
	       (gp_str_starts(what, plugin) && gp_rule_eval_find(gp_str_sub(name, at + 1, SIZE_MAX)));
}

/* plugin(NAME), can(NAME), has(NAME); the word is taken already. */
static double call(struct cond *c, struct gp_str function)
{
	struct gp_str name;

	if (!take(c, GP_STR("(")))
		return fail(c, "'(' is missing");
	name = take_word(c);
	if (name.len == 0 || !take(c, GP_STR(")")))
		return fail(c, "a name and ')' are missing");
	if (gp_str_eq(function, GP_STR("plugin")))
		return gp_rule_plugin_is_loaded(c->b, name);
	return has_feature(c->b, name);
}

static double parse_or(struct cond *c);

static double parse_primary(struct cond *c)
{
	struct gp_str word;
	double value;

	if (take(c, GP_STR("("))) {
		value = parse_or(c);
		if (!take(c, GP_STR(")")))
			return fail(c, "')' is missing");
		return value;
	}
	word = take_word(c);
	if (word.len == 0)
		return fail(c, "a value is missing");
	if (gp_str_eq(word, GP_STR("plugin")) || gp_str_eq(word, GP_STR("can")) ||
	    gp_str_eq(word, GP_STR("has")))
		return call(c, word);
	if (gp_str_eq(word, GP_STR("version")))
		return GP_RULE_LANGUAGE_VERSION;
	if (gp_str_eq(word, GP_STR("perl_version")))
		return 5.036;
	if (gp_str_eq(word, GP_STR("local_tests_only")))
		return c->b->set->options.local_only;
	if (gp_num_parse_double(word, &value) == GP_OK)
		return value;
	return fail(c, "neither a number nor version, plugin(), can(), has()");
}

static double parse_not(struct cond *c)
{
	double value;

	if (++c->depth > DEPTH_MAX)
		return fail(c, "nested too deeply");
	if (!gp_str_starts(peek_rest(c), GP_STR("!=")) && take(c, GP_STR("!")))
		value = parse_not(c) == 0;
	else if (take(c, GP_STR("-")))
		value = -parse_not(c);
	else
		value = parse_primary(c);
	c->depth--;
	return value;
}

static double parse_product(struct cond *c)
{
	double a = parse_not(c), b;

	for (;;) {
		if (take(c, GP_STR("*"))) {
			a *= parse_not(c);
		} else if (take(c, GP_STR("/"))) {
			b = parse_not(c);
			if (b == 0)
				return fail(c, "a division by zero");
			a /= b;
		} else {
			return a;
		}
	}
}

static double parse_sum(struct cond *c)
{
	double a = parse_product(c);

	for (;;) {
		if (take(c, GP_STR("+")))
			a += parse_product(c);
		else if (take(c, GP_STR("-")))
			a -= parse_product(c);
		else
			return a;
	}
}

static bool take_order(struct cond *c, double a, double *ret_b, bool *ret)
{
	if (take(c, GP_STR(">=")))
		*ret = a >= (*ret_b = parse_sum(c));
	else if (take(c, GP_STR("<=")))
		*ret = a <= (*ret_b = parse_sum(c));
	else if (take(c, GP_STR(">")))
		*ret = a > (*ret_b = parse_sum(c));
	else if (take(c, GP_STR("<")))
		*ret = a < (*ret_b = parse_sum(c));
	else
		return false;
	return true;
}

/* A chain, as in Perl: 3 < version < 5. */
static double parse_order(struct cond *c)
{
	double a = parse_sum(c), b;
	bool holds = true, next;

	if (!take_order(c, a, &b, &holds))
		return a;
	while (take_order(c, a = b, &b, &next))
		holds = holds && next;
	return holds;
}

static bool take_equality(struct cond *c, double a, double *ret_b, bool *ret)
{
	if (take(c, GP_STR("==")))
		*ret = a == (*ret_b = parse_order(c));
	else if (take(c, GP_STR("!=")))
		*ret = a != (*ret_b = parse_order(c));
	else
		return false;
	return true;
}

static double parse_compare(struct cond *c)
{
	double a = parse_order(c), b;
	bool holds = true, next;

	if (!take_equality(c, a, &b, &holds))
		return a;
	while (take_equality(c, a = b, &b, &next))
		holds = holds && next;
	return holds;
}

static double parse_and(struct cond *c)
{
	double a = parse_compare(c);

	while (take(c, GP_STR("&&"))) {
		double b = parse_compare(c);

		a = a != 0 && b != 0;
	}
	return a;
}

static double parse_or(struct cond *c)
{
	double a = parse_and(c);

	while (take(c, GP_STR("||"))) {
		double b = parse_and(c);

		a = a != 0 || b != 0;
	}
	return a;
}

int gp_rule_cond_eval(const struct gp_rule_builder *b, struct gp_str expression, bool *ret,
		      struct gp_diag *diag)
{
	struct cond c = {.rest = expression, .b = b};
	double value = parse_or(&c);

	if (!c.error && peek_rest(&c).len)
		c.error = "text after the condition";
	if (c.error) {
		gp_diag_set(diag, "condition: %s", c.error);
		return GP_EINVAL;
	}
	*ret = value != 0;
	return GP_OK;
}

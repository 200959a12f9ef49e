/*
 * Arguments: LIST[/A|/TXT], OPTIONS ("sha1/max=10/…"), what to look for, what is to be
 * answered.  Options that are left out are the function's own, not each for itself.
 */
#include "lib/score/rule_query_hash.h"

#include "lib/base/num.h"
#include "lib/score/rule_list.h"
#include "lib/score/rule_query_test.h"

#define QUERIES_DEFAULT 10
#define QUERIES_MAX 50

/* Addresses that belong to nobody in particular; hashbl_email_welcomelist replaces them. */
static const char role_addresses[] =
	"(?i)^(?:abuse|support|sales|info|helpdesk|contact|kontakt|(?:post|host|domain)master|"
	"undisclosed.*|request-[a-f0-9]{16}|bounced?-|.+=.+=.+|"
	"[a-f0-9]{8}(?:\\.[a-f0-9]{8}|-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}))@";

static const struct {
	const char *name;
	unsigned flag;
} options[] = {
	{"raw", GP_HASH_RAW},	  {"case", GP_HASH_CASE},	{"nodot", GP_HASH_NODOT},
	{"notag", GP_HASH_NOTAG}, {"nouri", GP_HASH_NOURI},	{"noquote", GP_HASH_NOQUOTE},
	{"user", GP_HASH_USER},	  {"host", GP_HASH_HOST},	{"domain", GP_HASH_DOMAIN},
	{"num", GP_HASH_NUM},	  {"ip", GP_HASH_IP},		{"ipv4", GP_HASH_IPV4},
	{"ipv6", GP_HASH_IPV6},	  {"revip", GP_HASH_REVIP},	{"fqdn", GP_HASH_FQDN},
	{"tld", GP_HASH_TLD},	  {"trim", GP_HASH_TRIM | GP_HASH_FQDN | GP_HASH_TLD},
};

static uint64_t number_of(struct gp_str word)
{
	size_t eq = gp_str_find_chr(word, '=', 0);
	uint64_t n = 0;

	return gp_num_parse_uint(gp_str_sub(word, eq + 1, SIZE_MAX), 10, &n) ? 0 : n;
}

/* Unknown words mean nothing, "shuffle" nothing here: the first max are asked for. */
static void parse_options(struct gp_str text, struct gp_query_hash *h)
{
	struct gp_str word;
	bool has_digest = false;

	while (gp_str_next(&text, '/', &word)) {
		word = gp_str_trim(word);
		for (size_t i = 0; i < GP_ARRAY_SIZE(options); i++)
			if (gp_str_ieq(word, gp_str(options[i].name)))
				h->flags |= options[i].flag;
		if (gp_str_istarts(word, GP_STR("max=")))
			h->max = (unsigned)GP_MIN(number_of(word), (uint64_t)QUERIES_MAX);
		else if (gp_str_istarts(word, GP_STR("minsize=")))
			h->size_min = number_of(word);
		else if (gp_str_istarts(word, GP_STR("maxsize=")))
			h->size_max = number_of(word);
		else if (gp_str_ieq(word, GP_STR("md5")))
			h->digest = GP_DIGEST_MD5;
		else if (gp_str_ieq(word, GP_STR("sha1")))
			h->digest = GP_DIGEST_SHA1;
		else if (gp_str_ieq(word, GP_STR("sha256")))
			h->digest = GP_DIGEST_SHA256;
		else
			continue;
		has_digest |= gp_str_find_chr(word, '=', 0) == word.len;
	}
	if (!has_digest)
		h->flags |= GP_HASH_RAW;
}

static bool compile(struct gp_rule_builder *b, struct gp_rule *r, struct gp_str text, unsigned flags,
		    struct gp_regex *ret)
{
	struct gp_diag diag;

	ret->text = gp_str(gp_arena_cstr(b->arena, text));
	ret->flags = flags;
	if (gp_pcre_compile(b->arena, ret, &diag) == GP_OK)
		return true;
	gp_rule_make_inert(b, r, "%s", diag.text);
	return false;
}

static void parse_list(struct gp_rule_builder *b, struct gp_str list, struct gp_query *q)
{
	q->type = gp_str_iends(list, GP_STR("/TXT")) ? GP_DNS_TXT : GP_DNS_A;
	list = gp_str_sub(list, 0, gp_str_find_chr(list, '/', 0));
	while (list.len && list.ptr[list.len - 1] == '.')
		list.len--;
	q->name = gp_arena_str(b->arena, list);
}

static struct gp_str argument(const struct gp_rule *r, size_t i)
{
	return i < r->n_args ? r->args[i] : GP_STR("");
}

/* hashbl_email_regex, where the files have one.  For _TLDS_ any label does: the domain is looked at
 * when one is found. */
static bool prepare_email(struct gp_rule_builder *b, struct gp_rule *r, struct gp_query_hash *h)
{
	const struct gp_str tlds = GP_STR("_TLDS_");
	const struct gp_rule_list *list = gp_rule_list_get(b->set, GP_STR("hashbl_email_regex"));
	struct gp_str text;
	size_t at;

	if (list->items.len == 0)
		return true;
	text = list->items.items[0];
	while ((at = gp_str_find(text, tlds, 0)) < text.len) {
		h->wants_tld = true;
		text = gp_str(gp_arena_printf(b->arena, "%.*s[A-Za-z0-9-]{2,63}%.*s",
					      GP_STR_FMT(gp_str_sub(text, 0, at)),
					      GP_STR_FMT(gp_str_sub(text, at + tlds.len, SIZE_MAX))));
	}
	return compile(b, r, gp_str(gp_arena_printf(b->arena, "(%.*s)", GP_STR_FMT(text))), 0,
		       &h->email);
}

static bool prepare_kind(struct gp_rule_builder *b, struct gp_rule *r, struct gp_query *q)
{
	struct gp_query_hash *h = q->hash;
	const struct gp_rule_list *welcome =
		gp_rule_list_get(b->set, GP_STR("hashbl_email_welcomelist"));

	if (q->kind == GP_QUERY_HASH_BODY)
		return compile(b, r, argument(r, 2), GP_REGEX_DOTALL, &h->re);
	if (q->kind == GP_QUERY_HASH_EMAILS) {
		h->what = argument(r, 2).len ? argument(r, 2) : GP_STR("ALLFROM/Reply-To/body");
		if (argument(r, 4).len)
			h->acl = gp_str(gp_arena_printf(b->arena, "hashbl_acl_%.*s",
							GP_STR_FMT(argument(r, 4))));
		if (!prepare_email(b, r, h))
			return false;
		return compile(b, r, welcome->items.len ? welcome->items.items[0]
							: gp_str(role_addresses), 0, &h->welcome);
	}
	if (q->kind == GP_QUERY_HASH_TAG) {
		h->what = argument(r, 2);
		if (h->what.len > 2 && h->what.ptr[0] == '_') /* "_NAME_" */
			h->what = gp_str_sub(h->what, 1, h->what.len - 2);
	}
	return true;
}

bool gp_query_hash_prepare(struct gp_rule_builder *b, struct gp_rule *r, struct gp_query *q)
{
	static const struct gp_str by_default = GP_STR("sha1/notag/noquote/max=10");
	bool has_what = q->kind != GP_QUERY_HASH_URIS && q->kind != GP_QUERY_HASH_PARTS;
	struct gp_str test = argument(r, has_what ? 3 : 2);
	struct gp_diag diag;

	q->hash = GP_ARENA_NEW(b->arena, struct gp_query_hash);
	q->hash->digest = GP_DIGEST_SHA1;
	parse_list(b, argument(r, 0), q);
	parse_options(argument(r, 1).len ? argument(r, 1) : by_default, q->hash);
	if (q->hash->max == 0)
		q->hash->max = QUERIES_DEFAULT;
	if (q->hash->flags & GP_HASH_RAW && !has_what) {
		gp_rule_make_inert(b, r, "the option raw is not for whole links and files");
		return false;
	}
	if (test.len && gp_query_test_of_rbl(b->arena, test, &q->test, &diag)) {
		gp_rule_make_inert(b, r, "%s", diag.text);
		return false;
	}
	return prepare_kind(b, r, q);
}

/*
 * gatepost dkim sign: a message with its DKIM signature on standard output.
 *
 * Nothing but the new fields differs from what was read: they come first (behind the "From "
 * line of an mbox) and have the message's own line ends.
 */
#include <stdio.h>
#include <string.h>

#include "cli/context.h"
#include "cli/dkim.h"
#include "cli/dkim_directory.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/dns/dnsname.h"
#include "milter-dkim/options.h"

struct sign_options {
	const char *domain, *selector, *key, *canonicalization, *headers, *oversign, *expire;
};

static const struct gp_opt options[] = {
	{0, "domain", "DOMAIN", "sign as this domain, not that of From", GP_OPT_STRING,
	 offsetof(struct sign_options, domain)},
	{0, "selector", "NAME", "with --key its selector; else only this one of the configured keys",
	 GP_OPT_STRING, offsetof(struct sign_options, selector)},
	{0, "key", "FILE", "the private key; needs --selector", GP_OPT_STRING,
	 offsetof(struct sign_options, key)},
	{0, "canonicalization", "C", "of header and body, \"relaxed/relaxed\"", GP_OPT_STRING,
	 offsetof(struct sign_options, canonicalization)},
	{0, "headers", "A:B:...", "fields to sign where they are present", GP_OPT_STRING,
	 offsetof(struct sign_options, headers)},
	{0, "oversign", "A:B:...", "fields that nobody may add later", GP_OPT_STRING,
	 offsetof(struct sign_options, oversign)},
	{0, "expire", "DURATION", "the signature expires after this time (x=)", GP_OPT_STRING,
	 offsetof(struct sign_options, expire)},
	GP_OPT_END,
};

/* One run of the command. */
struct run {
	struct gp_cli *cli;
	const struct sign_options *o;
	const struct gp_snapshot *snap;
	struct gp_sign_options how;
	struct gp_str bytes, body;
	struct gp_fields fields;
	struct gp_str domain, local; /* whose keys */
	const struct dkim_signer *signers;
	size_t n_signers;
};

/* "from:to" or "from,to". */
static int read_names(struct gp_arena *arena, const char *option, const char *text,
		      const struct gp_str **ret, size_t *ret_n)
{
	GP_VEC(struct gp_str) names = {0};
	struct gp_str rest = gp_str(text);

	while (rest.len) {
		size_t n = 0;

		while (n < rest.len && rest.ptr[n] != ':' && rest.ptr[n] != ',')
			n++;
		for (size_t i = 0; i < n; i++)
			if (rest.ptr[i] <= ' ' || rest.ptr[i] > '~' || rest.ptr[i] == ';')
				n = 0;
		if (n == 0)
			return gp_cli_fail(GP_EXIT_USAGE, "%s: \"%s\" is not a list of field names",
					   option, text);
		*gp_vec_push(arena, &names) = gp_str_sub(rest, 0, n);
		rest = gp_str_sub(rest, n + 1, rest.len);
	}
	*ret = names.items;
	*ret_n = names.len;
	return 0;
}

static int read_how(struct run *r)
{
	const struct sign_options *o = r->o;
	struct gp_sign_options *how = &r->how;
	int64_t expire_ms = 0;
	int status = 0;

	if (o->canonicalization && gp_canon_parse(gp_str(o->canonicalization), &how->header_canon,
						  &how->body_canon))
		return gp_cli_fail(GP_EXIT_USAGE, "--canonicalization: \"%s\" is not simple or "
						  "relaxed, \"/\", simple or relaxed",
				   o->canonicalization);
	if (o->expire && (gp_num_parse_duration(gp_str(o->expire), &expire_ms) || expire_ms < 1000))
		return gp_cli_fail(GP_EXIT_USAGE, "--expire: \"%s\" is not a duration, as \"7d\"",
				   o->expire);
	if (o->expire)
		how->ttl_s = expire_ms / 1000;
	if (o->headers)
		status = read_names(r->cli->arena, "--headers", o->headers, &how->headers,
				    &how->n_headers);
	if (o->oversign && !status)
		status = read_names(r->cli->arena, "--oversign", o->oversign, &how->oversign,
				    &how->n_oversign);
	return status;
}

/* The key that was named on the command line. */
static int use_given_key(struct run *r)
{
	struct dkim_signer *signer = GP_ARENA_NEW(r->cli->arena, struct dkim_signer);
	int status = gp_cli_key_load(r->cli, r->o->key, &signer->key);

	signer->domain = r->domain;
	signer->selector = gp_str(r->o->selector);
	r->signers = signer;
	r->n_signers = 1;
	return status;
}

/* Of the table, of the directory, of the folder of keys, of the nearest parent. */
static int find_signers(struct run *r, const struct dkim_keyring *ring, struct gp_cli_signers *s)
{
	const struct dkim_conf *conf = gp_snapshot_get(r->snap, &dkim_table);
	struct gp_arena *arena = r->cli->arena;
	bool is_found = false;
	int status;

	s->len = dkim_keyring_find_line(ring, s->local, s->domain, arena, &s->items, &s->is_none);
	if (s->len || s->is_none)
		return 0;
	status = gp_cli_directory_signers(r->cli, r->snap, ring, s, &is_found);
	if (status || is_found)
		return status;
	s->len = dkim_keyring_find(ring, s->local, s->domain, arena, &s->items, &s->is_none);
	if (s->len == 0 && !s->is_none && conf->sign.subdomains)
		s->len = dkim_keyring_find_parent(ring, s->domain, arena, &s->items, &s->is_none);
	return 0;
}

/* Those that milter-dkim would sign with. */
static int use_keyring(struct run *r)
{
	GP_VEC(struct dkim_signer) chosen = {0};
	struct gp_cli_signers found = {.local = r->local, .domain = r->domain};
	struct dkim_keyring *ring;
	int status = gp_cli_keyring(r->cli, r->snap, &ring);

	if (!status)
		status = find_signers(r, ring, &found);
	if (status)
		return status;
	if (found.is_none)
		return gp_cli_fail(GP_EXIT_DATA, "%.*s: the key table or the directory says that it is "
						 "not signed",
				   GP_STR_FMT(r->domain));
	for (size_t i = 0; i < found.len; i++)
		if (!r->o->selector || gp_str_ieq(found.items[i].selector, gp_str(r->o->selector)))
			*gp_vec_push(r->cli->arena, &chosen) = found.items[i];
	if (chosen.len == 0)
		return gp_cli_fail(GP_EXIT_DATA, "no key signs for %.*s%s%s; give --key, or make "
						 "one: gatepost dkim genkey %.*s",
				   GP_STR_FMT(r->domain), r->o->selector ? " with selector " : "",
				   r->o->selector ? r->o->selector : "", GP_STR_FMT(r->domain));
	r->signers = chosen.items;
	r->n_signers = chosen.len;
	return 0;
}

static int choose_domain(struct run *r)
{
	struct gp_addr author = gp_cli_author(r->cli->arena, &r->fields);
	char name[GP_DNS_NAME_MAX + 1];

	r->domain = author.domain;
	if (r->o->domain && gp_dns_name_fold(gp_str(r->o->domain), name))
		return gp_cli_fail(GP_EXIT_USAGE, "--domain: \"%s\" is not a domain name",
				   r->o->domain);
	if (r->o->domain)
		r->domain = gp_str(gp_arena_strdup(r->cli->arena, name));
	if (gp_str_eq(r->domain, author.domain))
		r->local = author.local;
	if (!r->domain.len)
		return gp_cli_fail(GP_EXIT_DATA, "the message has no From with a domain; give --domain");
	return 0;
}

/* Prints text with "\n" as the message ends its lines. */
static void print_lines(struct gp_str text, bool has_crlf)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\n' && has_crlf)
			putchar('\r');
		putchar(text.ptr[i]);
	}
}

static void print_message(const struct run *r, struct gp_str signatures)
{
	size_t first = gp_str_find_chr(r->bytes, '\n', 0);
	bool has_crlf = first > 0 && first < r->bytes.len && r->bytes.ptr[first - 1] == '\r';
	size_t skip = gp_str_starts(r->bytes, GP_STR("From ")) ? GP_MIN(first + 1, r->bytes.len) : 0;

	fwrite(r->bytes.ptr, 1, skip, stdout);
	print_lines(signatures, has_crlf);
	fwrite(r->bytes.ptr + skip, 1, r->bytes.len - skip, stdout);
}

static int sign(struct run *r)
{
	GP_BUF_AUTO out = GP_BUF_INIT(1 << 20);
	struct gp_arena *arena = r->cli->arena;
	struct gp_body_hasher *hasher = gp_body_hasher_new(arena);
	int64_t now_s = gp_clock_real_s();
	struct gp_sign signing;
	struct gp_diag diag;

	gp_sign_begin(&signing, arena, &r->how, hasher);
	gp_body_hasher_add(hasher, r->body);
	gp_body_hasher_finish(hasher);
	for (size_t i = 0; i < r->n_signers; i++) {
		const struct dkim_signer *s = &r->signers[i];
		struct gp_sign_as as = {.domain = s->domain,
					.selector = s->selector,
					.identity = dkim_signer_identity(s, r->domain, arena),
					.key = s->key};
		struct gp_str value;

		if (gp_sign_finish(&signing, &r->fields, hasher, &as, now_s, &value, &diag))
			return gp_cli_fail(GP_EXIT_DATA, "%s", diag.text);
		gp_buf_printf(&out, "DKIM-Signature: %.*s\n", GP_STR_FMT(value));
	}
	if (gp_buf_error(&out))
		return gp_cli_fail(GP_EXIT_SOFTWARE, "too many signatures");
	print_message(r, gp_buf_str(&out));
	return 0;
}

static int run_steps(struct run *r, const char *path, struct gp_buf *bytes)
{
	int status = read_how(r);

	if (!status)
		status = gp_cli_read_message(path, bytes);
	if (status)
		return status;
	r->bytes = gp_buf_str(bytes);
	gp_fields_parse(r->cli->arena, r->bytes, &r->fields, &r->body);
	status = choose_domain(r);
	if (!status)
		status = r->o->key ? use_given_key(r) : use_keyring(r);
	return status ? status : sign(r);
}

static int run_sign(struct gp_cli *cli, int argc, char **argv)
{
	struct sign_options o = {0};
	struct gp_opt_list operands = {0};
	GP_CLEANUP(gp_snapshot_unrefp) struct gp_snapshot *snap = NULL;
	GP_BUF_AUTO bytes = GP_BUF_INIT(GP_CLI_MESSAGE_MAX);
	struct run r = {.cli = cli, .o = &o};
	const struct dkim_conf *conf;
	int status = gp_cli_options(&gp_cmd_dkim_sign, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	if (operands.len != 1)
		return gp_cli_fail(GP_EXIT_USAGE, "dkim sign: name one message, or \"-\"");
	if (o.key && !o.selector)
		return gp_cli_fail(GP_EXIT_USAGE, "--key needs --selector");
	if (o.selector && !dkim_selector_is_valid(gp_str(o.selector)))
		return gp_cli_fail(GP_EXIT_USAGE, "--selector: \"%s\" is not a selector", o.selector);
	status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	r.snap = snap;
	conf = gp_snapshot_get(snap, &dkim_table);
	r.how = *dkim_sign_options(&conf->sign, cli->arena);
	return run_steps(&r, operands.items[0], &bytes);
}

const struct gp_command gp_cmd_dkim_sign = {
	.name = "dkim sign",
	.operands = "FILE|-",
	.summary = "print a message with a DKIM signature added",
	.details = "Without --key it signs with the configured keys of the author, as "
		   "milter-dkim would.\nExit status: 65 no key, or the message has no From.",
	.options = options,
	.run = run_sign,
};

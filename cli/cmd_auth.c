/*
 * gatepost auth: SPF, DKIM, ARC and DMARC of one message, with all reasons.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/auth_show.h"
#include "cli/context.h"
#include "cli/dns.h"
#include "cli/json.h"
#include "cli/text.h"
#include "lib/auth/authres.h"
#include "lib/base/clock.h"
#include "milter-dkim/options.h"

/* For all questions of a message; a person waits. */
#define AUTH_MS 30000
#define ALL_PARTS (GP_SHOW_SPF | GP_SHOW_DKIM | GP_SHOW_ARC | GP_SHOW_DMARC)

struct auth_options {
	const char *ip, *helo, *from, *zone;
	bool json;
};

static const struct gp_opt options[] = {
	{0, "ip", "ADDRESS", "the client's address; without it SPF is not checked", GP_OPT_STRING,
	 offsetof(struct auth_options, ip)},
	{0, "helo", "NAME", "what the client said in HELO", GP_OPT_STRING,
	 offsetof(struct auth_options, helo)},
	{0, "from", "ADDRESS", "the envelope sender; \"<>\" for a bounce", GP_OPT_STRING,
	 offsetof(struct auth_options, from)},
	{0, "zone", "FILE", "ask this zone file instead of the DNS", GP_OPT_STRING,
	 offsetof(struct auth_options, zone)},
	{0, "json", NULL, "one JSON object", GP_OPT_FLAG, offsetof(struct auth_options, json)},
	GP_OPT_END,
};

/* What is asked about a message. */
struct question {
	struct gp_auth_options how;
	struct gp_auth_envelope envelope;
	struct gp_auth_sources sources;
	struct gp_str id; /* authserv-id */
	struct gp_str bytes;
	const char *label;
};

static struct gp_str without_angles(struct gp_str s)
{
	if (s.len >= 2 && s.ptr[0] == '<' && s.ptr[s.len - 1] == '>')
		return gp_str_sub(s, 1, s.len - 2);
	return s;
}

static int read_envelope(const struct auth_options *o, struct gp_auth_envelope *ret)
{
	*ret = (struct gp_auth_envelope){
		.helo = gp_str(o->helo ? o->helo : ""),
		.mailfrom = without_angles(gp_str(o->from ? o->from : "")),
		.now_s = gp_clock_real_s(),
	};
	if (o->ip && gp_ip_parse(gp_str(o->ip), &ret->client))
		return gp_cli_fail(GP_EXIT_USAGE, "--ip: \"%s\" is not an IP address", o->ip);
	if (!o->ip && (o->helo || o->from))
		return gp_cli_fail(GP_EXIT_USAGE, "--helo and --from need --ip");
	if (o->ip && !o->helo && !ret->mailfrom.len)
		return gp_cli_fail(GP_EXIT_USAGE, "--ip needs --from or --helo: which domain would "
						  "allow the address?");
	return 0;
}

static bool is_temporary(const struct gp_auth_result *r)
{
	bool is = r->helo.status == GP_AUTH_TEMPERROR || r->mailfrom.status == GP_AUTH_TEMPERROR ||
		  r->arc.status == GP_AUTH_TEMPERROR || r->dmarc.status == GP_AUTH_TEMPERROR;

	for (size_t i = 0; i < r->n_dkim; i++)
		is = is || r->dkim[i].status == GP_AUTH_TEMPERROR;
	return is;
}

static void show(const struct question *q, const struct gp_auth_result *r, bool as_json,
		 struct gp_arena *arena)
{
	const struct gp_authres_options how = {.with_helo = q->how.spf_helo, .utf8 = true};
	struct gp_str field = gp_authres_format(arena, q->id, r, &how);
	unsigned parts = q->how.spf ? ALL_PARTS : ALL_PARTS & ~GP_SHOW_SPF;
	json_t *root;

	if (as_json) {
		root = json_pack("{s:o}", "file", gp_json_text(gp_str(q->label)));
		gp_auth_to_json(r, parts, root);
		json_object_set_new(root, "authentication_results", gp_json_text(field));
		gp_json_print(root);
		return;
	}
	printf("%s\n", gp_text_show(arena, gp_str(q->label), 4096));
	if (!q->how.spf)
		puts("  SPF            not checked: give --ip, --helo and --from");
	gp_auth_print(r, parts, isatty(STDOUT_FILENO) == 1, arena);
	puts("\n  Authentication-Results");
	for (struct gp_str line; gp_str_next(&field, '\n', &line);)
		printf("    %s\n", gp_text_show(arena, gp_str_trim(line), 1000));
}

static int run_question(struct gp_cli *cli, const struct question *q, bool as_json)
{
	struct gp_auth_result result = {0};
	struct gp_auth *auth = NULL;
	struct gp_diag diag;

	if (gp_auth_new(&q->how, &auth, &diag))
		return gp_cli_fail(GP_EXIT_CONFIG, "%s", diag.text);
	gp_auth_message(auth, &q->sources, &q->envelope, q->bytes, cli->arena,
			gp_clock_mono_ms() + AUTH_MS, &result);
	show(q, &result, as_json, cli->arena);
	gp_auth_free(&auth);
	return is_temporary(&result) ? GP_EXIT_TEMPFAIL : 0;
}

/* milter-dkim's limits hold, but all methods are run, whatever it is told to do. */
static void set_up(struct gp_cli *cli, const struct gp_snapshot *snap, struct question *q)
{
	const struct gp_conf_domains *domains = gp_snapshot_get(snap, &gp_conf_domains_table);

	q->id = gp_str(*domains->authserv_id ? domains->authserv_id : gp_cli_host_name(cli->arena));
	q->how = dkim_auth_options(gp_snapshot_get(snap, &dkim_table), q->id, cli->arena);
	q->how.spf = q->how.spf_helo = q->envelope.client.family != 0;
	q->how.dkim = q->how.arc = q->how.dmarc = true;
}

static int run_auth(struct gp_cli *cli, int argc, char **argv)
{
	struct auth_options o = {0};
	struct gp_opt_list operands = {0};
	struct question q = {0};
	GP_CLEANUP(gp_snapshot_unrefp) struct gp_snapshot *snap = NULL;
	GP_CLI_DNS_AUTO dns = {0};
	GP_BUF_AUTO bytes = GP_BUF_INIT(GP_CLI_MESSAGE_MAX);
	int status = gp_cli_options(&gp_cmd_auth, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	if (operands.len != 1)
		return gp_cli_fail(GP_EXIT_USAGE, "auth: name one message, or \"-\"");
	status = read_envelope(&o, &q.envelope);
	if (!status)
		status = gp_cli_load(cli, &snap);
	if (!status)
		status = gp_cli_dns_open(snap, o.zone, &dns);
	if (!status)
		status = gp_cli_read_message(operands.items[0], &bytes);
	if (status)
		return status;
	q.label = operands.items[0];
	q.bytes = gp_buf_str(&bytes);
	q.sources.resolver = dns.resolver;
	set_up(cli, snap, &q);
	return run_question(cli, &q, o.json);
}

const struct gp_command gp_cmd_auth = {
	.name = "auth",
	.operands = "FILE|-",
	.summary = "check SPF, DKIM, ARC and DMARC of a message and say why",
	.details = "The exit status is 75 if the DNS did not answer, else 0 whatever the results.",
	.options = options,
	.run = run_auth,
};

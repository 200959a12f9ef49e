/*
 * milter-dkim: a description of the program; lib/daemon runs it.
 */
#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/rand.h"
#include "lib/daemon/daemon.h"
#include "lib/daemon/directory.h"
#include "lib/daemon/drain.h"
#include "lib/daemon/resolver.h"
#include "lib/daemon/sandbox.h"
#include "lib/daemon/sealing.h"
#include "lib/daemon/storage.h"
#include "milter-dkim/dkim.h"
#include "milter-dkim/generate.h"
#include "milter-dkim/setup.h"
#include "milter-dkim/sign.h"

/* A health check answers within this, whatever the DNS does. */
#define HEALTH_MS 1000
/* Parsed keys of others: those of the few hundred large senders, and room. */
#define KEYS_MAX 4096

struct dkim_reports *dkim_reports;
struct gp_store *dkim_store;

static struct gp_loop *loop;
static struct dkim_generator *generator;
static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &dkim_table};

static int start_reports(const struct gp_conf_top *top, struct gp_diag *diag)
{
	dkim_reports_register_metrics();
	return dkim_reports_new(dkim_store, DKIM_REPORTS_INTERVAL_MS, top->store_timeout_ms,
				&dkim_reports, diag);
}

/* Mail is worth more than what is recorded about it: without a store there is nothing. */
static void start_records(const struct gp_snapshot *snap)
{
	const struct dkim_conf *conf = gp_snapshot_get(snap, &dkim_table);
	const struct gp_conf_top *top = gp_snapshot_get(snap, &gp_conf_top_table);
	const struct gp_conf_history *history = gp_snapshot_get(snap, &gp_conf_history_table);
	bool reports = conf->dmarc.reports && conf->dmarc.enabled;
	struct gp_diag diag;
	int r;

	if (!reports && history->size == 0 && !conf->dkim.note_clients)
		return;
	r = gp_storage_open(top, GP_STORE_DKIM, &dkim_store, &diag);
	if (r == GP_OK && reports)
		r = start_reports(top, &diag);
	if (r == GP_OK)
		r = gp_history_open(dkim_store, history, GP_HISTORY_DKIM, top->store_timeout_ms,
				    &dkim_history, &diag);
	if (r)
		gp_log_warning("DMARC report data and history are not recorded: %s", diag.text);
}

static int start_generator(const struct gp_snapshot *snap, struct gp_diag *diag)
{
	const struct dkim_conf *conf = gp_snapshot_get(snap, &dkim_table);

	return conf->sign.generate
		       ? dkim_generator_new(dkim_sources.resolver, conf->sign.generate_interval_ms,
					    &generator, diag)
		       : GP_OK;
}

static int open_directory(struct gp_snapshot *snap, struct gp_diag *diag)
{
	struct dkim_snapshot *data = gp_snapshot_data(snap);
	int r = gp_directory_open(gp_snapshot_get(snap, &gp_conf_ldap_table), &dkim_ldap, diag);

	data->directory.ldap = dkim_ldap;
	return r;
}

static int start(struct gp_snapshot *snap, struct gp_diag *diag)
{
	int r = gp_loop_open(&loop, diag);

	if (r)
		return r;
	r = gp_resolver_open(gp_snapshot_get(snap, &gp_conf_dns_table), loop,
			     &dkim_sources.resolver, diag);
	if (r == GP_OK)
		r = open_directory(snap, diag);
	if (r)
		return r;
	dkim_sources.keys = gp_dkim_keys_new(KEYS_MAX);
	dkim_setup_seal(snap);
	dkim_register_metrics();
	start_records(snap);
	return start_generator(snap, diag);
}

static void stop(void)
{
	/* One that outlived stop_grace may ask still: it ends with the process, at the price of a
	 * minute of report data. */
	if (gp_drain_sessions() > 0)
		return;
	dkim_generator_free(&generator);
	dkim_reports_free(&dkim_reports);
	gp_history_close(&dkim_history);
	gp_store_close(&dkim_store);
	gp_resolver_close(&dkim_sources.resolver);
	gp_loop_close(&loop);
	gp_ldap_close(&dkim_ldap);
	gp_dkim_keys_free(&dkim_sources.keys);
}

/* Asks the DNS for a name that nothing has cached, below our own: that it does not exist is
 * an answer as good as any. */
static void check_resolver(const struct gp_snapshot *snap, struct gp_health *entry)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_dns_answer answer;
	unsigned char random[4];
	char name[GP_DNS_NAME_MAX + 1];
	int r;

	gp_rand_bytes(random, sizeof(random));
	snprintf(name, sizeof(name), "gatepost-health-%02x%02x%02x%02x.%s", random[0], random[1],
		 random[2], random[3], dkim_host_name(snap));
	r = gp_dns_get(dkim_sources.resolver, gp_str(name), GP_DNS_A,
		       gp_clock_mono_ms() + HEALTH_MS, arena, &answer);
	*entry = (struct gp_health){.name = "resolver", .is_ok = r == GP_OK};
	snprintf(entry->detail, sizeof(entry->detail), "%s",
		 r == GP_OK ? "answers" : "does not answer");
	gp_arena_free(arena);
}

static void count_signer(const struct dkim_signer *signer, void *arg)
{
	(void)signer;
	++*(size_t *)arg;
}

static void check_keys(const struct dkim_snapshot *data, struct gp_health *entry)
{
	size_t n = 0;

	if (data->keyring)
		dkim_keyring_each(data->keyring, count_signer, &n);
	*entry = (struct gp_health){.name = "keys", .is_ok = true};
	snprintf(entry->detail, sizeof(entry->detail), "%zu to sign with; results are %ssealed", n,
		 data->seal_key ? "" : "not ");
}

static size_t health(struct gp_health *entries, size_t max)
{
	struct gp_snapshot *snap;
	size_t n = 0;

	if (max < 4)
		return 0;
	snap = gp_daemon_snapshot();
	check_resolver(snap, &entries[n++]);
	check_keys(gp_snapshot_data(snap), &entries[n++]);
	if (dkim_store) /* of data for reports; mail does without */
		gp_storage_health(dkim_store, &entries[n++]);
	if (gp_directory_health(dkim_ldap, &entries[n]))
		n++;
	gp_snapshot_unref(snap);
	return n;
}

static void reloaded(struct gp_snapshot *snap)
{
	if (dkim_ldap)
		gp_ldap_flush(dkim_ldap);
}

static void sandbox(const struct gp_snapshot *snap)
{
	const struct dkim_conf *conf = gp_snapshot_get(snap, &dkim_table);

	gp_resolver_sandbox(gp_snapshot_get(snap, &gp_conf_dns_table));
	dkim_sign_sandbox(snap);
	gp_storage_sandbox(gp_snapshot_get(snap, &gp_conf_top_table));
	gp_sandbox_read(conf->dmarc.psl_file);
	gp_sealing_sandbox(snap);
}

static const struct gp_daemon milter_dkim = {
	.name = "milter-dkim",
	.summary = "SPF, DKIM, ARC and DMARC for Postfix: verifies and signs",
	.tables = tables,
	.n_tables = GP_ARRAY_SIZE(tables),
	.own = &dkim_table,
	.own_offset = offsetof(struct dkim_conf, daemon),
	.configure = dkim_setup,
	.start = start,
	.stop = stop,
	.reloaded = reloaded,
	.health = health,
	.sandbox = sandbox,
	.service = &gp_milter_service,
	.milter = &dkim_milter,
};

int main(int argc, char **argv)
{
	return gp_daemon_main(&milter_dkim, argc, argv);
}

/*
 * From settings to what a message needs: once per snapshot.
 */
#include "milter-dkim/setup.h"

#include <unistd.h>

#include "lib/base/log.h"
#include "lib/daemon/sealing.h"
#include "milter-dkim/dkim.h"
#include "milter-dkim/sign.h"

struct gp_auth_sources dkim_sources;
struct gp_ldap *dkim_ldap;

static void free_auth(void *arg)
{
	struct gp_auth *auth = arg;

	gp_auth_free(&auth);
}

const char *dkim_host_name(const struct gp_snapshot *snap)
{
	static char host[256];
	const struct gp_conf_domains *domains = gp_snapshot_get(snap, &gp_conf_domains_table);

	if (*domains->authserv_id)
		return domains->authserv_id;
	if (!*host && gethostname(host, sizeof(host) - 1) < 0)
		gp_str_copy(host, sizeof(host), GP_STR("localhost"));
	return host;
}

static int setup_auth(struct gp_snapshot *snap, struct dkim_snapshot *data,
		      struct gp_conf_report *report)
{
	struct gp_auth_options options =
		dkim_auth_options(gp_snapshot_get(snap, &dkim_table), gp_str(dkim_host_name(snap)),
				  gp_snapshot_arena(snap));
	struct gp_diag diag;
	int r = gp_auth_new(&options, &data->auth, &diag);

	if (r) {
		gp_conf_complain(snap, &dkim_table, "dmarc.psl_file", report, "%s", diag.text);
		return r;
	}
	gp_arena_on_end(gp_snapshot_arena(snap), free_auth, data->auth);
	return GP_OK;
}

/* Who is to seal must have a key. */
static int check_arc(struct gp_snapshot *snap, const struct dkim_snapshot *data,
		     struct gp_conf_report *report)
{
	const struct dkim_conf *c = gp_snapshot_get(snap, &dkim_table);
	const struct dkim_signer *signers;
	bool is_none = false;

	if (!*c->arc.seal_as || dkim_keyring_find(data->keyring, GP_STR(""), gp_str(c->arc.seal_as),
						  gp_snapshot_arena(snap), &signers, &is_none))
		return GP_OK;
	gp_conf_complain(snap, &dkim_table, "arc.seal_as", report,
			 "there is no key of \"%s\" (see sign.keys and sign.key_directory)",
			 c->arc.seal_as);
	return GP_EINVAL;
}

int dkim_setup(struct gp_snapshot *snap, struct gp_conf_report *report)
{
	struct dkim_snapshot *data = GP_ARENA_NEW(gp_snapshot_arena(snap), struct dkim_snapshot);
	int auth = setup_auth(snap, data, report);
	int seal = gp_sealing_load(snap, &data->seal_key, report);
	int keys = dkim_sign_setup(snap, data, report);

	if (keys == GP_OK)
		keys = check_arc(snap, data, report);
	gp_snapshot_set_data(snap, data);
	if (dkim_sources.resolver) /* a reload: the program runs already */
		dkim_setup_seal(snap);
	return auth ? auth : seal ? seal : keys;
}

void dkim_setup_seal(struct gp_snapshot *snap)
{
	struct dkim_snapshot *data = gp_snapshot_data(snap);
	struct gp_diag diag;

	if (gp_sealing_create(snap, &data->seal_key, &diag))
		gp_log_warning("results are not sealed, milter-spam will not believe them: %s",
			       diag.text);
}

/*
 * The key of the seal, found or made.
 */
#include "lib/daemon/sealing.h"

#include <unistd.h>

#include "lib/conf/shared.h"
#include "lib/daemon/sandbox.h"

static const char *path_of(const struct gp_snapshot *snap)
{
	const struct gp_conf_domains *domains = gp_snapshot_get(snap, &gp_conf_domains_table);

	return domains->seal_key;
}

static void free_key(void *arg)
{
	struct gp_seal_key *key = arg;

	gp_seal_key_free(&key);
}

static int load(struct gp_snapshot *snap, struct gp_seal_key **ret, struct gp_diag *diag)
{
	int r = gp_seal_key_load(path_of(snap), ret, diag);

	if (r == GP_OK)
		gp_arena_on_end(gp_snapshot_arena(snap), free_key, *ret);
	return r;
}

int gp_sealing_load(struct gp_snapshot *snap, struct gp_seal_key **ret,
		    struct gp_conf_report *report)
{
	struct gp_diag diag;
	int r = *path_of(snap) ? load(snap, ret, &diag) : GP_ENOENT;

	if (r == GP_OK || r == GP_ENOENT)
		return GP_OK;
	gp_conf_complain(snap, &gp_conf_domains_table, "seal_key", report, "%s", diag.text);
	return r;
}

int gp_sealing_create(struct gp_snapshot *snap, struct gp_seal_key **key, struct gp_diag *diag)
{
	int r;

	if (*key)
		return GP_OK;
	if (!*path_of(snap)) {
		gp_diag_set(diag, "domains.seal_key is empty");
		return GP_ENOENT;
	}
	r = gp_seal_key_create(path_of(snap), diag);
	return r ? r : load(snap, key, diag);
}

void gp_sealing_sandbox(const struct gp_snapshot *snap)
{
	if (*path_of(snap) && access(path_of(snap), F_OK) < 0)
		gp_sandbox_write_folder_of(path_of(snap));
	else
		gp_sandbox_read(path_of(snap));
}

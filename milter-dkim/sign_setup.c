/*
 * Outbound: from the settings to what signing needs, once per snapshot.
 */
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/daemon/sandbox.h"
#include "milter-dkim/sign.h"

/* RFC 8301, 3.2: signers should use 2048 bits at least. */
#define RSA_BITS_GOOD 2048

/* A file may stand in many lines: `arg` is a map of those that were said. */
static void warn_short(const struct dkim_signer *signer, void *arg)
{
	if (gp_key_type(signer->key) != GP_KEY_RSA || gp_key_bits(signer->key) >= RSA_BITS_GOOD ||
	    gp_map_set(arg, gp_str(signer->path), arg))
		return;
	gp_log_warning("%s: an RSA key of %u bits is short; make one of %d with `gatepost dkim "
		       "rotate`",
		       signer->path, gp_key_bits(signer->key), RSA_BITS_GOOD);
}

static int setup_directory(struct gp_snapshot *snap, struct dkim_directory *d,
			   struct gp_conf_report *report)
{
	const struct dkim_conf *c = gp_snapshot_get(snap, &dkim_table);
	const struct gp_conf_ldap *ldap = gp_snapshot_get(snap, &gp_conf_ldap_table);
	struct gp_arena *arena = gp_snapshot_arena(snap);
	struct gp_diag diag;

	*d = (struct dkim_directory){.ldap = dkim_ldap, .timeout_ms = ldap->timeout_ms};
	if (gp_directory_query_new(&c->sign.ldap_keys, arena, &d->keys, &diag) ||
	    gp_directory_query_new(&c->sign.ldap_senders, arena, &d->senders, &diag)) {
		gp_conf_complain(snap, &dkim_table, "sign.ldap.keys.base", report, "%s", diag.text);
		return GP_EINVAL;
	}
	return GP_OK;
}

int dkim_sign_setup(struct gp_snapshot *snap, struct dkim_snapshot *data,
		    struct gp_conf_report *report)
{
	const struct dkim_conf *c = gp_snapshot_get(snap, &dkim_table);
	struct dkim_key_source from = {.table = c->sign.keys,
				       .dir = c->sign.key_directory,
				       .rsa_bits_min = (unsigned)c->sign.rsa_bits_min};
	struct gp_map said;
	int r = dkim_keyring_load(&from, gp_snapshot_arena(snap), &data->keyring, report);

	data->sign = dkim_sign_options(&c->sign, gp_snapshot_arena(snap));
	gp_map_init(&said, gp_snapshot_arena(snap), false);
	if (r == GP_OK)
		dkim_keyring_each(data->keyring, warn_short, &said);
	return r ? r : setup_directory(snap, &data->directory, report);
}

static struct gp_str folder_of(struct gp_str path)
{
	while (path.len > 1 && path.ptr[--path.len] != '/')
		;
	return path;
}

/* The folder, because a reload may bring another file in it; where each domain has a folder,
 * theirs, because it may bring another domain. */
static void allow_folder(const struct dkim_signer *signer, void *arg)
{
	struct gp_str folder = folder_of(gp_str(signer->path)), parent = folder_of(folder);

	if (gp_str_eq(gp_str_sub(folder, parent.len + 1, folder.len), signer->domain))
		folder = parent;
	gp_sandbox_read(gp_arena_cstr(arg, folder));
}

void dkim_sign_sandbox(const struct gp_snapshot *snap)
{
	const struct dkim_conf *c = gp_snapshot_get(snap, &dkim_table);
	const struct dkim_snapshot *data = gp_snapshot_data(snap);
	struct gp_arena *arena = gp_arena_new(0);

	gp_sandbox_read(getenv("CREDENTIALS_DIRECTORY"));
	if (*c->sign.key_directory && c->sign.generate)
		gp_sandbox_write(c->sign.key_directory);
	else if (*c->sign.key_directory)
		gp_sandbox_read(c->sign.key_directory);
	if (data->keyring)
		dkim_keyring_each(data->keyring, allow_folder, arena);
	gp_arena_free(arena);
}

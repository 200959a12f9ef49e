/*
 * From settings to a store, for all programs and the command.
 */
#include "lib/daemon/storage.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/daemon/sandbox.h"

#define HEALTH_MS 1000 /* a health check answers within this, whatever the store does */

static const char *unless_empty(const char *s)
{
	return *s ? s : NULL;
}

int gp_storage_open(const struct gp_conf_top *top, unsigned writes, struct gp_store **ret,
		    struct gp_diag *diag)
{
	return gp_storage_open_on(NULL, top, writes, ret, diag);
}

int gp_storage_open_on(struct gp_loop *loop, const struct gp_conf_top *top, unsigned writes,
		       struct gp_store **ret, struct gp_diag *diag)
{
	struct gp_store_options options = {
		.writes = writes,
		.loop = loop,
		.timeout_ms = top->store_timeout_ms,
		.cache_size = (size_t)top->store_cache_size,
		.cache_off = top->store_cache_size == 0,
		.map_size_max = top->store_map_size_max,
		.username = unless_empty(top->store_username),
		.password_file = unless_empty(top->store_password_file),
		.tls_ca_file = unless_empty(top->store_ca_file),
	};

	return gp_store_open(top->store, &options, ret, diag);
}

void gp_storage_sandbox(const struct gp_conf_top *top)
{
	static const struct gp_str kinds[] = {{"lmdb:", 5}, {"redis+unix://", 13}};

	for (size_t i = 0; i < GP_ARRAY_SIZE(kinds); i++)
		if (gp_str_starts(gp_str(top->store), kinds[i]))
			gp_sandbox_write(top->store + kinds[i].len);
}

void gp_storage_health(struct gp_store *store, struct gp_health *ret)
{
	struct gp_diag why = {""};
	bool is_up = gp_store_ping(store, gp_clock_mono_ms() + HEALTH_MS, &why) == GP_OK;

	*ret = (struct gp_health){.name = "store", .is_ok = is_up};
	snprintf(ret->detail, sizeof(ret->detail), "%s%s%.120s", gp_store_kind(store),
		 is_up ? "" : ": ", is_up ? "" : why.text);
}

/*
 * vectorscan's literal search, in block mode.
 */
#include "lib/score/rule_vs.h"

#include <stdlib.h>

#include <hs/hs.h>

#include "lib/base/mem.h"

struct gp_vs {
	hs_database_t *db;
};

const char *gp_vs_obstacle(void)
{
	return hs_valid_platform() == HS_SUCCESS
		       ? NULL
		       : "this CPU has not the instructions that vectorscan needs";
}

void gp_vs_identity(struct gp_buf *out)
{
	hs_platform_info_t platform = {0};

	gp_buf_add_cstr(out, hs_version());
	if (hs_populate_platform(&platform) == HS_SUCCESS)
		gp_buf_printf(out, "/%u/%llx", platform.tune, platform.cpu_features);
}

int gp_vs_compile(const struct gp_str *literals, size_t n, struct gp_buf *out,
		  struct gp_diag *diag)
{
	GP_FREE const char **texts = gp_xcalloc(n, sizeof(*texts));
	GP_FREE size_t *lens = gp_xcalloc(n, sizeof(*lens));
	GP_FREE unsigned *flags = gp_xcalloc(n, sizeof(*flags));
	GP_FREE unsigned *ids = gp_xcalloc(n, sizeof(*ids));
	hs_compile_error_t *error = NULL;
	hs_database_t *db = NULL;
	char *bytes = NULL;
	size_t len = 0;
	int r = GP_ELIMIT;

	for (size_t i = 0; i < n; i++) {
		texts[i] = literals[i].ptr;
		lens[i] = literals[i].len;
		flags[i] = HS_FLAG_CASELESS;
		ids[i] = (unsigned)i;
	}
	if (hs_compile_lit_multi(texts, flags, ids, lens, (unsigned)n, HS_MODE_BLOCK, NULL, &db,
				 &error) != HS_SUCCESS) {
		gp_diag_set(diag, "vectorscan: %s", error ? error->message : "no memory");
	} else if (hs_serialize_database(db, &bytes, &len) != HS_SUCCESS) {
		gp_diag_set(diag, "vectorscan: cannot serialise");
	} else {
		gp_buf_add(out, bytes, len);
		r = gp_buf_error(out);
	}
	hs_free_compile_error(error);
	free(bytes);
	hs_free_database(db);
	return r;
}

int gp_vs_open(struct gp_str serialised, struct gp_vs **ret, struct gp_diag *diag)
{
	hs_database_t *db = NULL;
	hs_error_t rc = hs_deserialize_database(serialised.ptr, serialised.len, &db);

	if (rc != HS_SUCCESS) {
		gp_diag_set(diag, "vectorscan: error %d", rc);
		return GP_EINVAL;
	}
	*ret = gp_xcalloc(1, sizeof(**ret));
	(*ret)->db = db;
	return GP_OK;
}

void gp_vs_close(struct gp_vs *db)
{
	if (!db)
		return;
	hs_free_database(db->db);
	free(db);
}

int gp_vs_scratch_prepare(const struct gp_vs *db, void **scratch)
{
	hs_scratch_t *s = *scratch;
	hs_error_t rc = hs_alloc_scratch(db->db, &s);

	*scratch = s;
	return rc == HS_SUCCESS ? GP_OK : GP_ELIMIT;
}

void gp_vs_scratch_free(void *scratch)
{
	hs_free_scratch(scratch);
}

struct found {
	gp_vs_found *fn;
	void *arg;
};

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
		    void *arg)
{
	const struct found *f = arg;

	return !f->fn(f->arg, id, (size_t)to);
}

int gp_vs_scan(const struct gp_vs *db, void *scratch, struct gp_str text, gp_vs_found *found,
	       void *arg)
{
	struct found f = {.fn = found, .arg = arg};
	hs_error_t rc;

	if (text.len == 0)
		return GP_OK;
	if (text.len > UINT32_MAX)
		return GP_ELIMIT;
	rc = hs_scan(db->db, text.ptr, (unsigned)text.len, 0, scratch, on_match, &f);
	return rc == HS_SUCCESS || rc == HS_SCAN_TERMINATED ? GP_OK : GP_ELIMIT;
}

/*
 * vectorscan, in block mode.
 *
 * A pattern is tried as it is, then as prefilter (back-references and
 * look-around dropped: matches wherever the pattern does, and elsewhere), then
 * left out.  When the whole set is refused because of one pattern, that one is
 * left out and the rest tried again.
 */
#include "lib/score/rule_vs.h"

#include <stdlib.h>

#include <hs/hs.h>

#include "lib/base/mem.h"

struct gp_vs {
	hs_database_t *db;
};

bool gp_vs_is_available(void)
{
	return hs_valid_platform() == HS_SUCCESS;
}

void gp_vs_identity(struct gp_buf *out)
{
	hs_platform_info_t platform = {0};

	gp_buf_add_cstr(out, hs_version());
	if (hs_populate_platform(&platform) == HS_SUCCESS)
		gp_buf_printf(out, "/%u/%llx", platform.tune, platform.cpu_features);
}

static unsigned flags_of(const struct gp_vs_pattern *p, uint8_t mode)
{
	return HS_FLAG_MULTILINE | HS_FLAG_ALLOWEMPTY | (p->is_caseless ? HS_FLAG_CASELESS : 0) |
	       (p->is_dotall ? HS_FLAG_DOTALL : 0) |
	       (mode == GP_VS_PREFILTER ? HS_FLAG_PREFILTER : 0);
}

/* The best mode in which vectorscan understands a pattern. */
static uint8_t mode_of(const struct gp_vs_pattern *p)
{
	static const uint8_t modes[] = {GP_VS_NATIVE, GP_VS_PREFILTER};

	for (size_t i = 0; p->text && i < GP_ARRAY_SIZE(modes); i++) {
		hs_expr_info_t *info = NULL;
		hs_compile_error_t *error = NULL;
		hs_error_t rc = hs_expression_info(p->text, flags_of(p, modes[i]), &info, &error);

		free(info);
		hs_free_compile_error(error);
		if (rc == HS_SUCCESS)
			return modes[i];
	}
	return GP_VS_NONE;
}

struct batch {
	const char **texts;
	unsigned *flags, *ids;
	unsigned n;
};

static void batch_fill(struct batch *b, const struct gp_vs_pattern *patterns, size_t n,
		       const uint8_t *modes)
{
	b->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (modes[i] == GP_VS_NONE)
			continue;
		b->texts[b->n] = patterns[i].text;
		b->flags[b->n] = flags_of(&patterns[i], modes[i]);
		b->ids[b->n++] = (unsigned)i;
	}
}

/* Compiles what modes allow; lowers the mode of a pattern that is refused. */
static int compile(struct batch *b, const struct gp_vs_pattern *patterns, size_t n, uint8_t *modes,
		   hs_database_t **ret, struct gp_diag *diag)
{
	for (;;) {
		hs_compile_error_t *error = NULL;
		hs_error_t rc;
		int culprit;

		batch_fill(b, patterns, n, modes);
		if (b->n == 0)
			return GP_OK;
		rc = hs_compile_multi(b->texts, b->flags, b->ids, b->n, HS_MODE_BLOCK, NULL, ret,
				      &error);
		if (rc == HS_SUCCESS)
			return GP_OK;
		culprit = error ? error->expression : -1;
		if (culprit < 0 || (unsigned)culprit >= b->n) {
			gp_diag_set(diag, "vectorscan: %s", error ? error->message : "no memory");
			hs_free_compile_error(error);
			return GP_ELIMIT;
		}
		hs_free_compile_error(error);
		modes[b->ids[culprit]] = modes[b->ids[culprit]] == GP_VS_NATIVE ? GP_VS_PREFILTER
										 : GP_VS_NONE;
	}
}

int gp_vs_compile(const struct gp_vs_pattern *patterns, size_t n, uint8_t *ret_modes,
		  struct gp_buf *out, struct gp_diag *diag)
{
	GP_FREE const char **texts = gp_xcalloc(n + 1, sizeof(*texts));
	GP_FREE unsigned *flags = gp_xcalloc(n + 1, sizeof(*flags));
	GP_FREE unsigned *ids = gp_xcalloc(n + 1, sizeof(*ids));
	struct batch b = {.texts = texts, .flags = flags, .ids = ids};
	hs_database_t *db = NULL;
	char *bytes = NULL;
	size_t len = 0;
	int r;

	if (!gp_vs_is_available()) {
		gp_diag_set(diag, "vectorscan cannot run on this CPU");
		return GP_ENOENT;
	}
	for (size_t i = 0; i < n; i++)
		ret_modes[i] = mode_of(&patterns[i]);
	r = compile(&b, patterns, n, ret_modes, &db, diag);
	if (r || !db)
		return r;
	if (hs_serialize_database(db, &bytes, &len) != HS_SUCCESS) {
		gp_diag_set(diag, "vectorscan: cannot serialise");
		r = GP_ELIMIT;
	} else {
		gp_buf_add(out, bytes, len);
		r = gp_buf_error(out);
	}
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

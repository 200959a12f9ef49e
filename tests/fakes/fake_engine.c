#include "tests/fakes/fake_engine.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

struct virus_engine {
	bool is_blind, is_jumpy;
	char text[65536];
};

static int open_engine(const struct virus_engine_options *options, struct virus_engine **ret,
		       struct virus_engine_info *info, struct gp_diag *diag)
{
	GP_BUF_AUTO word = GP_BUF_INIT(64);
	char path[VIRUS_PATH_MAX + 16];
	struct virus_engine *e;

	snprintf(path, sizeof(path), "%s/" FAKE_DATABASE, options->database);
	if (gp_file_read(path, &word, diag) < 0)
		return GP_ENOENT;
	if (gp_str_eq(gp_buf_str(&word), GP_STR("broken"))) {
		gp_diag_set(diag, "broken");
		return GP_EINVAL;
	}
	if (gp_str_eq(gp_buf_str(&word), GP_STR("mortal")))
		raise(SIGKILL);
	e = gp_xcalloc(1, sizeof(*e));
	e->is_blind = gp_str_eq(gp_buf_str(&word), GP_STR("blind"));
	e->is_jumpy = gp_str_eq(gp_buf_str(&word), GP_STR("jumpy"));
	snprintf(info->version, sizeof(info->version), "Fake 1");
	info->signatures = 7;
	*ret = e;
	return GP_OK;
}

static int settle(struct virus_engine *e, const char *folder, struct gp_diag *diag)
{
	(void)e, (void)diag;
	return access(folder, W_OK) == 0 ? GP_OK : GP_ESYS;
}

static bool has(struct gp_str text, const char *word)
{
	return gp_str_find(text, gp_str(word), 0) < text.len;
}

static void find(struct virus_scan *scan, const char *name)
{
	scan->status = VIRUS_FOUND;
	virus_name_copy(scan->name, name, strlen(name));
}

static void ask(struct virus_scan *scan, struct gp_str layer)
{
	struct virus_layer *l = &scan->layers[0];

	*l = (struct virus_layer){.level = 1};
	gp_sha256(layer.ptr, layer.len, l->digest);
	if (scan->known(scan->arg, l, scan->name) == VIRUS_UNKNOWN)
		scan->n_layers = 1;
	else
		scan->n_known = 1;
}

static void scan_one(struct virus_engine *e, int fd, struct virus_scan *scan)
{
	ssize_t n = pread(fd, e->text, sizeof(e->text), 0);
	struct gp_str text = gp_str_n(e->text, n > 0 ? (size_t)n : 0);

	scan->status = VIRUS_CLEAN;
	scan->name[0] = '\0';
	scan->n_known = scan->n_layers = 0;
	if (has(text, "CRASH"))
		raise(SIGKILL);
	if (has(text, "HANG"))
		for (;;)
			pause();
	if (has(text, "FAIL")) {
		scan->status = VIRUS_FAILED;
		virus_name_copy(scan->name, "it failed", 9);
	}
	if (scan->known && has(text, "LAYER"))
		ask(scan, gp_str_sub(text, gp_str_find(text, GP_STR("LAYER"), 0), text.len));
	if (e->is_jumpy || has(text, "VIRUS"))
		find(scan, "Fake.Virus");
	if (has(text, "TIME"))
		find(scan, VIRUS_TIME_NAME);
	if (!e->is_blind && has(text, VIRUS_SELFTEST_MARK))
		find(scan, VIRUS_SELFTEST_NAME);
}

const struct virus_engine_kind fake_engine = {
	.open = open_engine, .settle = settle, .scan = scan_one};

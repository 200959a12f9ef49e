#include "tests/fakes/fake_engine.h"

#include <fcntl.h>
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
	char gate[VIRUS_PATH_MAX + 16], gated[VIRUS_PATH_MAX + 16];
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
	snprintf(e->gate, sizeof(e->gate), "%s/" FAKE_GATE, options->database);
	snprintf(e->gated, sizeof(e->gated), "%s/" FAKE_GATED, options->database);
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

static void pass_gate(const struct virus_engine *e)
{
	GP_FD_AUTO fd = open(e->gated, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	(void)!write(fd, "+", 1);
	while (access(e->gate, F_OK) < 0)
		usleep(1000);
}

static void die_once(const struct virus_engine *e)
{
	GP_FD_AUTO fd = open(e->gated, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		raise(SIGKILL);
}

static void ask(const struct virus_engine *e, struct virus_scan *scan, struct gp_str layer)
{
	struct virus_layer *l = &scan->layers[scan->n_layers];
	enum virus_known known = VIRUS_UNKNOWN;

	*l = (struct virus_layer){.level = 1, .size = has(layer, "LARGE") ? UINT32_MAX : 2000};
	gp_sha256(layer.ptr, layer.len, l->digest);
	if (scan->known) {
		alarm(has(layer, "ALARM") ? 2 : 0);
		known = scan->known(scan->arg, l, scan->name);
		alarm(0);
	}
	if (known != VIRUS_UNKNOWN) {
		scan->n_known++;
		return;
	}
	scan->n_layers += scan->known != NULL;
	if (has(layer, "GATE"))
		pass_gate(e);
}

static void ask_all(const struct virus_engine *e, struct virus_scan *scan, struct gp_str text)
{
	size_t at = gp_str_find(text, GP_STR("LAYER"), 0);

	while (at < text.len && scan->n_layers < VIRUS_LAYERS_MAX) {
		size_t next = gp_str_find(text, GP_STR("LAYER"), at + 1);

		ask(e, scan, gp_str_sub(text, at, next - at));
		at = next;
	}
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
	if (has(text, "ONCE"))
		die_once(e);
	if (has(text, "HANG"))
		for (;;)
			pause();
	if (has(text, "FAIL")) {
		scan->status = VIRUS_FAILED;
		virus_name_copy(scan->name, "it failed", 9);
	}
	ask_all(e, scan, text);
	if (has(text, "DIE"))
		raise(SIGKILL);
	if (e->is_jumpy || has(text, "VIRUS"))
		find(scan, "Fake.Virus");
	if (has(text, "TIME"))
		find(scan, VIRUS_TIME_NAME);
	if (!e->is_blind && has(text, VIRUS_SELFTEST_MARK))
		find(scan, VIRUS_SELFTEST_NAME);
}

const struct virus_engine_kind fake_engine = {
	.open = open_engine, .settle = settle, .scan = scan_one};

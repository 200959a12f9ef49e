/*
 * The paths that stay reachable, as programs name them.  Also in builds without
 * milters, where nobody encloses anything: settings and keys name theirs there too.
 */
#include "lib/daemon/sandbox_int.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

#define PATHS_MAX 128

static struct gp_sandbox_path paths[PATHS_MAX];
static size_t n_paths;

size_t gp_sandbox_paths(const struct gp_sandbox_path **ret)
{
	*ret = paths;
	return n_paths;
}

/* Is the path, or a folder above it, remembered already? */
static bool is_remembered(const char *path, bool is_written)
{
	for (size_t i = 0; i < n_paths; i++) {
		size_t len = strlen(paths[i].path);

		if (strncmp(path, paths[i].path, len) == 0 &&
		    (path[len] == '\0' || path[len] == '/') &&
		    (paths[i].is_written || !is_written))
			return true;
	}
	return false;
}

static void remember(const char *path, bool is_written)
{
	if (!path || !*path || n_paths == PATHS_MAX || is_remembered(path, is_written))
		return;
	paths[n_paths].path = gp_xstrdup(path);
	paths[n_paths++].is_written = is_written;
}

void gp_sandbox_read(const char *path)
{
	remember(path, false);
}

void gp_sandbox_write(const char *path)
{
	remember(path, true);
}

static void remember_folder(const char *path, bool is_written)
{
	struct gp_str folder = gp_str(path);
	char text[4096];

	while (folder.len > 1 && folder.ptr[folder.len - 1] != '/')
		folder.len--;
	if (gp_str_copy(text, sizeof(text), folder))
		remember(text, is_written);
}

void gp_sandbox_read_folder_of(const char *path)
{
	remember_folder(path, false);
}

void gp_sandbox_write_folder_of(const char *path)
{
	remember_folder(path, true);
}

/*
 * The file of /statreset: lines of a number and an action's name, which may be two words.
 */
#include "controller/api_zero.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/num.h"

#define FILE_NAME "statreset"
#define PATH_SIZE 4096

static int path_of(const char *directory, char ret[PATH_SIZE])
{
	int n = snprintf(ret, PATH_SIZE, "%s/" FILE_NAME, directory);

	return n > 0 && n < PATH_SIZE ? GP_OK : GP_ELIMIT;
}

/* An action of another version of ours is nobody's. */
static void take_line(struct gp_str line, int64_t counts[API_ACTIONS])
{
	struct gp_str number;
	int64_t n;

	if (!gp_str_next_word(&line, &number) || gp_num_parse_int(number, &n) < 0 || n < 0)
		return;
	for (unsigned a = 0; a < API_ACTIONS; a++)
		if (gp_str_eq(gp_str_trim(line), gp_str(gp_action_name((enum gp_action)a))))
			counts[a] = n;
}

void api_zero_load(const char *directory, int64_t ret_counts[API_ACTIONS])
{
	GP_BUF_AUTO text = GP_BUF_INIT(65536);
	struct gp_diag diag = {""};
	char path[PATH_SIZE];
	struct gp_str rest, line;

	memset(ret_counts, 0, API_ACTIONS * sizeof(*ret_counts));
	if (path_of(directory, path) < 0 || (access(path, F_OK) < 0 && errno == ENOENT))
		return;
	if (gp_file_read(path, &text, &diag) < 0) {
		gp_log_warning("/stat counts from the beginning: %s", diag.text);
		return;
	}
	rest = gp_buf_str(&text);
	while (gp_str_next(&rest, '\n', &line))
		take_line(line, ret_counts);
}

int api_zero_save(const char *directory, const int64_t counts[API_ACTIONS], struct gp_diag *diag)
{
	GP_BUF_AUTO text = GP_BUF_INIT(65536);
	char path[PATH_SIZE];

	if (path_of(directory, path) < 0)
		return gp_diag_set(diag, "the name of learn.directory is too long"), GP_ELIMIT;
	for (unsigned a = 0; a < API_ACTIONS; a++)
		gp_buf_printf(&text, "%lld %s\n", (long long)counts[a],
			      gp_action_name((enum gp_action)a));
	return gp_file_replace(path, text.data, text.len, 0600, diag);
}

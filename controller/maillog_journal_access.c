/*
 * Why a journal has no files for us; see the header.
 *
 * libsystemd opens what it may and says nothing of the rest, so a missing group looks like
 * a silent mail server.
 */
#include "controller/maillog_journal_access.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/str.h"

#define ENTRIES_MAX 10000 /* of a folder, looked at */

/* A file that is refused, in the folder or one below it; false: none is. */
static bool find_refused(const char *folder, unsigned depth, struct gp_diag *diag)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	bool is_found = !dir && errno == EACCES;
	char path[4096];

	if (is_found)
		gp_diag_set(diag, "%s: Permission denied", folder);
	for (unsigned n = 0; dir && !is_found && n < ENTRIES_MAX && (entry = readdir(dir)); n++) {
		if (entry->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= (int)sizeof(path))
			continue;
		if (gp_str_iends(gp_str(path), GP_STR(".journal"))) {
			is_found = faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0 && errno == EACCES;
			if (is_found)
				gp_diag_set(diag, "%s: Permission denied", path);
		} else if (depth > 0 && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN)) {
			is_found = find_refused(path, depth - 1, diag);
		}
	}
	if (dir)
		closedir(dir);
	return is_found;
}

void maillog_journal_explain(const char *folder, struct gp_diag *diag)
{
	struct gp_diag why = {""};

	if (*folder ? find_refused(folder, 1, &why)
		    : find_refused(MAILLOG_JOURNAL_PERSISTENT, 1, &why) ||
			      find_refused(MAILLOG_JOURNAL_VOLATILE, 1, &why))
		gp_diag_set(diag, "the journal may not be read (SupplementaryGroups=systemd-journal): %s",
			    why.text);
	else
		gp_diag_set(diag, "%s has no journal",
			    *folder ? folder : MAILLOG_JOURNAL_PERSISTENT " or " MAILLOG_JOURNAL_VOLATILE);
}

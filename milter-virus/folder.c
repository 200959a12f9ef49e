/*
 * Temporary folders; see the header.
 */
#include "milter-virus/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/str.h"

#define PREFIX "gatepost-virus-"
#define LOCK "lock"
#define MAKING_S 60
#define TREE_FDS 16

int virus_folder_make(const char *temporary, char ret[VIRUS_FOLDER_MAX], struct gp_diag *diag)
{
	char lock[VIRUS_FOLDER_MAX + sizeof("/" LOCK)];
	int fd;

	snprintf(ret, VIRUS_FOLDER_MAX, "%s/" PREFIX "XXXXXX", temporary);
	if (!mkdtemp(ret))
		return gp_diag_errno(diag, "%s", ret);
	/* Not the folder itself: a worker has the descriptor, and a folder's leads out of its own. */
	snprintf(lock, sizeof(lock), "%s/" LOCK, ret);
	fd = open(lock, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) < 0)
		return gp_diag_errno(diag, "%s", lock);
	return GP_OK; /* the descriptor is the lock: it ends with the last process */
}

int virus_folder_make_worker(const char *folder, unsigned serial, char ret[VIRUS_FOLDER_MAX],
			     struct gp_diag *diag)
{
	struct gp_str cut = gp_str_sub(gp_str(folder), 0, VIRUS_FOLDER_MAX - 16);

	snprintf(ret, VIRUS_FOLDER_MAX, "%.*s/%u", GP_STR_FMT(cut), serial);
	return mkdir(ret, 0700) < 0 ? gp_diag_errno(diag, "%s", ret) : GP_OK;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	(void)!remove(path);
	return 0;
}

void virus_folder_remove(const char *folder)
{
	(void)nftw(folder, remove_one, TREE_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static bool is_left(const char *path)
{
	GP_FD_AUTO fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	GP_FD_AUTO lock = -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid())
		return false;
	lock = openat(fd, LOCK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (lock < 0) /* somebody is just making it, or was ended while making it */
		return errno == ENOENT && st.st_mtim.tv_sec < gp_clock_real_s() - MAKING_S;
	return flock(lock, LOCK_EX | LOCK_NB) == 0;
}

void virus_folder_clean(const char *temporary)
{
	DIR *folder = opendir(temporary);
	const struct dirent *entry;
	char path[VIRUS_FOLDER_MAX];

	while (folder && (entry = readdir(folder))) {
		if (!gp_str_starts(gp_str(entry->d_name), GP_STR(PREFIX)) ||
		    snprintf(path, sizeof(path), "%s/%s", temporary, entry->d_name) >=
			    (int)sizeof(path))
			continue;
		if (is_left(path))
			virus_folder_remove(path);
	}
	if (folder)
		closedir(folder);
}

/*
 * The folder of signatures; see the header.  Files that no engine reads (freshclam's own, those it
 * is just writing) do not count.
 */
#include "milter-virus/database.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/hash.h"
#include "lib/base/str.h"
#include "milter-virus/folder.h"

static const char *const suffixes[] = {
	".cat", ".cbc", ".cdb", ".cfg", ".cld",	 ".crb",  ".cud", ".cvd", ".db",  ".fp",   ".ftm",
	".gdb", ".hdb", ".hdu", ".hsb", ".hsu",	 ".idb",  ".ign", ".ign2", ".imp", ".info", ".ioc",
	".ldb", ".ldu", ".mdb", ".mdu", ".msb",	 ".msu",  ".ndb", ".ndu", ".pdb", ".pwdb", ".rmd",
	".sdb", ".sfp", ".wdb", ".yar", ".yara", ".zmd",
};

static bool is_read(const char *name)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(suffixes); i++)
		if (gp_str_iends(gp_str(name), gp_str(suffixes[i])))
			return true;
	return false;
}

/* Added up, so that the order in which a folder is read does not matter. */
static void add(struct virus_database *d, const char *name, const struct stat *st)
{
	const int64_t facts[] = {st->st_size, st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
				 (int64_t)st->st_ino};
	uint64_t seed = gp_hash64(0, name, strlen(name));

	d->fingerprint += gp_hash64(seed, facts, sizeof(facts));
	d->newest_s = GP_MAX(d->newest_s, (int64_t)st->st_mtim.tv_sec);
	d->files++;
}

int virus_database_look(const char *path, struct virus_database *ret, struct gp_diag *diag)
{
	const struct dirent *entry;
	struct stat st;
	DIR *folder;

	*ret = (struct virus_database){0};
	if (stat(path, &st) < 0) {
		(void)gp_diag_errno(diag, "%s", path);
		return GP_ENOENT;
	}
	if (!S_ISDIR(st.st_mode)) {
		add(ret, path, &st);
		return GP_OK;
	}
	folder = opendir(path);
	if (!folder) {
		(void)gp_diag_errno(diag, "%s", path);
		return GP_ENOENT;
	}
	while ((entry = readdir(folder)))
		if (is_read(entry->d_name) &&
		    fstatat(dirfd(folder), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			add(ret, entry->d_name, &st);
	closedir(folder);
	return GP_OK;
}

static int copy_file(int from_dir, int to_dir, const char *name, struct gp_diag *diag)
{
	GP_FD_AUTO from = openat(from_dir, name, O_RDONLY | O_CLOEXEC);
	GP_FD_AUTO to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	ssize_t n;

	if (from < 0 || to < 0)
		return gp_diag_errno(diag, "%s", name);
	/* Shares the blocks where the file system can. */
	while ((n = copy_file_range(from, NULL, to, NULL, (size_t)1 << 30, 0)) > 0)
		;
	return n < 0 ? gp_diag_errno(diag, "%s", name) : GP_OK;
}

static int copy_all(const char *from, const char *to, struct gp_diag *diag)
{
	GP_FD_AUTO to_dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = opendir(from);
	const struct dirent *entry;
	int r = GP_OK;

	if (to_dir < 0 || !folder)
		r = gp_diag_errno(diag, "%s", folder ? to : from);
	while (r == GP_OK && (entry = readdir(folder)))
		if (is_read(entry->d_name))
			r = copy_file(dirfd(folder), to_dir, entry->d_name, diag);
	if (folder)
		closedir(folder);
	return r;
}

struct places {
	char fresh[VIRUS_FOLDER_MAX], good[VIRUS_FOLDER_MAX], old[VIRUS_FOLDER_MAX];
};

static void name_places(const char *to, struct places *ret)
{
	snprintf(ret->fresh, sizeof(ret->fresh), "%s/new", to);
	snprintf(ret->good, sizeof(ret->good), "%s/" VIRUS_DATABASE_GOOD, to);
	snprintf(ret->old, sizeof(ret->old), "%s/old", to);
}

/* The new folder in the place of the old one. */
static int swap_in(const struct places *p, struct gp_diag *diag)
{
	virus_folder_remove(p->old);
	if (rename(p->good, p->old) < 0 && errno != ENOENT)
		return gp_diag_errno(diag, "%s", p->good);
	if (rename(p->fresh, p->good) < 0)
		return gp_diag_errno(diag, "%s", p->good);
	virus_folder_remove(p->old);
	return GP_OK;
}

int virus_database_copy(const char *from, const char *to, uint64_t fingerprint, struct gp_diag *diag)
{
	struct virus_database now;
	struct places p;
	int r;
	GP_FD_AUTO lock = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return gp_diag_errno(diag, "%s", to);
	name_places(to, &p);
	virus_folder_remove(p.fresh);
	if (mkdir(p.fresh, 0750) < 0)
		return gp_diag_errno(diag, "%s", p.fresh);
	r = copy_all(from, p.fresh, diag);
	if (r == GP_OK)
		r = virus_database_look(from, &now, diag);
	if (r == GP_OK && now.fingerprint != fingerprint) {
		gp_diag_set(diag, "%s: changed while it was copied", from);
		r = GP_ETEMP;
	}
	if (r == GP_OK)
		r = swap_in(&p, diag);
	virus_folder_remove(p.fresh);
	return r;
}

/*
 * The folder of signatures; see the header.  Files that no engine reads (freshclam's own, those it
 * is just writing) do not count.
 */
#include "milter-virus/database.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/base/hash.h"
#include "lib/base/str.h"

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

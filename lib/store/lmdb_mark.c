/*
 * The mark of an open environment; see the header.
 *
 * Where there is no boot id (no /proc) every crash counts as one of the host.
 */
#include "lib/store/lmdb_mark.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/log.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static void beside(const char *dir, const char *name, struct gp_buf *ret)
{
	gp_buf_reset(ret);
	gp_buf_printf(ret, "%s/%s", dir, name);
}

static int put_aside(const char *dir, struct gp_diag *diag)
{
	GP_BUF_AUTO from = GP_BUF_INIT(4200), to = GP_BUF_INIT(4200);

	beside(dir, "data.mdb", &from);
	beside(dir, "data.mdb.unclean", &to);
	if (rename(gp_buf_cstr(&from), gp_buf_cstr(&to)) < 0 && errno != ENOENT)
		return gp_diag_errno(diag, "%s", gp_buf_cstr(&from));
	gp_log_debug("%s: the host crashed while this was open; begun anew, the old one is %s", dir,
		     gp_buf_cstr(&to));
	beside(dir, "lock.mdb", &from);
	(void)unlink(gp_buf_cstr(&from));
	return GP_OK;
}

int gp_lmdb_mark_open(const char *dir, struct gp_diag *diag)
{
	GP_BUF_AUTO path = GP_BUF_INIT(4200), was = GP_BUF_INIT(256), is = GP_BUF_INIT(256);
	int r = GP_OK;

	beside(dir, "boot", &path);
	if (gp_file_read(BOOT_ID, &is, NULL) < 0)
		gp_buf_reset(&is);
	if (access(gp_buf_cstr(&path), F_OK) == 0) {
		bool same = gp_file_read(gp_buf_cstr(&path), &was, NULL) == GP_OK && is.len > 0 &&
			    gp_str_eq(gp_buf_str(&was), gp_buf_str(&is));

		if (!same)
			r = put_aside(dir, diag);
	}
	if (r == GP_OK)
		r = gp_file_replace(gp_buf_cstr(&path), gp_buf_cstr(&is), is.len, 0640, diag);
	return r;
}

void gp_lmdb_mark_closed(const char *dir)
{
	GP_BUF_AUTO path = GP_BUF_INIT(4200);

	beside(dir, "boot", &path);
	(void)unlink(gp_buf_cstr(&path));
}

/*
 * Checks and helpers for settings that several programs have.
 */
#include <stdlib.h>
#include <sys/un.h>

#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/conf/schema.h"

#define SECRET_MAX 4096

static int check_unix(struct gp_str path, struct gp_diag *diag)
{
	struct sockaddr_un address;

	if (path.len == 0 || path.ptr[0] != '/') {
		gp_diag_set(diag, "the path of a unix socket must be absolute");
		return GP_EINVAL;
	}
	if (path.len >= sizeof(address.sun_path)) {
		gp_diag_set(diag, "the path of a unix socket must be shorter than %zu bytes",
			    sizeof(address.sun_path));
		return GP_EINVAL;
	}
	return GP_OK;
}

/* "PORT@ADDRESS". */
static int check_inet(struct gp_str text, uint8_t family, struct gp_diag *diag)
{
	size_t at = gp_str_find_chr(text, '@', 0);
	struct gp_ip ip;
	uint64_t port;

	if (gp_num_parse_uint(gp_str_sub(text, 0, at), 10, &port) < 0 || port == 0 ||
	    port > UINT16_MAX) {
		gp_diag_set(diag, "expected a port from 1 to 65535 after the colon");
		return GP_EINVAL;
	}
	if (at == text.len || gp_ip_parse(gp_str_sub(text, at + 1, text.len), &ip) < 0 ||
	    ip.family != family) {
		gp_diag_set(diag, "expected an IPv%d address after the @ (not a name, and none by "
			    "default)", family);
		return GP_EINVAL;
	}
	return GP_OK;
}

int gp_conf_check_socket(const void *field, struct gp_diag *diag)
{
	struct gp_str text = gp_str(*(const char *const *)field);

	if (text.len == 0)
		return GP_OK;
	if (gp_str_starts(text, GP_STR("unix:")))
		return check_unix(gp_str_sub(text, 5, text.len), diag);
	if (gp_str_starts(text, GP_STR("inet:")))
		return check_inet(gp_str_sub(text, 5, text.len), 4, diag);
	if (gp_str_starts(text, GP_STR("inet6:")))
		return check_inet(gp_str_sub(text, 6, text.len), 6, diag);
	gp_diag_set(diag, "\"%.*s\" is none of \"unix:/path\", \"inet:port@address\", "
		    "\"inet6:port@address\"", GP_STR_FMT(text));
	return GP_EINVAL;
}

int gp_conf_secret_read(const char *path, char **ret, size_t *ret_size, struct gp_diag *diag)
{
	struct gp_buf buf = GP_BUF_INIT(SECRET_MAX);
	struct gp_str line;
	char *secret;
	int r = gp_file_read(path, &buf, diag);

	if (r == GP_OK) {
		line = gp_buf_str(&buf);
		while (line.len && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
			line.len--;
		secret = gp_xcalloc(1, line.len + 1);
		memcpy(secret, line.ptr ? line.ptr : "", line.len);
		*ret = secret;
		*ret_size = line.len;
	}
	if (buf.data)
		explicit_bzero(buf.data, buf.cap);
	gp_buf_done(&buf);
	return r;
}

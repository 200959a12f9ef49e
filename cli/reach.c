/*
 * Sockets as Postfix's services see them.
 */
#include "cli/reach.h"

#include <stdio.h>
#include <sys/stat.h>

void gp_reach_begin(struct gp_reach *r, const char *program, const char *socket)
{
	r->program = program;
	r->socket = socket;
	r->used = 0;
}

bool gp_reach_is_inet(const struct gp_reach *r)
{
	struct gp_str socket = gp_str(r->socket);

	return !gp_str_istarts(socket, GP_STR("unix:")) && !gp_str_istarts(socket, GP_STR("local:"));
}

static struct gp_str path_of(const struct gp_reach *r)
{
	struct gp_str socket = gp_str(r->socket);

	return gp_str_sub(socket, gp_str_find_chr(socket, ':', 0) + 1, socket.len);
}

/* The file that Postfix opens for "unix:PATH" in this service. */
static const char *seen_path(const struct gp_reach *r, const struct gp_postfix_service *service,
			     struct gp_str path)
{
	bool is_relative = path.len == 0 || path.ptr[0] != '/';

	if (!service->is_chrooted && !is_relative)
		return gp_arena_cstr(r->postfix->arena, path);
	return gp_arena_printf(r->postfix->arena, "%.*s%s%.*s", GP_STR_FMT(r->queue),
			       is_relative ? "/" : "", GP_STR_FMT(path));
}

/* "…/gatepost/spam.sock" of both: the same socket was meant. */
static bool is_meant(struct gp_str ours, struct gp_str theirs)
{
	size_t slash = ours.len;

	while (slash > 0 && ours.ptr[slash - 1] != '/')
		slash--;
	return gp_str_iends(theirs, gp_str_sub(ours, slash, ours.len));
}

/* "inet:port@host" of ours, "inet:host:port" of Postfix's: the port tells. */
static bool is_our_port(const struct gp_reach *r, struct gp_str address)
{
	struct gp_str ours = path_of(r);

	return gp_reach_is_inet(r) &&
	       gp_str_eq(gp_str_after_last(address, ':'),
			 gp_str_sub(ours, 0, gp_str_find_chr(ours, '@', 0)));
}

static void met(struct gp_reach *r, const struct gp_postfix_service *service, const char *parameter,
		struct gp_str table, bool is_there)
{
	r->used++;
	printf("Postfix %.*s/%.*s reaches %s by %s%s%.*s%s%s\n", GP_STR_FMT(service->name),
	       GP_STR_FMT(service->type), r->program, parameter,
	       table.len ? ", for whom " : "", GP_STR_FMT(table), table.len ? " says so" : "",
	       is_there ? "" : " (it does not run now)");
}

bool gp_reach_look(struct gp_reach *r, const struct gp_postfix_service *service,
		   const char *parameter, struct gp_str table, struct gp_str address)
{
	struct gp_str path = gp_str_sub(address, 5, address.len), ours = path_of(r);
	const char *seen;
	struct stat st;

	if (gp_str_istarts(address, GP_STR("inet:")) && is_our_port(r, address)) {
		met(r, service, parameter, table, true);
		return true;
	}
	if (!gp_str_istarts(address, GP_STR("unix:")) || gp_reach_is_inet(r) || !is_meant(ours, path))
		return false;
	seen = seen_path(r, service, path);
	if (gp_str_eq(gp_str(seen), ours)) {
		met(r, service, parameter, table, stat(seen, &st) == 0 && S_ISSOCK(st.st_mode));
		return true;
	}
	fprintf(stderr,
		"%s/master.cf:%u: %.*s/%.*s (%schrooted): %s = %.*s is the file %s,\n"
		"    but %s listens on %.*s; change one of the two\n",
		r->postfix->directory, service->line, GP_STR_FMT(service->name),
		GP_STR_FMT(service->type), service->is_chrooted ? "" : "not ", parameter,
		GP_STR_FMT(address), seen, r->program, GP_STR_FMT(ours));
	r->problems++;
	return true;
}

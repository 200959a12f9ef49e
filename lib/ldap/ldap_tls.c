/*
 * Contexts of TLS: what libldap makes of the files of authorities, certificate and key.
 *
 * Made once for each set of files and shared by all connections: libldap gives no way to drop
 * the last reference to one that was asked for, and its GnuTLS build does not give back what it
 * read, so that a context for each connection would cost some kilobytes at each reconnect.  A
 * file that changed (a certificate was renewed) makes a new one; the old stays, which a renewal
 * every few weeks can afford.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/ldap/ldap_int.h"

#define FILES 3

/* A file as it was when it was read. */
struct stamp {
	dev_t dev;
	ino_t ino;
	struct timespec changed;
};

struct context {
	struct context *next;
	void *tls; /* libldap's */
	char *paths[FILES];
	struct stamp stamps[FILES];
	int version_min;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct context *contexts;

static struct stamp stamp_of(const char *path)
{
	struct stat st;

	if (!*path || stat(path, &st) < 0)
		return (struct stamp){0};
	return (struct stamp){st.st_dev, st.st_ino, st.st_ctim};
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool is_for(const struct context *c, const char *const *paths, const struct stamp *stamps,
		   int version_min)
{
	for (size_t i = 0; i < FILES; i++)
		if (strcmp(c->paths[i], paths[i]) != 0 || !is_same(&c->stamps[i], &stamps[i]))
			return false;
	return c->version_min == version_min;
}

static void keep(void *tls, const char *const *paths, const struct stamp *stamps, int version_min)
{
	struct context *c = gp_xcalloc(1, sizeof(*c));

	c->tls = tls;
	c->version_min = version_min;
	for (size_t i = 0; i < FILES; i++) {
		c->paths[i] = gp_xstrdup(paths[i]);
		c->stamps[i] = stamps[i];
	}
	c->next = contexts;
	contexts = c;
}

/* With the lock. */
static int use_context(LDAP *ld, const char *const *paths, int version_min)
{
	struct stamp stamps[FILES];
	void *tls = NULL;
	int client = 0, code;

	for (size_t i = 0; i < FILES; i++)
		stamps[i] = stamp_of(paths[i]);
	for (const struct context *c = contexts; c; c = c->next)
		if (is_for(c, paths, stamps, version_min))
			return ldap_set_option(ld, LDAP_OPT_X_TLS_CTX, c->tls);
	code = ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client);
	if (code == LDAP_OPT_SUCCESS)
		code = ldap_get_option(ld, LDAP_OPT_X_TLS_CTX, &tls);
	if (code == LDAP_OPT_SUCCESS && tls)
		keep(tls, paths, stamps, version_min);
	return code;
}

int ldap_tls_use(const struct gp_ldap_options *o, LDAP *ld)
{
	const char *const paths[FILES] = {o->ca_file, o->certificate, o->key_file};
	int code;

	pthread_mutex_lock(&lock);
	code = use_context(ld, paths, o->tls_min);
	pthread_mutex_unlock(&lock);
	return code;
}

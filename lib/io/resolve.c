/*
 * Resolving a name off the loop; see the header.  Two references, like a job:
 * the asker's and the thread's, so neither waits for the other.
 */
#include "lib/io/resolve.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/mem.h"

struct gp_resolve {
	atomic_uint refs;
	int fd; /* eventfd: set when result and addresses are */
	char *host, *port;
	int result;
	struct addrinfo *addresses;
};

void gp_resolve_finish(struct gp_resolve **resolve)
{
	struct gp_resolve *r = *resolve;

	*resolve = NULL;
	if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	gp_fd_close(&r->fd);
	if (r->addresses)
		freeaddrinfo(r->addresses);
	free(r->host);
	free(r->port);
	free(r);
}

static void *resolve_main(void *arg)
{
	struct gp_resolve *r = arg;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	uint64_t one = 1;

	r->result = getaddrinfo(r->host, r->port, &hints, &r->addresses);
	if (r->result != 0)
		r->addresses = NULL;
	if (write(r->fd, &one, sizeof(one)) < 0)
		r->result = EAI_SYSTEM;
	gp_resolve_finish(&r);
	return NULL;
}

struct gp_resolve *gp_resolve_begin(const char *host, const char *port, int *ret_fd)
{
	struct gp_resolve *r = gp_xcalloc(1, sizeof(*r));
	pthread_attr_t attr;
	pthread_t thread;
	int failed;

	atomic_init(&r->refs, 2);
	r->host = gp_xstrdup(host);
	r->port = gp_xstrdup(port);
	r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	failed = r->fd < 0 || pthread_create(&thread, &attr, resolve_main, r) != 0;
	pthread_attr_destroy(&attr);
	if (failed) {
		atomic_store(&r->refs, 1);
		gp_resolve_finish(&r);
		return NULL;
	}
	*ret_fd = r->fd;
	return r;
}

const struct addrinfo *gp_resolve_get(struct gp_resolve *r, struct gp_diag *diag)
{
	uint64_t done;

	if (read(r->fd, &done, sizeof(done)) < 0 || !r->addresses)
		gp_diag_set(diag, "%s: %s", r->host, gai_strerror(r->result));
	return r->addresses;
}

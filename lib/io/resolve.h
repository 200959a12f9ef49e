/*
 * getaddrinfo on a thread of its own, for the few names in our configuration.
 * (Names that mail brings are lib/dns' business.)
 */
#ifndef GP_IO_RESOLVE_H
#define GP_IO_RESOLVE_H

#include <netdb.h>

#include "lib/base/err.h"

struct gp_resolve;

/* Starts; *ret_fd becomes readable when the answer is there.  NULL: no thread. */
struct gp_resolve *gp_resolve_begin(const char *host, const char *port, int *ret_fd);
/* The answer, owned by the object; NULL with the reason in diag. */
const struct addrinfo *gp_resolve_get(struct gp_resolve *r, struct gp_diag *diag);
/* Any time; the thread ends by itself.  Clears *r; NULL is fine. */
void gp_resolve_finish(struct gp_resolve **r);

#endif

/*
 * TLS for our outgoing connections (OpenSSL).  Non-blocking, on a connected fd.
 *
 * A context is shared by all connections to one peer and outlives them; a
 * session belongs to the loop thread.
 */
#ifndef GP_IO_TLS_H
#define GP_IO_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

struct gp_tls_context;
struct gp_tls;

struct gp_tls_config {
	const char *ca_file; /* NULL: the system's authorities */
	bool no_verify;	     /* encrypts, but to whom? */
};

/* TLS 1.2 at least.  Fails if ca_file cannot be used. */
int gp_tls_context_new(const struct gp_tls_config *config, struct gp_tls_context **ret,
		       struct gp_diag *diag) GP_MUST_USE;
void gp_tls_context_free(struct gp_tls_context **ctx);

/* A client on fd (which stays the caller's); `name` is verified and sent as SNI;
 * an address is verified as such. */
struct gp_tls *gp_tls_new(struct gp_tls_context *ctx, int fd, const char *name);
void gp_tls_free(struct gp_tls **tls);

/* Results beside GP_OK and failures (GP_ETEMP closed, GP_EACCES not verified, GP_ESYS):
 * call again when the fd is readable or writable. */
enum { GP_TLS_WANT_READ = 1, GP_TLS_WANT_WRITE = 2 };

int gp_tls_handshake(struct gp_tls *tls, struct gp_diag *diag) GP_MUST_USE;
/* On GP_OK *ret_n > 0 bytes were moved. */
int gp_tls_read(struct gp_tls *tls, void *buf, size_t size, size_t *ret_n, struct gp_diag *diag)
	GP_MUST_USE;
int gp_tls_write(struct gp_tls *tls, const void *data, size_t len, size_t *ret_n,
		 struct gp_diag *diag) GP_MUST_USE;

#endif

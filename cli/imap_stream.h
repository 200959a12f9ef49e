/*
 * The bytes of an IMAP connection: TCP or unix socket, with TLS if wanted, or a server that
 * is our child.  Blocking up to the end that `wait` sets.  The program ignores SIGPIPE.
 */
#ifndef GP_CLI_IMAP_STREAM_H
#define GP_CLI_IMAP_STREAM_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/wait.h"
#include "lib/base/buf.h"
#include "lib/io/tls.h"

struct imap_stream {
	const struct cli_wait *wait; /* the caller's */
	int fd;	     /* read from */
	int out;     /* written to, or -1: fd is */
	pid_t child; /* or 0 */
	int errors;  /* what the child says on standard error, or -1 */
	struct gp_tls_context *context;
	struct gp_tls *tls;
	struct gp_buf in;
	size_t taken; /* bytes of `in` that the last line took */
};

/* The stream is closed first; so is it after a failure. */
int imap_stream_connect(struct imap_stream *s, const char *host, const char *port,
			struct gp_diag *diag) GP_MUST_USE;
int imap_stream_connect_unix(struct imap_stream *s, const char *path, struct gp_diag *diag)
	GP_MUST_USE;
/* Runs a server; its standard input and output are the stream: pipes, because
 * Dovecot's imap takes a socket there for inetd's and refuses.  argv[0] is found in PATH. */
int imap_stream_spawn(struct imap_stream *s, const char *const *argv, struct gp_diag *diag)
	GP_MUST_USE;
void imap_stream_init(struct imap_stream *s, const struct cli_wait *wait);
/* Ends the child too, and waits for it. */
void imap_stream_close(struct imap_stream *s);

/* From here on with TLS. */
int imap_stream_secure(struct imap_stream *s, const struct gp_tls_config *config, const char *name,
		       struct gp_diag *diag) GP_MUST_USE;
int imap_stream_write(struct imap_stream *s, struct gp_str bytes, struct gp_diag *diag) GP_MUST_USE;
/* The next response without its line end: a line, or several where they end in "{N}", with the
 * N bytes that follow.  Good until the next call. */
int imap_stream_line(struct imap_stream *s, struct gp_str *ret, struct gp_diag *diag) GP_MUST_USE;
/* The last complaint on the child's standard error; "" if there is none. */
void imap_stream_complaint(const struct imap_stream *s, char *ret, size_t size);

#endif

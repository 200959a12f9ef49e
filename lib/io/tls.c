/*
 * TLS over a non-blocking fd; see the header.  The only file that knows libssl.
 */
#include "lib/io/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/base/mem.h"

struct gp_tls_context {
	SSL_CTX *ctx;
	bool no_verify;
};

struct gp_tls {
	SSL *ssl;
};

static void explain(struct gp_diag *diag, const char *what)
{
	unsigned long code = ERR_get_error();
	char text[256] = "unknown error";

	if (code != 0)
		ERR_error_string_n(code, text, sizeof(text));
	gp_diag_set(diag, "%s: %s", what, text);
	ERR_clear_error();
}

void gp_tls_context_free(struct gp_tls_context **ctx)
{
	if (!*ctx)
		return;
	SSL_CTX_free((*ctx)->ctx);
	free(*ctx);
	*ctx = NULL;
}

int gp_tls_context_new(const struct gp_tls_config *config, struct gp_tls_context **ret,
		       struct gp_diag *diag)
{
	struct gp_tls_context *c = gp_xcalloc(1, sizeof(*c));
	int ok = 1;

	c->no_verify = config->no_verify;
	c->ctx = SSL_CTX_new(TLS_client_method());
	if (!c->ctx || SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) != 1) {
		explain(diag, "TLS");
		gp_tls_context_free(&c);
		return GP_ESYS;
	}
	SSL_CTX_set_mode(c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					 SSL_MODE_RELEASE_BUFFERS);
	/* Peers that close without a farewell are ordinary. */
	SSL_CTX_set_options(c->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_verify(c->ctx, config->no_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (config->ca_file)
		ok = SSL_CTX_load_verify_locations(c->ctx, config->ca_file, NULL);
	else if (!config->no_verify)
		ok = SSL_CTX_set_default_verify_paths(c->ctx);
	if (ok != 1) {
		explain(diag, config->ca_file ? config->ca_file : "system's certificate authorities");
		gp_tls_context_free(&c);
		return GP_EINVAL;
	}
	*ret = c;
	return GP_OK;
}

static bool is_address(const char *name)
{
	unsigned char buf[16];

	return inet_pton(AF_INET, name, buf) == 1 || inet_pton(AF_INET6, name, buf) == 1;
}

struct gp_tls *gp_tls_new(struct gp_tls_context *ctx, int fd, const char *name)
{
	struct gp_tls *t = gp_xcalloc(1, sizeof(*t));
	int ok;

	t->ssl = SSL_new(ctx->ctx);
	ok = t->ssl && SSL_set_fd(t->ssl, fd) == 1;
	if (ok && is_address(name))
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), name);
	else if (ok) /* SSL_set_tlsext_host_name() without its cast */
		ok = SSL_ctrl(t->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			      (void *)(uintptr_t)name) == 1 &&
		     SSL_set1_host(t->ssl, name) == 1;
	if (!ok)
		gp_tls_free(&t);
	else
		SSL_set_connect_state(t->ssl);
	return t;
}

void gp_tls_free(struct gp_tls **tls)
{
	if (!*tls)
		return;
	SSL_free((*tls)->ssl);
	free(*tls);
	*tls = NULL;
	ERR_clear_error();
}

/* What a call that returned `ret` means. */
static int outcome(struct gp_tls *t, int ret, const char *what, struct gp_diag *diag)
{
	int saved = errno;

	switch (SSL_get_error(t->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return GP_TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return GP_TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		gp_diag_set(diag, "%s: closed by the peer", what);
		return GP_ETEMP;
	case SSL_ERROR_SYSCALL:
		errno = saved;
		if (saved != 0)
			(void)gp_diag_errno(diag, "%s", what);
		else
			gp_diag_set(diag, "%s: closed by the peer", what);
		return GP_ETEMP;
	default:
		if (SSL_get_verify_result(t->ssl) != X509_V_OK) {
			gp_diag_set(diag, "%s: certificate: %s", what,
				    X509_verify_cert_error_string(SSL_get_verify_result(t->ssl)));
			ERR_clear_error();
			return GP_EACCES;
		}
		explain(diag, what);
		return GP_ESYS;
	}
}

int gp_tls_handshake(struct gp_tls *t, struct gp_diag *diag)
{
	int ret;

	ERR_clear_error();
	errno = 0;
	ret = SSL_do_handshake(t->ssl);
	return ret == 1 ? GP_OK : outcome(t, ret, "TLS handshake", diag);
}

int gp_tls_read(struct gp_tls *t, void *buf, size_t size, size_t *ret_n, struct gp_diag *diag)
{
	int ret;

	ERR_clear_error();
	errno = 0;
	ret = SSL_read_ex(t->ssl, buf, size, ret_n);
	return ret == 1 ? GP_OK : outcome(t, ret, "TLS read", diag);
}

int gp_tls_write(struct gp_tls *t, const void *data, size_t len, size_t *ret_n,
		 struct gp_diag *diag)
{
	int ret;

	ERR_clear_error();
	errno = 0;
	ret = SSL_write_ex(t->ssl, data, len, ret_n);
	return ret == 1 ? GP_OK : outcome(t, ret, "TLS write", diag);
}

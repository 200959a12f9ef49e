/*
 * One connection to one of the servers: options, TLS, bind; and LDAP's result codes in
 * our words.
 *
 * Only what the GnuTLS and the OpenSSL builds of libldap both know is used: the file of
 * authorities, certificate and key, the lowest version, and that the server's name must
 * match, always.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/ldap/ldap_int.h"

#define PASSWORD_MAX 4096

/* What a code says of the question.  Those that are not here are of the moment:
 * GP_ETEMP. */
static const struct {
	int code, result;
} results[] = {
	{LDAP_SUCCESS, GP_OK},
	{LDAP_NO_SUCH_OBJECT, GP_ENOENT},
	{LDAP_REFERRAL, GP_ENOENT},
	{LDAP_PARTIAL_RESULTS, GP_ENOENT},
	{LDAP_INVALID_CREDENTIALS, GP_EACCES},
	{LDAP_INAPPROPRIATE_AUTH, GP_EACCES},
	{LDAP_INSUFFICIENT_ACCESS, GP_EACCES},
	{LDAP_STRONG_AUTH_REQUIRED, GP_EACCES},
	{LDAP_CONFIDENTIALITY_REQUIRED, GP_EACCES},
	{LDAP_AUTH_METHOD_NOT_SUPPORTED, GP_EACCES},
	{LDAP_SIZELIMIT_EXCEEDED, GP_ELIMIT},
	{LDAP_ADMINLIMIT_EXCEEDED, GP_ELIMIT},
	{LDAP_FILTER_ERROR, GP_EINVAL},
	{LDAP_PROTOCOL_ERROR, GP_EINVAL},
	{LDAP_INVALID_SYNTAX, GP_EINVAL},
	{LDAP_INVALID_DN_SYNTAX, GP_EINVAL},
	{LDAP_UNDEFINED_TYPE, GP_EINVAL},
	{LDAP_UNAVAILABLE_CRITICAL_EXTENSION, GP_EINVAL},
	{LDAP_INAPPROPRIATE_MATCHING, GP_EINVAL},
};

int ldap_conn_result(int code)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(results); i++)
		if (results[i].code == code)
			return results[i].result;
	return GP_ETEMP;
}

struct option {
	int name;
	const void *value; /* NULL is a value: LDAP_OPT_OFF */
	bool is_unset;	   /* leave libldap's own */
};

static int set_options(LDAP *ld, const struct option *options, size_t n, struct gp_diag *diag)
{
	for (size_t i = 0; i < n; i++) {
		int code = options[i].is_unset ? LDAP_OPT_SUCCESS
					       : ldap_set_option(ld, options[i].name, options[i].value);

		if (code != LDAP_OPT_SUCCESS) {
			gp_diag_set(diag, "libldap refuses option %#x", (unsigned)options[i].name);
			return GP_EINVAL;
		}
	}
	return GP_OK;
}

static int configure(const struct gp_ldap *l, LDAP *ld, struct gp_diag *diag)
{
	const struct gp_ldap_options *o = &l->options;
	int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, r;
	int tls_min = o->tls_min == GP_LDAP_TLS_1_3 ? LDAP_OPT_X_TLS_PROTOCOL_TLS1_3
						    : LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
	struct timeval timeout = {.tv_sec = o->timeout_ms / 1000,
				  .tv_usec = o->timeout_ms % 1000 * 1000};
	unsigned unanswered_ms = (unsigned)o->timeout_ms;
	const struct option options[] = {
		{LDAP_OPT_PROTOCOL_VERSION, &version},
		{LDAP_OPT_REFERRALS, LDAP_OPT_OFF},
		{LDAP_OPT_RESTART, LDAP_OPT_ON},
		{LDAP_OPT_NETWORK_TIMEOUT, &timeout},
		{LDAP_OPT_TIMEOUT, &timeout},
		/* A server that vanished without a word is noticed while we write. */
		{LDAP_OPT_TCP_USER_TIMEOUT, &unanswered_ms},
		{LDAP_OPT_X_TLS_REQUIRE_CERT, &demand},
		{LDAP_OPT_X_TLS_PROTOCOL_MIN, &tls_min},
		{LDAP_OPT_X_TLS_CACERTFILE, o->ca_file, !*o->ca_file},
		{LDAP_OPT_X_TLS_CERTFILE, o->certificate, !*o->certificate},
		{LDAP_OPT_X_TLS_KEYFILE, o->key_file, !*o->key_file},
	};

	r = set_options(ld, options, GP_ARRAY_SIZE(options), diag);
	if (r == GP_OK && ldap_tls_use(o, ld) != LDAP_OPT_SUCCESS) {
		gp_diag_set(diag, "libldap makes no TLS of ca_file, certificate and key_file: is one "
				  "of them missing, unreadable or no PEM file?");
		r = GP_EINVAL;
	}
	return r;
}

/* What libldap says of it.  Of a certificate that it does not take GnuTLS' build says this. */
static const char *explain(const char *said)
{
	if (!said || strcmp(said, "(unknown error code)") != 0)
		return said ? said : "";
	return "TLS: its certificate is not of ca_file, is for another name or has expired";
}

/* "URI: text: what the server says". */
static int fail(struct gp_ldap *l, LDAP *ld, const char *doing, int code, struct gp_diag *diag)
{
	int r = ldap_conn_result(code);
	const char *why;
	char *more = NULL;

	if (ld)
		ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
	why = explain(more);
	gp_diag_set(diag, "%s: %s: %s%s%s%s", l->uris[l->uri], doing, ldap_err2string(code),
		    *why ? " (" : "", why, *why ? ")" : "");
	ldap_memfree(more);
	return r == GP_OK || r == GP_ENOENT ? GP_ETEMP : r;
}

static int bind_simple(struct gp_ldap *l, LDAP *ld, struct gp_diag *diag)
{
	GP_BUF_AUTO password = GP_BUF_INIT(PASSWORD_MAX);
	struct berval cred;
	int code, r = gp_file_read(l->options.password_file, &password, diag);

	if (r) {
		gp_diag_prepend(diag, "password_file");
		return GP_EACCES;
	}
	while (password.len > 0 && gp_is_space(password.data[password.len - 1]))
		password.len--;
	/* RFC 4513, 5.1.2: a name with an empty password would succeed, as nobody. */
	if (password.len == 0) {
		gp_diag_set(diag, "%s: the password is empty", l->options.password_file);
		return GP_EACCES;
	}
	cred = (struct berval){.bv_val = password.data, .bv_len = password.len};
	code = ldap_sasl_bind_s(ld, l->options.bind_dn, LDAP_SASL_SIMPLE, &cred, NULL, NULL, NULL);
	explicit_bzero(password.data, password.cap);
	return code == LDAP_SUCCESS ? GP_OK : fail(l, ld, "bind", code, diag);
}

static int bind_external(struct gp_ldap *l, LDAP *ld, struct gp_diag *diag)
{
	struct berval empty = {.bv_val = (char[]){""}, .bv_len = 0};
	int code = ldap_sasl_bind_s(ld, NULL, "EXTERNAL", &empty, NULL, NULL, NULL);

	return code == LDAP_SUCCESS ? GP_OK : fail(l, ld, "bind (EXTERNAL)", code, diag);
}

/* Anonymous ones bind too: it is what makes libldap connect, here and not amid a search. */
static int bind_anonymous(struct gp_ldap *l, LDAP *ld, struct gp_diag *diag)
{
	struct berval empty = {.bv_val = (char[]){""}, .bv_len = 0};
	int code = ldap_sasl_bind_s(ld, "", LDAP_SASL_SIMPLE, &empty, NULL, NULL, NULL);

	return code == LDAP_SUCCESS ? GP_OK : fail(l, ld, "connect", code, diag);
}

static int bind_as(struct gp_ldap *l, LDAP *ld, struct gp_diag *diag)
{
	switch ((enum gp_ldap_bind)l->options.bind) {
	case GP_LDAP_SIMPLE:
		return bind_simple(l, ld, diag);
	case GP_LDAP_EXTERNAL:
		return bind_external(l, ld, diag);
	case GP_LDAP_ANONYMOUS:
		break;
	}
	return bind_anonymous(l, ld, diag);
}

static bool is_plain_tcp(const char *uri)
{
	return gp_str_istarts(gp_str(uri), GP_STR("ldap://"));
}

static int open_one(struct gp_ldap *l, struct gp_diag *diag)
{
	const char *uri = l->uris[l->uri];
	LDAP *ld = NULL;
	int code = ldap_initialize(&ld, uri), r;

	if (code != LDAP_SUCCESS)
		return fail(l, NULL, "address", code, diag);
	r = configure(l, ld, diag);
	if (r == GP_OK && l->options.start_tls && is_plain_tcp(uri)) {
		code = ldap_start_tls_s(ld, NULL, NULL);
		r = code == LDAP_SUCCESS ? GP_OK : fail(l, ld, "StartTLS", code, diag);
	}
	if (r == GP_OK)
		r = bind_as(l, ld, diag);
	if (r) {
		ldap_unbind_ext_s(ld, NULL, NULL);
		return r;
	}
	l->connection = ld;
	return GP_OK;
}

int ldap_conn_open(struct gp_ldap *l, struct gp_diag *diag)
{
	int r = GP_ETEMP;

	for (size_t i = 0; i < l->options.n_uris; i++) {
		r = open_one(l, diag);
		if (r == GP_OK)
			return GP_OK;
		l->uri = (l->uri + 1) % l->options.n_uris;
	}
	return r;
}

void ldap_conn_close(struct gp_ldap *l)
{
	if (l->connection)
		ldap_unbind_ext_s(l->connection, NULL, NULL);
	l->connection = NULL;
}

int ldap_conn_check(const struct gp_ldap *l, struct gp_diag *diag)
{
	LDAP *ld = NULL;
	int r = GP_OK;

	if (l->options.n_uris == 0) {
		gp_diag_set(diag, "no server is named");
		return GP_EINVAL;
	}
	for (size_t i = 0; i < l->options.n_uris && r == GP_OK; i++) {
		if (!ldap_is_ldap_url(l->uris[i]) || ldap_initialize(&ld, l->uris[i]) != LDAP_SUCCESS) {
			gp_diag_set(diag, "\"%s\" is no ldap://, ldaps:// or ldapi:// address",
				    l->uris[i]);
			return GP_EINVAL;
		}
		r = configure(l, ld, diag);
		ldap_unbind_ext_s(ld, NULL, NULL);
	}
	return r;
}

int ldap_conn_fd(struct gp_ldap *l)
{
	int fd = -1;

	if (l->connection)
		ldap_get_option(l->connection, LDAP_OPT_DESC, &fd);
	return fd;
}

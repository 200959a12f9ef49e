/*
 * Who may ask what: see the header for the rules.
 */
#include "controller/http_access.h"

#include <pwd.h>

#include "lib/base/num.h"

enum refusal {
	TWO_LENGTHS,
	NAMES_A_FILE,
	PASSWORD_IN_ADDRESS,
	TWO_PASSWORDS,
	FOREIGN_HOST,
	FOREIGN_ORIGIN,
	WRONG_PASSWORD,
	NO_PASSWORD,
	NO_PASSWORD_SET,
};

static const struct http_refusal refusals[] = {
	[TWO_LENGTHS] = {HTTP_BAD_REQUEST, "where the body ends is said twice"},
	[NAMES_A_FILE] = {HTTP_BAD_REQUEST,
			  "messages are read from the request's body only, never from files or "
			  "shared memory"},
	[PASSWORD_IN_ADDRESS] = {HTTP_BAD_REQUEST,
				 "the password goes into the header Password, never into the address"},
	[TWO_PASSWORDS] = {HTTP_BAD_REQUEST, "more than one Password or Host"},
	[FOREIGN_HOST] = {HTTP_FORBIDDEN, "this host name is not in http.hosts"},
	[FOREIGN_ORIGIN] = {HTTP_FORBIDDEN, "pages of other sites may not ask"},
	[WRONG_PASSWORD] = {HTTP_UNAUTHORIZED, "wrong password"},
	[NO_PASSWORD] = {HTTP_UNAUTHORIZED, "this needs the password, in the header Password"},
	[NO_PASSWORD_SET] = {HTTP_FORBIDDEN,
			     "this needs a password, and http.password_file names none"},
};

static const char *const file_fields[] = {"File", "Path", "Shm", "Shm-Offset", "Shm-Length"};

static bool names_a_file(const struct http_fields *fields)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(file_fields); i++)
		if (http_field_count(fields, file_fields[i]))
			return true;
	return false;
}

/* Letters, digits and what else a name, or an address in brackets, is made of; or nothing. */
static struct gp_str only(struct gp_str s, const char *more)
{
	for (size_t i = 0; i < s.len; i++)
		if (!gp_is_alnum(s.ptr[i]) && (!s.ptr[i] || !strchr(more, s.ptr[i])))
			return gp_str("");
	return s;
}

struct gp_str http_host_name(struct gp_str host)
{
	size_t end;

	if (host.len && host.ptr[0] == '[') {
		end = gp_str_find_chr(host, ']', 0);
		if (end + 1 < host.len && host.ptr[end + 1] != ':')
			return gp_str("");
		return end < host.len ? only(gp_str_sub(host, 1, end - 1), ":.") : gp_str("");
	}
	end = gp_str_find_chr(host, ':', 0);
	if (end < host.len && gp_str_find_chr(host, ':', end + 1) < host.len)
		return gp_str(""); /* an address without its brackets */
	host = gp_str_sub(host, 0, end);
	if (host.len && host.ptr[host.len - 1] == '.')
		host.len--;
	return only(host, "-._");
}

/* An address in Host is safe: who rebinds a name must have used the name. */
static bool is_our_host(const struct http_access *a, struct gp_str host)
{
	struct gp_str name = http_host_name(host);
	struct gp_ip ip;

	if (!name.len)
		return false;
	if (gp_str_ieq(name, GP_STR("localhost")) || gp_ip_parse(name, &ip) == GP_OK)
		return true;
	for (size_t i = 0; i < a->hosts.len; i++)
		if (gp_str_ieq(name, gp_str(a->hosts.items[i])))
			return true;
	return false;
}

/* "http://host:port" of the very host that was asked. */
static bool is_same_origin(struct gp_str origin, struct gp_str host)
{
	size_t at = gp_str_find(origin, GP_STR("://"), 0);

	return at < origin.len && host.len &&
	       gp_str_ieq(gp_str_sub(origin, at + 3, origin.len), host);
}

static bool is_foreign_page(const struct http_request *rq)
{
	struct gp_str site = http_field_get(&rq->headers, "Sec-Fetch-Site");

	if (http_field_count(&rq->headers, "Origin") &&
	    !is_same_origin(http_field_get(&rq->headers, "Origin"),
			    http_field_get(&rq->headers, "Host")))
		return true;
	return site.len && !gp_str_ieq(site, GP_STR("same-origin")) &&
	       !gp_str_ieq(site, GP_STR("none"));
}

/* Both sides hashed: the time tells neither length nor a common beginning. */
static bool is_password(const struct http_access *a, struct gp_str given)
{
	unsigned char digest[GP_SHA256_SIZE];

	gp_sha256(given.ptr ? given.ptr : "", given.len, digest);
	return gp_digest_equal(digest, a->password, sizeof(digest));
}

static bool is_trusted_peer(const struct http_access *a, const struct http_peer *peer)
{
	for (size_t i = 0; peer->is_unix && i < a->n_uids; i++)
		if (a->uids[i] == peer->uid)
			return true;
	return false;
}

/* A proxy before us may see another end of the body, and another request after it: RFC 9112,
 * 6.3, has such requests refused.  (The library takes the first length.) */
static bool has_two_lengths(const struct http_fields *fields)
{
	return http_field_count(fields, "Content-Length") +
		       http_field_count(fields, "Transfer-Encoding") > 1;
}

/* What holds for every request, whatever it asks. */
static const struct http_refusal *check_form(const struct http_access *a,
					     const struct http_request *rq)
{
	if (has_two_lengths(&rq->headers))
		return &refusals[TWO_LENGTHS];
	if (names_a_file(&rq->headers) || names_a_file(&rq->arguments))
		return &refusals[NAMES_A_FILE];
	if (http_field_count(&rq->arguments, "password"))
		return &refusals[PASSWORD_IN_ADDRESS];
	if (http_field_count(&rq->headers, "Password") > 1 ||
	    http_field_count(&rq->headers, "Host") > 1)
		return &refusals[TWO_PASSWORDS];
	if (http_field_count(&rq->headers, "Host") &&
	    !is_our_host(a, http_field_get(&rq->headers, "Host")))
		return &refusals[FOREIGN_HOST];
	return is_foreign_page(rq) ? &refusals[FOREIGN_ORIGIN] : NULL;
}

const struct http_refusal *http_access_check(const struct http_access *a, enum http_level level,
					     const struct http_request *rq)
{
	const struct http_refusal *bad = check_form(a, rq);

	if (bad || level == HTTP_OPEN)
		return bad;
	if (a->has_password && http_field_count(&rq->headers, "Password"))
		return is_password(a, http_field_get(&rq->headers, "Password"))
			       ? NULL
			       : &refusals[WRONG_PASSWORD];
	if (is_trusted_peer(a, &rq->peer))
		return NULL;
	if (level == HTTP_READ && rq->peer.is_local && !a->read_password)
		return NULL;
	return &refusals[a->has_password ? NO_PASSWORD : NO_PASSWORD_SET];
}

int http_access_set_password(struct http_access *a, const char *text, size_t len)
{
	struct gp_str trimmed = gp_str_trim(gp_str_n(text, len));

	if (!trimmed.len)
		return GP_EINVAL;
	gp_sha256(trimmed.ptr, trimmed.len, a->password);
	a->has_password = true;
	return GP_OK;
}

int http_uid_parse(const char *text, uid_t *ret)
{
	const struct passwd *user;
	uint64_t number;

	if (gp_num_parse_uint(gp_str(text), 10, &number) == GP_OK) {
		if (number >= (uid_t)-1)
			return GP_EINVAL;
		*ret = (uid_t)number;
		return GP_OK;
	}
	user = getpwnam(text);
	if (!user)
		return GP_ENOENT;
	*ret = user->pw_uid;
	return GP_OK;
}

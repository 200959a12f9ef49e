/*
 * From a user or the recipients of a message to names of scopes; pure.
 */
#include "lib/score/bayes_scope.h"

/* The name in lower case as a scope; false if it cannot be one. */
static bool put_name(struct gp_str name, char ret[GP_STORE_SCOPE_MAX + 1])
{
	if (name.len == 0 || !gp_str_copy(ret, GP_STORE_SCOPE_MAX + 1, name) ||
	    memchr(name.ptr, '\0', name.len)) {
		ret[0] = '\0';
		return false;
	}
	for (char *p = ret; *p; p++)
		*p = gp_lower(*p);
	return true;
}

/* "@example.org", empty without a domain. */
static struct gp_str domain_of(struct gp_str user)
{
	return gp_str_sub(user, gp_str_find_last(user, '@'), user.len);
}

/* Without extension; "" if nothing is left before the delimiter. */
static struct gp_str local_of(const struct gp_conf_bayes *conf, struct gp_str user)
{
	struct gp_str local = gp_str_sub(user, 0, gp_str_find_last(user, '@'));
	size_t end = local.len;

	for (const char *d = conf->recipient_delimiter; *d; d++)
		end = GP_MIN(end, gp_str_find_chr(local, *d, 0));
	return gp_str_sub(local, 0, end > 0 ? end : local.len);
}

static bool put_user(const struct gp_conf_bayes *conf, struct gp_str user,
		     char ret[GP_STORE_SCOPE_MAX + 1])
{
	struct gp_str local = local_of(conf, user), domain = domain_of(user);
	GP_BUF_AUTO name = GP_BUF_INIT(GP_STORE_SCOPE_MAX);

	if (local.len == 0)
		return false;
	gp_buf_add_str(&name, local);
	if (conf->login == GP_CONF_LOGIN_ADDRESS)
		gp_buf_add_str(&name, domain);
	return gp_buf_error(&name) == GP_OK && put_name(gp_buf_str(&name), ret);
}

void gp_bayes_scopes_of(const struct gp_conf_bayes *conf, struct gp_str user,
			struct gp_bayes_scopes *ret)
{
	struct gp_str domain = domain_of(user);

	*ret = (struct gp_bayes_scopes){.n = 1};
	switch ((enum gp_conf_bayes_scope)conf->scope) {
	case GP_CONF_BAYES_GLOBAL:
		break;
	case GP_CONF_BAYES_DOMAIN:
		if (domain.len > 1)
			(void)put_name(domain, ret->names[0]);
		break;
	case GP_CONF_BAYES_USER:
		(void)put_user(conf, user, ret->names[0]);
		break;
	case GP_CONF_BAYES_GLOBAL_USER:
		ret->n = put_user(conf, user, ret->names[1]) ? 2 : 1;
		break;
	}
}

static bool share_domain(const struct gp_str *recipients, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (!gp_str_ieq(domain_of(recipients[i]), domain_of(recipients[0])))
			return false;
	return n > 0;
}

void gp_bayes_scopes_for(const struct gp_conf_bayes *conf, struct gp_str account,
			 const struct gp_str *recipients, size_t n, struct gp_bayes_scopes *ret)
{
	struct gp_str user = account;

	if (user.len == 0 && n > 0 &&
	    (n == 1 || (conf->scope == GP_CONF_BAYES_DOMAIN && share_domain(recipients, n))))
		user = recipients[0];
	gp_bayes_scopes_of(conf, user, ret);
}

/*
 * Templates and escaping; see the header.
 */
#include "lib/ldap/ldap_text.h"

bool gp_ldap_domain(struct gp_str key, struct gp_str *ret)
{
	size_t at = gp_str_find_last(key, '@');

	if (at == key.len || at + 1 == key.len)
		return false;
	*ret = gp_str_sub(key, at + 1, key.len);
	return true;
}

static bool local_part(struct gp_str key, struct gp_str *ret)
{
	*ret = gp_str_sub(key, 0, gp_str_find_last(key, '@'));
	return ret->len > 0;
}

/* The n-th label from the right, 1 is the last. */
static bool label(struct gp_str key, unsigned n, struct gp_str *ret)
{
	struct gp_str rest;

	if (!gp_ldap_domain(key, &rest))
		return false;
	for (; n > 0; n--) {
		size_t dot = gp_str_find_last(rest, '.');
		bool is_first = dot == rest.len;

		if (rest.len == 0)
			return false;
		*ret = is_first ? rest : gp_str_sub(rest, dot + 1, rest.len);
		rest = gp_str_sub(rest, 0, is_first ? 0 : dot);
	}
	return ret->len > 0;
}

/* The part that a letter stands for; false if there is none. */
static bool part(char letter, struct gp_str value, struct gp_str key, struct gp_str *ret)
{
	bool is_key = letter >= 'A' && letter <= 'Z';
	struct gp_str of = is_key ? key : value;

	switch (gp_lower(letter)) {
	case 's':
		*ret = of;
		return true;
	case 'u':
	case 'n':
		return local_part(of, ret);
	case 'd':
		return gp_ldap_domain(of, ret);
	default:
		return label(key, (unsigned)(letter - '0'), ret);
	}
}

static bool is_letter(char c)
{
	return gp_str_find_chr(GP_STR("sundSUND123456789"), c, 0) < strlen("sundSUND123456789");
}

int gp_ldap_template_check(struct gp_str text, struct gp_diag *diag)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '%')
			continue;
		i++;
		if (i < text.len && (text.ptr[i] == '%' || is_letter(text.ptr[i])))
			continue;
		gp_diag_set(diag, "\"%%%.*s\" stands for nothing; use %%s %%u %%d %%1 …, %%%% for a percent sign",
			    GP_STR_FMT(gp_str_sub(text, i, 1)));
		return GP_EINVAL;
	}
	return GP_OK;
}

bool gp_ldap_template_is_fixed(struct gp_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '%')
			continue;
		i++;
		if (i < text.len && text.ptr[i] != '%')
			return false;
	}
	return true;
}

/* RFC 4515, 3: these as \XX; what is not UTF-8 is a matter of the server. */
static bool is_special_in_filter(unsigned char c)
{
	return c == '*' || c == '(' || c == ')' || c == '\\' || c == '\0';
}

/* RFC 4514, 2.4: with a space or "#" at the beginning and a space at the end; hexadecimal
 * pairs are allowed for all of them. */
static bool is_special_in_dn(unsigned char c, bool is_edge)
{
	return c < ' ' || c == 0x7f || gp_str_find_chr(GP_STR("\"+,;<>\\="), (char)c, 0) < 8 ||
	       (is_edge && (c == ' ' || c == '#'));
}

void gp_ldap_escape(struct gp_str bytes, enum gp_ldap_escape escape, struct gp_buf *out)
{
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.ptr[i];
		bool is_edge = i == 0 || i + 1 == bytes.len;

		if ((escape == GP_LDAP_FILTER && is_special_in_filter(c)) ||
		    (escape == GP_LDAP_DN && is_special_in_dn(c, is_edge)))
			gp_buf_printf(out, "\\%02x", c);
		else
			gp_buf_add_chr(out, (char)c);
	}
}

bool gp_ldap_expand(struct gp_str text, struct gp_str value, struct gp_str key,
		    enum gp_ldap_escape escape, struct gp_buf *out)
{
	size_t before = out->len;

	for (size_t i = 0; i < text.len; i++) {
		struct gp_str filled;

		if (text.ptr[i] != '%' || i + 1 == text.len || text.ptr[i + 1] == '%') {
			gp_buf_add_chr(out, text.ptr[i]);
			i += text.ptr[i] == '%';
			continue;
		}
		if (!part(text.ptr[++i], value, key, &filled)) {
			out->len = before;
			return false;
		}
		gp_ldap_escape(filled, escape, out);
	}
	return true;
}

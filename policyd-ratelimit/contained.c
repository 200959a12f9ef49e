/*
 * Contained keys as text; see the header.
 */
#include "policyd-ratelimit/contained.h"

#include "lib/base/jsonline.h"
#include "lib/base/num.h"
#include "lib/proto/attrs.h"

#define JSON_MAX 4096

const struct gp_conf_enum contain_kind_names[] = {
	{"sasl_username", CONTAIN_ACCOUNT},
	{"sender", CONTAIN_SENDER},
	{"sender_domain", CONTAIN_SENDER_DOMAIN},
	{"client_address", CONTAIN_CLIENT},
	{"helo_name", CONTAIN_HELO},
	{"recipient", CONTAIN_RECIPIENT},
	{"recipient_domain", CONTAIN_RECIPIENT_DOMAIN},
	{NULL, 0},
};

/* What people type. */
static const struct gp_conf_enum short_names[] = {
	{"account", CONTAIN_ACCOUNT},
	{"user", CONTAIN_ACCOUNT},
	{"client", CONTAIN_CLIENT},
	{"domain", CONTAIN_SENDER_DOMAIN},
	{"helo", CONTAIN_HELO},
	{NULL, 0},
};

static const enum limit_attribute attributes[CONTAIN_KINDS] = {
	[CONTAIN_ACCOUNT] = LIMIT_SASL_USERNAME,
	[CONTAIN_SENDER] = LIMIT_SENDER,
	[CONTAIN_SENDER_DOMAIN] = LIMIT_SENDER_DOMAIN,
	[CONTAIN_CLIENT] = LIMIT_CLIENT_ADDRESS,
	[CONTAIN_HELO] = LIMIT_HELO_NAME,
	[CONTAIN_RECIPIENT] = LIMIT_RECIPIENT,
	[CONTAIN_RECIPIENT_DOMAIN] = LIMIT_RECIPIENT_DOMAIN,
};

enum limit_attribute contain_attribute(enum contain_kind kind)
{
	return attributes[kind];
}

enum contain_kind contain_kind_of(enum limit_attribute attribute)
{
	size_t kind = 0;

	while (kind < CONTAIN_KINDS && attributes[kind] != attribute)
		kind++;
	return (enum contain_kind)kind;
}

/* Names. */

struct gp_str contained_name(struct gp_arena *arena, enum contain_kind kind, struct gp_str key)
{
	struct gp_str name = gp_str(gp_conf_enum_name(contain_kind_names, (int)kind));
	char *text;

	key = gp_str_sub(key, 0, CONTAINED_KEY_MAX);
	text = gp_arena_alloc(arena, name.len + 1 + key.len);
	memcpy(text, name.ptr, name.len);
	text[name.len] = ':';
	if (key.len > 0)
		memcpy(text + name.len + 1, key.ptr, key.len);
	return gp_str_n(text, name.len + 1 + key.len);
}

static bool find_kind(const struct gp_conf_enum *names, struct gp_str word, enum contain_kind *ret)
{
	for (; names->name; names++) {
		if (gp_str_ieq(gp_str(names->name), word)) {
			*ret = (enum contain_kind)names->value;
			return true;
		}
	}
	return false;
}

static struct gp_str normal_client(struct gp_str text, struct gp_arena *arena)
{
	struct gp_cidr net;
	char buf[GP_IP_TEXT];

	if (gp_cidr_parse(text, &net) < 0)
		return (struct gp_str){0};
	return gp_arena_str(arena, gp_str(net.bits == (net.ip.family == 4 ? 32 : 128)
						  ? gp_ip_format(&net.ip, buf)
						  : gp_cidr_format(&net, buf)));
}

static int hex_digit(char c)
{
	return gp_is_digit(c)		  ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Keys are shown as limit_key.h writes them, "%25" for "%": what is copied from there is read back. */
static struct gp_str unescape(struct gp_str text, struct gp_arena *arena)
{
	char *out = gp_arena_alloc(arena, text.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		int high = i + 2 < text.len && text.ptr[i] == '%' ? hex_digit(text.ptr[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
		int c = low >= 0 ? high * 16 + low : -1;

		if (c >= 0 && (c < ' ' || c == 0x7f || c == '%' || c == '|')) {
			out[n++] = (char)c;
			i += 2;
		} else {
			out[n++] = text.ptr[i];
		}
	}
	return gp_str_n(out, n);
}

/* As the limits would see it. */
static struct gp_str normal_key(enum contain_kind kind, struct gp_str text, struct gp_arena *arena)
{
	struct limit_by by = {.len = 1, .parts = {contain_attribute(kind)}};
	bool is_domain = kind == CONTAIN_SENDER_DOMAIN || kind == CONTAIN_RECIPIENT_DOMAIN;

	if (kind == CONTAIN_CLIENT)
		return normal_client(text, arena);
	if (is_domain && gp_str_find_chr(text, '@', 0) == text.len)
		text = gp_str(gp_arena_printf(arena, "@%.*s", GP_STR_FMT(text)));
	return limit_key_of(&by, unescape(text, arena), arena);
}

bool contained_is_bad_client(struct gp_str text)
{
	struct gp_str address = gp_str_sub(text, 0, gp_str_find_chr(text, '/', 0));
	size_t n_digits = 0, n_hex = 0, n_dots = 0, n_colons = 0;
	struct gp_cidr net;

	for (size_t i = 0; i < address.len; i++) {
		char c = gp_lower(address.ptr[i]);

		n_digits += gp_is_digit(c);
		n_hex += gp_is_digit(c) || (c >= 'a' && c <= 'f');
		n_dots += c == '.';
		n_colons += c == ':';
	}
	/* "1234" may be an account, and "a:b" too. */
	if (n_colons == 0 ? n_dots == 0 || n_digits + n_dots < address.len
			  : n_colons < 2 || n_hex + n_dots + n_colons < address.len)
		return false;
	return gp_cidr_parse(text, &net) != GP_OK;
}

int contained_parse_key(struct gp_str text, struct gp_arena *arena, enum contain_kind *ret_kind,
			struct gp_str *ret_key)
{
	size_t colon = gp_str_find_chr(text, ':', 0);
	struct gp_str word = gp_str_sub(text, 0, colon), key = text;
	enum contain_kind kind = CONTAIN_ACCOUNT;
	struct gp_cidr net;

	if (colon < text.len && (find_kind(contain_kind_names, word, &kind) ||
				 find_kind(short_names, word, &kind)))
		key = gp_str_sub(text, colon + 1, text.len);
	else if (contained_is_bad_client(text))
		return GP_EINVAL;
	else if (gp_cidr_parse(text, &net) == GP_OK)
		kind = CONTAIN_CLIENT;
	if (key.len == 0 || key.len > CONTAINED_KEY_MAX)
		return GP_EINVAL;
	*ret_kind = kind;
	*ret_key = normal_key(kind, key, arena);
	return ret_key->len > 0 ? GP_OK : GP_EINVAL;
}

/* Values. */

enum { RULE, ACCOUNT, HOST, REASON, ACTION, SINCE, UNTIL, VERSION, USED, MAX, WINDOW, ATTRIBUTES };

#define RELEASED "released" /* in place of an action */

static const struct gp_attr names[ATTRIBUTES] = {
	[RULE] = {"rule", 4},	  [ACCOUNT] = {"account", 7}, [HOST] = {"host", 4},
	[REASON] = {"reason", 6}, [ACTION] = {"action", 6},   [SINCE] = {"since", 5},
	[UNTIL] = {"until", 5},	  [VERSION] = {"v", 1},	      [USED] = {"used", 4},
	[MAX] = {"max", 3},	  [WINDOW] = {"window", 6},
};

/* A line of its own: neither line ends nor NULs. */
static void add_text(struct gp_buf *out, int name, struct gp_str text, size_t max)
{
	if (text.len == 0)
		return;
	gp_buf_printf(out, "%s=", names[name].data);
	for (size_t i = 0; i < text.len && i < max; i++)
		gp_buf_add_chr(out, (unsigned char)text.ptr[i] < ' ' ? '?' : text.ptr[i]);
	gp_buf_add_chr(out, '\n');
}

static void add_number(struct gp_buf *out, int name, int64_t value)
{
	gp_buf_printf(out, "%s=%lld\n", names[name].data, (long long)value);
}

void contained_format(const struct contained *c, struct gp_buf *out)
{
	const char *action = c->is_released ? RELEASED : gp_conf_enum_name(answer_names, (int)c->action);

	add_text(out, ACTION, gp_str(action), SIZE_MAX);
	add_number(out, SINCE, c->since_s);
	add_number(out, UNTIL, c->until_s);
	if (c->version != c->since_s)
		add_number(out, VERSION, c->version);
	add_text(out, RULE, c->rule, CONTAINED_RULE_MAX);
	add_text(out, ACCOUNT, c->account, CONTAINED_ACCOUNT_MAX);
	add_text(out, HOST, c->host, CONTAINED_HOST_MAX);
	add_text(out, REASON, c->reason, CONTAINED_REASON_MAX);
	if (c->max > 0) {
		add_number(out, USED, c->used);
		add_number(out, MAX, c->max);
		add_number(out, WINDOW, c->window_ms);
	}
	gp_buf_add_chr(out, '\n');
}

static struct gp_str text_of(struct gp_attr value, struct gp_arena *arena)
{
	return value.len > 0 ? gp_arena_str(arena, gp_str_n(value.data, value.len))
			     : (struct gp_str){0};
}

/* Absent is 0; never negative. */
static bool take_number(struct gp_attr value, int64_t *ret)
{
	*ret = 0;
	return value.len == 0 ||
	       (gp_num_parse_int(gp_str_n(value.data, value.len), ret) == GP_OK && *ret >= 0);
}

static bool take_action(struct gp_attr value, struct contained *ret)
{
	ret->is_released = gp_attr_is(value, RELEASED);
	if (ret->is_released)
		return true;
	for (const struct gp_conf_enum *e = answer_names; e->name; e++) {
		if (gp_attr_is(value, e->name)) {
			ret->action = (enum answer_action)e->value;
			return ret->action >= ANSWER_HOLD;
		}
	}
	return false;
}

int contained_parse(struct gp_str name, struct gp_str value, struct gp_arena *arena,
		    struct contained *ret)
{
	size_t colon = gp_str_find_chr(name, ':', 0);
	struct gp_attr values[ATTRIBUTES];
	struct contained c = {0};
	const char *why;

	if (!find_kind(contain_kind_names, gp_str_sub(name, 0, colon), &c.kind) ||
	    colon + 1 >= name.len ||
	    gp_attrs_parse(value.ptr, value.len, value.len + 1, names, ATTRIBUTES, values, &why) <= 0 ||
	    !take_action(values[ACTION], &c) || !take_number(values[SINCE], &c.since_s) ||
	    !take_number(values[UNTIL], &c.until_s) || !take_number(values[VERSION], &c.version) ||
	    !take_number(values[USED], &c.used) ||
	    !take_number(values[MAX], &c.max) || !take_number(values[WINDOW], &c.window_ms))
		return GP_EINVAL;
	if (c.version == 0)
		c.version = c.since_s;
	c.key = gp_arena_str(arena, gp_str_sub(name, colon + 1, name.len));
	c.rule = text_of(values[RULE], arena);
	c.account = text_of(values[ACCOUNT], arena);
	c.host = text_of(values[HOST], arena);
	c.reason = text_of(values[REASON], arena);
	*ret = c;
	return GP_OK;
}

static void add_if_any(struct gp_jsonline *j, const char *key, struct gp_str text)
{
	if (text.len > 0)
		gp_jsonline_str(j, key, text, text.len);
}

void contained_json(const struct contained *c, struct gp_buf *out)
{
	struct gp_jsonline j;

	gp_jsonline_begin(&j, JSON_MAX);
	gp_jsonline_cstr(&j, "type", "contained");
	gp_jsonline_cstr(&j, "kind", gp_conf_enum_name(contain_kind_names, (int)c->kind));
	gp_jsonline_str(&j, "key", c->key, CONTAINED_KEY_MAX);
	gp_jsonline_cstr(&j, "action", gp_conf_enum_name(answer_names, (int)c->action));
	gp_jsonline_int(&j, "since", c->since_s);
	gp_jsonline_int(&j, "until", c->until_s);
	add_if_any(&j, "rule", c->rule);
	add_if_any(&j, "account", c->account);
	add_if_any(&j, "host", c->host);
	add_if_any(&j, "reason", c->reason);
	if (c->max > 0) {
		gp_jsonline_int(&j, "used", c->used);
		gp_jsonline_int(&j, "max", c->max);
		gp_jsonline_int(&j, "window", c->window_ms / 1000);
	}
	gp_buf_add_str(out, gp_jsonline_finish(&j));
	gp_jsonline_done(&j);
}

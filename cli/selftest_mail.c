/*
 * The self-test's steps in the mailbox.
 */
#include <stdio.h>

#include "cli/selftest.h"
#include "lib/base/fd.h"

#define UIDS_MAX ((size_t)64 << 10)
#define PASSWORD_MAX 4096

/* Login. */

static bool is_loopback(const char *host)
{
	return gp_str_starts(gp_str(host), GP_STR("127.")) || gp_str_eq(gp_str(host), GP_STR("::1")) ||
	       gp_str_ieq(gp_str(host), GP_STR("localhost"));
}

/* HOST, HOST:PORT, [ADDRESS]:PORT, an IPv6 address. */
static void split_place(struct gp_arena *arena, struct gp_str place, const char **ret_host,
			const char **ret_port)
{
	size_t colon = gp_str_find_last(place, ':');
	struct gp_str host = place;

	*ret_port = "143";
	if (gp_str_starts(place, GP_STR("["))) {
		size_t end = gp_str_find_chr(place, ']', 0);

		host = gp_str_sub(place, 1, end - 1);
		if (end + 1 < place.len && place.ptr[end + 1] == ':')
			*ret_port = gp_arena_cstr(arena, gp_str_sub(place, end + 2, place.len));
	} else if (colon < place.len && gp_str_find_chr(place, ':', 0) == colon) {
		host = gp_str_sub(place, 0, colon);
		*ret_port = gp_arena_cstr(arena, gp_str_sub(place, colon + 1, place.len));
	}
	*ret_host = gp_arena_cstr(arena, host);
}

/* In the clear only to this host: where that is allowed there, TLS gains nothing. */
static int start_tls(struct selftest *t, const char *host, const struct gp_tls_config *config,
		     struct gp_diag *diag)
{
	if (is_loopback(host) && !imap_can(&t->imap, "LOGINDISABLED"))
		return GP_OK;
	t->remedy = "name the authority of its certificate by --ca-file, or use --no-verify";
	return imap_start_tls(&t->imap, config, host, diag);
}

static int connect_imap(struct selftest *t, struct gp_diag *diag)
{
	const char *host, *port;
	struct gp_tls_config config = {.ca_file = t->o->ca_file};
	int r;

	t->remedy = "is Dovecot running, and is this where it listens for IMAP?";
	if (*t->o->imap == '/') {
		r = imap_stream_connect_unix(&t->imap.stream, t->o->imap, diag);
		return r < 0 ? r : imap_greet(&t->imap, diag);
	}
	split_place(t->arena, gp_str(t->o->imap), &host, &port);
	config.no_verify = t->o->no_verify || is_loopback(host);
	r = imap_stream_connect(&t->imap.stream, host, port, diag);
	if (r == GP_OK && gp_str_eq(gp_str(port), GP_STR("993")))
		r = imap_stream_secure(&t->imap.stream, &config, host, diag);
	if (r == GP_OK)
		r = imap_greet(&t->imap, diag);
	return r < 0 || t->imap.stream.tls ? r : start_tls(t, host, &config, diag);
}

static int read_password(const struct selftest *t, struct gp_buf *ret, struct gp_diag *diag)
{
	int r = gp_file_read(t->o->password_file, ret, diag);

	if (r < 0)
		return r;
	ret->len = gp_str_find_chr(gp_buf_str(ret), '\n', 0);
	gp_buf_add_chr(ret, '\0');
	return GP_OK;
}

static int login_remote(struct selftest *t, struct gp_diag *diag)
{
	GP_BUF_AUTO password = GP_BUF_INIT(PASSWORD_MAX);
	int r = read_password(t, &password, diag);

	if (r < 0)
		return r;
	r = connect_imap(t, diag);
	if (r < 0 || t->imap.is_in)
		return r;
	t->remedy = t->o->login ? "is the password that of the master user, and does Dovecot have a passdb "
				  "with \"master = yes\"?"
				: "is the password in --password-file the user's?";
	return imap_login(&t->imap, t->o->login ? t->o->user : "",
			  t->o->login ? t->o->login : t->o->user, password.data, diag);
}

/* Dovecot's own imap, for this user without a password. */
static int login_child(struct selftest *t, struct gp_diag *diag)
{
	const char *argv[8];
	char complaint[512];
	size_t n = 0;
	int r;

	argv[n++] = "doveadm";
	if (t->o->dovecot_config) {
		argv[n++] = "-c";
		argv[n++] = t->o->dovecot_config;
	}
	argv[n++] = "exec";
	argv[n++] = "imap";
	argv[n++] = "-u";
	argv[n++] = t->o->user;
	argv[n] = NULL;
	t->remedy = "is Dovecot running, does it know this user, and is this root? Else use --imap";
	r = imap_stream_spawn(&t->imap.stream, argv, diag);
	if (r < 0)
		return r;
	r = imap_greet(&t->imap, diag);
	imap_stream_complaint(&t->imap.stream, complaint, sizeof(complaint));
	if (r < 0 && *complaint)
		gp_diag_set(diag, "%s", complaint);
	if (r == GP_OK && !t->imap.is_in) {
		gp_diag_set(diag, "imap -u %s does not log in", t->o->user);
		return GP_EINVAL;
	}
	return r;
}

int selftest_login(struct selftest *t, struct gp_diag *diag)
{
	int r;

	imap_close(&t->imap);
	imap_init(&t->imap, &t->wait);
	r = t->o->imap ? login_remote(t, diag) : login_child(t, diag);
	snprintf(t->detail, sizeof(t->detail), "%s%s%s", t->o->imap ? t->o->imap : "imap -u ",
		 t->o->imap ? "" : t->o->user, t->imap.stream.tls ? ", TLS" : "");
	return r;
}

/* Folders. */

static bool has_junk_name(const struct imap_folder *f)
{
	static const char *const names[] = {"Junk", "Spam"};
	struct gp_str name = gp_str(f->name);
	struct gp_str leaf = f->separator ? gp_str_after_last(name, f->separator) : name;
	struct gp_str above = gp_str_sub(name, 0, name.len - leaf.len);

	/* At the top, or where the prefix of the namespace is INBOX. */
	if (above.len > 0 && (above.len != 6 || !gp_str_istarts(above, GP_STR("INBOX"))))
		return false;
	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (gp_str_ieq(leaf, gp_str(names[i])))
			return true;
	return false;
}

static bool is_wanted_junk(const struct selftest *t, const struct imap_folder *f, bool by_name)
{
	if (t->o->junk)
		return gp_str_eq(gp_str(t->o->junk), gp_str(f->name));
	return by_name ? has_junk_name(f) : imap_folder_is(f, "\\Junk");
}

int selftest_folders(struct selftest *t, struct gp_diag *diag)
{
	int r = imap_list(&t->imap, t->arena, &t->folders, diag);

	t->remedy = "give the folder special_use = \\Junk and auto = subscribe in Dovecot's configuration, "
		    "or name it by --junk";
	if (r < 0)
		return r;
	for (int by_name = 0; by_name < 2 && !t->junk; by_name++)
		for (size_t i = 0; i < t->folders.len && !t->junk; i++)
			if (is_wanted_junk(t, &t->folders.items[i], by_name))
				t->junk = t->folders.items[i].name;
	if (!t->junk) {
		gp_diag_set(diag, "%s has no folder %s", t->o->user, t->o->junk ? t->o->junk : "Junk");
		return GP_ENOENT;
	}
	t->inbox = "INBOX";
	snprintf(t->detail, sizeof(t->detail), "%s", t->junk);
	return GP_OK;
}

/* Canaries. */

int selftest_put(struct selftest *t, struct gp_diag *diag)
{
	t->is_in_mailbox = true;
	t->remedy = "is the mailbox full?";
	return imap_append(&t->imap, t->inbox, "\\Seen " CANARY_KEYWORD, gp_buf_str(&t->message), diag);
}

int selftest_move(struct selftest *t, struct gp_diag *diag)
{
	GP_BUF_AUTO uids = GP_BUF_INIT(UIDS_MAX);
	int r = imap_select(&t->imap, t->inbox, diag);

	if (r == GP_OK)
		r = imap_find(&t->imap, CANARY_KEYWORD, &uids, diag);
	if (r == GP_OK && uids.len == 0) {
		gp_diag_set(diag, "it is not in INBOX any more");
		t->remedy = "does a program or another self-test tidy this mailbox?";
		r = GP_ENOENT;
	}
	if (r < 0)
		return r;
	t->is_learned = true;
	return imap_move(&t->imap, uids.data, t->junk, diag);
}

struct found_ids {
	struct selftest *t;
	struct gp_buf canaries; /* of struct canary */
};

static void found_id(void *arg, struct gp_str message_id)
{
	struct found_ids *f = arg;
	struct canary c;

	if (canary_parse(message_id, &c) && c.seed != f->t->canary.seed)
		gp_buf_add(&f->canaries, &c, sizeof(c));
}

/* An older canary that is found was perhaps learned, before the log's oldest lesson even. */
static int forget_found(struct selftest *t, const struct gp_buf *canaries, struct gp_diag *diag)
{
	for (size_t at = 0; at + sizeof(struct canary) <= canaries->len; at += sizeof(struct canary)) {
		struct canary c;
		uint8_t outcome;
		int r;

		memcpy(&c, canaries->data + at, sizeof(c));
		r = selftest_forget(t, &c, gp_str(t->o->user), &outcome, diag);
		if (r < 0)
			return r;
	}
	return GP_OK;
}

static unsigned count_uids(const struct gp_buf *uids)
{
	unsigned n = uids->len > 0;

	for (size_t i = 0; i < uids->len; i++)
		n += uids->data[i] == ',';
	return n;
}

static int sweep_folder(struct selftest *t, const char *folder, unsigned *n, struct gp_diag *diag)
{
	GP_BUF_AUTO uids = GP_BUF_INIT(UIDS_MAX);
	struct found_ids found = {t, GP_BUF_INIT(UIDS_MAX)};
	int r = imap_select(&t->imap, folder, diag);

	if (r == GP_EACCES)
		return GP_OK; /* not ours to open, or gone meanwhile */
	if (r == GP_OK)
		r = imap_find(&t->imap, CANARY_KEYWORD, &uids, diag);
	if (r == GP_OK && uids.len > 0) {
		r = imap_message_ids(&t->imap, uids.data, found_id, &found, diag);
		if (r == GP_OK)
			r = imap_expunge(&t->imap, uids.data, diag);
		if (r == GP_OK)
			r = forget_found(t, &found.canaries, diag);
		*n += count_uids(&uids);
	}
	gp_buf_done(&found.canaries);
	return r;
}

int selftest_sweep(struct selftest *t, unsigned *ret_n, struct gp_diag *diag)
{
	*ret_n = 0;
	for (size_t i = 0; i < t->folders.len; i++) {
		int r = sweep_folder(t, t->folders.items[i].name, ret_n, diag);

		if (r < 0) {
			gp_diag_prepend(diag, "%s", t->folders.items[i].name);
			return r;
		}
	}
	return GP_OK;
}

/*
 * A connection to the learn socket; see the header.
 *
 * Both ways are looked after at once: a controller that waits for us to read its answers
 * must not find us waiting for it to read our messages.
 */
#include "cli/learn_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "controller/options.h"
#include "lib/base/fd.h"

#define IN_MAX ((size_t)1 << 20)
#define OUT_MAX ((size_t)1 << 30)

static struct gp_learn_text text_of(struct gp_str s)
{
	return (struct gp_learn_text){s.ptr, s.len};
}

static void put(struct learn_link *l, const struct gp_learn_frame *f)
{
	char buf[GP_LEARN_HEAD_SIZE + GP_LEARN_USER_MAX + GP_LEARN_ORIGIN_MAX + 64];

	gp_buf_add(&l->out, buf, gp_learn_format(f, buf, sizeof(buf)));
}

void learn_link_message(struct learn_link *l, uint32_t id, char class, uint8_t flags,
			struct gp_str user, struct gp_str origin, struct gp_str message)
{
	struct gp_learn_frame head = {.type = GP_LEARN_LEARN, .id = id, .code = (uint8_t)class,
				      .flags = flags, .user = text_of(user),
				      .text = text_of(gp_str_sub(origin, 0, GP_LEARN_ORIGIN_MAX))};
	struct gp_learn_frame end = {.type = GP_LEARN_END};

	put(l, &head);
	while (message.len > 0) {
		struct gp_str piece = gp_str_sub(message, 0, GP_LEARN_DATA_MAX);
		unsigned char data_head[GP_LEARN_HEAD_SIZE];

		gp_learn_data_head(piece.len, data_head);
		gp_buf_add(&l->out, data_head, sizeof(data_head));
		gp_buf_add_str(&l->out, piece);
		message = gp_str_sub(message, piece.len, message.len);
	}
	put(l, &end);
}

void learn_link_query(struct learn_link *l, uint32_t id, enum gp_learn_verb verb, struct gp_str user,
		      int64_t since, uint32_t max)
{
	struct gp_learn_frame f = {.type = GP_LEARN_QUERY, .id = id, .code = (uint8_t)verb,
				   .since = since, .max = max, .user = text_of(user)};

	put(l, &f);
}

static int send_some(struct learn_link *l)
{
	ssize_t n = send(l->fd, l->out.data, l->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return GP_ESYS;
	gp_buf_consume(&l->out, n > 0 ? (size_t)n : 0);
	return GP_OK;
}

static int receive_some(struct learn_link *l)
{
	char *room = gp_buf_reserve(&l->in, 65536);
	ssize_t n = room ? recv(l->fd, room, 65536, MSG_DONTWAIT) : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return GP_OK;
	if (n <= 0)
		return GP_ESYS;
	l->in.len += (size_t)n;
	return GP_OK;
}

int learn_link_next(struct learn_link *l, struct gp_learn_frame *ret, struct gp_diag *diag)
{
	const char *why = "";

	gp_buf_consume(&l->in, l->taken);
	l->taken = 0;
	for (;;) {
		long n = gp_learn_parse(l->in.data, l->in.len, ret, &why);
		short events = 0;
		int r;

		if (n < 0) {
			gp_diag_set(diag, "the controller sent %s", why);
			return GP_EINVAL;
		}
		l->taken = (size_t)n;
		if (n > 0)
			return GP_OK;
		r = cli_wait_fd(l->wait, l->fd, l->out.len > 0 ? POLLIN | POLLOUT : POLLIN, &events, diag);
		if (r < 0)
			return r;
		if (events & POLLOUT)
			r = send_some(l);
		if (r == GP_OK && events & (POLLIN | POLLHUP | POLLERR))
			r = receive_some(l);
		if (r < 0) {
			gp_diag_set(diag, "the controller closed the connection");
			return r;
		}
	}
}

static int greet(struct learn_link *l, struct gp_diag *diag)
{
	struct gp_learn_frame hello = {.type = GP_LEARN_HELLO, .version = GP_LEARN_VERSION,
				       .text = {"gatepost", strlen("gatepost")}};
	struct gp_learn_frame f;
	int r;

	put(l, &hello);
	r = learn_link_next(l, &f, diag);
	if (r == GP_OK && f.type != GP_LEARN_WELCOME) {
		gp_diag_set(diag, "the controller does not answer as one");
		r = GP_EINVAL;
	}
	if (r < 0)
		return r;
	l->window = f.window;
	l->message_max = f.message_max;
	return GP_OK;
}

int learn_link_open(const struct gp_snapshot *snap, const struct cli_wait *wait,
		    struct learn_link *l, struct gp_diag *diag)
{
	const char *socket_text =
		((const struct controller_conf *)gp_snapshot_get(snap, &controller_table))->daemon.socket;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int r;

	*l = (struct learn_link){.fd = -1, .wait = wait, .in = GP_BUF_INIT(IN_MAX), .out = GP_BUF_INIT(OUT_MAX)};
	/* Only a unix socket tells the controller who we are. */
	if (!gp_str_starts(gp_str(socket_text), GP_STR("unix:")) ||
	    !gp_str_copy(addr.sun_path, sizeof(addr.sun_path), gp_str(socket_text + 5))) {
		gp_diag_set(diag, "controller.socket is no unix socket");
		return GP_ENOENT;
	}
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		bool is_absent = errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR;

		(void)gp_diag_errno(diag, "%s", addr.sun_path);
		learn_link_close(l);
		return is_absent ? GP_ENOENT : GP_ESYS;
	}
	r = greet(l, diag);
	if (r < 0)
		learn_link_close(l);
	return r;
}

void learn_link_close(struct learn_link *l)
{
	gp_fd_close(&l->fd);
	gp_buf_done(&l->in);
	gp_buf_done(&l->out);
}

int learn_link_ask(const struct gp_snapshot *snap, enum gp_learn_verb verb, const char *user,
		   int64_t since, uint32_t max, void (*row)(void *arg, struct gp_str json), void *arg)
{
	struct learn_link l;
	struct gp_learn_frame f;
	struct gp_diag diag = {""};
	int status = 0, r = learn_link_open(snap, NULL, &l, &diag);

	if (r < 0)
		return gp_cli_fail(GP_EXIT_UNAVAILABLE, "no controller answers: %s", diag.text);
	learn_link_query(&l, 1, verb, gp_str(user), since, max);
	while ((r = learn_link_next(&l, &f, &diag)) == GP_OK && f.type == GP_LEARN_ROW)
		row(arg, gp_str_n(f.text.data, f.text.len));
	if (r < 0)
		status = gp_cli_fail(GP_EXIT_UNAVAILABLE, "%s", diag.text);
	else if (f.type != GP_LEARN_ANSWER || f.code != GP_LEARN_QUEUED)
		status = gp_cli_fail(f.code == GP_LEARN_LATER ? GP_EXIT_TEMPFAIL : GP_EXIT_NOPERM,
				     "the controller refuses: %.*s",
				     GP_STR_FMT(gp_str_n(f.text.data, f.text.len)));
	learn_link_close(&l);
	return status;
}

/*
 * The connection to the learn socket.
 */
#include "dovecot-sieve-learn/compat.h"

#include "dovecot-sieve-learn/client.h"

/* A controller that accepts and then says nothing is not one. */
#define WELCOME_MS (10 * 1000)

struct gp_client {
	const struct gp_client_calls *calls;
	void *context;
	int fd;
	struct io *io;
	struct istream *input;
	struct ostream *output;
	struct timeout *welcome_timeout;
	bool is_closed; /* from within a callback: freed when that returns */
	unsigned int calling;
};

static void client_free(struct gp_client *client)
{
	timeout_remove(&client->welcome_timeout);
	io_remove(&client->io);
	i_stream_destroy(&client->input);
	o_stream_abort(client->output);
	o_stream_destroy(&client->output);
	i_close_fd(&client->fd);
	i_free(client);
}

/* Calls back; a callback may close the client. */
static bool client_leave(struct gp_client *client)
{
	client->calling--;
	if (!client->is_closed || client->calling > 0)
		return !client->is_closed;
	client_free(client);
	return false;
}

static bool client_broken(struct gp_client *client, const char *why)
{
	client->calling++;
	client->calls->broken(client->context, why);
	(void)client_leave(client);
	return false;
}

static bool client_handle(struct gp_client *client, const struct gp_learn_frame *frame)
{
	if (frame->type == GP_LEARN_WELCOME && client->welcome_timeout != NULL) {
		timeout_remove(&client->welcome_timeout);
		client->calling++;
		client->calls->welcome(client->context, frame->message_max, frame->window);
		return client_leave(client);
	}
	if (frame->type == GP_LEARN_ANSWER) {
		client->calling++;
		client->calls->answer(client->context, frame);
		return client_leave(client);
	}
	return client_broken(client, "a frame that has no place here");
}

static void client_input(struct gp_client *client)
{
	struct gp_learn_frame frame;
	const unsigned char *data;
	const char *why = NULL;
	size_t size;
	long used;

	if (i_stream_read(client->input) < 0 && i_stream_get_data_size(client->input) == 0) {
		(void)client_broken(client, "the controller closed the connection");
		return;
	}
	for (;;) {
		data = i_stream_get_data(client->input, &size);
		used = gp_learn_parse(data, size, &frame, &why);
		if (used < 0) {
			(void)client_broken(client, why);
			return;
		}
		if (used == 0)
			break;
		if (!client_handle(client, &frame))
			return;
		i_stream_skip(client->input, (size_t)used);
	}
	if (client->input->eof)
		(void)client_broken(client, "the controller closed the connection");
}

static int client_output(struct gp_client *client)
{
	int ret = o_stream_flush(client->output);

	if (ret < 0) {
		/* The input says so too, with what was answered before it. */
		return 1;
	}
	if (o_stream_get_buffer_used_size(client->output) == 0) {
		client->calling++;
		client->calls->writable(client->context);
		(void)client_leave(client);
	}
	return 1;
}

static void client_silent(struct gp_client *client)
{
	(void)client_broken(client, "the controller does not greet");
}

struct gp_client *gp_client_open(const char *path, const struct gp_client_calls *calls,
				 void *context, const char **ret_why)
{
	const struct gp_learn_frame hello = {
		.type = GP_LEARN_HELLO,
		.version = GP_LEARN_VERSION,
		.text = {.data = "dovecot-sieve-learn", .len = 19},
	};
	struct gp_client *client;
	int fd = net_connect_unix(path);

	if (fd < 0) {
		*ret_why = t_strdup_printf("connect(%s): %m", path);
		return NULL;
	}
	client = i_new(struct gp_client, 1);
	client->calls = calls;
	client->context = context;
	client->fd = fd;
	client->input = i_stream_create_fd(fd, GP_LEARN_PAYLOAD_MAX + GP_LEARN_HEAD_SIZE);
	client->output = o_stream_create_fd(fd, SIZE_MAX);
	o_stream_set_no_error_handling(client->output, true);
	o_stream_switch_ioloop(client->output); /* and stays there, whatever loop is current */
	o_stream_set_flush_callback(client->output, client_output, client);
	client->io = io_add(fd, IO_READ, client_input, client);
	client->welcome_timeout = timeout_add(WELCOME_MS, client_silent, client);
	gp_client_send(client, &hello);
	return client;
}

void gp_client_close(struct gp_client **_client)
{
	struct gp_client *client = *_client;

	*_client = NULL;
	if (client == NULL)
		return;
	client->is_closed = true;
	io_remove(&client->io);
	timeout_remove(&client->welcome_timeout);
	if (client->calling == 0)
		client_free(client);
}

void gp_client_send(struct gp_client *client, const struct gp_learn_frame *frame)
{
	unsigned char buf[2048];
	size_t len = gp_learn_format(frame, buf, sizeof(buf));

	i_assert(len > 0);
	o_stream_nsend(client->output, buf, len);
}

void gp_client_send_data(struct gp_client *client, const void *data, size_t len)
{
	unsigned char head[GP_LEARN_HEAD_SIZE];
	const struct const_iovec parts[] = {{head, sizeof(head)}, {data, len}};

	gp_learn_data_head(len, head);
	o_stream_nsendv(client->output, parts, N_ELEMENTS(parts));
}

size_t gp_client_backlog(const struct gp_client *client)
{
	return o_stream_get_buffer_used_size(client->output);
}

void gp_client_switch_ioloop(struct gp_client *client)
{
	client->io = io_loop_move_io(&client->io);
	if (client->welcome_timeout != NULL)
		client->welcome_timeout = io_loop_move_timeout(&client->welcome_timeout);
	o_stream_switch_ioloop(client->output);
}

/*
 * Frames of the learn protocol, both ways.  The layout of each type is a row of one
 * table, which writer and reader walk: they cannot disagree.
 */
#include "lib/proto/learn.h"

#include <stdbool.h>
#include <string.h>

enum field { NONE, ID, VERSION, MESSAGE_MAX, WINDOW, CODE, FLAGS, SINCE, MAX, USER, TEXT, REST };

#define FIELDS_MAX 7

struct layout {
	enum gp_learn_type type;
	enum field fields[FIELDS_MAX]; /* NONE ends */
	size_t text_max;
	const char *codes;
};

static const struct layout layouts[] = {
	{GP_LEARN_HELLO, {VERSION, TEXT}, GP_LEARN_NAME_MAX, ""},
	{GP_LEARN_WELCOME, {VERSION, MESSAGE_MAX, WINDOW}, 0, ""},
	{GP_LEARN_LEARN, {ID, CODE, FLAGS, USER, TEXT}, GP_LEARN_ORIGIN_MAX, "shu"},
	{GP_LEARN_DATA, {REST}, GP_LEARN_DATA_MAX, ""},
	{GP_LEARN_END, {NONE}, 0, ""},
	{GP_LEARN_CANCEL, {NONE}, 0, ""},
	{GP_LEARN_ANSWER, {ID, CODE, TEXT}, GP_LEARN_TEXT_MAX, "qlrd"},
	{GP_LEARN_RESULT, {ID, CODE}, 0, "nsmxkf"},
	{GP_LEARN_QUERY, {ID, CODE, SINCE, MAX, USER}, 0, "ylus"},
	{GP_LEARN_ROW, {ID, REST}, GP_LEARN_DATA_MAX, ""},
};

static const struct layout *layout_of(unsigned type)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++)
		if ((unsigned)layouts[i].type == type)
			return &layouts[i];
	return NULL;
}

static bool is_code(const struct layout *l, uint8_t code)
{
	return code != 0 && strchr(l->codes, code);
}

/* A cursor over a buffer that is written or read; its failure sticks. */
struct cursor {
	unsigned char *out;
	const unsigned char *in;
	size_t left;
	bool failed;
};

static bool need(struct cursor *c, size_t n)
{
	c->failed |= c->left < n;
	if (!c->failed)
		c->left -= n;
	return !c->failed;
}

static void put_number(struct cursor *c, uint64_t n, size_t size)
{
	if (!need(c, size))
		return;
	for (size_t i = size; i > 0; i--)
		*c->out++ = (unsigned char)(n >> (8 * (i - 1)));
}

static void put_bytes(struct cursor *c, struct gp_learn_text text, size_t max)
{
	c->failed |= text.len > max;
	if (!need(c, text.len) || text.len == 0)
		return;
	memcpy(c->out, text.data, text.len);
	c->out += text.len;
}

static uint64_t get_number(struct cursor *c, size_t size)
{
	uint64_t n = 0;

	if (!need(c, size))
		return 0;
	for (size_t i = 0; i < size; i++)
		n = n << 8 | *c->in++;
	return n;
}

static struct gp_learn_text get_bytes(struct cursor *c, size_t len, size_t max)
{
	struct gp_learn_text text = {(const char *)c->in, len};

	c->failed |= len > max;
	if (!need(c, len))
		return (struct gp_learn_text){"", 0};
	c->in += len;
	return text;
}

static void put_field(struct cursor *c, const struct layout *l, enum field field,
		      const struct gp_learn_frame *f)
{
	switch (field) {
	case NONE:
		break;
	case ID:
		put_number(c, f->id, 4);
		break;
	case VERSION:
		put_number(c, f->version, 2);
		break;
	case MESSAGE_MAX:
		put_number(c, f->message_max, 4);
		break;
	case WINDOW:
		put_number(c, f->window, 4);
		break;
	case CODE:
		c->failed |= !is_code(l, f->code);
		put_number(c, f->code, 1);
		break;
	case FLAGS:
		put_number(c, f->flags, 1);
		break;
	case SINCE:
		put_number(c, (uint64_t)f->since, 8);
		break;
	case MAX:
		put_number(c, f->max, 4);
		break;
	case USER:
		put_number(c, f->user.len, 2);
		put_bytes(c, f->user, GP_LEARN_USER_MAX);
		break;
	case TEXT:
		put_number(c, f->text.len, 2);
		put_bytes(c, f->text, l->text_max);
		break;
	case REST:
		put_bytes(c, f->text, l->text_max);
		break;
	}
}

static void get_field(struct cursor *c, const struct layout *l, enum field field,
		      struct gp_learn_frame *f)
{
	switch (field) {
	case NONE:
		break;
	case ID:
		f->id = (uint32_t)get_number(c, 4);
		break;
	case VERSION:
		f->version = (uint16_t)get_number(c, 2);
		break;
	case MESSAGE_MAX:
		f->message_max = (uint32_t)get_number(c, 4);
		break;
	case WINDOW:
		f->window = (uint32_t)get_number(c, 4);
		break;
	case CODE:
		f->code = (uint8_t)get_number(c, 1);
		c->failed |= !is_code(l, f->code);
		break;
	case FLAGS:
		f->flags = (uint8_t)get_number(c, 1);
		break;
	case SINCE:
		f->since = (int64_t)get_number(c, 8);
		break;
	case MAX:
		f->max = (uint32_t)get_number(c, 4);
		break;
	case USER:
		f->user = get_bytes(c, (size_t)get_number(c, 2), GP_LEARN_USER_MAX);
		break;
	case TEXT:
		f->text = get_bytes(c, (size_t)get_number(c, 2), l->text_max);
		break;
	case REST:
		f->text = get_bytes(c, c->left, l->text_max);
		break;
	}
}

static void put_head(unsigned char *head, size_t payload, enum gp_learn_type type)
{
	struct cursor c = {.out = head, .left = GP_LEARN_HEAD_SIZE};

	put_number(&c, payload + 1, 4);
	put_number(&c, (uint64_t)type, 1);
}

size_t gp_learn_format(const struct gp_learn_frame *frame, void *buf, size_t size)
{
	const struct layout *l = layout_of((unsigned)frame->type);
	unsigned char *start = buf;
	struct cursor c;

	if (!l || size < GP_LEARN_HEAD_SIZE)
		return 0;
	c = (struct cursor){.out = start + GP_LEARN_HEAD_SIZE, .left = size - GP_LEARN_HEAD_SIZE};
	for (size_t i = 0; i < FIELDS_MAX && l->fields[i] != NONE; i++)
		put_field(&c, l, l->fields[i], frame);
	if (c.failed)
		return 0;
	put_head(start, (size_t)(c.out - start) - GP_LEARN_HEAD_SIZE, frame->type);
	return (size_t)(c.out - start);
}

void gp_learn_data_head(size_t len, unsigned char ret_head[GP_LEARN_HEAD_SIZE])
{
	put_head(ret_head, len, GP_LEARN_DATA);
}

static long malformed(const char **ret_why, const char *why)
{
	if (ret_why)
		*ret_why = why;
	return -1;
}

long gp_learn_parse(const void *data, size_t len, struct gp_learn_frame *ret, const char **ret_why)
{
	struct cursor c = {.in = data, .left = len};
	struct gp_learn_frame frame = {.user = {"", 0}, .text = {"", 0}};
	const struct layout *l;
	size_t size;

	if (len < GP_LEARN_HEAD_SIZE)
		return 0;
	size = (size_t)get_number(&c, 4);
	if (size < 1 || size > GP_LEARN_PAYLOAD_MAX + 1)
		return malformed(ret_why, "a frame of impossible length");
	l = layout_of((unsigned)get_number(&c, 1));
	if (!l)
		return malformed(ret_why, "a frame of unknown type");
	if (len < size + 4)
		return 0;
	c.left = size - 1;
	frame.type = l->type;
	for (size_t i = 0; i < FIELDS_MAX && l->fields[i] != NONE; i++)
		get_field(&c, l, l->fields[i], &frame);
	if (c.failed || c.left > 0)
		return malformed(ret_why, "a frame whose fields do not fit it");
	*ret = frame;
	return (long)(size + 4);
}

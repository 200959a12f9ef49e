/*
 * Eval functions over attached images (Mail::SpamAssassin::Plugin::ImageInfo): how many
 * there are, how large they say they are, what they are called.  Base64 parts only, as
 * there.
 *
 * A size is read from the first bytes of a part; a JPEG whose frame header stands
 * behind BEGINNING_MAX of them counts as an image without one.
 */
#include "lib/base/num.h"
#include "lib/mail/decode.h"
#include "lib/score/rule_eval.h"
#include "lib/score/rule_eval_text.h"

#define BEGINNING_MAX (64u << 10)

enum kind { ALL, GIF, PNG, JPEG, KINDS };

struct image {
	struct gp_str name;
	enum kind kind;
	unsigned width, height; /* 0: not known */
};

struct images {
	GP_VEC(struct image) items;
};

static unsigned byte(struct gp_str s, size_t at)
{
	return at < s.len ? (unsigned char)s.ptr[at] : 0;
}

static unsigned big16(struct gp_str s, size_t at)
{
	return byte(s, at) << 8 | byte(s, at + 1);
}

static unsigned little16(struct gp_str s, size_t at)
{
	return byte(s, at + 1) << 8 | byte(s, at);
}

static void gif_size(struct gp_str head, struct image *ret)
{
	if (!gp_str_starts(head, GP_STR("GIF87a")) && !gp_str_starts(head, GP_STR("GIF89a")))
		return;
	ret->width = little16(head, 6);
	ret->height = little16(head, 8);
}

/* IHDR is the first chunk. */
static void png_size(struct gp_str head, struct image *ret)
{
	if (!gp_str_starts(head, GP_STR("\x89PNG\r\n\x1a\n")) ||
	    !gp_str_eq(gp_str_sub(head, 12, 4), GP_STR("IHDR")))
		return;
	ret->width = big16(head, 16) << 16 | big16(head, 18);
	ret->height = big16(head, 20) << 16 | big16(head, 22);
}

/* Segments up to the frame header, SOF0 … SOF15 without DHT, JPG and DAC. */
static void jpeg_size(struct gp_str head, struct image *ret)
{
	size_t at = 2;

	if (!gp_str_starts(head, GP_STR("\xff\xd8")))
		return;
	while (at + 9 <= head.len && byte(head, at) == 0xff) {
		unsigned marker = byte(head, at + 1), len = big16(head, at + 2);

		if (marker == 0xda || marker == 0xd9 || len < 2)
			return;
		if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
		    marker != 0xcc) {
			ret->height = big16(head, at + 5);
			ret->width = big16(head, at + 7);
			return;
		}
		at += 2 + len;
	}
}

static const struct type {
	const char *type;
	enum kind kind;
	void (*size)(struct gp_str head, struct image *ret);
} types[] = {
	{"image/gif", GIF, gif_size},
	{"image/png", PNG, png_size},
	{"image/jpeg", JPEG, jpeg_size},
	{"image/jpg", JPEG, jpeg_size},
};

/* More of a part than is kept decoded: colour profiles and previews stand before the size. */
static struct gp_str beginning_of(struct gp_arena *a, const struct gp_part *p)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(BEGINNING_MAX);
	bool is_cut;

	(void)gp_decode(GP_ENCODING_BASE64, gp_str_sub(p->raw, 0, 2 * BEGINNING_MAX), &bytes,
			&is_cut);
	return gp_arena_str(a, gp_buf_str(&bytes));
}

static const struct images *images_of(struct gp_eval *e)
{
	const struct gp_message *m = e->in->message;
	struct images *images = e->memo[GP_EVAL_IMAGES];

	if (images)
		return images;
	images = e->memo[GP_EVAL_IMAGES] = GP_ARENA_NEW(e->arena, struct images);
	for (size_t i = 0; i < m->parts.len; i++) {
		const struct gp_part *p = &m->parts.items[i];
		struct image image = {.name = p->filename};

		for (size_t t = 0; t < GP_ARRAY_SIZE(types); t++) {
			if (!gp_str_eq(p->type, gp_str(types[t].type)) ||
			    !gp_str_eq(p->encoding, GP_STR("base64")))
				continue;
			image.kind = types[t].kind;
			types[t].size(p->head, &image);
			if (image.kind == JPEG && !image.width)
				jpeg_size(beginning_of(e->arena, p), &image);
			if (image.width == 0 || image.height == 0)
				image.width = image.height = 0;
			*gp_vec_push(e->arena, &images->items) = image;
		}
	}
	return images;
}

static bool is_of_kind(const struct image *image, struct gp_str kind)
{
	static const char *const names[KINDS] = {"all", "gif", "png", "jpeg"};

	return gp_str_eq(kind, gp_str(names[ALL])) || gp_str_eq(kind, gp_str(names[image->kind]));
}

/* At least args[0] and at most args[1], if that is given. */
static bool is_within(double value, const struct gp_str *args, size_t n_args)
{
	double min, max;

	if (gp_num_parse_double(args[0], &min) || value < min)
		return false;
	return n_args < 2 || (gp_num_parse_double(args[1], &max) == GP_OK && value <= max);
}

static bool image_count(struct gp_eval *e, const struct gp_rule_eval *row,
			const struct gp_str *args, size_t n_args)
{
	const struct images *images = images_of(e);
	unsigned n = 0;

	for (size_t i = 0; i < images->items.len; i++)
		n += is_of_kind(&images->items.items[i], args[0]);
	return is_within(n, args + 1, n_args - 1);
}

static double area_of(struct gp_eval *e, struct gp_str kind)
{
	const struct images *images = images_of(e);
	double area = 0;

	for (size_t i = 0; i < images->items.len; i++) {
		const struct image *image = &images->items.items[i];

		if (is_of_kind(image, kind))
			area += (double)image->width * image->height;
	}
	return area;
}

static bool pixel_coverage(struct gp_eval *e, const struct gp_rule_eval *row,
			   const struct gp_str *args, size_t n_args)
{
	return is_within(area_of(e, args[0]), args + 1, n_args - 1);
}

static bool image_size_exact(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	const struct images *images = images_of(e);
	double height, width;

	if (gp_num_parse_double(args[1], &height) || gp_num_parse_double(args[2], &width))
		return false;
	for (size_t i = 0; i < images->items.len; i++) {
		const struct image *image = &images->items.items[i];

		if (image->width && is_of_kind(image, args[0]) && image->height == height &&
		    image->width == width)
			return true;
	}
	return false;
}

/* KIND, least height and width, greatest height and width. */
static bool image_size_range(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	const struct images *images = images_of(e);

	for (size_t i = 0; i < images->items.len; i++) {
		const struct image *image = &images->items.items[i];
		struct gp_str high[2] = {args[1], n_args > 3 ? args[3] : GP_STR("")};
		struct gp_str wide[2] = {args[2], n_args > 4 ? args[4] : GP_STR("")};

		if (image->width && is_of_kind(image, args[0]) &&
		    is_within(image->height, high, n_args > 3 ? 2 : 1) &&
		    is_within(image->width, wide, n_args > 4 ? 2 : 1))
			return true;
	}
	return false;
}

/* Of images of a known size only. */
static bool image_named(struct gp_eval *e, const struct gp_rule_eval *row,
			const struct gp_str *args, size_t n_args)
{
	const struct images *images = images_of(e);

	for (size_t i = 0; i < images->items.len; i++)
		if (images->items.items[i].width &&
		    gp_str_eq(images->items.items[i].name, args[0]))
			return true;
	return false;
}

static bool image_name_regex(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	const struct images *images = images_of(e);

	for (size_t i = 0; i < images->items.len; i++)
		if (images->items.items[i].width && images->items.items[i].name.len &&
		    gp_eval_matches(e, gp_arena_cstr(e->arena, args[0]), 0,
				    images->items.items[i].name)) {
			e->evidence = images->items.items[i].name;
			return true;
		}
	return false;
}

/* KIND, MIN, MAX: bytes of the message's text by the area of its images. */
static bool image_to_text_ratio(struct gp_eval *e, const struct gp_rule_eval *row,
				const struct gp_str *args, size_t n_args)
{
	const struct gp_message *m = e->in->message;
	double area = area_of(e, args[0]), min, max, text = 0;

	if (area <= 0 || gp_num_parse_double(args[1], &min) || gp_num_parse_double(args[2], &max))
		return false;
	if (e->rule->is_raw)
		for (size_t i = 0; i < m->parts.len; i++)
			text += (double)m->parts.items[i].decoded.len;
	else
		text = (double)(gp_eval_header(e, "Subject").len + m->text.len +
				m->hidden_text.len);
	return text > 0 && text / area >= min && text / area < max;
}

const struct gp_rule_eval gp_rule_evals_image[] = {
	{"image_count", 2, 3, image_count, 0, false},
	{"pixel_coverage", 2, 3, pixel_coverage, 0, false},
	{"image_size_exact", 3, 3, image_size_exact, 0, false},
	{"image_size_range", 3, 5, image_size_range, 0, false},
	{"image_named", 1, 1, image_named, 0, false},
	{"image_name_regex", 1, 1, image_name_regex, 0, false},
	{"image_to_text_ratio", 3, 3, image_to_text_ratio, 0, false},
	{0},
};

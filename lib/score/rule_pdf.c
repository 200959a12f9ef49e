/*
 * Lines end where a line feed stands, also within binary data; what is found there by
 * chance is found by SpamAssassin too.
 */
#include "lib/score/rule_pdf.h"

#include "lib/base/buf.h"
#include "lib/base/codec.h"
#include "lib/base/digest.h"
#include "lib/base/num.h"

#define MAGIC_WITHIN 1024
#define FUZZY_LINES 70
#define STRING_MAX 256
#define URIS_MAX 20
#define FILE_MAX (8u << 20)
#define FILES_MAX 20
#define VALUES_MAX 200 /* of each list */
#define FUZZY_MAX (1u << 20)

const char *const gp_pdf_detail_names[GP_PDF_DETAILS] = {"author",   "creator",	 "created",
							 "modified", "producer", "title"};

/* While one file is read. */
struct reader {
	struct gp_arena *arena;
	struct gp_pdf *pdf;
	struct gp_buf *fuzzy, *tags;
	unsigned lines;
	bool no_more_fuzzy, got_image;
	double sum_height, sum_width, sum_area;
};

static bool take_number(struct gp_str *s, unsigned *ret)
{
	size_t n = 0;
	uint64_t value;

	while (n < s->len && gp_is_digit(s->ptr[n]))
		n++;
	if (n == 0 || n > 9 || gp_num_parse_uint(gp_str_sub(*s, 0, n), 10, &value))
		return false;
	*ret = (unsigned)value;
	*s = gp_str_sub(*s, n, SIZE_MAX);
	return true;
}

/* "630 0 0 149 0 0 cm": a transformation, here the size of an image. */
static bool parse_cm(struct gp_str line, unsigned *ret_width, unsigned *ret_height)
{
	unsigned n[6];
	struct gp_str rest = line;

	for (size_t i = 0; i < 6; i++) {
		if (!take_number(&rest, &n[i]) || rest.len == 0 || !gp_is_space(rest.ptr[0]))
			return false;
		rest = gp_str_trim(rest);
	}
	*ret_width = n[0];
	*ret_height = n[3];
	return gp_str_eq(rest, GP_STR("cm"));
}

static bool is_fuzzy_line(struct gp_str line)
{
	unsigned width, height;

	return !gp_str_starts(line, GP_STR("%")) && !gp_str_starts(line, GP_STR("/Height")) &&
	       !gp_str_starts(line, GP_STR("/Width")) && !gp_str_starts(line, GP_STR("/MediaBox")) &&
	       !gp_str_starts(line, GP_STR("/CropBox")) && !parse_cm(line, &width, &height);
}

static void add_fuzzy(struct reader *r, struct gp_str line)
{
	if (r->no_more_fuzzy || ++r->lines >= FUZZY_LINES)
		return;
	if (is_fuzzy_line(line)) {
		while (line.len && gp_is_space(line.ptr[line.len - 1]))
			line.len--;
		gp_buf_add_str(r->fuzzy, line);
	}
	r->no_more_fuzzy = gp_str_find(line, GP_STR("stream"), 0) < line.len;
}

/* The number behind "/Width " at `at`. */
static bool number_at(struct gp_str line, size_t at, struct gp_str key, unsigned *ret, size_t *ret_end)
{
	struct gp_str rest = gp_str_sub(line, at, SIZE_MAX);

	if (!gp_str_starts(rest, key) || rest.len <= key.len || !gp_is_space(rest.ptr[key.len]))
		return false;
	rest = gp_str_sub(rest, key.len + 1, SIZE_MAX);
	if (!take_number(&rest, ret))
		return false;
	*ret_end = line.len - rest.len;
	return true;
}

/* Width and height must stand on one line: SpamAssassin forgets what it saw on another. */
static void find_image(struct reader *r, struct gp_str line)
{
	static const struct gp_str width = GP_STR("/Width"), height = GP_STR("/Height");
	unsigned w = 0, h = 0;
	size_t end = 0;

	r->got_image |= gp_str_find(line, GP_STR("/Image"), 0) < line.len;
	if (!r->got_image)
		return;
	if (!parse_cm(line, &w, &h) && !gp_str_starts(line, width) && !gp_str_starts(line, height))
		for (size_t at = 0; (at = gp_str_find(line, width, at)) < line.len; at++)
			if (number_at(line, at, width, &w, &end) && number_at(line, end, height, &h, &end))
				break;
	if (!w || !h)
		return;
	r->no_more_fuzzy = true;
	r->got_image = false;
	r->sum_height += h;
	r->sum_width += w;
	r->sum_area += (double)w * h;
	r->pdf->images++;
	if (r->pdf->sizes.len < VALUES_MAX)
		*gp_vec_push(r->arena, &r->pdf->sizes) = (struct gp_pdf_size){h, w};
}

static int hex_value(char c)
{
	c = gp_lower(c);
	return gp_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* UTF-16 becomes what is left without its zero bytes. */
static struct gp_str without_zeros(struct gp_arena *a, struct gp_str s)
{
	char *out = gp_arena_alloc(a, s.len + 1);
	size_t n = 0;

	if (!gp_str_starts(s, GP_STR("\xfe\xff")) && !gp_str_starts(s, GP_STR("\xff\xfe")))
		return s;
	for (size_t i = 2; i < s.len; i++)
		if (s.ptr[i])
			out[n++] = s.ptr[i];
	return gp_str_n(out, n);
}

static struct gp_str from_hex(struct gp_arena *a, struct gp_str s)
{
	char *out = gp_arena_alloc(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i + 1 < s.len;) {
		int hi = hex_value(s.ptr[i]), lo = hex_value(s.ptr[i + 1]);

		if (hi >= 0 && lo >= 0)
			out[n++] = (char)(hi << 4 | lo);
		i += hi >= 0 && lo >= 0 ? 2 : 1;
	}
	return gp_str_n(out, n);
}

static bool is_octal(struct gp_str s)
{
	return s.len >= 3 && s.ptr[0] >= '0' && s.ptr[0] <= '3' && s.ptr[1] >= '0' &&
	       s.ptr[1] <= '7' && s.ptr[2] >= '0' && s.ptr[2] <= '7';
}

/* Octal escapes, \( \) and \\. */
static struct gp_str unescape(struct gp_arena *a, struct gp_str s)
{
	char *out = gp_arena_alloc(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\' && is_octal(gp_str_sub(s, i + 1, 3))) {
			out[n++] = (char)((s.ptr[i + 1] - '0') << 6 | (s.ptr[i + 2] - '0') << 3 |
					  (s.ptr[i + 3] - '0'));
			i += 3;
		} else if (s.ptr[i] == '\\' && i + 1 < s.len && strchr("()\\", s.ptr[i + 1])) {
			out[n++] = s.ptr[++i];
		} else {
			out[n++] = s.ptr[i];
		}
	}
	return gp_str_n(out, n);
}

/* The string "(…)" or "<…>" at the start of s, decoded; ptr NULL: none stands there. */
static struct gp_str string_at(struct gp_arena *a, struct gp_str s)
{
	size_t end;

	if (gp_str_starts(s, GP_STR("<"))) {
		end = gp_str_find_chr(s, '>', 1);
		if (end >= s.len)
			return (struct gp_str){0};
		return gp_str_sub(without_zeros(a, from_hex(a, gp_str_sub(s, 1, end - 1))), 0,
				  STRING_MAX);
	}
	if (!gp_str_starts(s, GP_STR("(")))
		return (struct gp_str){0};
	for (end = 1; end < s.len && !(s.ptr[end] == ')' && s.ptr[end - 1] != '\\'); end++)
		;
	if (end >= s.len)
		return (struct gp_str){0};
	return gp_str_sub(without_zeros(a, unescape(a, gp_str_sub(s, 1, end - 1))), 0, STRING_MAX);
}

/* Up to two white spaces. */
static struct gp_str skip_space(struct gp_str s)
{
	for (int i = 0; i < 2 && s.len && gp_is_space(s.ptr[0]); i++)
		s = gp_str_sub(s, 1, SIZE_MAX);
	return s;
}

static void find_strings(struct reader *r, struct gp_str line)
{
	static const struct {
		struct gp_str key;
		enum gp_pdf_detail detail;
	} keys[] = {
		{GP_STR("/Author"), GP_PDF_AUTHOR},
		{GP_STR("/Creator"), GP_PDF_CREATOR},
		{GP_STR("/Producer"), GP_PDF_PRODUCER},
		{GP_STR("/Title"), GP_PDF_TITLE},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(keys); i++) {
		for (size_t at = 0; (at = gp_str_find(line, keys[i].key, at)) < line.len; at++) {
			struct gp_str value = string_at(
				r->arena, skip_space(gp_str_sub(line, at + keys[i].key.len, SIZE_MAX)));

			if (!value.ptr)
				continue;
			if (r->pdf->details[keys[i].detail].len < VALUES_MAX)
				*gp_vec_push(r->arena, &r->pdf->details[keys[i].detail]) =
					gp_arena_str(r->arena, value);
			break;
		}
	}
}

/* "/CreationDate(D:20070703144220)": the digits. */
static void find_dates(struct reader *r, struct gp_str line)
{
	static const struct {
		struct gp_str key;
		enum gp_pdf_detail detail;
	} keys[] = {{GP_STR("/CreationDate"), GP_PDF_CREATED}, {GP_STR("/ModDate"), GP_PDF_MODIFIED}};

	for (size_t i = 0; i < GP_ARRAY_SIZE(keys); i++) {
		size_t at = gp_str_find(line, keys[i].key, 0), n = 0;
		struct gp_str rest = skip_space(gp_str_sub(line, at + keys[i].key.len, SIZE_MAX));

		if (at >= line.len || !gp_str_starts(rest, GP_STR("(D:")))
			continue;
		rest = gp_str_sub(rest, 3, SIZE_MAX);
		while (n < rest.len && n < STRING_MAX && gp_is_digit(rest.ptr[n]))
			n++;
		if (n && r->pdf->details[keys[i].detail].len < VALUES_MAX)
			*gp_vec_push(r->arena, &r->pdf->details[keys[i].detail]) =
				gp_arena_str(r->arena, gp_str_sub(rest, 0, n));
	}
}

/* "/URI (…)" */
static void find_uris(struct reader *r, struct gp_str line)
{
	static const struct gp_str key = GP_STR("/URI");

	for (size_t at = 0; (at = gp_str_find(line, key, at)) < line.len; at++) {
		struct gp_str s = string_at(r->arena,
					    skip_space(gp_str_sub(line, at + key.len, SIZE_MAX)));
		size_t dot = gp_str_find_chr(s, '.', 0);

		if (s.ptr && dot > 0 && dot < s.len && gp_str_find_chr(s, 0, 0) == s.len &&
		    r->pdf->uris.len < URIS_MAX)
			*gp_vec_push(r->arena, &r->pdf->uris) = gp_arena_str(r->arena, s);
	}
}

static void read_line(struct reader *r, struct gp_str line)
{
	size_t n = 1;

	add_fuzzy(r, line);
	find_image(r, line);
	r->pdf->is_encrypted |= gp_str_starts(line, GP_STR("/Encrypt"));
	if (gp_str_find_chr(line, '/', 0) == line.len)
		return;
	while (n < line.len && gp_is_alpha(line.ptr[n]))
		n++;
	if (line.ptr[0] == '/')
		gp_buf_add_str(r->tags, gp_str_sub(line, 1, n - 1));
	find_uris(r, line);
	find_strings(r, line);
	find_dates(r, line);
}

static struct gp_str md5_of(struct gp_arena *a, struct gp_str s)
{
	GP_BUF_AUTO text = GP_BUF_INIT(64);
	unsigned char digest[GP_SHA256_SIZE];
	size_t size = s.len ? gp_digest(GP_DIGEST_MD5, s.ptr, s.len, digest) : 0;

	gp_hex_encode(digest, size, &text);
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 'a')
			text.data[i] = (char)(text.data[i] - 'a' + 'A');
	return gp_arena_str(a, gp_buf_str(&text));
}

static void finish(struct reader *r, struct gp_str data)
{
	struct gp_pdf *pdf = r->pdf;
	struct gp_str sums[] = {md5_of(r->arena, gp_buf_str(r->fuzzy)),
				md5_of(r->arena, gp_buf_str(r->tags))};

	if (r->sum_area > 0) {
		pdf->area = r->sum_area;
		*gp_vec_push(r->arena, &pdf->sizes) =
			(struct gp_pdf_size){(unsigned)r->sum_height, (unsigned)r->sum_width};
	}
	*gp_vec_push(r->arena, &pdf->md5) = md5_of(r->arena, data);
	for (size_t i = 0; i < GP_ARRAY_SIZE(sums); i++)
		if (sums[i].len)
			*gp_vec_push(r->arena, &pdf->fuzzy_md5) = sums[i];
}

static bool has_magic(struct gp_str data)
{
	struct gp_str head = gp_str_sub(data, 0, MAGIC_WITHIN + 8);
	size_t at = gp_str_find(head, GP_STR("%PDF-"), 0);

	return at < head.len && at + 7 < data.len && gp_is_digit(data.ptr[at + 5]) &&
	       data.ptr[at + 6] == '.' && gp_is_digit(data.ptr[at + 7]);
}

void gp_pdf_read(struct gp_arena *a, struct gp_str data, struct gp_str name, struct gp_pdf *pdf)
{
	GP_BUF_AUTO fuzzy = GP_BUF_INIT(FUZZY_MAX);
	GP_BUF_AUTO tags = GP_BUF_INIT(FUZZY_MAX);
	struct reader r = {.arena = a, .pdf = pdf, .fuzzy = &fuzzy, .tags = &tags};
	struct gp_str rest, line;

	pdf->files++;
	if (gp_str_starts(data, GP_STR("\xef\xbb\xbf")))
		data = gp_str_sub(data, 3, SIZE_MAX);
	if (!has_magic(data))
		return;
	if (name.len)
		*gp_vec_push(a, &pdf->names) = gp_arena_str(a, name);
	for (rest = data; gp_str_next(&rest, '\n', &line);)
		if (line.len)
			read_line(&r, line);
	finish(&r, data);
}

static bool is_pdf(const struct gp_part *p)
{
	bool is_named = gp_str_iends(p->filename, GP_STR(".pdf")) ||
			gp_str_iends(p->filename, GP_STR(".fdf"));

	return gp_str_eq(p->type, GP_STR("application/pdf")) ||
	       gp_str_eq(p->type, GP_STR("image/pdf")) ||
	       (is_named && (gp_str_eq(p->type, GP_STR("application/octet-stream")) ||
			     gp_str_eq(p->type, GP_STR("image/octet-stream"))));
}

void gp_pdf_read_all(struct gp_arena *a, const struct gp_message *m, struct gp_pdf *pdf)
{
	for (size_t i = 0; i < m->parts.len && pdf->files < FILES_MAX; i++) {
		GP_BUF_AUTO content = GP_BUF_INIT(FILE_MAX);

		if (!is_pdf(&m->parts.items[i]))
			continue;
		(void)gp_message_part_content(&m->parts.items[i], &content);
		gp_pdf_read(a, gp_buf_str(&content), m->parts.items[i].filename, pdf);
	}
}

/*
 * The text of a configuration with its includes put in.
 */
#include "lib/conf/source.h"

#include <errno.h>
#include <sys/stat.h>

#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/num.h"

#define INCLUDE_DEPTH 10
#define INCLUDE_COUNT 1000 /* files that include one another twice grow by powers of two */

/* What the scanner is inside of; goes on over line ends. */
enum state { PLAIN, STRING, LINE_COMMENT, BLOCK_COMMENT };

struct scan {
	struct gp_conf_source *source;
	struct gp_conf_report *fatal, *later;
	const char *file;
	unsigned line;
	unsigned depth;
	enum state state;
	unsigned opened; /* line where the string or comment that we are in began */
};

static int expand(struct scan *s, struct gp_str text);

static bool is_word(char c)
{
	return gp_is_alnum(c) || c == '_' || c == '*' || c == '-';
}

/* A run of letters and digits outside strings: looks whether it is an integer
 * that libconfig would cut to 32 bits. */
static void check_number(const struct scan *s, struct gp_str word)
{
	int64_t value;
	uint64_t hex;

	if (gp_str_istarts(word, GP_STR("0x"))) {
		if (gp_num_parse_uint(gp_str_sub(word, 2, word.len), 16, &hex) == GP_OK &&
		    hex <= INT32_MAX)
			return;
	} else if (gp_num_parse_int(word, &value) == GP_EINVAL ||
		   (value >= INT32_MIN && value <= INT32_MAX)) {
		return; /* a name, a fraction, or small enough */
	}
	if (gp_str_iends(word, GP_STR("L")))
		return;
	gp_conf_report_add(s->later, s->file, s->line,
			   "the number %.*s is too large (write sizes as \"10G\", times as \"30d\")",
			   GP_STR_FMT(word));
}

/* One line without its end; moves the state on. */
static void scan_line(struct scan *s, struct gp_str line)
{
	if (s->state == LINE_COMMENT)
		s->state = PLAIN;
	for (size_t i = 0; i < line.len; i++) {
		struct gp_str rest = gp_str_sub(line, i, line.len);
		size_t word = 0;

		switch (s->state) {
		case STRING:
			if (line.ptr[i] == '\\')
				i++;
			else if (line.ptr[i] == '"')
				s->state = PLAIN;
			break;
		case BLOCK_COMMENT:
			if (gp_str_starts(rest, GP_STR("*/"))) {
				s->state = PLAIN;
				i++;
			}
			break;
		case LINE_COMMENT:
			return;
		case PLAIN:
			while (word < rest.len && (is_word(rest.ptr[word]) || rest.ptr[word] == '.'))
				word++;
			if (word) {
				check_number(s, gp_str_sub(rest, 0, word));
				i += word - 1;
			} else if (*rest.ptr == '"') {
				s->state = STRING;
				s->opened = s->line;
			} else if (*rest.ptr == '#' || gp_str_starts(rest, GP_STR("//"))) {
				s->state = LINE_COMMENT;
			} else if (gp_str_starts(rest, GP_STR("/*"))) {
				s->state = BLOCK_COMMENT;
				s->opened = s->line;
				i++;
			}
			break;
		}
	}
}

/* The file named by an @include line, or false if it is another line. */
static bool include_name(struct gp_str line, struct gp_str *ret)
{
	struct gp_str rest = gp_str_trim(line);
	size_t end;

	if (!gp_str_starts(rest, GP_STR("@include")))
		return false;
	rest = gp_str_trim(gp_str_sub(rest, strlen("@include"), rest.len));
	if (rest.len < 2 || rest.ptr[0] != '"')
		return false;
	end = gp_str_find_chr(rest, '"', 1);
	if (end == rest.len)
		return false;
	*ret = gp_str_sub(rest, 1, end - 1);
	return true;
}

/* Reads a regular file whole.  Directories and pipes are refused by name. */
static int read_regular(const struct scan *from, const char *path, struct gp_buf *buf)
{
	struct gp_diag diag = {0};
	struct stat st;

	if (stat(path, &st) < 0)
		gp_diag_set(&diag, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		gp_diag_set(&diag, "%s: not a regular file", path);
	else if (st.st_size > GP_MAX_CONF_FILE)
		gp_diag_set(&diag, "%s: larger than %d bytes", path, GP_MAX_CONF_FILE);
	else if (gp_file_read(path, buf, &diag) == GP_OK)
		return GP_OK;
	gp_conf_report_add(from->fatal, from->file, from->line, "%s", diag.text);
	return GP_EINVAL;
}

static int include(struct scan *s, struct gp_str name)
{
	struct gp_arena *arena = s->source->arena;
	size_t dir = gp_str(s->file).len;
	GP_BUF_AUTO text = GP_BUF_INIT(GP_MAX_CONF_FILE);
	struct scan inner = *s;
	int r;

	while (dir > 0 && s->file[dir - 1] != '/')
		dir--;
	inner.file = name.len && name.ptr[0] == '/'
			     ? gp_arena_cstr(arena, name)
			     : gp_arena_printf(arena, "%.*s%.*s", (int)dir, s->file,
					       GP_STR_FMT(name));
	inner.line = 0;
	if (++inner.depth > INCLUDE_DEPTH || ++s->source->n_includes > INCLUDE_COUNT) {
		gp_conf_report_add(s->fatal, s->file, s->line,
				   "files include one another more than %d deep or %d times",
				   INCLUDE_DEPTH, INCLUDE_COUNT);
		return GP_ELIMIT;
	}
	r = read_regular(s, inner.file, &text);
	return r < 0 ? r : expand(&inner, gp_buf_str(&text));
}

static int expand(struct scan *s, struct gp_str text)
{
	struct gp_conf_source *source = s->source;
	struct gp_str line, name;

	while (gp_str_next(&text, '\n', &line)) {
		s->line++;
		if (s->state == PLAIN && include_name(line, &name)) {
			int r = include(s, name);

			if (r < 0)
				return r;
			continue;
		}
		if (line.len && memchr(line.ptr, '\0', line.len)) {
			gp_conf_report_add(s->fatal, s->file, s->line, "a NUL byte");
			return GP_EINVAL;
		}
		scan_line(s, line);
		if (s->state == LINE_COMMENT)
			s->state = PLAIN;
		gp_buf_add_str(&source->text, line);
		gp_buf_add_chr(&source->text, '\n');
		*gp_vec_push(source->arena, &source->lines) =
			(struct gp_conf_place){s->file, s->line};
	}
	if (s->state != PLAIN) {
		gp_conf_report_add(s->fatal, s->file, s->opened, "%s is not closed in this file",
				   s->state == STRING ? "a quote" : "a comment");
		return GP_EINVAL;
	}
	if (gp_buf_error(&source->text) < 0)
		gp_conf_report_add(s->fatal, s->file, 0, "more than %d bytes with all it includes",
				   GP_MAX_CONF_FILE);
	return gp_buf_error(&source->text);
}

int gp_conf_source_read(struct gp_conf_source *s, const char *file, struct gp_conf_report *fatal,
			struct gp_conf_report *later)
{
	struct scan scan = {s, fatal, later, .file = NULL};
	GP_BUF_AUTO text = GP_BUF_INIT(GP_MAX_CONF_FILE);
	int r = read_regular(&scan, file, &text);

	return r < 0 ? r : gp_conf_source_text(s, file, gp_buf_str(&text), fatal, later);
}

int gp_conf_source_text(struct gp_conf_source *s, const char *name, struct gp_str text,
			struct gp_conf_report *fatal, struct gp_conf_report *later)
{
	struct scan scan = {s, fatal, later, .file = gp_arena_strdup(s->arena, name)};

	return expand(&scan, text);
}

struct gp_conf_place gp_conf_source_place(const struct gp_conf_source *s, unsigned line)
{
	/* The scanner may be one line past the end when something is missing there. */
	size_t i = GP_MIN((size_t)GP_MAX(line, 1u), s->lines.len);

	return i ? s->lines.items[i - 1] : (struct gp_conf_place){0};
}

struct gp_str gp_conf_source_line(const struct gp_conf_source *s, unsigned line)
{
	struct gp_str rest = gp_buf_str(&s->text), piece = {0};

	while (line-- > 0)
		if (!gp_str_next(&rest, '\n', &piece))
			return (struct gp_str){0};
	return gp_str_trim(piece);
}

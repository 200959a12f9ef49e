/*
 * The memory bound that lib/mail/message.h states, held for hostile input of
 * 50 MB.  Each case is generated piece by piece in a process of its own and fed
 * as a milter would; the process' peak (VmHWM) may exceed the bytes kept of the
 * body by no more than the bound.  It must be quick, too: a stranger's seconds
 * are stolen from others.
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/mail/message.h"

#define PEAK_OVER_INPUT (24u << 20)
#define HELD_OVER_INPUT (16u << 20)
#define SECONDS_MAX 10 /* of CPU; sanitizers and busy machines included */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#define HAS_SANITIZER (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define HAS_SANITIZER 0
#endif
/* Under the sanitizers the peak is theirs and says nothing; less will do then. */
#define TOTAL (HAS_SANITIZER ? 8u << 20 : 50u << 20)

/* A header, a beginning, and what is repeated (i: how often so far) to TOTAL. */
struct shape {
	const char *name, *content_type, *begin, *repeat;
	bool is_numbered;     /* `repeat` has a %u for the repetition */
	size_t repeat_max;    /* 0: until TOTAL */
	unsigned cut;	      /* what must be said to be cut */
	const char *encoding; /* NULL: none is declared */
};

static const struct shape shapes[] = {
	{"100,000 parts", "multipart/mixed; boundary=x", "", "--x\nContent-Type: text/plain\n\npart\n", false, 100000,
	 GP_CUT_PARTS},
	{"a million empty parts", "multipart/mixed; boundary=x", "", "--x\n\n", false, 1000000, GP_CUT_PARTS},
	{"parts of 50 MB", "multipart/mixed; boundary=x", "",
	 "--x\nA: b\nC: d\nContent-Type: text/html; name=\"=?utf-8?Q?=41?=\"\n\n<a href=\"http://h%u.example/\">a b</a>\n",
	 true, 0, GP_CUT_PARTS},
	{"multiparts 1,000 deep", "multipart/mixed; boundary=b", "--b\n",
	 "Content-Type: multipart/mixed; boundary=b%1$u\n\n--b%1$u\n", true, 1000, GP_CUT_DEPTH},
	{"messages without end", "message/rfc822", "", "Content-Type: message/rfc822\n\n", false, 0, GP_CUT_DEPTH},
	{"one line", "text/plain; charset=utf-8", "", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false, 0, GP_CUT_TEXT},
	{"one line of windows-1252", "text/plain; charset=windows-1252", "", "\x80\x80\x80\x80\x80\x80\x80\x80\x80", false, 0,
	 GP_CUT_TEXT},
	{"one line of broken euc-kr", "text/plain; charset=euc-kr", "", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", false, 0,
	 GP_CUT_TEXT},
	{"one header in a part", "multipart/mixed; boundary=x", "--x\nA: ", "=?utf-8?Q?=C3=BC?= =?iso-8859-1?B?/Pz8?= ", false,
	 0, GP_CUT_HEADERS},
	{"folds of one header in a part", "multipart/mixed; boundary=x", "--x\nA:", " b\n", false, 0, GP_CUT_HEADERS},
	{"headers in a part", "multipart/mixed; boundary=x", "--x\n", "A: b\n", false, 0, GP_CUT_HEADERS},
	{"headers in messages", "multipart/digest; boundary=x", "",
	 "--x\n\nA: =?utf-8?Q?" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" "?=\nB: c\n\n",
	 false, 0, GP_CUT_PARTS},
	{"base64 text", "text/plain", "",
	 "YWFhYWFhIGFhYWFhYWEKYWFhYWFhYWFhYWFhYSBhYWEgYWFhYWFhYWFhYWFhYWFhYQph\n", false, 0, GP_CUT_TEXT, "base64"},
	{"base64 attachment", "application/zip", "",
	 "YWFhYWFhIGFhYWFhYWEKYWFhYWFhYWFhYWFhYSBhYWEgYWFhYWFhYWFhYWFhYWFhYQph\n", false, 0, 0, "base64"},
	{"base64 messages", "message/rfc822", "",
	 "Q29udGVudC1UeXBlOiBtZXNzYWdlL3JmYzgyMgoKCkNvbnRlbnQtVHlwZTogdGV4dC9w\n", false, 0, GP_CUT_TEXT, "base64"},
	{"quoted-printable", "text/plain", "", "=41=\n", false, 0, GP_CUT_TEXT, "quoted-printable"},
	{"equal signs", "text/plain", "", "=", false, 0, GP_CUT_TEXT, "quoted-printable"},
	{"encoded text in all parts", "multipart/mixed; boundary=x", "",
	 "--x\nContent-Type: text/html; charset=koi8-r\nContent-Transfer-Encoding: quoted-printable\n\n=41%0100000u\n", true, 0,
	 GP_CUT_TEXT},
	{"delimiters of nobody", "multipart/mixed; boundary=x", "", "--y\n", false, 0, 0},
	{"delimiters of the guess", "multipart/mixed; boundary=\"\"", "", "--yy%u\n", true, 0, 0},
	{"longer delimiters", "multipart/mixed; boundary=x", "--x\n\n", "--xx\n--x-\n", false, 0, GP_CUT_TEXT},
	{"closing delimiters", "multipart/mixed; boundary=x", "--x\n\n", "--x--\n", false, 0, 0},
	{"tags", "text/html", "", "<b><i a=b c='d'>", false, 0, GP_CUT_TEXT},
	{"links", "text/html", "", "<a href=\"http://host%u.example/path\">x</a> ", true, 0, GP_CUT_URIS},
	{"bare links", "text/plain", "", "http://host%u.example/path ", true, 0, GP_CUT_URIS},
	{"CRs", "text/plain", "", "\r", false, 0, GP_CUT_TEXT},
	{"line ends", "text/plain", "", "\r\n", false, 0, 0},
};

static size_t peak(void)
{
	GP_BUF_AUTO status = GP_BUF_INIT(1 << 16);
	struct gp_str text, line;
	uint64_t kib = 0;

	if (gp_file_read("/proc/self/status", &status, NULL) < 0)
		return 0;
	for (text = gp_buf_str(&status); gp_str_next(&text, '\n', &line);) {
		struct gp_str word;

		if (!gp_str_starts(line, GP_STR("VmHWM:")))
			continue;
		gp_str_next_word(&line, &word);
		gp_str_next_word(&line, &word);
		if (gp_num_parse_uint(word, 10, &kib) < 0)
			return 0;
	}
	return (size_t)kib << 10;
}

/* Adds the body in chunks of about 64 KiB; returns its size. */
static size_t feed(struct gp_message *m, const struct shape *s)
{
	GP_BUF_AUTO chunk = GP_BUF_INIT(1 << 18);
	size_t total = 0;

	gp_buf_add_cstr(&chunk, s->begin);
	for (unsigned i = 0; total < TOTAL && (!s->repeat_max || i < s->repeat_max); i++) {
		if (s->is_numbered) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			gp_buf_printf(&chunk, s->repeat, i);
#pragma GCC diagnostic pop
		} else {
			gp_buf_add_cstr(&chunk, s->repeat);
		}
		if (chunk.len < 1 << 16)
			continue;
		total += chunk.len;
		gp_message_add_body(m, gp_buf_str(&chunk));
		gp_buf_reset(&chunk);
	}
	gp_message_add_body(m, gp_buf_str(&chunk));
	return total + chunk.len;
}

/* In the child: 0, or the number of the expectation that failed. */
static int run(const struct shape *s)
{
	size_t before = peak(), over, held;
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_message *m = gp_message_new(arena, NULL);
	clock_t start;

	gp_message_add_header(m, GP_STR("Content-Type"), gp_str(s->content_type));
	if (s->encoding)
		gp_message_add_header(m, GP_STR("Content-Transfer-Encoding"), gp_str(s->encoding));
	feed(m, s);
	start = clock();
	gp_message_finish(m);
	over = peak() - before;
	over -= GP_MIN(over, m->body.len);
	held = gp_arena_size(arena);
	printf("# %-32s parts %3zu  held %5zu KiB  peak over body %6zu KiB  %.2f s\n", s->name, m->parts.len,
	       held >> 10, over >> 10, (double)(clock() - start) / CLOCKS_PER_SEC);
	fflush(stdout);
	if ((m->cut & s->cut) != s->cut)
		return 1;
	if (m->parts.len > GP_MAX_MIME_PARTS || m->text.len > GP_MAX_TEXT_SIZE || m->uris.len > GP_MAX_URIS)
		return 2;
	if (held > HELD_OVER_INPUT)
		return 3;
	if (over > PEAK_OVER_INPUT && !HAS_SANITIZER)
		return 4;
	return (clock() - start) / CLOCKS_PER_SEC > SECONDS_MAX ? 5 : 0;
}

static void in_child(int (*fn)(const struct shape *s), const struct shape *s)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(s));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(shapes); i++)
		in_child(run, &shapes[i]);
}

/* 50 MB of header fields, short ones and long ones. */
static int run_headers(const struct shape *s)
{
	size_t before = peak();
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_message *m = gp_message_new(arena, NULL);
	GP_BUF_AUTO value = GP_BUF_INIT(100 << 10);

	while (value.len < (s ? 10 : 99 << 10))
		gp_buf_add_cstr(&value, " =?utf-8?Q?=C3=BC?=\r\n");
	for (size_t n = 0; n < TOTAL; n += value.len)
		gp_message_add_header(m, GP_STR("A"), gp_buf_str(&value));
	gp_message_finish(m);
	printf("# headers: held %zu KiB, peak %zu KiB\n", gp_arena_size(arena) >> 10, (peak() - before) >> 10);
	fflush(stdout);
	if (!(m->cut & GP_CUT_HEADERS) || m->headers.len > GP_MAX_HEADERS)
		return 1;
	return peak() - before > 8u << 20 && !HAS_SANITIZER ? 2 : 0;
}

static void test_headers(void **state)
{
	(void)state;
	in_child(run_headers, NULL);
	in_child(run_headers, &shapes[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The text that body rules read: white space to the byte, all of HTML, all text parts.
 */
#include "tests/unit/test.h"

#include "lib/mail/message.h"

static struct gp_str flat(struct gp_arena *a, const char *mail)
{
	struct gp_message *m = gp_message_parse(a, NULL, gp_str(mail));

	gp_message_finish(m);
	return gp_message_flat_text(m);
}

static const struct {
	const char *type, *body, *text;
} cases[] = {
	/* Plain text: one space; an empty line ends a paragraph; spaces at its ends stay. */
	{"text/plain", "a\nb  c\td\n", "a b c d "},
	{"text/plain", "a\n\nb\n", "a\nb "},
	{"text/plain", "a\n \t\n\n\nb\n", "a\nb "},
	{"text/plain", "  a \n\n  b\n", " a \n b "},
	{"text/plain", "\nHi,\n\nx\n", " Hi,\nx "},
	{"text/plain", "\n\n\nHi,\n", "\nHi, "},
	{"text/plain; charset=utf-8", "a\xc2\xa0 b\xe3\x80\x80\xe2\x80\x83" "c\xc3\xa0\n", "a b c\xc3\xa0 "},
	{"text/plain", "a <b>c</b> &amp;\n", "a <b>c</b> &amp; "},
	/* HTML. */
	{"text/html", "a<br>b<br><br>c", "a b\nc"},
	{"text/html", "<p>a</p><p>b</p>", "\na\nb\n"},
	{"text/html", "a <p> b", "a\nb"},
	{"text/html", "<td>a</td><td>b</td>", " a b "},
	{"text/html", "a<b>b</b>c", "abc"},
	{"text/html", "a<h1>b</h1>c<ul><li>d</ul>", "a b c d"},
	{"text/html", "<div>a</div><div>b</div>", " a\nb "},
	{"text/html", "a&nbsp;&nbsp;b &lt;c&gt;&#65;&eacute;d", "a b <c>A\xe9" "d"}, /* Latin-1 */
	{"text/html", "&eacute;&mdash;&#160;d", "\xc3\xa9\xe2\x80\x94 d"},
	{"text/html", "<title>t</title><script>s</script><style>s</style>b<!-- c -->", "\nt\nb"},
	{"text/html", "<p style='display:none'>h</p><font color=white>w</font>", "\nh\nw"},
	{"text/html", "a</html>b", "ab"},
	{"text/html; charset=utf-8", "\xe2\x80\x9c" "a\xe2\x80\x9d \xe2\x80\x94", "\"a\" \xe2\x80\x94"},
	{"text/html", "&#147;a&#8221;", "\xc2\x93" "a\xe2\x80\x9d"},
	{"text/html", "a<style>b<p>c", "a"},
	{"text/html", "a<style></style>b<script></script>c", "abc"},
	{"text/html", "<title>t<b>u</b>v", "\nt\nuv"}, /* without end it is over at the next tag */
	{"text/html", "<title><b>t</b>u", "\ntu"},
	/* By its name. */
	{"text/plain; name=a.html", "a<br>b", "a b"},
	{"application/octet-stream; name=a.html", "a<br>b", "a b"},
	{"TEXT/PLAIN charset=US-ASCII", "a", "a"},
	{"text/calendar", "a", ""},
	{"text/rfc822-headers", "To: a\n", "To: a "},
};

static void single_parts(void **state)
{
	struct gp_arena *a = gp_arena_new(0);

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_str text = flat(a, gp_arena_printf(a, "Subject: x\nContent-Type: %s\n\n%s",
							     cases[i].type, cases[i].body));

		if (!gp_str_eq(text, gp_str(cases[i].text)))
			fail_msg("%s: %s\nwanted [%s]\nfound  [%.*s]", cases[i].type, cases[i].body,
				 cases[i].text, GP_STR_FMT(text));
	}
	gp_arena_free(a);
}

/* Parts are lines apart; attached text counts, other parts leave their line end. */
static void several_parts(void **state)
{
	struct gp_arena *a = gp_arena_new(0);

	(void)state;
	assert_string_equal(gp_arena_cstr(a, flat(a, "Content-Type: multipart/mixed; boundary=b\n\n"
						     "--b\n\na\n\n--b\nContent-Type: image/gif\n\nx\n--b\n"
						     "Content-Type: text/plain\n"
						     "Content-Disposition: attachment\n\nc\n--b--\n")),
			    "a\nc");
	gp_arena_free(a);
}

/* A long part is cut at a line end or a space. */
static void long_part(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_buf mail = GP_BUF_INIT(1 << 20);
	struct gp_str text;

	(void)state;
	gp_buf_add_cstr(&mail, "Subject: x\n\n");
	while (mail.len < 200000)
		gp_buf_add_cstr(&mail, "abcdefghi ");
	text = flat(a, gp_buf_cstr(&mail));
	assert_in_range(text.len, 50000, 50010);
	assert_int_equal(text.ptr[text.len - 1], ' ');
	gp_buf_done(&mail);
	gp_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_parts),
		cmocka_unit_test(several_parts),
		cmocka_unit_test(long_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

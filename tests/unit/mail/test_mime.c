/*
 * MIME structure and content: well-formed, malformed, hostile.  Each case says
 * which parts come out, one line a part: depth, type, and the decoded text.
 */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/mail/message.h"

static struct gp_arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_freep(&arena);
	return 0;
}

/* "0 multipart/mixed|1 text/plain=hello\n|…", line ends as '/'. */
static void shape(const struct gp_message *m, struct gp_buf *out)
{
	for (size_t i = 0; i < m->parts.len; i++) {
		const struct gp_part *p = &m->parts.items[i];

		gp_buf_printf(out, "%s%u %.*s", i ? "|" : "", p->depth, GP_STR_FMT(p->type));
		if (p->decoded.len) {
			gp_buf_add_chr(out, '=');
			for (size_t k = 0; k < p->decoded.len; k++)
				gp_buf_add_chr(out, p->decoded.ptr[k] == '\n' ? '/' : p->decoded.ptr[k]);
		}
	}
}

static void check_shape(struct gp_str in, const char *want)
{
	GP_BUF_AUTO got = GP_BUF_INIT(1 << 20);

	shape(gp_message_parse(arena, NULL, in), &got);
	assert_string_equal(gp_buf_cstr(&got), want);
}

#define MIXED "Content-Type: multipart/mixed; boundary=x\n\n"

static void test_structure(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{MIXED "pre\n--x\n\none\n--x\nContent-Type: text/html\n\n<b>\n\n--x--\npost\n",
		 "0 multipart/mixed|1 text/plain=one|1 text/html=<b>/"},
		/* no line end before the delimiter but the delimiter's own; empty parts */
		{MIXED "--x\n--x\n\n--x\n\n\n--x--", "0 multipart/mixed|1 text/plain|1 text/plain|1 text/plain"},
		/* white space behind the boundary; a longer boundary is another one */
		{MIXED "--x \t\n\none\n--xy\n--x-\n-- x\n--x--  \n", "0 multipart/mixed|1 text/plain=one/--xy/--x-/-- x"},
		/* a part without an end; a body that starts without an empty line */
		{MIXED "--x\n\none", "0 multipart/mixed|1 text/plain=one"},
		{MIXED "--x\nno header\n--x--", "0 multipart/mixed|1 text/plain=no header"},
		/* the outer delimiter ends inner multiparts that were not closed */
		{MIXED "--x\nContent-Type: multipart/alternative; boundary=y\n\n--y\n\none\n--x\n\ntwo\n--x--",
		 "0 multipart/mixed|1 multipart/alternative|2 text/plain=one|1 text/plain=two"},
		/* one boundary is the beginning of the other */
		{MIXED "--x\nContent-Type: multipart/alternative; boundary=xx\n\n--xx\n\none\n--xx--\n--x\n\ntwo\n--x--",
		 "0 multipart/mixed|1 multipart/alternative|2 text/plain=one|1 text/plain=two"},
		/* the same boundary twice: the inner one goes first, once closed the outer */
		{MIXED "--x\nContent-Type: multipart/alternative; boundary=x\n\n--x\n\none\n--x--\n--x\n\ntwo\n--x--",
		 "0 multipart/mixed|1 multipart/alternative|2 text/plain=one|1 text/plain=two"},
		/* parts behind the closing delimiter are parts */
		{MIXED "--x\n\none\n--x--\npost\n--x\n\ntwo\n", "0 multipart/mixed|1 text/plain=one|1 text/plain=two/"},
		/* boundary missing, empty, with spaces, quoted oddly, twice */
		{"Content-Type: multipart/mixed\n\n--any\n\none\n--any--", "0 multipart/mixed|1 text/plain=one"},
		{"Content-Type: multipart/mixed; boundary=\"\"\n\n--any\n\none\n--any--", "0 multipart/mixed|1 text/plain=one"},
		{"Content-Type: multipart/mixed; boundary=\"a b \"\n\n--a b\n\none\n--a b--", "0 multipart/mixed|1 text/plain=one"},
		{"Content-Type: multipart/mixed;\n boundary*0=\"a\"; boundary*1=\"b\"\n\n--ab\n\none\n--ab--",
		 "0 multipart/mixed|1 text/plain=one"},
		{"Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--b\n\none\n--a\n\ntwo\n--a--",
		 "0 multipart/mixed|1 text/plain=one|1 text/plain=two"},
		/* a multipart without delimiters is shown as text */
		{MIXED "just text\n-- \nsignature\n", "0 multipart/mixed=just text/-- /signature/"},
		{"Content-Type: multipart/mixed\n\njust text\n-- \nsignature\n",
		 "0 multipart/mixed=just text/-- /signature/"},
		{MIXED "--x--\n", "0 multipart/mixed"},
		/* delimiters that nobody declared */
		{"Subject: a\n\n--x\nContent-Type: text/html\n\n<b>\n--x--\n",
		 "0 text/plain=--x/Content-Type: text/html//<b>/--x--/"},
		/* encapsulated messages */
		{"Content-Type: message/rfc822\n\nSubject: in\n\none\n", "0 message/rfc822|1 text/plain=one/"},
		{MIXED "--x\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=y\n\n--y\n\none\n--x\n\ntwo\n",
		 "0 multipart/mixed|1 message/rfc822|2 multipart/mixed|3 text/plain=one|1 text/plain=two/"},
		{"Content-Type: multipart/digest; boundary=x\n\n--x\n\nSubject: in\n\none\n--x\nContent-Type: text/plain\n\ntwo\n",
		 "0 multipart/digest|1 message/rfc822|2 text/plain=one|1 text/plain=two/"},
		{"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogaW4KCm9uZQo=\n",
		 "0 message/rfc822|1 text/plain=one/"},
		/* what is no type */
		{"Content-Type: text\n\na", "0 text/plain=a"},
		{"Content-Type: \n\na", "0 text/plain=a"},
		{"Content-Type: ; charset=utf-8\n\na", "0 text/plain=a"},
		{"Content-Type: TEXT / Plain (really);;charset=us-ascii\n\na", "0 text/plain=a"},
		{"Content-Type: nonsense\n\na", "0 application/octet-stream"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++)
		check_shape(gp_str(cases[i].in), cases[i].want);
}

static const struct {
	const char *header, *body, *want;
	unsigned flags; /* of BAD_CHARSET, BAD_ENCODING */
} contents[] = {
	{"", "h\xc3\xbc", "h\xc3\xbc", GP_PART_BAD_CHARSET},
	{"", "h\xfc", "h\xc3\xbc", GP_PART_BAD_CHARSET},
	{"; charset=utf-8", "h\xc3\xbc\xfc!", "h\xc3\xbc\xef\xbf\xbd!", GP_PART_BAD_CHARSET},
	{"; charset=\"ISO-8859-1\"", "\x80\xfc", "\xe2\x82\xac\xc3\xbc", 0},
	{"; charset=\"ISO-8859-1\"", "h\xc3\xbc", "h\xc3\xbc", 0}, /* UTF-8 all the same */
	{"; charset=gb2312", "h\xc3\xbc", "h\xc3\xbc", 0},
	{"; charset=\"ISO-8859-1\"", "h\xc3\xbc\xfc", "h\xc3\x83\xc2\xbc\xc3\xbc", 0},
	{"; charset=koi8-r", "\xf0\xf2", "\xd0\x9f\xd0\xa0", 0},
	{"; charset=gb2312", "\xc4\xe3", "\xe4\xbd\xa0", 0},
	{"; charset=iso-2022-jp", "\x1b$B%F\x1b(Bx", "\xe3\x83\x86x", 0},
	{"; charset=utf-7", "+AGEA/A-", "a\xc3\xbc", 0},
	{"; charset=no-such", "h\xfc", "h\xc3\xbc", GP_PART_BAD_CHARSET},
	{"; charset=no-such", "h\xc3\xbc", "h\xc3\xbc", GP_PART_BAD_CHARSET},
	{"; charset=../../etc/passwd", "h", "h", GP_PART_BAD_CHARSET},
	{"; charset=euc-kr", "a\xff" "b\xb0", "a\xef\xbf\xbd" "b\xef\xbf\xbd", GP_PART_BAD_CHARSET},
	{"\nContent-Transfer-Encoding: base64", "aGVs bG8\n=\n", "hello", 0},
	{"\nContent-Transfer-Encoding: Base64 (sic)", "aGVs\r\nbG8NCg==", "hello\n", 0},
	{"\nContent-Transfer-Encoding: base64", "aGVs*bG8", "hello", GP_PART_BAD_ENCODING},
	{"\nContent-Transfer-Encoding: base64", "aGVsbG", "hell", GP_PART_BAD_ENCODING},
	{"\nContent-Transfer-Encoding: base64", "aGVsbA==", "hell", 0},
	{"\nContent-Transfer-Encoding: base64", "aGVs", "hel", 0},
	{"\nContent-Transfer-Encoding: base64", "aGk=\naGVs\naGk=\n", "hihelhi", GP_PART_BAD_ENCODING},
	{"\nContent-Transfer-Encoding: base64", "", "", 0},
	{"\nContent-Transfer-Encoding: quoted-printable", "a=3Db=\nc=20\n=0D=0A", "a=bc \n\n", 0},
	{"\nContent-Transfer-Encoding: quoted-printable", "a \t\nb =20 \nc= \nd ", "a\nb  \ncd ", 0},
	{"\nContent-Transfer-Encoding: quoted-printable", "50=% =ZZ =", "50=% =ZZ ", GP_PART_BAD_ENCODING},
	{"; charset=utf-8\nContent-Transfer-Encoding: quoted-printable", "=C3=BC", "\xc3\xbc", 0},
	{"\nContent-Transfer-Encoding: x-uuencode", "begin 644 a\n#86)C\n`\nend\n", "abc", 0},
	{"\nContent-Transfer-Encoding: invented", "as it is", "as it is", GP_PART_BAD_ENCODING},
};

static void test_contents(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(contents); i++) {
		GP_BUF_AUTO in = GP_BUF_INIT(1000);
		const struct gp_part *p;

		gp_buf_printf(&in, "Content-Type: text/plain%s\n\n%s", contents[i].header, contents[i].body);
		p = gp_message_parse(arena, NULL, gp_buf_str(&in))->parts.items;
		assert_str(p->decoded, contents[i].want);
		assert_int_equal(p->flags & (GP_PART_BAD_CHARSET | GP_PART_BAD_ENCODING), contents[i].flags);
	}
}

static void test_meta_charset(void **state)
{
	struct gp_message *m = gp_message_parse(arena, NULL, GP_STR(
		"Content-Type: text/html\n\n<meta http-equiv=x content='text/html; CHARSET=koi8-r'>\xf0\n"));

	(void)state;
	assert_str(m->text, "\xd0\x9f");
	assert_str(m->parts.items[0].charset, "");
	assert_int_equal(m->parts.items[0].flags & GP_PART_BAD_CHARSET, 0);
	m = gp_message_parse(arena, NULL, GP_STR(
		"Content-Type: text/html; charset=utf-8\n\n<meta charset=koi8-r>\xd0\x9f\n"));
	assert_str(m->text, "\xd0\x9f"); /* the part's declaration counts first */
}

static void test_attachment(void **state)
{
	const struct gp_part *p;
	struct gp_message *m = gp_message_parse(arena, NULL, GP_STR(
		MIXED "--x\nContent-Type: application/pdf; name=old.pdf\nContent-Transfer-Encoding: base64\n"
		"Content-Disposition: Attachment; filename*=utf-8''r%C3%BCck.pdf\n\nJVBERi0xLjQ=\n"
		"--x\nContent-Type: text/plain; name=\"=?utf-8?Q?=C3=BC?=.txt\"\n\ntext\n"
		"--x\nContent-Type: text/plain\nContent-Disposition: attachment\n\nhidden from view\n"
		"--x\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\n--x--\n"));

	(void)state;
	assert_int_equal(m->parts.len, 5);
	p = &m->parts.items[1];
	assert_str(p->filename, "r\xc3\xbc" "ck.pdf");
	assert_str(p->disposition, "attachment");
	assert_str(p->head, "%PDF-1.4");
	assert_int_equal(p->size, 8);
	assert_int_equal(p->flags, GP_PART_ATTACHMENT);
	assert_int_equal(p->n_headers, 3);
	p = &m->parts.items[2];
	assert_str(p->filename, "\xc3\xbc.txt");
	assert_int_equal(p->flags, GP_PART_ATTACHMENT | GP_PART_TEXT);
	assert_int_equal(m->parts.items[3].flags, GP_PART_ATTACHMENT);
	assert_str(m->parts.items[3].decoded, "hidden from view");
	assert_int_equal(m->parts.items[4].flags, 0);
	assert_str(m->text, "text");
}

static void test_text(void **state)
{
	struct gp_message *m = gp_message_parse(arena, NULL, GP_STR(
		"List-Unsubscribe: <mailto:off@list.example>, <https://list.example/off>\n" MIXED
		"--x\n\n\n  One  line\nand\xc2\xa0 more.\n \nSee http://a.example/ or\t\n\n\n\nend\n\n"
		"--x\nContent-Type: text/html\n\n<p>HTML <a href='http://b.example/'>link</a></p>"
		"<div style='display:none'>secret</div>\n--x--\n"));

	(void)state;
	assert_str(m->text, "One line and more.\nSee http://a.example/ or\nend\nHTML link");
	assert_str(m->hidden_text, "secret");
	assert_true(m->html.has_html);
	assert_int_equal(m->uris.len, 4);
	assert_str(m->uris.items[0].host, "a.example");
	assert_int_equal(m->uris.items[0].sources, GP_URI_TEXT);
	assert_str(m->uris.items[1].host, "b.example");
	assert_int_equal(m->uris.items[1].sources, GP_URI_HREF);
	assert_int_equal(m->uris.items[1].part, 2);
	assert_int_equal(m->uris.items[3].sources, GP_URI_HEADER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_structure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_contents, setup, teardown),
		cmocka_unit_test_setup_teardown(test_meta_charset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attachment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

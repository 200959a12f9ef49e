/* Office documents: what each mark shows, and what does not. */
#include "tests/unit/score/rule_fixture.h"

#include "lib/score/rule_ole.h"

#define OLD "\xd0\xcf\x11\xe0"

static void add_number(struct gp_buf *b, size_t n, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		gp_buf_add_chr(b, (char)(i < sizeof(n) ? n >> 8 * i & 255 : 0));
}

/* A ZIP file of one member, stored. */
static struct gp_str zip_of(struct gp_arena *a, const char *name, struct gp_str content, bool is_locked)
{
	GP_BUF_AUTO b = GP_BUF_INIT(100000);
	size_t list;

	for (int is_list = 0; is_list < 2; is_list++) {
		list = b.len;
		gp_buf_add_cstr(&b, is_list ? "PK\1\2" : "PK\3\4");
		add_number(&b, 20, is_list ? 4 : 2);
		add_number(&b, is_locked, 2);
		add_number(&b, 0, 10); /* method, time, date, checksum */
		add_number(&b, content.len, 4);
		add_number(&b, content.len, 4);
		add_number(&b, strlen(name), 2);
		add_number(&b, 0, is_list ? 16 : 2);
		gp_buf_add_cstr(&b, name);
		if (!is_list)
			gp_buf_add_str(&b, content);
	}
	{
		size_t size = b.len - list;

		gp_buf_add_cstr(&b, "PK\5\6");
		add_number(&b, 0, 4);
		add_number(&b, 1, 2);
		add_number(&b, 1, 2);
		add_number(&b, size, 4);
		add_number(&b, list, 4);
		add_number(&b, 0, 2);
	}
	return gp_arena_str(a, gp_buf_str(&b));
}

/* The finds' letters, in the order of enum gp_ole_find. */
static const char *finds(const char *rules, const char *name, struct gp_str data)
{
	static const char letters[] = "MORCANUPDLH";
	static char text[GP_OLE_FINDS + 1];
	struct gp_pcre *pcre = gp_pcre_new(0);
	struct gp_ole ole = {0};
	struct fixture f;
	size_t n = 0;

	fixture_load(&f, rules);
	gp_ole_read(f.set, pcre, f.arena, gp_str(name), data, &ole);
	for (size_t i = 0; i < GP_OLE_FINDS; i++)
		if (ole.found[i].len)
			text[n++] = letters[i];
	text[n] = '\0';
	gp_pcre_free(pcre);
	fixture_done(&f);
	return text;
}

static void marks(void **state)
{
	static const struct {
		const char *name, *found;
		struct gp_str data;
	} table[] = {
		{"a.doc", "", GP_STR(OLD "nothing")},
		{"a.doc", "M", GP_STR(OLD "x\0Attribut\0e")},
		{"a.doc", "MA", GP_STR(OLD "x\0Attribut\0e AUTO_OPEN")},
		{"a.doc", "MA", GP_STR(OLD "x\0Attribut\0e open documentopen")},
		{"a.doc", "M", GP_STR(OLD "x\0Attribut\0e opened the document")},
		{"a.doc", "", GP_STR("x\0Attribut\0e AutoOpen")},
		{"a.xyz", "", GP_STR(OLD "x\0Attribut\0e")},
		{"a.docm", "M", GP_STR("x")},
		{"a.dotx", "", GP_STR(OLD "x\0Attribut\0e")},
		{"a.xls", "U", GP_STR(OLD "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0")},
		{"a.rtf", "M", GP_STR("{\\rtf1{\\objemb x}")},
		{"a.csv", "C", GP_STR("=MSEXCEL|'\\..\\Windows\\System32\\cmd.exe'")},
		{"a.csv", "", GP_STR("a;cmd.exe")},
		{"a.xls", "D", GP_STR(OLD "W\0o\0r\0k\0b\0o\0o\0k\0 \0http://evil.example/a/program.exe\0")},
		{"a.xls", "", GP_STR(OLD "W\0o\0r\0k\0b\0o\0o\0k\0 \0http://evil.example/a/program.pdf\0")},
		{"a.zip", "", GP_STR("PK")},
		{"a.zip", "", GP_STR("")},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++)
		if (strcmp(finds("", table[i].name, table[i].data), table[i].found) != 0)
			fail_msg("%zu, %s: %s", i, table[i].name, finds("", table[i].name, table[i].data));
}

static void members(void **state)
{
	static const struct {
		const char *name, *member, *content, *found;
	} table[] = {
		{"a.docx", "word/vbaProject.bin", "x", "M"},
		{"a.docx", "Word/VbaProject.bin", "Document_Open()", "MA"},
		{"a.docx", "word/other.bin", "Document_Open()", ""},
		{"a.xlsx", "xl/embeddings/oleObject1.bin", "x", "O"},
		{"a.docx", "word/a.rtf", "x", "R"},
		{"a.docx", "word/.rtf", "x", ""},
		{"a.docx", "word/a.rtfx", "x", ""},
		{"a.xlsx", "[Content_Types].xml", "=application/vnd.ms-excel.intlMacroSheet", "M"},
		{"a.docx", "[Content_Types].xml", "nothing", ""},
		{"a.docx", "_rels/x.rels", "<Relationship Target=\"https://x.example/\" TargetMode=\"External\"/>", "L"},
		{"a.docx", "_rels/x.rels", "<Relationship Target=\"https://x.example/\"/><Relationship "
					   "Target=\"a.xml\" TargetMode=\"External\"/>", ""},
		{"a.docx", "_rels/x.rels", "<Relationship Target=\"MHTML:http://x.example/\" TargetMode=\"External\"/>", "LH"},
		{"a.zip", "b.docm", "x", "M"},
		{"a.zip", "b.doc", "{\\objdat", "M"},
		{"a.zip", "b.txt", "{\\objdat", ""},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct gp_arena *a = gp_arena_new(0);
		struct gp_str data = zip_of(a, table[i].member, gp_str(table[i].content), false);

		if (strcmp(finds("", table[i].name, data), table[i].found) != 0)
			fail_msg("%zu, %s: %s", i, table[i].member, finds("", table[i].name, data));
		gp_arena_free(a);
	}
}

static void archives(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_str document = GP_STR("{\\objdat");
	struct gp_str one = zip_of(a, "b.doc", document, false), two = zip_of(a, "b.zip", one, false);
	struct gp_str three = zip_of(a, "c.zip", two, false);

	assert_string_equal(finds("", "a.zip", zip_of(a, "b.doc", document, true)), "P");
	assert_string_equal(finds("", "a.zip", zip_of(a, "b.docm", document, true)), "MP");
	assert_string_equal(finds("", "a.zip", two), "M");
	assert_string_equal(finds("", "a.zip", three), "");
	assert_string_equal(finds("olemacro_zip_depth 3\n", "a.zip", three), "M");
	assert_string_equal(finds("olemacro_zip_depth 1\n", "a.zip", two), "");
	assert_string_equal(finds("olemacro_num_zip 0\n", "a.zip", one), "");
	assert_string_equal(finds("olemacro_zips \\.pack$\n", "a.PACK", one), "M");
	assert_string_equal(finds("olemacro_extended_scan 1\n", "a.jpg", document), "MN");
	gp_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks),
		cmocka_unit_test(members),
		cmocka_unit_test(archives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

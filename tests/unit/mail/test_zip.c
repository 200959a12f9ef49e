/* ZIP files: members as they are, and every way in which a list can lie about them. */
#include "tests/unit/test.h"

#include "lib/mail/zip.h"

/* One member, stored; its content is a deflated "hello" in a block that is not compressed. */
#define BLOCK "\x01\x05\x00\xfa\xffhello"
#define LOCAL "PK\3\4\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\x0a\0\0\0\x05\0\0\0\1\0\0\0n" BLOCK
#define ENTRY                                                                                      \
	"PK\1\2\x14\0\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\x0a\0\0\0\x05\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0" \
	"\0\0\0\0n"
#define END "PK\5\6\0\0\0\0\1\0\1\0\x2f\0\0\0\x29\0\0\0\0\0"

enum { LOCAL_AT = 0, ENTRY_AT = sizeof(LOCAL) - 1, END_AT = ENTRY_AT + sizeof(ENTRY) - 1,
       SIZE = END_AT + sizeof(END) - 1 };

struct world {
	struct gp_arena *arena;
	char bytes[SIZE];
	struct gp_zip zip;
	struct gp_buf out;
};

static void begin(struct world *w)
{
	*w = (struct world){.arena = gp_arena_new(0), .out = GP_BUF_INIT(100)};
	memcpy(w->bytes, LOCAL ENTRY END, SIZE);
}

static void end(struct world *w)
{
	gp_buf_done(&w->out);
	gp_arena_free(w->arena);
}

static int open_zip(struct world *w)
{
	return gp_zip_open(w->arena, gp_str_n(w->bytes, SIZE), &w->zip);
}

static int read_first(struct world *w)
{
	assert_int_equal(open_zip(w), GP_OK);
	assert_int_equal(w->zip.members.len, 1);
	return gp_zip_content(&w->zip, &w->zip.members.items[0], &w->out);
}

static void a_member(void **state)
{
	struct world w;

	begin(&w);
	assert_int_equal(read_first(&w), GP_OK);
	assert_true(gp_str_eq(w.zip.members.items[0].name, GP_STR("n")));
	assert_str(gp_buf_str(&w.out), "hello");
	end(&w);
}

static void stored(void **state)
{
	struct world w;

	begin(&w);
	w.bytes[ENTRY_AT + 10] = 0;
	assert_int_equal(read_first(&w), GP_OK);
	assert_int_equal(w.out.len, 10);
	end(&w);
}

static void lies(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		char byte;
		int open, read;
	} table[] = {
		{"no end", END_AT, 'X', GP_EINVAL, 0},
		{"the list is longer than the file", END_AT + 13, '\x7f', GP_EINVAL, 0},
		{"the list begins behind itself", END_AT + 17, '\x7f', GP_EINVAL, 0},
		{"encrypted", ENTRY_AT + 8, 1, GP_OK, GP_EINVAL},
		{"a method that nobody has", ENTRY_AT + 10, 99, GP_OK, GP_EINVAL},
		{"more bytes than there are", ENTRY_AT + 22, 1, GP_OK, GP_EINVAL},
		{"fewer bytes than the block has", ENTRY_AT + 20, 3, GP_OK, GP_EINVAL},
		{"a place behind the end", ENTRY_AT + 44, 1, GP_OK, GP_EINVAL},
		{"no local header there", LOCAL_AT, 'X', GP_OK, GP_EINVAL},
		{"a local name beyond the end", LOCAL_AT + 27, '\x7f', GP_OK, GP_EINVAL},
		{"damaged data", LOCAL_AT + 31, '\x07', GP_OK, GP_EINVAL},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct world w;
		int r;

		begin(&w);
		w.bytes[table[i].at] = table[i].byte;
		r = open_zip(&w);
		if (r != table[i].open)
			fail_msg("%s: open says %d", table[i].what, r);
		if (r == GP_OK && read_first(&w) != table[i].read)
			fail_msg("%s: was read", table[i].what);
		end(&w);
	}
}

static void name_beyond_the_list(void **state)
{
	struct world w;

	begin(&w);
	w.bytes[ENTRY_AT + 28] = 2;
	assert_int_equal(open_zip(&w), GP_OK);
	assert_int_equal(w.zip.members.len, 0);
	end(&w);
}

static void too_large(void **state)
{
	struct world w;

	begin(&w);
	w.out.max = 3;
	assert_int_equal(read_first(&w), GP_ELIMIT);
	assert_true(w.out.len <= 3);
	end(&w);
}

static void cut_anywhere(void **state)
{
	struct world w;

	begin(&w);
	for (size_t n = 0; n < SIZE; n++)
		assert_int_equal(gp_zip_open(w.arena, gp_str_n(w.bytes, n), &w.zip), GP_EINVAL);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member),
		cmocka_unit_test(stored),
		cmocka_unit_test(lies),
		cmocka_unit_test(name_beyond_the_list),
		cmocka_unit_test(too_large),
		cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

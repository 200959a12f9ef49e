/*
 * Archives: what is said of whole ones, of each of their beginnings, and of damaged ones.  The samples
 * were made by gzip, bzip2, xz, zip, zstd, 7za, gcab, arj and jlha; those of RAR by
 * tests/servers/archives.py.
 */
#include "milter-virus/archive.h"

#include <stdio.h>

#include "lib/base/codec.h"
#include "lib/base/inflate.h"
#include "lib/base/mem.h"
#include "tests/unit/test.h"

static const struct {
	const char *name;
	unsigned found;
	size_t least;	 /* each beginning of so many bytes or more is broken; 0: that is not looked at */
	size_t sound_at; /* but this one, to which only the mark of the end is missing */
	size_t flips[2]; /* from, to: a byte that is another one breaks it */
	const char *hex;
} samples[] = {
	{"zip", 0, .least = 4,
	 .hex = "504b0304140000000800a01b765d99ee34940f0000001b00000001000000744b4f2c492dc82f2e514847"
	 "67700100504b01021e03140000000800a01b765d99ee34940f0000001b00000001000000000000000100"
	 "0000a4810000000074504b050600000000010001002f0000002e0000000000"},
	{"gzip", 0, .least = 3, .flips = {10, 33},
	 .hex = "1f8b08000000000000034b4f2c492dc82f2e5148476770010099ee34941b000000"},
	{"gzip two", 0, .flips = {43, 66},
	 .hex = "1f8b08000000000000034b4f2c492dc82f2e5148476770010099ee34941b0000001f8b08000000000000"
	 "034b4f2c492dc82f2e5148476770010099ee34941b000000"},
	{"gzip empty", 0, .least = 3, .flips = {10, 20},
	 .hex = "1f8b080000000000000303000000000000000000"},
	{"bzip2", 0, .least = 10,
	 .hex = "425a6839314159265359d4e6f98b000021c80000107fe02000685064d3fd520d299bf5549f9536af5c89"
	 "ed79746c0747009080401bbbbddbbbe666665ff0b950e0eca83a72540b792a015500800101f0bb9229c2"
	 "8486a737cc58"},
	{"bzip2 two", VIRUS_ARCHIVE_UNSUPPORTED,
	 .hex = "425a6839314159265359d4e6f98b000021c80000107fe02000685064d3fd520d299bf5549f9536af5c89"
	 "ed79746c0747009080401bbbbddbbbe666665ff0b950e0eca83a72540b792a015500800101f0bb9229c2"
	 "8486a737cc58425a6839314159265359d4e6f98b000021c80000107fe02000685064d3fd520d299bf554"
	 "9f9536af5c89ed79746c0747009080401bbbbddbbbe666665ff0b950e0eca83a72540b792a0155008001"
	 "01f0bb9229c28486a737cc58"},
	{"bzip2 empty", 0, .least = 10,
	 .hex = "425a683917724538509000000000"},
	{"xz", VIRUS_ARCHIVE_SHUT, .least = 6, .flips = {56, 76},
	 .hex = "fd377a585a000004e6d6b4460200210116000000742fe5a3e0001a00105d0033984aeeeeac4ac0ec8c1b"
	 "70cbf6e00000cb0e4ab08441409200012c1b6917d2931fb6f37d010000000004595a"},
	{"xz two", VIRUS_ARCHIVE_SHUT,
	 .hex = "fd377a585a000004e6d6b4460200210116000000742fe5a3e0001a00105d0033984aeeeeac4ac0ec8c1b"
	 "70cbf6e00000cb0e4ab08441409200012c1b6917d2931fb6f37d010000000004595a0000000000000000"
	 "fd377a585a000004e6d6b4460200210116000000742fe5a3e0001a00105d0033984aeeeeac4ac0ec8c1b"
	 "70cbf6e00000cb0e4ab08441409200012c1b6917d2931fb6f37d010000000004595a"},
	{"xz empty", 0, .least = 6, .flips = {6, 32},
	 .hex = "fd377a585a000004e6d6b446000000001cdf44211fb6f37d010000000004595a"},
	{"lzma", VIRUS_ARCHIVE_UNSUPPORTED,
	 .hex = "5d00008000ffffffffffffffff0033984aeeeeac4ac0ec8c1b70cd8f37a7ffff40040000"},
	{"zstd", VIRUS_ARCHIVE_UNSUPPORTED,
	 .hex = "28b52ffd241b8500005067617465706f7374200a01009ccb11f65511c0"},
	{"7z", VIRUS_ARCHIVE_SHUT, .least = 6, .flips = {8, 32},
	 .hex = "377abcaf271c00041146d30e18000000000000003e0000000000000075b159c6e0001a00105d0033984a"
	 "eeeeac4ac0ec8c1b70cbf6e000000104060001091800070b010001212101000c1b00080a0199ee349400"
	 "000501190c00000000000000000000000011050074000000150601002080a4810000"},
	{"7z empty", 0, .least = 6, .flips = {8, 62},
	 .hex = "377abcaf271c0004d1393d0300000000000000001e00000000000000f3de8e390105010e01800f018019"
	 "02000011050065000000150601002080a4810000"},
	{"7z locked", VIRUS_ARCHIVE_ENCRYPTED, .least = 6, .flips = {8, 32},
	 .hex = "377abcaf271c00042148073d70000000000000002e00000000000000d31f8c379cf694808052fc0b2263"
	 "a562fcab28312439d08a9f999117c2a9c95fec7fadfb2a8c442fa2651c3a67841e1fcff62156443cfe84"
	 "26ba561d135344044560d667f6af383a1006057287cc5f51ad848caeb7b73867e2894ad42bd1ad3429f7"
	 "03f1d69cabcb14d1b4d753d5a2c81010aa0f17062001095000070b0100012406f1070112530ff1f2ece4"
	 "641ef13ed89a83d38646e1ea0c4e0a0191b668f80000"},
	{"rar4", VIRUS_ARCHIVE_SHUT, .least = 21, .sound_at = 83, .flips = {7, 56},
	 .hex = "526172211a0700cf907300000d00000000000000963574008024001b0000001b0000000399ee34940000"
	 "215a1d300400a481000066696c6567617465706f73742067617465706f73742067617465706f73740ac4"
	 "3d7b00400700"},
	{"rar4 locked", VIRUS_ARCHIVE_ENCRYPTED, .least = 21, .sound_at = 83,
	 .hex = "526172211a0700cf907300000d000000000000005a7674048024001b0000001b0000000399ee34940000"
	 "215a1d300400a481000066696c6567617465706f73742067617465706f73742067617465706f73740ac4"
	 "3d7b00400700"},
	{"rar4 headers", VIRUS_ARCHIVE_ENCRYPTED,
	 .hex = "526172211a0700ce997380000d000000000000005a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"},
	{"rar4 volume", VIRUS_ARCHIVE_BROKEN | VIRUS_ARCHIVE_SHUT,
	 .hex = "526172211a0700197a7311000d00000000000000701474028024001b0000001b0000000399ee34940000"
	 "215a1d300400a481000066696c6567617465706f73742067617465706f73742067617465706f73740aa1"
	 "5a7b01400700"},
	{"rar5", VIRUS_ARCHIVE_SHUT, .least = 8, .flips = {8, 40},
	 .hex = "526172211a070100c51a3332030100008962e7bb1302021b041ba4830299ee349400010466696c656761"
	 "7465706f73742067617465706f73742067617465706f73740a19b23a3503050000"},
	{"rar5 locked", VIRUS_ARCHIVE_ENCRYPTED, .least = 8,
	 .hex = "526172211a070100c51a333203010000c5b4db65390203251b041ba4830299ee349400010466696c6524"
	 "0100000f000000000000000000000000000000000000000000000000000000000000000067617465706f"
	 "73742067617465706f73742067617465706f73740a19b23a3503050000"},
	{"rar5 headers", VIRUS_ARCHIVE_ENCRYPTED,
	 .hex = "526172211a0701000f3b2c9e15040000000f000000000000000000000000000000005a5a5a5a5a5a5a5a"
	 "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"},
	{"rar5 volume", VIRUS_ARCHIVE_BROKEN | VIRUS_ARCHIVE_SHUT,
	 .hex = "526172211a070100532a344503010001913e44951302121b041ba4830299ee349400010466696c656761"
	 "7465706f73742067617465706f73742067617465706f73740a8f823d4203050001"},
	{"cab", 0, .least = 8, .flips = {62, 87},
	 .hex = "4d5343460000000057000000000000002c000000000000000301010001000000000000003e0000000100"
	 "01001b000000000000000000765da01b20007400164b5cce11001b00434b4b4f2c492dc82f2e51484767"
	 "700100"},
	{"arj", 0, .least = 53,
	 .hex = "60ea2b00220b0102100002a07c61026b7c61026b00000000000000000000000000000000000061726a2e"
	 "61726a000002355bdf000060ea31002e0b01021001007c7c61026b180000001b00000099ee34940000a4"
	 "110000000000007c61026b7c61026b0000000074000078c196d80000000b3b696d43eba005059e831a9f"
	 "c8e10a809a8c8f8bf14060ea0000"},
	{"arj locked", VIRUS_ARCHIVE_ENCRYPTED, .least = 54,
	 .hex = "60ea2c00220b0102110002007c61026b7c61026b00000000000000000000000001000000000061726a70"
	 "2e61726a0000d570ce24000060ea31002e0b01021101007c7c61026b180000001b00000099ee34940000"
	 "a4110000000000007c61026b7c61026b0000000074000034e9007b0000ddd5e4b4b39c367edad8405cc7"
	 "41173cd45f475250562f9f60ea0000"},
	{"lha", 0, .least = 37, .sound_at = 58,
	 .hex = "23002d6c68352d170000001b0000007c61026b2002f6e4000500001fba040001740000000b3a6e4a1f9d"
	 "e0178b1c08e4a09e858122af73a9f00000"},
};

static unsigned look(const void *bytes, size_t len)
{
	/* Exactly so large, for the sanitizers. */
	GP_FREE char *copy = gp_xmalloc(len ? len : 1);
	uint64_t room = 1000;
	unsigned found;

	if (len)
		memcpy(copy, bytes, len);
	found = virus_archive_look(gp_str_n(copy, len), &room);
	assert_true(room <= 1000);
	return found;
}

static const char zeros[1024];

static bool is_broken(const void *bytes, size_t len)
{
	return look(bytes, len) & VIRUS_ARCHIVE_BROKEN;
}

static void samples_are_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(samples); i++) {
		GP_BUF_AUTO file = GP_BUF_INIT(1000);

		assert_int_equal(gp_hex_decode(gp_str(samples[i].hex), &file), GP_OK);
		print_message("%s\n", samples[i].name);
		assert_int_equal(look(file.data, file.len), samples[i].found);
		gp_buf_add_cstr(&file, "\r\n"); /* of the mail */
		assert_int_equal(look(file.data, file.len), samples[i].found);
	}
}

static void beginnings_are_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(samples); i++) {
		GP_BUF_AUTO file = GP_BUF_INIT(1000);

		assert_int_equal(gp_hex_decode(gp_str(samples[i].hex), &file), GP_OK);
		for (size_t n = 0; n < file.len; n++) {
			bool broken = is_broken(file.data, n);

			print_message("%s, %zu bytes of %zu\n", samples[i].name, n, file.len);
			if (samples[i].least && n >= samples[i].least)
				assert_int_equal(broken, n != samples[i].sound_at);
		}
	}
}

static void damage_is_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(samples); i++) {
		GP_BUF_AUTO file = GP_BUF_INIT(1000);

		assert_int_equal(gp_hex_decode(gp_str(samples[i].hex), &file), GP_OK);
		for (size_t n = samples[i].flips[0]; n < samples[i].flips[1]; n++) {
			print_message("%s, byte %zu\n", samples[i].name, n);
			file.data[n] ^= 0x55;
			assert_true(is_broken(file.data, file.len));
			file.data[n] ^= 0x55;
		}
	}
}

/* A member's header, with its checksum. */
static void add_header(struct gp_buf *out, const char *name, char type, size_t size)
{
	char block[512] = {0};
	unsigned sum = 8 * ' ';

	snprintf(block, 100, "%s", name);
	snprintf(block + 100, 8, "0000644");
	snprintf(block + 124, 12, "%011zo", size);
	block[156] = type;
	memcpy(block + 257, "ustar\0" "00", 8);
	for (size_t i = 0; i < sizeof(block); i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", sum);
	gp_buf_add(out, block, sizeof(block));
}

static void tar(void **state)
{
	GP_BUF_AUTO file = GP_BUF_INIT(10000);

	(void)state;
	add_header(&file, "one", '0', 600);
	gp_buf_add(&file, zeros, 1024);
	assert_int_equal(look(file.data, file.len), 0); /* some writers end here … */
	add_header(&file, "folder", '5', 0);
	add_header(&file, "two", '0', 100);
	assert_true(is_broken(file.data, file.len));
	gp_buf_add(&file, zeros, 512);
	for (size_t n = 265; n < file.len; n++) {
		bool is_between = n == 512 + 1024 || n == 1024 + 1024; /* two members */
		bool is_padding = (n >= 512 + 600 && n < 512 + 1024) || n >= 2560 + 100;

		if (!is_between && !is_padding)
			assert_true(is_broken(file.data, n));
		else
			assert_int_equal(look(file.data, n), 0);
	}
	gp_buf_add(&file, zeros, 1024);
	assert_int_equal(look(file.data, file.len), 0);
	file.data[1536 + 3] ^= 1; /* the name of the second */
	assert_true(is_broken(file.data, file.len));
}

/* What is not plain is not followed. */
static void tar_of_many_kinds(void **state)
{
	static const char types[] = {'1', '2', '5', 'S'};

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		GP_BUF_AUTO file = GP_BUF_INIT(10000);

		add_header(&file, "link", types[i], 5000);
		assert_int_equal(look(file.data, file.len), 0);
	}
}

static void zip_files(void **state)
{
	static const char split[] = "PK\7\x08PK\3\4";
	GP_BUF_AUTO file = GP_BUF_INIT(1000);

	(void)state;
	assert_true(is_broken(split, sizeof(split)));
	assert_int_equal(gp_hex_decode(gp_str(samples[0].hex), &file), GP_OK);
	file.data[8] = file.data[file.len - 22 - 47 + 10] = 14; /* LZMA; looked up in the directory */
	assert_int_equal(look(file.data, file.len), VIRUS_ARCHIVE_UNSUPPORTED);
}

static void put_number(char *at, unsigned value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (char)(value >> 8 * i);
}

/* A compound file: header, table of sectors, directory of two sectors, the second of which names a
 * stream. */
static void compound_file(void **state)
{
	static const char magic[] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", name[] = "EncryptedPackage";
	char file[512 * 4] = {0}, *table = file + 512, *entry = file + 512 * 3 + 128;

	(void)state;
	memcpy(file, magic, 8);
	file[30] = 9;
	put_number(file + 48, 1); /* where the directory is */
	put_number(table + 4, 2);
	put_number(table + 8, UINT32_MAX - 1);
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		entry[2 * i] = name[i];
	entry[64] = 2 * sizeof(name);
	assert_int_equal(look(file, sizeof(file)), VIRUS_ARCHIVE_ENCRYPTED | VIRUS_ARCHIVE_DOCUMENT);
	for (size_t n = 0; n < sizeof(file) - 512; n++)
		assert_int_equal(look(file, n), 0);
	entry[64]--;
	put_number(table + 8, 1); /* a ring */
	assert_int_equal(look(file, sizeof(file)), 0);
	put_number(table + 8, 200 * 128); /* beyond the file */
	assert_int_equal(look(file, sizeof(file)), 0);
	file[30] = 40;
	assert_int_equal(look(file, sizeof(file)), 0);
}

/* How much is unpacked for a look has an end, for all of a message. */
static void room_for_gzip(void **state)
{
	GP_BUF_AUTO file = GP_BUF_INIT(1000);
	struct gp_str whole, cut;
	uint64_t room = 60;

	(void)state;
	assert_int_equal(gp_hex_decode(gp_str(samples[1].hex), &file), GP_OK);
	whole = gp_buf_str(&file);
	cut = gp_str_sub(whole, 0, whole.len - 1);
	assert_int_equal(virus_archive_look(cut, &room), VIRUS_ARCHIVE_BROKEN);
	assert_int_equal(room, 60 - 27);
	assert_int_equal(virus_archive_look(whole, &room), 0);
	assert_int_equal(virus_archive_look(cut, &room), 0); /* no longer known */
	assert_int_equal(room, 0);
	assert_int_equal(virus_archive_look(cut, &room), 0);
}

/* Texts and pictures that begin nearly as an archive does. */
static void what_is_no_archive(void **state)
{
	static const char *const texts[] = {
		"",   "P",  "PK", "PK\3", "BZh", "BZh is not one", "BZh91AY&SX", "\x60\xea",
		"\x60\xea\x1e", "MSCF", "**ACE*", "Rar!", "7z", "-lh5-", "  -lh5-  and more text, of a letter",
		"\x5d", "]text that is long enough to be something", "LZIP", "\x1f\x8b",
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(texts); i++)
		assert_int_equal(look(texts[i], strlen(texts[i])), 0);
}

static void checksum(void **state)
{
	(void)state;
	assert_int_equal(gp_crc32(gp_str("123456789")), 0xcbf43926);
	assert_int_equal(gp_crc32(gp_str("")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_known),  cmocka_unit_test(beginnings_are_broken),
		cmocka_unit_test(damage_is_seen),     cmocka_unit_test(tar),
		cmocka_unit_test(tar_of_many_kinds),  cmocka_unit_test(zip_files),
		cmocka_unit_test(room_for_gzip),      cmocka_unit_test(what_is_no_archive),
		cmocka_unit_test(checksum),	      cmocka_unit_test(compound_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Archives: whatever the bytes, nothing is read beyond them, only known bits come back, the same twice,
 * and no more is unpacked than there is room for.
 */
#include "milter-virus/archive.h"
#include "tests/fuzz/fuzz.h"

#define ROOM 100000u
#define ALL (VIRUS_ARCHIVE_BROKEN | VIRUS_ARCHIVE_UNSUPPORTED | VIRUS_ARCHIVE_ENCRYPTED |   \
	     VIRUS_ARCHIVE_SHUT | VIRUS_ARCHIVE_DOCUMENT)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str file = gp_str_n(data, size);
	uint64_t room = ROOM, again = ROOM, none = 0;
	unsigned found = virus_archive_look(file, &room);

	FUZZ_CHECK((found & ~(unsigned)ALL) == 0);
	FUZZ_CHECK(room <= ROOM);
	FUZZ_CHECK(virus_archive_look(file, &again) == found && again == room);
	FUZZ_CHECK((virus_archive_look(file, &none) & ~found) == 0 && none == 0);
	return 0;
}

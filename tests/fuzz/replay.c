/* fuzz/replay.c: run a fuzz target over every file of a folder, without libFuzzer. */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>

enum { INPUT_MAX = 1 << 20 };

static size_t run_file(const char *folder, const char *name)
{
	static uint8_t bytes[INPUT_MAX];
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	if (!file)
		return 0;
	size_t len = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	/* A copy of the exact size, so that a sanitizer sees a read past its end. */
	uint8_t *copy = malloc(len ? len : 1);
	FUZZ_CHECK(copy);
	memcpy(copy, bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	return 1;
}

int main(int argc, char **argv)
{
	size_t count = 0;
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
	if (!folder) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	struct dirent *entry;
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			count += run_file(argv[1], entry->d_name);
	closedir(folder);
	printf("%zu seeds\n", count);
	return count ? 0 : 1;
}

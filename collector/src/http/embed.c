/* embed: a build step that turns a folder of files, or one file, into a C file with a table of them
 * (http/assets.h): <name>_assets and <name>_asset_count.
 *
 *     embed <folder, file or ""> <output.c> [name: http_embedded]
 *
 * Runs at every build and leaves an unchanged output alone, so it needs no list of the folder's files (their
 * names hold hashes). A folder that is not there gives an empty table. Bodies become string literals with
 * octal escapes: five times faster to compile than lists of numbers. Needs zlib and libc only. */
#include "http/hash.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zlib.h>

enum { MAX_FILES = 4096, MAX_PATH = 4096, LINE_BYTES = 64 };

struct file {
	char *path; /* below the folder, with a leading '/' */
	unsigned char *body;
	size_t body_len;
	unsigned char *gzip; /* NULL when it is not smaller */
	size_t gzip_len;
};

static struct file files[MAX_FILES];
static size_t file_count;

static void *must(void *pointer, const char *what)
{
	if (!pointer) {
		fprintf(stderr, "embed: %s: %s\n", what, strerror(errno));
		exit(1);
	}
	return pointer;
}

static const char *type_of(const char *path)
{
	static const struct {
		const char *extension, *type;
	} types[] = {
		{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".mjs", "text/javascript; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".json", "application/json"},
		{".map", "application/json"},
		{".webmanifest", "application/manifest+json"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
		{".ico", "image/x-icon"},
		{".woff2", "font/woff2"},
		{".wasm", "application/wasm"},
		{".txt", "text/plain; charset=utf-8"},
	};
	const char *dot = strrchr(path, '.');
	for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(dot, types[i].extension) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

static unsigned char *read_all(FILE *in, size_t *out_len)
{
	size_t len = 0, cap = 65536;
	unsigned char *data = must(malloc(cap), "memory");
	size_t got;
	while ((got = fread(data + len, 1, cap - len, in)) > 0) {
		len += got;
		if (len == cap)
			data = must(realloc(data, cap *= 2), "memory");
	}
	*out_len = len;
	return data;
}

static void pack(struct file *file)
{
	z_stream z = {0};
	if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	uLong room = deflateBound(&z, file->body_len);
	file->gzip = must(malloc(room), "memory");
	z.next_in = file->body;
	z.avail_in = (uInt)file->body_len;
	z.next_out = file->gzip;
	z.avail_out = (uInt)room;
	int rc = deflate(&z, Z_FINISH);
	file->gzip_len = z.total_out;
	deflateEnd(&z);
	if (rc == Z_STREAM_END && file->gzip_len + file->gzip_len / 16 < file->body_len)
		return;
	free(file->gzip);
	file->gzip = NULL;
	file->gzip_len = 0;
}

static void add_file(const char *full, const char *path)
{
	if (file_count == MAX_FILES) {
		fprintf(stderr, "embed: over %d files\n", MAX_FILES);
		exit(1);
	}
	FILE *in = must(fopen(full, "rb"), full);
	struct file *file = &files[file_count++];
	file->path = must(strdup(path), "memory");
	file->body = read_all(in, &file->body_len);
	fclose(in);
	pack(file);
}

static void add_folder(const char *folder, const char *below)
{
	DIR *dir = opendir(folder);
	if (!dir)
		return;
	struct dirent *entry;
	while ((entry = readdir(dir))) {
		char full[MAX_PATH], path[MAX_PATH];
		struct stat st;
		if (entry->d_name[0] == '.')
			continue;
		int a = snprintf(full, sizeof(full), "%s/%s", folder, entry->d_name);
		int b = snprintf(path, sizeof(path), "%s/%s", below, entry->d_name);
		if (a >= (int)sizeof(full) || b >= (int)sizeof(path) || stat(full, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			add_folder(full, path);
		else if (S_ISREG(st.st_mode))
			add_file(full, path);
	}
	closedir(dir);
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static void write_literal(FILE *out, const char *name, size_t index, const unsigned char *data, size_t len)
{
	fprintf(out, "static const char %s_%zu[] =", name, index);
	for (size_t i = 0; i < len; i++) {
		if (i % LINE_BYTES == 0)
			fputs(i ? "\"\n\t\"" : "\n\t\"", out);
		unsigned char c = data[i];
		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '?')
			fputc(c, out);
		else
			fprintf(out, "\\%03o", c);
	}
	fputs(len ? "\";\n" : " \"\";\n", out);
}

static void write_path(FILE *out, const char *path)
{
	fputc('"', out);
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;
		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
			fputc(c, out);
		else
			fprintf(out, "\\%03o", c);
	}
	fputc('"', out);
}

static void write_entry(FILE *out, const struct file *file, size_t index)
{
	uint64_t hash = http_hash((const char *)file->body, file->body_len);
	fputs("\t{", out);
	write_path(out, file->path);
	fprintf(out, ", \"%s\", \"%016" PRIx64 "\", body_%zu, %zu, ", type_of(file->path), hash, index,
		file->body_len);
	if (file->gzip)
		fprintf(out, "gzip_%zu, %zu},\n", index, file->gzip_len);
	else
		fputs("NULL, 0},\n", out);
}

static void write_table(FILE *out, const char *name)
{
	fputs("/* Generated by embed.c. */\n#include \"http/assets.h\"\n\n", out);
	for (size_t i = 0; i < file_count; i++) {
		write_literal(out, "body", i, files[i].body, files[i].body_len);
		if (files[i].gzip)
			write_literal(out, "gzip", i, files[i].gzip, files[i].gzip_len);
	}
	fprintf(out, "\nconst struct http_asset %s_assets[] = {\n", name);
	for (size_t i = 0; i < file_count; i++)
		write_entry(out, &files[i], i);
	if (file_count == 0)
		fputs("\t{NULL, NULL, NULL, NULL, 0, NULL, 0}, /* C has no empty tables */\n", out);
	fprintf(out, "};\nconst size_t %s_asset_count = %zu;\n", name, file_count);
}

static void add_argument(const char *path)
{
	struct stat st;
	const char *slash = strrchr(path, '/');
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		add_file(path, slash ? slash : path);
	else if (path[0])
		add_folder(path, "");
}

static int is_same(const char *path, const char *text, size_t len)
{
	FILE *in = fopen(path, "rb");
	if (!in)
		return 0;
	size_t old_len;
	unsigned char *old = read_all(in, &old_len);
	fclose(in);
	int same = old_len == len && memcmp(old, text, len) == 0;
	free(old);
	return same;
}

int main(int argc, char **argv)
{
	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: embed <folder, file or \"\"> <output.c> [name]\n");
		return 2;
	}
	add_argument(argv[1]);
	qsort(files, file_count, sizeof(files[0]), compare_files);
	char *text = NULL;
	size_t len = 0;
	FILE *memory = must(open_memstream(&text, &len), "memory");
	write_table(memory, argc > 3 ? argv[3] : "http_embedded");
	if (fclose(memory) != 0)
		must(NULL, "memory");
	if (!is_same(argv[2], text, len)) {
		FILE *out = must(fopen(argv[2], "wb"), argv[2]);
		if (fwrite(text, 1, len, out) != len || fclose(out) != 0)
			must(NULL, argv[2]);
	}
	for (size_t i = 0; i < file_count; i++) {
		free(files[i].path);
		free(files[i].body);
		free(files[i].gzip);
	}
	free(text);
	return 0;
}

/* store/append_testing.h: what the appender's tests share: a store, requests made piece by piece, and what
 * stands in a log afterwards. */
#ifndef STORE_APPEND_TESTING_H
#define STORE_APPEND_TESTING_H

#include "base/testing.h"

#include "store/append.h"
#include "store/create.h"
#include "wire/limits.h"
#include "wire/testing_entry.h"

#define WRITER_A SLICE_LIT("aaaaaaaaaaaaaaaa")
#define WRITER_B SLICE_LIT("bbbbbbbbbbbbbbbb")

struct fixture {
	char *folder;
	struct store *store;
	struct buf request;
	struct buf reply;
};

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *folder = NULL;
	if (!f || testing_make_folder(&folder) != 0)
		return -1;
	f->folder = folder;
	*state = f;
	return store_open(f->folder, STORE_WRITE, &f->store, NULL) == BURR_OK ? 0 : -1;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	void *folder = f->folder;
	store_close(f->store);
	buf_fini(&f->request);
	buf_fini(&f->reply);
	testing_remove_folder(&folder);
	free(f);
	return 0;
}

static inline struct appender *new_appender(struct fixture *f, size_t log_max, bool alone)
{
	struct appender_options options = {.log_max = log_max, .alone = alone};
	struct appender *a = appender_new(f->store, &options);
	assert_non_null(a);
	return a;
}

/* Another one on the same store, with other options. */
static inline struct appender *new_appender_with(struct fixture *f, const struct appender_options *options)
{
	struct appender *a = appender_new(f->store, options);
	assert_non_null(a);
	return a;
}

static inline void begin(struct fixture *f, struct slice writer)
{
	struct request request = {.protocol = 1, .writer = writer};
	buf_clear(&f->request);
	request_put(&f->request, &request);
}

static inline void add(struct fixture *f, const char *app_id, uint32_t lane, uint64_t n, uint64_t log_start)
{
	struct buf entry = BUF_INIT;
	entry_put_app(&entry, "p", app_id, NULL, log_start);
	entry_put_identity(&entry, lane, n, 1000);
	entry_put_begin_entry(&entry, (int64_t)n, "a", NULL, NULL);
	request_put_entry_head(&f->request, entry.len);
	buf_append_slice(&f->request, buf_slice(&entry));
	buf_fini(&entry);
}

static inline void add_child(struct fixture *f, const char *app_id, const char *parent_id)
{
	struct buf entry = BUF_INIT;
	burr_app_info info = BURR_APP_INFO_INIT;
	burr_pointer parent = {parent_id, 1, NULL};
	info.parent = parent_id ? &parent : NULL;
	entry_put_app(&entry, "p", app_id, NULL, 0);
	entry_put_identity(&entry, 9, 1, 1000);
	entry_put_application(&entry, &info);
	request_put_entry_head(&f->request, entry.len);
	buf_append_slice(&f->request, buf_slice(&entry));
	buf_fini(&entry);
}

static inline void add_application(struct fixture *f, const char *app_id)
{
	add_child(f, app_id, NULL);
}

/* Store the request; the verdict of its first application. */
static inline enum verdict_kind put(struct fixture *f, struct appender *a)
{
	struct request request;
	struct verdict verdict;
	burr_error err = BURR_ERROR_INIT;
	assert_int_equal(request_read(buf_slice(&f->request), &request, NULL), BURR_OK);
	buf_clear(&f->reply);
	if (appender_store(a, &request, &f->reply, &err) != BURR_OK)
		fail_msg("%s", err.message);
	struct pb_reader r = pb_reader(buf_slice(&f->reply));
	assert_true(reply_next_verdict(&r, &verdict));
	return verdict.kind;
}

static inline void make_app(struct fixture *f, struct appender *a, const char *app_id)
{
	begin(f, WRITER_A);
	add_application(f, app_id);
	assert_int_equal(put(f, a), VERDICT_DONE);
}

/* The identities in a log, one after the other: "aaaa….0.1 aaaa….0.2". */
static inline void assert_log(struct fixture *f, const char *app_id, const char *expected)
{
	char name[64];
	struct buf found = BUF_INIT;
	snprintf(name, sizeof(name), "p/%s/log.jsonl", app_id);
	char *text = testing_read(f->folder, name);
	for (char *line = text; *line;) {
		char *newline = strchr(line, '\n');
		struct identity identity;
		assert_non_null(newline);
		if (line_find_identity((struct slice){line, (size_t)(newline - line)}, &identity))
			buf_printf(&found, "%s%c.%u.%llu", found.len ? " " : "", identity.writer[0],
				identity.lane, (unsigned long long)identity.n);
		line = newline + 1;
	}
	free(text);
	assert_string_equal(found.len ? found.data : "", expected);
	buf_fini(&found);
}

#endif

/* fuzz/http.c: any bytes as a path, as a query, as what a reader of changes asks for, and as each header that
 * decides who gets in or what comes back. */
#include "fuzz.h"

#include "http/auth.h"
#include "http/guard.h"
#include "http/pages.h"
#include "http/respond.h"
#include "http/router.h"
#include "http/topics.h"

static void ignore(void *ctx)
{
	(void)ctx;
}

/* As topics to listen to, and as the place to go on from. */
static void open_readers(struct slice raw)
{
	struct topics *topics;
	h2o_linklist_t fresh;
	h2o_linklist_init_anchor(&fresh);
	FUZZ_CHECK(topics_open(NULL, NULL, ignore, NULL, &topics, NULL) == BURR_OK);
	for (int i = 0; i < 2; i++) {
		struct reader reader = {.topics = NULL};
		struct slice names = i ? SLICE_LIT("a") : raw;
		if (reader_open(&reader, topics, names, i ? raw : SLICE_NONE, &fresh, NULL) == BURR_OK)
			FUZZ_CHECK(reader.seat_count > 0 && reader.told <= topics_cursor(topics));
		reader_close(&reader);
	}
	topics_free(topics);
}

#define TOKEN "0123456789abcdef.token"

static bool holds(struct slice raw, const char *text)
{
	return raw.len && memmem(raw.data, raw.len, text, strlen(text));
}

static size_t count_of(struct slice text, char c)
{
	size_t count = 0;
	for (size_t i = 0; i < text.len; i++)
		count += text.data[i] == c;
	return count;
}

static void check_target(struct slice raw)
{
	struct http_path path;
	struct http_params params;
	char *room = malloc(HTTP_QUERY_ROOM(raw.len) + raw.len + 1);
	FUZZ_CHECK(room);
	http_decode(raw, true, room);
	if (http_path_parse(raw, room, &path, NULL) == BURR_OK) {
		route_capture("/api/v0/{project}/{app_id}", &path, "app_id");
		route_capture("/{a}", &path, "a");
	}
	if (http_params_parse(raw, room, &params, NULL) == BURR_OK)
		http_params_find(&params, SLICE_LIT("limit"));
	free(room);
}

/* Nobody gets in who does not know the token, and a cookie has the attributes that we give it. */
static void check_auth(struct slice raw)
{
	struct auth auth;
	struct buf cookie = BUF_INIT;
	FUZZ_CHECK(auth_init(&auth, TOKEN, 7241, NULL) == BURR_OK);
	FUZZ_CHECK(!auth_allows_bearer(&auth, raw) || holds(raw, TOKEN));
	FUZZ_CHECK(!auth_allows_cookies(&auth, raw) || holds(raw, "burr-token-7241=" TOKEN));
	FUZZ_CHECK(!auth_is_token(raw) || raw.len <= AUTH_TOKEN_MAX);
	auth_put_cookie(&auth, raw, true, &cookie);
	FUZZ_CHECK(count_of(buf_slice(&cookie), ';') == 5 && count_of(buf_slice(&cookie), '\n') == 0 &&
		   count_of(buf_slice(&cookie), '\r') == 0);
	buf_fini(&cookie);
	auth_fini(&auth);
}

static void check_guard(struct slice raw)
{
	static const char *const names[] = {"*.lab.example.org", "*-{port}-colab.example.com"};
	const struct guard_options options = {
		.port = 7241, .names = names, .name_count = 2, .proxied_at = "/user/ada/proxy/{port}"};
	struct guard guard;
	char host[GUARD_HOST_MAX + 1];
	FUZZ_CHECK(guard_init(&guard, &options, NULL) == BURR_OK);
	if (guard_allows_host(&guard, raw)) {
		FUZZ_CHECK(guard_split_host(raw, host));
		FUZZ_CHECK(strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
			   strcmp(host, "::1") == 0 || strstr(host, ".lab.example.org") ||
			   strstr(host, "-7241-colab.example.com"));
	}
	guard_allows_origin(&guard, raw, SLICE_LIT("localhost"));
	FUZZ_CHECK(!guard_knows_proxy(&guard, raw) || holds(raw, "/user/ada/proxy/7241"));
	guard_fini(&guard);
}

/* What a request says comes back as text at most. */
static void check_answers(struct slice raw)
{
	struct http_response plain, page;
	respond_accepts_gzip(raw);
	respond_init(&plain);
	respond_init(&page);
	page_answer_host(SLICE_LIT("name"), &plain);
	page_answer_host(raw, &page);
	FUZZ_CHECK(count_of(buf_slice(&page.body), '<') == count_of(buf_slice(&plain.body), '<'));
	http_set_etag(&page, SLICE_LIT("tag"));
	page.status = 200;
	respond_revalidate(&page, raw);
	respond_fini(&page);
	page_answer_token(raw, &plain);
	respond_fini(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice raw = {(const char *)data, size};
	check_target(raw);
	check_auth(raw);
	check_guard(raw);
	check_answers(raw);
	open_readers(raw);
	return 0;
}

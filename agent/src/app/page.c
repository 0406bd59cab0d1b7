#include "app/page.h"

#include "base/buf.h"
#include "base/clean.h"
#include "base/json.h"
#include "store/store.h"

static const char default_base[] = "http://localhost:7241";

static void put_percent(struct buf *out, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	for (; *text; text++) {
		if (strchr(plain, *text))
			buf_append_char(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

/* Where the store's collector says that it listens, without a slash at the end. */
static void put_base(const char *path, struct buf *out)
{
	CLEAN(buf_fini) struct buf note = BUF_INIT;
	struct store *store = NULL;
	if (store_open(path, STORE_READ, &store, NULL) == BURR_OK)
		store_read_collector(store, &note);
	store_close(store);
	json_to_text(json_find(buf_slice(&note), "url"), out);
	while (out->len && out->data[out->len - 1] == '/')
		out->len--;
	if (!out->len)
		buf_append_str(out, default_base);
}

char *page_url(const char *store, const char *project, const char *app_id, const char *partition_key)
{
	CLEAN(buf_fini) struct buf url = BUF_INIT;
	put_base(store, &url);
	buf_append_str(&url, "/p/");
	put_percent(&url, project);
	buf_append_str(&url, "/run/");
	put_percent(&url, app_id);
	if (partition_key) {
		buf_append_str(&url, "?partition=");
		put_percent(&url, partition_key);
	}
	return buf_take(&url);
}

#include "catalog/names.h"

#include "base/clean.h"
#include "base/error.h"

enum {
	NAMES_MAX = 65536,   /* of one kind in a project: beyond it they are no names but data */
	NAME_LEN_MAX = 1024, /* likewise */
	CACHE_MAX = 100000,
};

void names_init(struct names *names, struct db *db)
{
	*names = (struct names){.db = db, .cache = TABLE_INIT};
}

void names_forget(struct names *names)
{
	table_fini(&names->cache);
	names->cache = (struct table)TABLE_INIT;
}

void names_fini(struct names *names)
{
	names_forget(names);
}

static burr_status get_number(struct db *db, sqlite3_stmt *stmt, int64_t *out, burr_error *err)
{
	bool row;
	burr_status status = db_step(db, stmt, &row, err);
	*out = 0;
	if (row) {
		*out = sqlite3_column_int64(stmt, 0);
		db_done(stmt);
	}
	return status;
}

static burr_status find(struct names *names, int64_t project, enum name_kind kind, struct slice text,
	int64_t *out_id, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(names->db, DB_FIND_NAME, err);
	if (!stmt)
		return db_status(names->db);
	sqlite3_bind_int64(stmt, 1, project);
	sqlite3_bind_int(stmt, 2, kind);
	db_bind_text(stmt, 3, text);
	return get_number(names->db, stmt, out_id, err);
}

/* How many there are; the entry's value counts on. */
static burr_status count_of(
	struct names *names, int64_t project, enum name_kind kind, struct table_entry **out, burr_error *err)
{
	const int64_t key[2] = {project, kind};
	bool added = false;
	struct table_entry *entry =
		table_put(&names->cache, (struct slice){(const char *)key, sizeof(key)}, &added);
	if (!entry)
		return burr_fail(err, BURR_ENOMEM, "no memory to index");
	*out = entry;
	if (!added)
		return BURR_OK;
	int64_t count;
	sqlite3_stmt *stmt = db_get(names->db, DB_COUNT_NAMES, err);
	if (!stmt)
		return db_status(names->db);
	sqlite3_bind_int64(stmt, 1, project);
	sqlite3_bind_int(stmt, 2, kind);
	burr_status status = get_number(names->db, stmt, &count, err);
	entry->value = (void *)(uintptr_t)count;
	return status;
}

static burr_status add(struct names *names, int64_t project, enum name_kind kind, struct slice text,
	int64_t *out_id, burr_error *err)
{
	struct table_entry *entry = NULL;
	burr_status status = count_of(names, project, kind, &entry, err);
	if (status != BURR_OK)
		return status;
	if ((uintptr_t)entry->value >= NAMES_MAX)
		return BURR_OK;
	sqlite3_stmt *stmt = db_get(names->db, DB_ADD_NAME, err);
	if (!stmt)
		return db_status(names->db);
	sqlite3_bind_int64(stmt, 1, project);
	sqlite3_bind_int(stmt, 2, kind);
	db_bind_text(stmt, 3, text);
	status = db_run(names->db, stmt, err);
	if (status != BURR_OK)
		return status;
	*out_id = sqlite3_last_insert_rowid(names->db->conn);
	entry->value = (void *)((uintptr_t)entry->value + 1);
	return BURR_OK;
}

burr_status names_get(struct names *names, int64_t project, enum name_kind kind, struct slice text,
	int64_t *out_id, burr_error *err)
{
	const int64_t head[3] = {project, kind, 0}; /* longer than a count's key */
	char key[sizeof(head) + NAME_LEN_MAX];
	*out_id = 0;
	if (!text.len || text.len > NAME_LEN_MAX)
		return BURR_OK;
	if (names->cache.count > CACHE_MAX)
		names_forget(names);
	memcpy(key, head, sizeof(head));
	memcpy(key + sizeof(head), text.data, text.len);
	struct slice whole = {key, sizeof(head) + text.len};
	struct table_entry *entry = table_find(&names->cache, whole);
	if (entry) {
		*out_id = (int64_t)(uintptr_t)entry->value;
		return BURR_OK;
	}
	burr_status status = find(names, project, kind, text, out_id, err);
	if (status == BURR_OK && !*out_id)
		status = add(names, project, kind, text, out_id, err);
	if (status != BURR_OK || !*out_id)
		return status;
	entry = table_put(&names->cache, whole, NULL); /* without memory it is looked up again */
	if (entry)
		entry->value = (void *)(uintptr_t)*out_id;
	return BURR_OK;
}

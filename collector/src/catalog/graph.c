#include "catalog/graph.h"

#include "base/clean.h"
#include "base/json.h"
#include "catalog/record.h"
#include "catalog/table.h"

static void put_text_key(struct slice value, struct buf *text, struct table *names)
{
	buf_clear(text);
	if (json_to_text(value, text))
		table_put(names, buf_slice(text), NULL);
}

void graph_put_finals(struct slice text, struct buf *spare, struct buf *out)
{
	CLEAN(buf_fini) struct buf name = BUF_INIT;
	struct table sources = TABLE_INIT;
	struct slice graph;
	struct slice element;
	if (!record_read_object(text, spare, &graph))
		return;
	struct json_iter transitions = json_iter(json_find(graph, "transitions"));
	while (json_next_element(&transitions, &element))
		put_text_key(json_find(element, "from_"), &name, &sources);
	struct json_iter actions = json_iter(json_find(graph, "actions"));
	json_put_open(out, '[');
	while (json_next_element(&actions, &element)) {
		buf_clear(&name);
		if (json_to_text(json_find(element, "name"), &name) &&
			!table_find(&sources, buf_slice(&name)))
			json_put_text(out, buf_slice(&name));
	}
	json_put_close(out, ']');
	table_fini(&sources);
}

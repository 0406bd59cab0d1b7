/* catalog/graph.h: what graph.json tells about an application. Pure. */
#ifndef CATALOG_GRAPH_H
#define CATALOG_GRAPH_H

#include "base/buf.h"

/* Append a JSON array of the names of the actions that no transition leads on from: a run that has ended one
 * of them is at its end. Nothing for a text that is no graph. */
void graph_put_finals(struct slice text, struct buf *spare, struct buf *out);

#endif

/* app/page.h: the address of a run's page in the UI. */
#ifndef APP_PAGE_H
#define APP_PAGE_H

/* At the collector that serves the store, or where one would be by default. Yours to free; NULL without
 * memory.
 *
 * partition_key  NULL: none */
char *page_url(const char *store, const char *project, const char *app_id, const char *partition_key);

#endif

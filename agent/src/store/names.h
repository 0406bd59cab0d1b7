/* store/names.h: which names may become folders. Every name from outside passes here before it meets a path.
 */
#ifndef STORE_NAMES_H
#define STORE_NAMES_H

#include "base/buf.h"

/* BURR_EINVAL with the name and what is wrong with it; limits in wire/limits.h, rules in proto/DISK.md. */
burr_status name_check_project(struct slice name, burr_error *err);
burr_status name_check_app_id(struct slice name, burr_error *err);
burr_status name_check_partition_key(struct slice name, burr_error *err);

#endif

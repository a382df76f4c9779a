/* Paths as texts, `/` between parts; nothing here looks at the disk. */
#ifndef TPC_SYNTAX_PATH_H
#define TPC_SYNTAX_PATH_H
#include "base/arena.h"
#include <stdbool.h>

/* "a/b.tp" -> "a", "b.tp" -> ".", "/b.tp" -> "/". */
const char *path_dir(Arena *a, const char *path);
/* rel below dir; rel itself where it is absolute or dir is ".". */
const char *path_join(Arena *a, const char *dir, const char *rel);
/* Without `.`, empty parts, and `x/..`; leading `..` stay. */
const char *path_clean(Arena *a, const char *path);
/* Is the clean path below the clean folder? */
bool path_inside(const char *path, const char *dir);
#endif

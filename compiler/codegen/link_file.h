/* Files as the linking of kernels needs them: a private folder, and outputs that appear whole. */
#ifndef TPC_CODEGEN_LINK_FILE_H
#define TPC_CODEGEN_LINK_FILE_H
#include "base/ctx.h"

/* A new folder only this user can read; NULL (with a diagnostic): cannot be made. */
char *folder_new(Ctx *c);
/* Remove a folder of folder_new with the files in it. */
void folder_remove(const char *path);
/* False with a diagnostic. */
bool file_write(Ctx *c, const char *path, const void *data, size_t len);
bool file_rename(Ctx *c, const char *from, const char *to);
/* The same for a file that has to appear whole. */
bool file_replace(Ctx *c, const char *path, const void *data, size_t len);
/* An unused name beside path. */
char *file_beside(Ctx *c, const char *path);
/* At most cap bytes of a file as text; "" where it cannot be read. */
const char *file_head(Ctx *c, const char *path, size_t cap);
#endif

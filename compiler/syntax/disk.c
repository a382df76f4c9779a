/* Source files from the disk. */
#include "syntax/syntax.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { MAX_BYTES = 64 << 20 };

static const char *fail(FILE *f, const char **why, const char *text) {
    if (f) fclose(f);
    *why = text;
    return NULL;
}

const char *syntax_read_disk(void *ctx, Arena *a, const char *path, size_t *len, const char **why) {
    (void)ctx;
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f) return fail(f, why, arena_strdup(a, strerror(errno)));
    if (fstat(fileno(f), &st)) return fail(f, why, arena_strdup(a, strerror(errno)));
    if (S_ISDIR(st.st_mode)) return fail(f, why, "Is a directory");
    Buf b = buf_new(a);
    char part[65536];
    size_t n;
    while ((n = fread(part, 1, sizeof part, f)) > 0) {
        if (b.len + n > MAX_BYTES) return fail(f, why, "it is larger than 64 MiB");
        buf_putn(&b, part, n);
    }
    if (ferror(f)) return fail(f, why, arena_strdup(a, strerror(errno)));
    fclose(f);
    *len = b.len;
    return buf_text(&b);
}

const char *syntax_resolve_disk(void *ctx, Arena *a, const char *path) {
    (void)ctx;
    char *s = realpath(path, NULL);
    const char *out = s ? arena_strdup(a, s) : NULL;
    free(s);
    return out;
}

#include "syntax/path.h"
#include "base/vec.h"

const char *path_dir(Arena *a, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return ".";
    return slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
}

const char *path_join(Arena *a, const char *dir, const char *rel) {
    if (*rel == '/' || !strcmp(dir, ".")) return rel;
    return arena_printf(a, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", rel);
}

static bool is_up(const char *s) { return !strcmp(s, ".."); }

const char *path_clean(Arena *a, const char *path) {
    VEC(const char *) part = {0};
    bool root = *path == '/';
    for (const char *s = path; *s;) {
        size_t n = strcspn(s, "/");
        const char *x = arena_strndup(a, s, n);
        s += n + (s[n] == '/');
        if (!n || !strcmp(x, ".")) continue;
        if (is_up(x) && part.len && !is_up(vec_last(&part)))
            part.len--;
        else if (!is_up(x) || !root)
            vec_push(a, &part, x);
    }
    const char *out = root ? "/" : part.len ? "" : ".";
    for (uint32_t i = 0; i < part.len; i++)
        out = arena_printf(a, "%s%s%s", out, i ? "/" : "", part.data[i]);
    return out;
}

bool path_inside(const char *path, const char *dir) {
    if (!strcmp(dir, ".")) return *path != '/' && strncmp(path, "../", 3) && strcmp(path, "..");
    size_t n = strlen(dir);
    if (strncmp(path, dir, n)) return false;
    return dir[n - 1] == '/' || path[n] == '/';
}

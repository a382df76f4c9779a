#include "codegen/link_file.h"
#include "diag/diag.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool fail(Ctx *c, const char *path) {
    diag(c->ds, link_io, (Span){0}, path, strerror(errno));
    return false;
}

char *folder_new(Ctx *c) {
    const char *tmp = getenv("TMPDIR");
    char *path = arena_printf(c->a, "%s/tpc-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(path)) return path;
    fail(c, path);
    return NULL;
}

void folder_remove(const char *path) {
    DIR *d = opendir(path);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(path);
}

static bool write_all(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

bool file_write(Ctx *c, const char *path, const void *data, size_t len) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return fail(c, path);
    bool ok = write_all(fd, data, len);
    int err = errno;
    if (close(fd) && ok) {
        ok = false;
        err = errno;
    }
    if (ok) return true;
    unlink(path);
    errno = err;
    return fail(c, path);
}

bool file_rename(Ctx *c, const char *from, const char *to) {
    if (!rename(from, to)) return true;
    int err = errno;
    unlink(from);
    errno = err;
    return fail(c, to);
}

bool file_replace(Ctx *c, const char *path, const void *data, size_t len) {
    char *tmp = file_beside(c, path);
    return file_write(c, tmp, data, len) && file_rename(c, tmp, path);
}

/* Beside, so that a rename does not cross file systems. */
char *file_beside(Ctx *c, const char *path) {
    for (unsigned i = 0;; i++) {
        char *p = arena_printf(c->a, "%s.tmp%ld-%u", path, (long)getpid(), i);
        if (access(p, F_OK)) return p;
    }
}

const char *file_head(Ctx *c, const char *path, size_t cap) {
    char *s = arena_alloc(c->a, cap + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return "";
    ssize_t n = read(fd, s, cap);
    close(fd);
    s[n > 0 ? n : 0] = 0;
    return s;
}

#include "output.h"
#include "npy.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void tp_cleanup_unlink(TpCleanup *c) {
    for (int i = 0; i < TP_CLEANUP_MAX; i++) {
        const char *p = atomic_load(&c->path[i]);
        if (p) unlink(p);
    }
}

static int cleanup_add(TpCleanup *c, char *path) {
    for (int i = 0; c && i < TP_CLEANUP_MAX; i++) {
        char *none = NULL;
        if (atomic_compare_exchange_strong(&c->path[i], &none, path)) return i;
    }
    return -1;
}

static bool cannot(const char *what, const char *path, int err, TpError *e) {
    return rt_fail(e, TP_E_OUTPUT, "%s %s: %s", rt_path(path), what, strerror(err));
}

static const char *folder_end(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The file itself where the target is a link, so that the link stays. */
static bool find_target(RtOutputFile *o, const char *path, TpError *e) {
    struct stat st;
    o->target = realpath(path, NULL);
    if (!o->target) o->target = strdup(path);
    if (!o->target) return rt_fail(e, TP_E_MEMORY, "out of memory");
    if (!stat(o->target, &st) && !S_ISREG(st.st_mode))
        return rt_fail(e, TP_E_OUTPUT, "%s is %s; expected the name of a .npy file", rt_path(path),
                       S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
    return true;
}

/* <folder>/.<name>.<process>-<k>: created exclusively, readable as any new file. */
static bool create_temp(RtOutputFile *o, TpError *e) {
    size_t cap = strlen(o->target) + 64;
    o->temp = malloc(cap);
    if (!o->temp) return rt_fail(e, TP_E_MEMORY, "out of memory");
    const char *name = folder_end(o->target);
    int folder = (int)(name - o->target);
    for (int k = 0; k < 1000; k++) {
        snprintf(o->temp, cap, "%.*s.%.200s.%ld-%d", folder, o->target, name, (long)getpid(), k);
        o->fd = open(o->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (o->fd >= 0 || errno != EEXIST) break;
    }
    if (o->fd >= 0) {
        o->slot = cleanup_add(o->cleanup, o->temp);
        return true;
    }
    free(o->temp);
    o->temp = NULL;
    return cannot("cannot be created", o->target, errno, e);
}

static bool write_at(const RtOutputFile *o, const void *buf, int64_t len, int64_t at, TpError *e) {
    const char *p = buf;
    while (len > 0) {
        ssize_t put = pwrite(o->fd, p, (size_t)len, at);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return cannot("cannot be written", o->target, put ? errno : ENOSPC, e);
        p += put;
        at += put;
        len -= put;
    }
    return true;
}

static bool reserve(RtOutputFile *o, TpError *e) {
    char need[32], head[NPY_HEADER];
    o->head = rt_npy_header(head, o->dtype, &o->shape);
    int64_t bytes = o->head + o->shape.len[0] * o->m * o->entry * rt_real_size(o->dtype);
    tp_bytes_text(need, sizeof need, (double)bytes);
    int err;
    do err = posix_fallocate(o->fd, 0, bytes);
    while (err == EINTR);
    if (err)
        return rt_fail(e, TP_E_OUTPUT, "%s: %s cannot be reserved: %s", rt_path(o->target), need,
                       strerror(err));
    return write_at(o, head, o->head, 0, e);
}

bool rt_output_open(RtOutputFile *o, const TpOutput *where, TpDtype dtype, const TpShape *shape,
                    TpCleanup *cleanup, TpError *e) {
    *o = (RtOutputFile){.wanted = true, .dtype = dtype, .shape = *shape, .m = shape->len[1],
                        .entry = 1, .data = where->data, .fd = -1, .cleanup = cleanup, .slot = -1};
    for (int i = 2; i < shape->rank; i++) o->entry *= shape->len[i];
    if (where->path) {
        o->data = NULL;
        return find_target(o, where->path, e) && create_temp(o, e) && reserve(o, e);
    }
    if (o->data || !where->keep) return true;
    o->data = rt_alloc(shape->len[0] * o->m * o->entry * rt_real_size(dtype), e);
    o->owned = o->data != NULL;
    return o->owned;
}

bool rt_output_run(const RtOutputFile *o, int64_t i, int64_t j, int64_t n, const void *src,
                   TpError *e) {
    int64_t entry = o->entry * rt_real_size(o->dtype), at = (i * o->m + j) * entry;
    if (!o->data) return write_at(o, src, n * entry, o->head + at, e);
    memcpy((char *)o->data + at, src, (size_t)(n * entry));
    return true;
}

static void forget_temp(RtOutputFile *o) {
    if (o->slot >= 0) atomic_store(&o->cleanup->path[o->slot], NULL);
    free(o->temp);
    o->temp = NULL;
    o->slot = -1;
}

/* The folder's entry as well; a file system that cannot do that is no error. */
static void sync_folder(const char *path) {
    char folder[PATH_MAX];
    int n = (int)(folder_end(path) - path);
    snprintf(folder, sizeof folder, "%.*s", n ? n : 1, n ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

bool rt_output_commit(RtOutputFile *o, TpError *e) {
    o->owned = false;
    if (!o->temp) return true;
    if (fsync(o->fd)) return cannot("cannot be written", o->target, errno, e);
    int closed = close(o->fd);
    o->fd = -1;
    if (closed) return cannot("cannot be written", o->target, errno, e);
    if (rename(o->temp, o->target)) return cannot("cannot be replaced", o->target, errno, e);
    forget_temp(o);
    sync_folder(o->target);
    return true;
}

void rt_output_close(RtOutputFile *o) {
    if (!o->wanted) return;
    if (o->temp) {
        unlink(o->temp);
        forget_temp(o);
    }
    if (o->fd >= 0) close(o->fd);
    if (o->owned) rt_free(o->data);
    free(o->target);
    *o = (RtOutputFile){.fd = -1};
}

#include "npy.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Conversion of n numbers; returns the index of the first bad one, or n. */
typedef int64_t ConvertFn(const void *src, int64_t n, double *out);

static inline bool bad_float(double x) { return !isfinite(x); }
static inline bool bad_whole(double x) { return fabs(x) > 0x1p53; }
#define IS_BAD(T, v) _Generic((T)0, double: bad_float, float: bad_float, default: bad_whole)(v)

/* 2^53 + 1 rounds to 2^53: the wide integers are compared before conversion. */
static inline bool wide_signed(int64_t v) {
    return v > (INT64_C(1) << 53) || v < -(INT64_C(1) << 53);
}
static inline bool wide_unsigned(uint64_t v) { return v > (UINT64_C(1) << 53); }
static inline bool not_wide(double v) { return v != v; }
#define IS_WIDE(T, v)                                                                             \
    _Generic((T)0, int64_t: wide_signed, uint64_t: wide_unsigned, default: not_wide)(v)

#define NPY(code, ctype, name)                                                                    \
    static int64_t convert_##code(const void *src, int64_t n, double *out) {                     \
        const ctype *v = src;                                                                     \
        bool bad = false;                                                                         \
        for (int64_t i = 0; i < n; i++) {                                                         \
            out[i] = (double)v[i];                                                                \
            bad |= IS_BAD(ctype, out[i]) | IS_WIDE(ctype, v[i]);                                  \
        }                                                                                         \
        if (!bad) return n;                                                                       \
        for (int64_t i = 0;; i++)                                                                 \
            if (IS_BAD(ctype, out[i]) || IS_WIDE(ctype, v[i])) return i;                          \
    }
#include "npy.def"

static ConvertFn *const convert[] = {
#define NPY(code, ctype, name) convert_##code,
#include "npy.def"
};
static const int item_size[] = {
#define NPY(code, ctype, name) (int)sizeof(ctype),
#include "npy.def"
};
static const char *const type_name[] = {
#define NPY(code, ctype, name) name,
#include "npy.def"
};

static bool read_at(const Npy *f, void *buf, int64_t len, int64_t at, TpError *e) {
    char *p = buf;
    while (len > 0) {
        ssize_t got = pread(f->fd, p, (size_t)len, at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return rt_fail(e, TP_E_DATA, "%s cannot be read: %s", rt_path(f->path),
                           strerror(errno));
        if (!got)
            return rt_fail(e, TP_E_DATA, "%s was truncated while it was read: it ends at byte %lld",
                           rt_path(f->path), (long long)at);
        p += got;
        at += got;
        len -= got;
    }
    return true;
}

static bool examine(Npy *f, TpError *e) {
    struct stat st;
    if (fstat(f->fd, &st))
        return rt_fail(e, TP_E_DATA, "%s cannot be read: %s", rt_path(f->path), strerror(errno));
    if (!S_ISREG(st.st_mode))
        return rt_fail(e, TP_E_DATA, "%s is %s; expected a .npy file", rt_path(f->path),
                       S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
    f->size = st.st_size;
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    int64_t len = rt_min(f->size, NPY_MAX_HEADER);
    unsigned char *head = rt_alloc(len, e);
    bool ok = head && read_at(f, head, len, 0, e) &&
              rt_npy_parse(head, len, f->size, f->path, &f->h, e);
    rt_free(head);
    return ok;
}

bool rt_npy_open(Npy *f, const char *path, TpError *e) {
    *f = (Npy){.path = path, .fd = -1};
    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f->fd < 0)
        return rt_fail(e, TP_E_DATA, "%s cannot be opened: %s", rt_path(path), strerror(errno));
    if (examine(f, e)) return true;
    rt_npy_close(f);
    return false;
}

void rt_npy_close(Npy *f) {
    if (f->fd >= 0) close(f->fd);
    f->fd = -1;
}

/* Indices of the number at `at` in file order. */
static void indices(const NpyHeader *h, int64_t at, int64_t idx[TP_RANK]) {
    for (int i = 0; i < h->shape.rank; i++) {
        int k = h->fortran ? i : h->shape.rank - 1 - i;
        idx[k] = at % h->shape.len[k];
        at /= h->shape.len[k];
    }
}

static void place_text(char *buf, size_t cap, const NpyHeader *h, int64_t at) {
    TpShape idx = {.rank = h->shape.rank};
    indices(h, at, idx.len);
    if (idx.rank == 2)
        snprintf(buf, cap, "row %lld, column %lld", (long long)idx.len[0], (long long)idx.len[1]);
    else if (idx.rank == 1) snprintf(buf, cap, "entry %lld", (long long)idx.len[0]);
    else {
        size_t n = (size_t)snprintf(buf, cap, "entry ");
        tp_shape_text(buf + n, cap - n, &idx);
    }
}

static bool bad_number(const Npy *f, int64_t at, double v, TpError *e) {
    char place[300];
    place_text(place, sizeof place, &f->h, at);
    if (isfinite(v))
        return rt_fail(e, TP_E_DATA,
                       "%s: %s (from 0) is an %s above 2^53, which float64 cannot hold",
                       rt_path(f->path), place, type_name[f->h.type]);
    return rt_fail(e, TP_E_DATA, "%s: %s (from 0) is %s; expected finite numbers", rt_path(f->path),
                   place,
                   isnan(v) ? "NaN"
                   : v > 0  ? "inf"
                            : "-inf");
}

/* Numbers [at, at + n) in file order, the first index fastest, to their rows. */
static void scatter(const NpyHeader *h, const double *v, int64_t at, int64_t n, double *dest) {
    int64_t idx[TP_RANK], stride[TP_RANK], step = 1, to = 0;
    int rank = h->shape.rank;
    indices(h, at, idx);
    for (int k = rank - 1; k >= 0; k--) {
        stride[k] = step;
        step *= h->shape.len[k];
        to += idx[k] * stride[k];
    }
    for (int64_t i = 0; i < n; i++) {
        dest[to] = v[i];
        for (int k = 0; k < rank; k++) {
            to += stride[k];
            if (++idx[k] < h->shape.len[k]) break;
            to -= h->shape.len[k] * stride[k];
            idx[k] = 0;
        }
    }
}

typedef struct Buffers {
    void *raw;
    double *num;
} Buffers;

static bool read_block(const Npy *f, const Buffers *b, int64_t at, int64_t n, double *dest,
                       TpError *e) {
    int size = item_size[f->h.type];
    if (!read_at(f, b->raw, n * size, f->h.offset + at * size, e)) return false;
    double *out = f->h.fortran ? b->num : dest + at;
    int64_t bad = convert[f->h.type](b->raw, n, out);
    if (bad < n && !(f->padded && !isfinite(out[bad])))
        return bad_number(f, at + bad, out[bad], e);
    if (f->h.fortran) scatter(&f->h, out, at, n, dest);
    return true;
}

bool rt_npy_read(const Npy *f, double *dest, const _Atomic int *stop, TpError *e) {
    int64_t total = f->h.n * f->h.row, step = NPY_BUFFER / 8;
    Buffers b = {rt_alloc(step * 8, e), rt_alloc(f->h.fortran ? step * 8 : 0, e)};
    bool ok = b.raw && b.num;
    for (int64_t at = 0; ok && at < total; at += step) {
        if (rt_stopped(stop)) ok = rt_fail(e, TP_E_STOPPED, "stopped");
        ok = ok && read_block(f, &b, at, rt_min(step, total - at), dest, e);
    }
    rt_free(b.raw);
    rt_free(b.num);
    return ok;
}

bool tp_shape(const char *path, TpShape *shape, TpError *err) {
    Npy f;
    *err = (TpError){.code = TP_OK};
    if (!rt_npy_open(&f, path, err)) return false;
    *shape = f.h.shape;
    rt_npy_close(&f);
    return true;
}

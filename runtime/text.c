/* Texts for people: sizes, times, tables. */
#include "rt.h"
#include "values.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

void tp_bytes_text(char *buf, size_t cap, double bytes) {
    static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
    int u = 0;
    while (bytes >= 1024 && u < 5) {
        bytes /= 1024;
        u++;
    }
    char num[40];
    rt_number(num, sizeof num, u && bytes < 1000 ? 3 : 4, bytes);
    snprintf(buf, cap, "%.24s %s", num, unit[u]);
}

void tp_duration_text(char *buf, size_t cap, double s) {
    char num[40];
    rt_number(num, sizeof num, 2, s);
    if (!(s >= 0)) snprintf(buf, cap, "unknown time");
    else if (s < 10) snprintf(buf, cap, "%s s", num);
    else if (s < 60) snprintf(buf, cap, "%.0f s", s);
    else if (s < 3600) snprintf(buf, cap, "%d min %02d s", (int)s / 60, (int)s % 60);
    else if (s < 100 * 86400.0)
        snprintf(buf, cap, "%d h %02d min", (int)s / 3600, (int)s % 3600 / 60);
    else snprintf(buf, cap, "more than 100 days");
}

void tp_progress_text(char *buf, size_t cap, double done, double left) {
    char time[64], bar[31] = "                              ";
    const int width = (int)sizeof bar - 1;
    int n = (int)(fmin(fmax(done, 0), 1) * width);
    memset(bar, '#', (size_t)n);
    tp_duration_text(time, sizeof time, left);
    snprintf(buf, cap, "\r[%s] %3d %%%s%s%s\033[K", bar, (int)(done * 100), left < 0 ? "" : ", ",
             left < 0 ? "" : time, left < 0 ? "" : " left");
}

static double number_at(const void *data, TpDtype dtype, int64_t i) {
    return dtype == TP_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

/* Numbers of an entry on its left side's positions, and on its right side's. */
static void entry_shape(const TpShape *s, int64_t *rows, int64_t *columns) {
    int half = (s->rank - 2) / 2;
    *rows = *columns = 1;
    for (int i = 0; i < half; i++) {
        *rows *= s->len[2 + i];
        *columns *= s->len[2 + half + i];
    }
}

bool tp_table_fits(const TpShape *s) {
    int64_t rows, columns;
    entry_shape(s, &rows, &columns);
    if (s->rank == 2) return s->len[0] <= TP_TABLE_ROWS && s->len[1] <= TP_TABLE_COLS;
    return columns <= TP_TABLE_COLS && rows <= TP_TABLE_ROWS &&
           s->len[0] * s->len[1] * (rows + 1) <= TP_TABLE_ROWS;
}

static void put_matrix(RtText *t, const void *data, TpDtype dtype, int64_t at, int64_t n,
                       int64_t m) {
    int digits = dtype == TP_F32 ? 7 : 10;
    char num[40];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) {
            rt_number(num, sizeof num, digits, number_at(data, dtype, at + i * m + j));
            rt_put(t, "%*s%s", digits + 7, num, j + 1 == m ? "\n" : "");
        }
}

size_t tp_table(char *buf, size_t cap, const void *data, TpDtype dtype, const TpShape *s) {
    RtText t = {buf, cap, 0};
    int64_t rows, columns;
    if (cap) *buf = 0;
    entry_shape(s, &rows, &columns);
    if (s->rank == 2) put_matrix(&t, data, dtype, 0, s->len[0], s->len[1]);
    for (int64_t e = 0; s->rank > 2 && e < s->len[0] * s->len[1]; e++) {
        rt_put(&t, "[%lld, %lld]\n", (long long)(e / s->len[1]), (long long)(e % s->len[1]));
        put_matrix(&t, data, dtype, e * rows * columns, rows, columns);
    }
    return t.len;
}

uint32_t tp_parse_kernels(const char *s) {
    uint32_t set = 0;
    for (;;) {
        size_t n = strcspn(s, ",");
        if (n == 4 && !memcmp(s, "nngp", 4)) set |= 1;
        else if (n == 3 && !memcmp(s, "ntk", 3)) set |= 2;
        else return 0;
        if (!s[n]) return set;
        s += n + 1;
    }
}

void tp_output_path(char *buf, size_t cap, const char *out, int kernel) {
    size_t n = strlen(out);
    bool npy = n > 4 && !strcmp(out + n - 4, ".npy");
    snprintf(buf, cap, "%.*s.%s.npy", (int)(npy ? n - 4 : n), out, kernel ? "ntk" : "nngp");
}

void tp_report_text(char *buf, size_t cap, const TpJob *job, const TpReport *r) {
    RtText t = {buf, cap, 0};
    char bytes[32], load[32], sample[32], pair[32], total[32], scratch[32], shape[300];
    tp_bytes_text(bytes, sizeof bytes, (double)r->bytes);
    tp_bytes_text(scratch, sizeof scratch, (double)r->scratch);
    tp_shape_text(shape, sizeof shape, &r->shape);
    tp_duration_text(load, sizeof load, r->load_s);
    tp_duration_text(sample, sizeof sample, r->sample_s);
    tp_duration_text(pair, sizeof pair, r->pair_s);
    tp_duration_text(total, sizeof total, r->total_s);
    if (cap) *buf = 0;
    rt_put(&t, "kernel %s, %s\n", job->kernel->name,
           job->kernel->dtype == TP_F32 ? "float32" : "float64");
    if (r->shape.rank > 2) rt_put(&t, "result %s", shape);
    else rt_put(&t, "result %lld x %lld", (long long)r->nx, (long long)r->ny);
    rt_put(&t, ", tiles of %d, %d thread%s, memory %s, of it %s a thread\n", r->tile, r->threads,
           r->threads == 1 ? "" : "s", bytes, scratch);
    if (r->sizes > 1) rt_put(&t, "samples of %lld different sizes\n", (long long)r->sizes);
    rt_put(&t, "products by %s\n", r->blas);
    rt_put(&t, "time: load %s, samples %s, pairs %s, in all %s\n", load, sample, pair, total);
}

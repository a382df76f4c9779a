/* Numbers of a run: sizes, hyperparameters, what is derived from them, checks. */
#ifndef TP_VALUES_H
#define TP_VALUES_H
#include "rt.h"

typedef struct RtValues {
    const TpKernel *k;
    int64_t *size; /* nsize; measured ones 0 until known */
    double *real;  /* nreal */
} RtValues;

/* dim[input]: columns of each input, 0 where there is no data (settings are checked without). */
bool rt_values_make(RtValues *v, const TpKernel *k, const char *const *set, int nset,
                    const int64_t *dim, TpError *e);
void rt_values_free(RtValues *v);
bool rt_values_check(const RtValues *v, TpError *e);
double rt_code_value(const TpCode *code, const double *real, const int64_t *size);
int64_t rt_aff_value(const TpAff *a, const int64_t *size);
/* Elements of an array; at least 1 (a loop that does not run leaves an empty axis); INT64_MAX where
 * that overflows. */
int64_t rt_array_elements(const TpArray *a, const int64_t *size);
/* Settings as ./kernel --help lists them: "depth = 3 (whole number)". */
size_t rt_settings_text(char *buf, size_t cap, const TpKernel *k);

/* Text that grows in a caller's buffer and is cut at its end. */
typedef struct RtText {
    char *buf;
    size_t cap, len; /* len: of the whole text */
} RtText;
void rt_put(RtText *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif

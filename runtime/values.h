/* Numbers of a run: sizes, hyperparameters, what is derived from them, checks. */
#ifndef TP_VALUES_H
#define TP_VALUES_H
#include "rt.h"

typedef struct RtStep { /* a number that has a value by an expression */
    int32_t order, index;
    bool is_size;
} RtStep;

typedef struct RtValues {
    const TpKernel *k;
    int64_t *size; /* nsize; measured ones 0 until known */
    double *real;  /* nreal */
    RtStep *step;  /* in order of evaluation */
    int32_t nstep;
} RtValues;

/* dim[input]: columns of each input, 0 where there is no data (settings are checked without).
 * Position sizes are 1 until rt_values_derive. */
bool rt_values_make(RtValues *v, const TpKernel *k, const char *const *set, int nset,
                    const int64_t *dim, TpError *e);
void rt_values_free(RtValues *v);
/* Sizes and numbers of a sample whose position sizes are those of position[] (by size number); with
 * a right sample whose sizes are right[], NULL: of the same sizes.  size and real may be v's. */
void rt_values_derive(const RtValues *v, const int64_t *position, const int64_t *right,
                      int64_t *size, double *real);
/* where: "" or what to add to a message. */
bool rt_values_check(const TpKernel *k, const double *real, const int64_t *size, const char *where,
                     TpError *e);
double rt_code_value(const TpCode *code, const double *real, const int64_t *size);
int64_t rt_aff_value(const TpAff *a, const int64_t *size);
/* Elements of an array; at least 1 (a loop that does not run leaves an empty axis); INT64_MAX where
 * that overflows. */
int64_t rt_array_elements(const TpArray *a, const int64_t *size);
/* No less than the elements at any sizes from least[] to most[]. */
int64_t rt_array_bound(const TpArray *a, const int64_t *least, const int64_t *most);
/* Settings as ./kernel --help lists them: "depth = 3 (whole number)". */
size_t rt_settings_text(char *buf, size_t cap, const TpKernel *k);

/* Text that grows in a caller's buffer and is cut at its end. */
typedef struct RtText {
    char *buf;
    size_t cap, len; /* len: of the whole text */
} RtText;
void rt_put(RtText *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "(N, T, d)": the shape of an input's array. */
void rt_input_text(char *buf, size_t cap, const TpKernel *k, int32_t input);
/* "2*T + 1" */
void rt_put_aff(RtText *t, const TpKernel *k, const TpAff *a);
#endif

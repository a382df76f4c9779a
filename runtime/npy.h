/* .npy files: numbers of any rank from 1 on, samples first, read block by block. */
#ifndef TP_NPY_H
#define TP_NPY_H
#include "rt.h"
#include <sys/types.h>

typedef enum NpyType {
#define NPY(code, ctype, name) NPY_##code,
#include "npy.def"
} NpyType;
enum {
    NPY_COUNT = 0
#define NPY(code, ctype, name) +1
#include "npy.def"
};

typedef struct NpyHeader {
    NpyType type;
    bool fortran; /* the first index runs fastest */
    TpShape shape;
    int64_t n, row; /* samples; numbers of a sample */
    int64_t offset; /* of the first number */
} NpyHeader;

typedef struct Npy {
    NpyHeader h;
    const char *path; /* the caller's */
    int fd;
    bool padded; /* numbers that are not finite are for the caller to find */
    int64_t size;
    dev_t dev;
    ino_t ino;
} Npy;

/* The longest header accepted; those of real files have 128 bytes. */
enum { NPY_MAX_HEADER = 65536 };

/* Parse the start of a file: data[0..len) of a file of `size` bytes.  len must reach the end of the
 * header or NPY_MAX_HEADER.  Everything is checked, the size too. */
bool rt_npy_parse(const unsigned char *data, int64_t len, int64_t size, const char *path,
                  NpyHeader *h, TpError *e);
bool rt_npy_open(Npy *f, const char *path, TpError *e);
void rt_npy_close(Npy *f);
/* All numbers, row by row, to dest[n * row]; each must be finite (integers: exact).  Reads the file
 * once, through a buffer of NPY_BUFFER bytes. */
enum { NPY_BUFFER = 1 << 20 };
bool rt_npy_read(const Npy *f, double *dest, const _Atomic int *stop, TpError *e);

/* The header of a C-ordered array in a file.  Returns its length: 128 bytes where that is enough,
 * always a multiple of 64. */
enum { NPY_HEADER = 1024 };
int rt_npy_header(char out[NPY_HEADER], TpDtype dtype, const TpShape *shape);
#endif

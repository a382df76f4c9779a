/* Growable arrays in an arena: VEC(Type) v = {0}; vec_push(arena, &v, x); v.data[i], v.len. */
#ifndef TPC_BASE_VEC_H
#define TPC_BASE_VEC_H
#include "base/arena.h"
#include <string.h>

#define VEC(T)            \
    struct {              \
        T *data;          \
        uint32_t len, cap; \
    }

static inline void *vec_grow(Arena *a, void *old, uint32_t len, uint32_t *cap, size_t size) {
    uint32_t n = *cap ? *cap * 2 : 4;
    void *p = arena_alloc(a, (size_t)n * size);
    if (len) memcpy(p, old, (size_t)len * size);
    *cap = n;
    return p;
}

#define vec_push(a, v, ...)                                                                       \
    do {                                                                                          \
        if ((v)->len == (v)->cap)                                                                 \
            (v)->data = vec_grow((a), (v)->data, (v)->len, &(v)->cap, sizeof *(v)->data);         \
        (v)->data[(v)->len++] = (__VA_ARGS__);                                                    \
    } while (0)
#define vec_pop(v) ((v)->data[--(v)->len])
#define vec_last(v) ((v)->data[(v)->len - 1])
#endif

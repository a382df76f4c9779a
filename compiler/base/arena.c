#include "base/arena.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

enum { ALIGN = 16, FIRST_CHUNK = 16384, MAX_CHUNK = 4 << 20 };

typedef struct Chunk {
    struct Chunk *next;
    size_t size, used;
    _Alignas(16) char data[];
} Chunk;

struct Arena {
    Chunk *chunk; /* newest first */
    size_t total, limit;
    ArenaOom *oom;
    void *ctx;
};

static void oom_abort(void *ctx, size_t wanted) {
    (void)ctx;
    fprintf(stderr, "tpc: out of memory (%zu bytes wanted)\n", wanted);
    abort();
}

Arena *arena_new(size_t limit, ArenaOom *oom, void *ctx) {
    Arena *a = calloc(1, sizeof *a);
    if (!a) (oom ? oom : oom_abort)(ctx, sizeof *a);
    a->limit = limit;
    a->oom = oom ? oom : oom_abort;
    a->ctx = ctx;
    return a;
}

static void chunks_free(Chunk *c) {
    while (c) {
        Chunk *next = c->next;
        UNPOISON(c->data, c->size);
        free(c);
        c = next;
    }
}

void arena_free(Arena *a) {
    if (!a) return;
    chunks_free(a->chunk);
    free(a);
}

void arena_reset(Arena *a) {
    Chunk *c = a->chunk;
    if (!c) return;
    chunks_free(c->next);
    c->next = NULL;
    c->used = 0;
    a->total = c->size;
    POISON(c->data, c->size);
}

static Chunk *chunk_new(Arena *a, size_t need) {
    size_t size = a->chunk ? a->chunk->size * 2 : FIRST_CHUNK;
    if (size > MAX_CHUNK) size = MAX_CHUNK;
    if (size < need) size = need;
    if (a->limit && a->total + size > a->limit) a->oom(a->ctx, need);
    Chunk *c = malloc(sizeof *c + size);
    if (!c) {
        a->oom(a->ctx, need);
        abort();
    }
    c->next = a->chunk;
    c->size = size;
    c->used = 0;
    a->total += size;
    a->chunk = c;
    POISON(c->data, size);
    return c;
}

void *arena_alloc(Arena *a, size_t size) {
    if (size > SIZE_MAX / 2) a->oom(a->ctx, size);
    size_t need = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (!need) need = ALIGN;
    Chunk *c = a->chunk;
    if (!c || c->size - c->used < need) c = chunk_new(a, need);
    char *p = c->data + c->used;
    c->used += need;
    UNPOISON(p, need);
    return memset(p, 0, need);
}

void *arena_copy(Arena *a, const void *src, size_t size) {
    void *p = arena_alloc(a, size);
    return size ? memcpy(p, src, size) : p;
}

char *arena_strndup(Arena *a, const char *s, size_t n) {
    char *p = arena_alloc(a, n + 1);
    if (n) memcpy(p, s, n);
    p[n] = 0;
    return p;
}

char *arena_strdup(Arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

char *arena_printf(Arena *a, const char *fmt, ...) {
    va_list ap, ap2;
    va_start(ap, fmt);
    va_copy(ap2, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, ap2);
    va_end(ap2);
    return p;
}

size_t arena_used(const Arena *a) { return a->total; }

/* Instructions found again by their content: a hash table with scopes. */
#ifndef TPC_KERNEL_KEYS_H
#define TPC_KERNEL_KEYS_H
#include "kernel/op.h"

enum { NCHAIN = 1024 };

typedef struct KeyEntry {
    uint32_t hash;
    KIns key;
    uint32_t epoch; /* a further part of the key */
    uint32_t value;
    uint32_t next;  /* in the chain */
} KeyEntry;

typedef struct Keys {
    Arena *a;
    VEC(KeyEntry) entry; /* [0] unused; innermost scope last */
    uint32_t chain[NCHAIN];
} Keys;

Keys *keys_new(Arena *a);
/* The value entered last for this key; 0: none.  Operands of commuting instructions may stand in
 * either order; spans do not count. */
uint32_t keys_find(const Keys *t, KIns key, uint32_t epoch);
void keys_add(Keys *t, KIns key, uint32_t epoch, uint32_t value);
static inline uint32_t keys_mark(const Keys *t) { return t->entry.len; }
/* Forget what was added since the mark. */
void keys_leave(Keys *t, uint32_t mark);
#endif

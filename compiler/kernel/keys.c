#include "kernel/keys.h"

static uint32_t mix(uint32_t h, uint64_t v) {
    h = (h ^ (uint32_t)v) * 16777619u;
    return (h ^ (uint32_t)(v >> 32)) * 16777619u;
}

static uint32_t hash_aff(uint32_t h, Aff a) {
    h = mix(h, (uint64_t)a.c);
    for (uint32_t i = 0; i < a.nterm; i++) h = mix(mix(h, a.term[i].name), (uint64_t)a.term[i].k);
    return h;
}

static uint32_t hash_key(const KIns *k, uint32_t epoch) {
    uint64_t bits;
    memcpy(&bits, &k->num, sizeof bits);
    uint32_t h = mix(mix(2166136261u, (uint64_t)k->op | (uint64_t)k->side << 32), bits);
    for (int j = 0; j < 4; j++) h = mix(h, k->arg[j]);
    h = mix(mix(h, k->x), epoch);
    for (uint32_t j = 0; j < k->nidx; j++) h = hash_aff(h, k->idx[j]);
    return h ^ h >> 15;
}

static bool same_key(const KIns *a, const KIns *b) {
    if (a->op != b->op || a->side != b->side || a->x != b->x || a->nidx != b->nidx) return false;
    if (memcmp(&a->num, &b->num, sizeof a->num)) return false;
    if (memcmp(a->arg, b->arg, sizeof a->arg)) return false;
    for (uint32_t j = 0; j < a->nidx; j++)
        if (!aff_eq(a->idx[j], b->idx[j])) return false;
    return true;
}

static KIns canonical(KIns k) {
    if (kop_commutes(k.op) && k.arg[0] > k.arg[1]) {
        KVal t = k.arg[0];
        k.arg[0] = k.arg[1];
        k.arg[1] = t;
    }
    return k;
}

Keys *keys_new(Arena *a) {
    Keys *t = ARENA_NEW(a, Keys);
    t->a = a;
    vec_push(a, &t->entry, (KeyEntry){0});
    return t;
}

uint32_t keys_find(const Keys *t, KIns key, uint32_t epoch) {
    key = canonical(key);
    uint32_t hash = hash_key(&key, epoch);
    for (uint32_t e = t->chain[hash % NCHAIN]; e; e = t->entry.data[e].next) {
        const KeyEntry *x = &t->entry.data[e];
        if (x->hash == hash && x->epoch == epoch && same_key(&x->key, &key)) return x->value;
    }
    return 0;
}

void keys_add(Keys *t, KIns key, uint32_t epoch, uint32_t value) {
    key = canonical(key);
    uint32_t hash = hash_key(&key, epoch), *chain = &t->chain[hash % NCHAIN];
    vec_push(t->a, &t->entry, (KeyEntry){hash, key, epoch, value, *chain});
    *chain = t->entry.len - 1;
}

void keys_leave(Keys *t, uint32_t mark) {
    while (t->entry.len > mark) {
        const KeyEntry *e = &t->entry.data[--t->entry.len];
        t->chain[e->hash % NCHAIN] = e->next;
    }
}

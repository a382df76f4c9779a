/* The definitions by which a vector depends on another. */
#include "check/checker.h"

void chain_find(Checker *k, DefId from, DefId to, CheckReason *r) {
    DefId *via = ARENA_ARRAY(k->a, DefId, k->p->def.len);
    DefIds queue = {0};
    vec_push(k->a, &queue, from);
    via[from] = from;
    for (uint32_t i = 0; i < queue.len && !via[to]; i++) {
        const DefIds *in = &k->reads[queue.data[i]];
        for (uint32_t j = 0; j < in->len; j++) {
            if (via[in->data[j]]) continue;
            via[in->data[j]] = queue.data[i];
            vec_push(k->a, &queue, in->data[j]);
        }
    }
    if (!via[to]) return;
    DefIds path = {0};
    for (DefId d = to; d != from; d = via[d]) vec_push(k->a, &path, d);
    vec_push(k->a, &path, from);
    for (uint32_t i = path.len; i-- > 0;) {
        CheckLink link = {def_name(k, path.data[i]), def_of(k, path.data[i])->span};
        vec_push(k->a, &r->chain, link);
    }
}

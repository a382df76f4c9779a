#include "diag/diag.h"
#include "kernel/hoist.h"

/* The computation of v: done maps numbers of computations to values of the other stage. */
static KVal emit_value(Hoist *h, const Site *s, KBuild *b, KVal *done, KVal v) {
    if (done[h->canon[v]]) return done[h->canon[v]];
    KIns i = h->f->ins.data[v];
    Aff *idx = i.nidx ? ARENA_ARRAY(h->c->a, Aff, i.nidx) : NULL;
    for (uint32_t j = 0; j < i.nidx; j++)
        if (!site_form(h, s, i.idx[j], &idx[j])) bug("hoist: an index is not of the site's axes");
    i.idx = idx;
    if (i.side != SIDE_none) i.side = SIDE_x;
    for (uint32_t j = 0; j < kop_info(i.op)->nargs; j++)
        i.arg[j] = emit_value(h, s, b, done, i.arg[j]);
    return done[h->canon[v]] = kb_emit(b, i);
}

/* Variables of the place's loops: the indices of its arrays. */
static uint32_t place_index(const Hoist *h, const Place *p, Aff *idx) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->item.len; i++)
        if (p->item.data[i].var) idx[n++] = aff_name(h->k->aff, p->item.data[i].var);
    return n;
}

static void emit_place(Hoist *h, KStage stage, uint32_t place) {
    const Place *p = &h->place.data[place];
    KBuild b = kb_begin(h->c, h->k, stage);
    KVal *done = ARENA_ARRAY(h->c->a, KVal, h->keys->entry.len);
    Aff *idx = ARENA_ARRAY(h->c->a, Aff, p->item.len);
    uint32_t n = place_index(h, p, idx);
    for (uint32_t i = 0; i < p->item.len; i++) {
        const PlaceItem *w = &p->item.data[i];
        if (w->var) kb_loop_in(&b, w->var, w->lo, w->nlo, w->hi, w->nhi, false);
        else kb_if(&b, w->cons, w->ncons);
    }
    for (uint32_t m = 1; m < h->moved.len; m++) {
        const Moved *o = &h->moved.data[m];
        if (o->place != place || o->stage != stage) continue;
        hoist_number(h, o->site, o->v);
        kb_store(&b, o->array, idx, n, emit_value(h, o->site, &b, done, o->v));
    }
    for (uint32_t i = 0; i < p->item.len; i++) kb_end(&b);
}

static bool place_used(const Hoist *h, KStage stage, uint32_t place) {
    for (uint32_t m = 1; m < h->moved.len; m++)
        if (h->moved.data[m].place == place && h->moved.data[m].stage == stage) return true;
    return false;
}

/* The form of the pair stage that the place's loop variable stands for. */
static Aff axis_form(const Site *s, Sym var) {
    for (uint32_t i = 0; i < s->axis.len; i++)
        if (s->axis.data[i].name == var) return s->axis.data[i].form;
    bug("hoist: a loop is over no axis");
}

static KVal load_ins(Rewrite *r, KVal old, KIns ins) {
    const Hoist *h = r->self;
    if (!h->moved_of[old]) return rewrite_copy(r, ins);
    const Moved *m = &h->moved.data[h->moved_of[old]];
    const Place *p = &h->place.data[m->place];
    Aff *idx = ARENA_ARRAY(r->c->a, Aff, p->item.len);
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->item.len; i++)
        if (p->item.data[i].var) idx[n++] = axis_form(h->site_of[old], p->item.data[i].var);
    Side side = h->bind[old] == BIND_const ? SIDE_none : h->bind[old] == BIND_x ? SIDE_x : SIDE_y;
    return kb_load(&r->b, m->array, side, idx, n);
}

void hoist_emit(Hoist *h) {
    for (int s = KS_const; s < KS_pair; s++)
        for (uint32_t p = 0; p < h->place.len; p++)
            if (place_used(h, (KStage)s, p)) emit_place(h, (KStage)s, p);
    rewrite_fn(h->c, h->k, KS_pair, load_ins, h);
}

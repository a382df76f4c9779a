/* The interpreter proper, for one type of real: included by interp.c with
 *   T the type, F(sqrt) = sqrt or sqrtf, B(pow2) = bits_pow2_f64 or _f32, N(run) = the name.
 * Every instruction works on TP_BLOCK lanes.  Masks are reals, 1 or 0. */

static T *N(reg)(const Run *r, uint32_t k) { return (T *)r->reg + (size_t)k * TP_BLOCK; }

static void N(fill)(T *restrict d, T v) {
    for (int l = 0; l < TP_BLOCK; l++) d[l] = v;
}

/* Where lane 0 of an element lies; *one: there is one value for all lanes. */
static T *N(address)(Run *r, const IIns *i, bool *one) {
    const IArray *a = &r->in->array[i->x];
    const TpFrame *f = r->f;
    int64_t e = run_element(r, i);
    *one = false;
    switch (a->place) {
    case PLACE_const: *one = true; return (T *)f->carray[i->x] + e;
    case PLACE_sample:
        if (i->side == SIDE_y)
            return (T *)f->yarray[i->x] + tp_place(e, run_elements(r, i), r->s);
        *one = r->stage == KS_pair;
        return (T *)f->xarray[i->x] + tp_place(e, run_elements(r, i), *one ? r->i : r->s);
    case PLACE_pair: return (T *)f->parray[i->x] + e * TP_BLOCK;
    case PLACE_row: return (T *)f->row[i->x] + e * f->stride + r->row;
    case PLACE_cell: return (T *)r->cell + (size_t)a->cell * TP_BLOCK;
    }
    return NULL;
}

static void N(load)(Run *r, const IIns *i, T *restrict d) {
    bool one;
    const T *p = N(address)(r, i, &one);
    if (one) N(fill)(d, *p);
    else memcpy(d, p, TP_BLOCK * sizeof(T));
}

static void N(store)(Run *r, const IIns *i, const T *restrict v) {
    bool one;
    T *p = N(address)(r, i, &one);
    memcpy(p, v, (one ? 1 : TP_BLOCK) * sizeof(T));
}

#define LANES for (int l = 0; l < TP_BLOCK; l++)
#define PRIM1(name, expr)                       \
    case KO_##name:                             \
        LANES {                                 \
            const T a = x[l];                   \
            d[l] = expr;                        \
        }                                       \
        break;
#define PRIM2(name, expr)                       \
    case KO_##name:                             \
        LANES {                                 \
            const T a = x[l], b = y[l];         \
            d[l] = expr;                        \
        }                                       \
        break;
#define PRIM3(name, expr)                       \
    case KO_##name:                             \
        LANES {                                 \
            const T a = x[l], b = y[l], c = z[l]; \
            d[l] = expr;                        \
        }                                       \
        break;
#define COMPARE(name, expr) PRIM2(name, (T)(expr))

/* d, x, y, z are different registers: a value is never its own operand. */
static void N(step)(Run *r, const IIns *i) {
    T *restrict d = N(reg)(r, i->dst);
    const T *x = N(reg)(r, i->arg[0]), *y = N(reg)(r, i->arg[1]), *z = N(reg)(r, i->arg[2]);
    switch (i->op) {
#include "kernel/prim.def"
    case KO_and: LANES d[l] = x[l] * y[l]; break;
    case KO_or: LANES d[l] = x[l] > y[l] ? x[l] : y[l]; break;
    case KO_not: LANES d[l] = 1 - x[l]; break;
    case KO_select: LANES d[l] = x[l] != 0 ? y[l] : z[l]; break;
    case KO_num: N(fill)(d, (T)i->num); break;
    case KO_real: N(fill)(d, (T)r->f->real[i->x]); break;
    case KO_index: N(fill)(d, (T)iaff_at(r, i->idx)); break;
    case KO_table: N(fill)(d, (T)r->in->table[i->x].v[iaff_at(r, i->idx)]); break;
    case KO_load: N(load)(r, i, d); break;
    case KO_store: N(store)(r, i, x); break;
    }
}

static void N(run)(Run *r) {
    const ICode *code = &r->in->code[r->stage];
    for (uint32_t pc = 0; pc < code->n; pc++) {
        const IIns *i = &code->ins[pc];
        int64_t *var = &r->env[i->slot];
        switch (i->op) {
        case KO_loop: {
            int64_t lo = iaff_largest(r, i->lo, i->nlo), hi = iaff_smallest(r, i->hi, i->nhi);
            *var = i->down ? hi - 1 : lo;
            if (lo >= hi) pc = i->to - 1;
            break;
        }
        case IO_next:
            *var += i->down ? -1 : 1;
            if (i->down ? *var >= iaff_largest(r, i->lo, i->nlo)
                        : *var < iaff_smallest(r, i->hi, i->nhi))
                pc = i->to;
            break;
        case KO_if:
            for (uint32_t j = 0; j < i->ncons; j++)
                if (!icons_at(r, &i->cons[j])) {
                    pc = i->to - 1;
                    break;
                }
            break;
        case IO_jump: pc = i->to - 1; break;
        default: N(step)(r, i);
        }
    }
}
#undef LANES
#undef T
#undef F
#undef B
#undef N

/* Verdicts of `tpc check` as text and as JSON. */
#include "driver/verdict.h"
#include <math.h>
#include <string.h>

/* ---- for people */

static Diag *reason_diag(Diags *ds, const CheckReason *r) {
    switch (r->clause) {
    case CLAUSE_readout_mean: return diag(ds, gia_readout_mean, r->use[0], r->text, r->subject);
    case CLAUSE_readout_interior:
        return diag(ds, gia_readout_interior, r->use[0], r->text, r->subject);
    case CLAUSE_orientations: return diag(ds, gia_orientations, r->use[0], r->text, r->subject);
    case CLAUSE_not_odd: return diag(ds, bp_not_odd, r->use[0], r->text);
    case CLAUSE_contains: return diag(ds, bp_contains, r->use[0], r->text);
    case CLAUSE_no_special: return diag(ds, bp_no_vector, r->use[0], r->text, r->subject);
    case CLAUSE_coefficient: return diag(ds, gia_coefficient, r->use[0], r->text);
    case CLAUSE_undecided: return diag(ds, gia_undecided, r->use[0], r->text);
    }
    return NULL;
}

/* What stands beside the second place of a reason. */
static const char *second_label(const CheckReason *r) {
    switch (r->clause) {
    case CLAUSE_readout_mean: return "made here";
    case CLAUSE_readout_interior: return "also used here";
    case CLAUSE_orientations: return "the other orientation";
    case CLAUSE_not_odd:
    case CLAUSE_contains:
    case CLAUSE_no_special:
    case CLAUSE_coefficient:
    case CLAUSE_undecided: break;
    }
    return "the opposite use of the matrix";
}

static const char *chain_text(Arena *a, const CheckReason *r) {
    Buf b = buf_new(a);
    for (uint32_t i = 0; i < r->chain.len; i++)
        buf_printf(&b, "%s%s", i ? " <- " : "", r->chain.data[i].name);
    return buf_text(&b);
}

static void reason_notes(Session *s, Diag *d, const CheckReason *r) {
    if (r->formula) diag_note(d, "coefficient: %s", r->formula);
    if (!isnan(r->value))
        diag_note(d, "at the probe it is %.6g (error below %.1g)", r->value, r->bound);
    if (r->nonzero)
        diag_note(d, "%u of %u coefficients are not 0%s", r->nonzero, r->of,
                  r->partial ? "; there are more" : "");
    if (r->chain.len < 2) return;
    diag_note(d, "depends by %s", chain_text(s->a, r));
    for (uint32_t i = 0; i < r->chain.len; i++) {
        const CheckLink *l = &r->chain.data[i];
        bool same = i && l->span.lo == r->chain.data[i - 1].span.lo;
        if (l->span.file && !same)
            diag_note(d, "`%s`: %s", l->name, source_place(s->c.src, s->a, l->span));
    }
}

/* In the order of the ladder. */
static void reasons(Session *s, const Ast *ast, const Verdict *v, bool colour, Buf *b) {
    for (uint32_t i = 0; i < v->reason.len; i++) {
        const CheckReason *r = &v->reason.data[i];
        Diags *ds = diags_new(s->a, s->c.src);
        Diag *d = reason_diag(ds, r);
        if (r->use[1].file && r->use[1].lo != r->use[0].lo)
            diag_label(d, r->use[1], "%s", second_label(r));
        reason_notes(s, d, r);
        Mends m = {0};
        mends_of(s, ast, r, &m);
        for (uint32_t k = 0; k < m.len; k++)
            diag_fix(d, m.data[k].span, m.data[k].replacement, "%s", m.data[k].text);
        diags_render(ds, (DiagRender){s->o->format, colour}, b);
    }
}

void verdict_text(Session *s, const Ast *ast, const char *name, const Verdict *v, bool colour,
                  Buf *b) {
    buf_printf(b, "%s: %s", name, rung_text(v->rung));
    if (v->sizes) buf_printf(b, " for %s", v->sizes);
    if (v->readout != READOUT_none) buf_printf(b, ", readout %s", readout_text(v->readout));
    if (v->condition) buf_printf(b, " (while %s)", v->condition);
    if (v->higher) buf_printf(b, "; %s", v->higher);
    buf_putc(b, '\n');
    for (uint32_t i = 0; i < v->why.len && s->o->verbose; i++)
        buf_printf(b, "    %s\n", v->why.data[i]);
    reasons(s, ast, v, colour, b);
}

/* ---- JSON */

static json_t *place(Session *s, Span sp) {
    return sp.file ? json_string(source_place(s->c.src, s->a, sp)) : json_null();
}

static json_t *text_or_null(const char *t) { return t ? json_string(t) : json_null(); }

static json_t *mends_json(Session *s, const Ast *ast, const CheckReason *r) {
    json_t *list = json_array();
    Mends m = {0};
    mends_of(s, ast, r, &m);
    for (uint32_t i = 0; i < m.len; i++)
        json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:s, s:s}", "file",
                                              source_path(s->c.src, m.data[i].span.file), "lo",
                                              (int)m.data[i].span.lo, "hi",
                                              (int)m.data[i].span.hi, "replacement",
                                              m.data[i].replacement, "text", m.data[i].text));
    return list;
}

static json_t *reason_json(Session *s, const Ast *ast, const CheckReason *r) {
    json_t *uses = json_array(), *chain = json_array(), *coefficient = json_null();
    for (int i = 0; i < 2; i++)
        if (r->use[i].file) json_array_append_new(uses, place(s, r->use[i]));
    for (uint32_t i = 0; i < r->chain.len; i++)
        json_array_append_new(chain, json_pack("{s:s, s:o}", "name", r->chain.data[i].name,
                                               "place", place(s, r->chain.data[i].span)));
    if (r->formula)
        coefficient = json_pack(
            "{s:s, s:o, s:o, s:i, s:i}", "formula", r->formula, "value",
            isnan(r->value) ? json_null() : json_real(r->value), "bound",
            isfinite(r->bound) ? json_real(r->bound) : json_null(), "nonzero", (int)r->nonzero,
            "of", (int)r->of);
    return json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:n, s:o}", "condition",
                     clause_name(r->clause), "matrix", r->subject, "uses", uses, "chain", chain,
                     "text", r->text, "coefficient", coefficient, "relative_error", "fixes",
                     mends_json(s, ast, r));
}

json_t *verdict_json(Session *s, const Ast *ast, const char *name, const Verdict *v) {
    json_t *list = json_array(), *why = json_array();
    for (uint32_t i = 0; i < v->reason.len; i++)
        json_array_append_new(list, reason_json(s, ast, &v->reason.data[i]));
    for (uint32_t i = 0; i < v->why.len; i++)
        json_array_append_new(why, json_string(v->why.data[i]));
    bool none = v->readout == READOUT_none;
    json_t *readout = none ? json_null() : json_string(readout_text(v->readout));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", name, "verdict",
                     rung_text(v->rung), "readout", readout, "condition",
                     text_or_null(v->condition), "sizes", text_or_null(v->sizes), "higher",
                     text_or_null(v->higher), "why", why, "reasons", list);
}

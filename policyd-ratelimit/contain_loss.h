/*
 * A store that has lost what is contained: how that is seen, and what is put back.
 *
 * Beside the keys stands a mark, which the first host made.  A listing without it, or with another
 * one, is of a store that was emptied or replaced: that nobody is contained there does not mean that
 * somebody was released, so those that this host knows are put back.
 *
 * Another host may have put them back before, and somebody may have released one there since.  So
 * releases are noted for a while, and what was released is not put back.
 *
 * The keeper's thread only.
 */
#ifndef POLICYD_CONTAIN_LOSS_H
#define POLICYD_CONTAIN_LOSS_H

#include "lib/store/store.h"

/* A listing: begun, told of each entry, ended when it was whole.  _take: true if it is the mark, and
 * no key. */
void contain_loss_begin(void);
bool contain_loss_take(const struct gp_entry *entry);
/* Ends the table's sync (contain_table.h) too, as what the store says demands. */
void contain_loss_end(void);

/* Before a release is written; before the key is contained anew. */
int contain_loss_note_release(struct gp_str name) GP_MUST_USE;
int contain_loss_forget_release(struct gp_str name) GP_MUST_USE;
/* After a key was put back: takes it out again if it was released meanwhile. */
int contain_loss_check(struct gp_str name) GP_MUST_USE;

#endif

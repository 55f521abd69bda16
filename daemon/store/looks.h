/* The newest look of each process (model/look_bytes.h), which bears what is known of the earlier ones. Written like all
 * else: calls change memory and queue a write, store_commit() writes.
 *
 * A look goes with its process's row. All of them together fill at most an eighth of the file's largest size: then
 * those of the processes that ended longest ago go first, and of running ones and those with an open finding only when
 * no other is left. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/read.h"
#include "store/store.h"

/* Of a process that has not ended (else nothing is done). Replaces the one before. Copied; one that is empty, or larger
 * than LOOK_BYTES_MOST or than all may be together, is not kept. */
void store_put_look(struct store *s, uint32_t process, int64_t at_ms, const void *bytes, size_t size);
/* It exec'ed: what its heap held is gone. */
void store_drop_look(struct store *s, uint32_t process);

/* 1 and the bytes (lent until the next call), 0: none, negative. */
int store_read_look(struct store_reader *r, uint32_t process, int64_t *ret_at_ms, const void **ret_bytes,
                    size_t *ret_size, struct error *err);

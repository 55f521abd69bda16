/* A look, and what it takes to keep one. */
#include "model/look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void look_init(struct look *look)
{
        *look = (struct look){ .complete = true, .tracked_objects = -1, .gc = LOOK_GC_UNKNOWN, .memory = LOOK_MEMORY_UNKNOWN };
}

void look_done(struct look *look)
{
        for (size_t i = 0; i < look->n_types; i++)
                free(look->types[i].name);
        for (size_t i = 0; i < look->n_containers; i++) {
                for (size_t k = 0; k < look->containers[i].n_aliases; k++)
                        free(look->containers[i].aliases[k]);
                free(look->containers[i].name);
                free(look->containers[i].type);
        }
        for (size_t i = 0; i < look->n_missing; i++) {
                free(look->missing[i].part);
                free(look->missing[i].reason);
        }
        free(look->types);
        free(look->containers);
        free(look->missing);
        look_init(look);
}

int look_miss(struct look *look, const char *part, const char *reason)
{
        struct look_missing *missing = realloc(look->missing, (look->n_missing + 1) * sizeof *missing);

        look->complete = false;
        if (!missing)
                return -ENOMEM;
        look->missing = missing;
        missing += look->n_missing;
        *missing = (struct look_missing){ strdup(part), strdup(reason) };
        if (missing->part && missing->reason) {
                look->n_missing++;
                return 0;
        }
        free(missing->part);
        free(missing->reason);
        return -ENOMEM;
}

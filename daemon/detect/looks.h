/* Growth between looks, by name. Pure.
 *
 * A look that follows another one takes over what that one knew: the values of up to LOOK_PAST earlier looks, name by
 * name. A name that the earlier one did not have was at most as large as what that one cut off (look.cuts), then and at the
 * looks before: so a new name counts once it is seen a second time. One that is gone now is kept for a while with -1, as a
 * table that was replaced while it was read hides its names once. The first look stays, the others thin out evenly over time.
 * A container is known by its name or by any alias. Where the clock was set back, nothing is taken over.
 *
 * Two looks compare part by part: types only with types that were counted, containers with those that were walked. */
#pragma once

#include <stdbool.h>

#include "model/look.h"

#define LOOKS_OWN_MOST 150       /* names kept of each list: an application's types, */
#define LOOKS_BUILTIN_MOST 60    /* the others, */
#define LOOKS_CONTAINERS_MOST 200
#define LOOKS_LENGTH_LEAST 16    /* shorter containers are never listed */

/* now takes over the past from before (both whole and ranked or not), which stays as it is. 0 or -ENOMEM. */
int looks_continue(const struct look *before, struct look *now);
/* Types: an application's own first. Each list by growth (types by bytes an hour, containers by entries an hour; NAN last),
 * then by size, then by name; what was not seen this time comes last. */
void looks_rank(struct look *look);
/* Ranked and cut to the names kept: the top by growth and the top by size, half of each at least. cuts tells what went. */
void looks_cut(struct look *look);

/* What may be behind a leak: grew from look to look and never fell by more than a tenth. */
enum suspect_kind { SUSPECT_CONTAINER, SUSPECT_TYPE, SUSPECT_EXTENSION };
struct suspect {
        enum suspect_kind kind;
        const char *name;          /* lent by the look */
        const char *type;          /* of a container; NULL for others */
        int64_t from, to;          /* entries or objects; -1: an extension has none */
        int64_t from_bytes, to_bytes; /* of a type; -1 */
        int64_t from_ms;           /* when it was `from` */
        double per_hour;
        int64_t explains_bytes;    /* a lower bound of its part in the growth; -1: not known */
        int64_t looks;             /* in so many it was seen */
        double with_memory;        /* rank correlation with the process's memory over them; NAN: too few */
        bool sure;                 /* grew by a fifth and by 1,000, or explains a quarter of the growth; false: is named, and proves
                                    * nothing yet */
        bool frames;               /* DataFrames or arrays, whose bodies no look counts, or a container that grows at their pace */
        bool unnamed;              /* a container that nothing named leads to */
        bool agent;                /* an extension that runs in the process all the time: ddtrace, newrelic, ... */
};
#define SUSPECTS_MOST 10

/* An application's containers and types, the sure ones first: containers that grow as fast as any type does, or a tenth of it,
 * then what explains most, then what grew most. Builtin types never; weak containers and gc.garbage never; what belongs
 * to the standard library last, and only if sure. grown_bytes: of the process meanwhile; -1: not known. Returns how
 * many; 0 also when out of memory. */
size_t looks_suspects(const struct look *look, int64_t grown_bytes, struct suspect ret[static SUSPECTS_MOST]);

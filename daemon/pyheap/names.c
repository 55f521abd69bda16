/* What the objects met on a walk are called. */
#include "pyheap/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void names_init(struct names *n)
{
        *n = (struct names){};
}

void names_done(struct names *n)
{
        free(n->nodes);
        free(n->slots);
        free(n->aliases);
        buffer_done(&n->labels);
        *n = (struct names){};
}

static size_t slot_of(const struct names *n, uint64_t address)
{
        return address * UINT64_C(0x9e3779b97f4a7c15) >> (64 - n->bits);
}

uint32_t names_find(const struct names *n, uint64_t address)
{
        if (!n->slots)
                return NO_NODE;
        for (size_t i = slot_of(n, address);; i = (i + 1) & (((size_t)1 << n->bits) - 1)) {
                if (!n->slots[i])
                        return NO_NODE;
                if (n->nodes[n->slots[i] - 1].address == address)
                        return n->slots[i] - 1;
        }
}

static void put_slot(struct names *n, uint32_t node)
{
        size_t i = slot_of(n, n->nodes[node].address);

        while (n->slots[i])
                i = (i + 1) & (((size_t)1 << n->bits) - 1);
        n->slots[i] = node + 1;
}

/* Room for one more node, the slots at most half full. */
static bool reserve(struct names *n)
{
        if (n->n == NODES_MOST)
                return false;
        if (n->n == n->room) {
                size_t room = n->room ? 2 * n->room : 1024;
                struct node *nodes = realloc(n->nodes, room * sizeof *nodes);

                if (!nodes)
                        return false;
                n->nodes = nodes;
                n->room = room;
        }
        if (!n->slots || n->n * 2 >= (size_t)1 << n->bits) {
                unsigned bits = n->slots ? n->bits + 1 : 12;
                uint32_t *slots = calloc((size_t)1 << bits, sizeof *slots);

                if (!slots)
                        return false;
                free(n->slots);
                n->slots = slots;
                n->bits = bits;
                for (uint32_t i = 0; i < n->n; i++)
                        put_slot(n, i);
        }
        return true;
}

static bool keep_label(struct names *n, const char *label, struct name *name)
{
        if (!label)
                return true;
        if (n->labels.size + strlen(label) + 1 > LABELS_MOST)
                return false;
        name->label = (uint32_t)n->labels.size;
        buffer_add(&n->labels, label, strlen(label) + 1);
        return !n->labels.failed;
}

bool names_add(struct names *n, const struct node *node, const char *label)
{
        struct node kept = *node;

        if (!reserve(n) || !keep_label(n, label, &kept.name)) {
                n->cut = true;
                return false;
        }
        kept.alias = NO_NODE;
        kept.n_aliases = 0;
        n->nodes[n->n] = kept;
        put_slot(n, (uint32_t)n->n);
        n->n++;
        return true;
}

void names_add_alias(struct names *n, uint32_t node, struct name name, const char *label)
{
        struct node *of = &n->nodes[node];

        if (of->n_aliases == ALIASES_EACH || n->n_aliases == ALIASES_MOST || !keep_label(n, label, &name))
                return;
        if (n->n_aliases == n->aliases_room) {
                size_t room = n->aliases_room ? 2 * n->aliases_room : 256;
                struct alias *aliases = realloc(n->aliases, room * sizeof *aliases);

                if (!aliases)
                        return;
                n->aliases = aliases;
                n->aliases_room = room;
        }
        n->aliases[n->n_aliases] = (struct alias){ name, of->alias };
        of->alias = (uint32_t)n->n_aliases++;
        of->n_aliases++;
}

static void write_part(const struct names *n, const struct name *name, struct buffer *to)
{
        static const struct { const char *before, *after; bool number; } forms[] = {
                [NAME_ROOT] = { "", "", false }, [NAME_ATTRIBUTE] = { ".", "", false }, [NAME_KEY] = { "['", "']", false },
                [NAME_INDEX] = { "[", "]", true }, [NAME_CLOSURE] = { ".<closure>.", "", false },
                [NAME_DEFAULTS] = { ".<defaults>[", "]", true }, [NAME_KWDEFAULTS] = { ".<defaults>.", "", false },
        };

        if (name->join == NAME_SAME)
                return;
        buffer_add_text(to, forms[name->join].before);
        if (forms[name->join].number)
                buffer_add_int(to, name->label);
        else
                buffer_add_text(to, n->labels.data + name->label);
        buffer_add_text(to, forms[name->join].after);
}

void names_write(const struct names *n, struct name name, struct buffer *to)
{
        struct name parts[DEPTH_MOST + 4];
        size_t count = 0;

        /* A node's parent stands before it, at a lower depth: this ends; the bound is for safety's sake. */
        while (count < sizeof parts / sizeof *parts) {
                parts[count++] = name;
                if (name.join == NAME_ROOT || name.parent == NO_NODE)
                        break;
                name = n->nodes[name.parent].name;
        }
        while (count--)
                write_part(n, &parts[count], to);
}

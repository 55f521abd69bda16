/* look_take() over the memory of a real interpreter, in which some reads are answered with rubbish: which, and what, the input
 * decides. It must neither crash nor go on beyond its budget, and what it tells must be text and numbers that can be.
 * MEMTIDE_FUZZ_PYTHON: another interpreter than Debian's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "pyheap/libraries.h"
#include "pyheap/look.h"
#include "snapshot.h"

#define PART_MS 20          /* of each part; a look of this heap takes as much with the sanitizers */
#define LOOK_MS 4000        /* of a whole look: what its parts may take, and twenty times more for the sanitizers and this machine */
#define TYPES_MOST_TOLD 60
#define CONTAINERS_MOST_TOLD 40
#define OPERATIONS_MOST 64

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All that is read by name, by count or by shape, in a heap that is still small. */
static const char program[] =
        "import sys, _thread\n"
        "Module = type(sys)\n"
        "def module(name, code):\n"
        "    m = Module(name)\n"
        "    sys.modules[name] = m\n"
        "    exec(code, m.__dict__)\n"
        "module('shop', 'ORDERS = {str(i): [i] for i in range(300)}')\n"
        "module('shop.cache', '''\n"
        "import _collections, functools\n"
        "class Order:\n"
        "    recent = [1] * 40\n"
        "    def __init__(self, i): self.number, self.lines = i, [i]\n"
        "class Slotted:\n"
        "    __slots__ = ('rows',)\n"
        "class Named(dict): pass\n"
        "class Deep(Slotted, object): __slots__ = ('more',)\n"
        "ORDERS = [Order(i) for i in range(500)]\n"
        "ONE = Order(ORDERS)\n"
        "SLOTTED = Deep()\n"
        "SLOTTED.rows = {i for i in range(50)}\n"
        "SLOTTED.more = [SLOTTED] * 17\n"
        "NAMED = Named((i, i) for i in range(60))\n"
        "NAMED.further = _collections.deque(range(70))\n"
        "TREE = {'left': {'deep': [[0] * 20]}, 'right': (1, 2)}\n"
        "@functools.lru_cache(None)\n"
        "def price(x): return x\n"
        "for i in range(90): price(i)\n"
        "def remember():\n"
        "    memo, queue = {i: i for i in range(30)}, _collections.OrderedDict((i, i) for i in range(31))\n"
        "    def inner(x, y=[0] * 33, *, z={i: 0 for i in range(34)}): return memo, queue, y, z\n"
        "    return inner\n"
        "inner = remember()\n"
        "inner.calls = [0] * 35\n"
        "caf\\u00e9 = caf\\U00020000 = frozenset(range(36))\n"
        "globals()['x' * 300] = [0] * 37\n"
        "globals()[chr(0xd800) + chr(7)] = [0] * 38\n"
        "''')\n"
        "_thread.start_new_thread(_thread.allocate_lock, ())\n"
        "big = bytearray(1) * (9 << 20)\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n";

static struct snapshot snapshot;

struct operation {
        uint16_t skip;  /* reads that are answered truly before it */
        uint8_t flavour, where;
        uint32_t value;
};

struct input {
        const uint8_t *bytes;
        size_t size;
        uint64_t state;       /* of the random words */
        unsigned one_in;      /* reads; 0: none but those of operations */
        unsigned words_in;    /* of such a read one word in so many */
        uint8_t flavour;
        struct operation operations[OPERATIONS_MOST];
        size_t n, next;
        unsigned reads;       /* since the last operation */
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        const char *interpreter = getenv("MEMTIDE_FUZZ_PYTHON");

        (void)argc, (void)argv;
        snapshot_take(interpreter ? interpreter : "/usr/bin/python3", program, &snapshot);
        return 0;
}

static uint64_t next_word(uint64_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

/* The next bytes of the input, zeros behind its end. */
static uint64_t take(struct input *in, size_t size)
{
        uint64_t ret = 0;

        if (size > in->size)
                size = in->size;
        memcpy(&ret, in->bytes, size);
        in->bytes += size;
        in->size -= size;
        return ret;
}

static uint64_t some_address(uint64_t random)
{
        const struct region *r = &snapshot.regions[random % snapshot.n];

        return r->start + (random >> 16) % (r->end - r->start) / 8 * 8;
}

/* What stands there instead of a word: what sizes, counts, pointers and flags believe, and what they should not. */
static uint64_t rubbish(uint64_t *state, uint8_t flavour, uint64_t before)
{
        uint64_t random = next_word(state), word = 0;

        switch (flavour % 12) {
        case 0: return random;
        case 1: return random % 300;
        case 2: return some_address(random);
        case 3: { /* a word from elsewhere: a type where another is, a length from another list */
                size_t size = sizeof word;
                const struct iovec piece = { (void *)(uintptr_t)some_address(random), size };

                return snapshot_read(&snapshot, &word, &piece, 1) == (ssize_t)size ? word : 0;
        }
        case 4: return 0;
        case 5: return UINT64_MAX;
        case 6: return before ^ UINT64_C(1) << random % 64;
        case 7: return before + 8 * (random % 65) - 256;
        case 8: return UINT64_C(1) << random % 64;
        case 9: return INT64_MAX - random % 16;
        case 10: return before >> 8 | before << 56;
        default: return *state; /* the same everywhere but for where it advances */
        }
}

/* Spoils n bytes of an answer. Returns what the read answers. */
static ssize_t spoil(struct input *in, unsigned char *bytes, size_t n, uint8_t flavour, unsigned words_in)
{
        if (flavour >= 250)
                return flavour == 255 ? -ESRCH : flavour == 254 ? -EPERM : -EFAULT;
        if (flavour >= 240)
                return (ssize_t)(next_word(&in->state) % (n + 1));
        for (size_t i = 0; i + 8 <= n; i += 8) {
                uint64_t word;

                if (words_in > 1 && next_word(&in->state) % words_in)
                        continue;
                memcpy(&word, bytes + i, sizeof word);
                word = rubbish(&in->state, flavour, word);
                memcpy(bytes + i, &word, sizeof word);
        }
        return (ssize_t)n;
}

static ssize_t apply(struct input *in, const struct operation *o, unsigned char *bytes, size_t n)
{
        size_t at = n >= 8 ? (size_t)o->value % (n / 8) * 8 : 0;
        uint64_t word;

        if (o->flavour >= 128 || n < 8)
                return spoil(in, bytes, n, o->flavour >= 240 ? o->flavour : o->where, 1u << (o->flavour & 15));
        memcpy(&word, bytes + at, sizeof word);
        word = o->flavour & 64 ? (uint64_t)o->where << (o->value >> 26) : rubbish(&in->state, o->flavour, word);
        memcpy(bytes + at, &word, sizeof word);
        return (ssize_t)n;
}

static ssize_t answer(void *context, void *to, const struct iovec *pieces, size_t n)
{
        struct input *in = context;
        ssize_t got = snapshot_read(&snapshot, to, pieces, n);

        if (got <= 0)
                return got;
        if (in->next < in->n && in->reads++ >= in->operations[in->next].skip) {
                in->reads = 0;
                got = apply(in, &in->operations[in->next++], to, (size_t)got);
        }
        if (got > 0 && in->one_in && next_word(&in->state) % in->one_in == 0)
                got = spoil(in, to, (size_t)got, in->flavour, in->words_in);
        return got;
}

static void read_input(struct input *in)
{
        static const unsigned rates[] = { 0, 0, 1000, 1000, 300, 100, 30, 10, 3, 1 };
        uint8_t rate = (uint8_t)take(in, 1), words = (uint8_t)take(in, 1);

        in->one_in = rates[rate % (sizeof rates / sizeof *rates)];
        in->words_in = 1u << words % 12;
        in->flavour = (uint8_t)take(in, 1);
        in->state = take(in, 4) | UINT64_C(0x9e3779b900000000);
        while (in->size && in->n < OPERATIONS_MOST)
                in->operations[in->n++] = (struct operation){ (uint16_t)take(in, 2), (uint8_t)take(in, 1), (uint8_t)take(in, 1),
                                                              (uint32_t)take(in, 4) };
}

/* The text of maps or smaps, with bytes of it changed where the input says so. */
static char *change_text(struct input *in, const char *text, unsigned changes)
{
        char *ret = strdup(text);
        size_t size = strlen(text);

        if (!ret)
                abort();
        while (changes--)
                ret[next_word(&in->state) % size] = (char)(next_word(&in->state) % 256);
        return ret;
}

static void expect(bool holds, const char *what)
{
        if (holds)
                return;
        fprintf(stderr, "fuzz_look: %s\n", what);
        abort();
}

static void expect_text(const char *text)
{
        char *clean = text_to_utf8(text, strlen(text), NULL);

        expect(clean && strcmp(clean, text) == 0, "a name is not UTF-8");
        free(clean);
}

static void expect_number(int64_t value)
{
        expect(value >= -1 && value <= INT64_C(1) << 56, "a number can't be");
}

static void expect_memory(const struct look_memory *m)
{
        const int64_t all[] = { m->python_bytes, m->python_free_bytes, m->native_bytes, m->file_bytes, m->shmem_bytes,
                                m->heap_bytes, m->arena_bytes, m->arenas, m->large_bytes };

        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                expect(all[i] >= -1, "memory is negative");
        if (m->native_bytes >= 0)
                expect(m->heap_bytes <= m->native_bytes + m->python_bytes + m->python_free_bytes, "the heap is more than all");
}

static void expect_look(const struct look *look)
{
        expect(look->n_types <= TYPES_MOST_TOLD && look->n_containers <= CONTAINERS_MOST_TOLD, "too many names");
        expect(look->n_libraries <= LIBRARIES_MOST && look->n_missing <= 8, "too many libraries, or too much is missing");
        expect(memchr(look->python, 0, sizeof look->python) != NULL, "the version does not end");
        expect_number(look->tracked_objects);
        expect_memory(&look->memory);
        for (size_t i = 0; i < look->n_types; i++) {
                expect_text(look->types[i].name);
                expect_number(look->types[i].objects);
                expect_number(look->types[i].tracked);
                expect_number(look->types[i].bytes);
        }
        for (size_t i = 0; i < look->n_containers; i++) {
                expect_text(look->containers[i].name);
                expect_text(look->containers[i].type);
                expect_number(look->containers[i].length);
                for (size_t k = 0; k < look->containers[i].n_aliases; k++)
                        expect_text(look->containers[i].aliases[k]);
        }
        for (size_t i = 0; i < look->n_libraries; i++)
                expect_text(look->libraries[i]);
        for (size_t i = 0; i < look->n_missing; i++)
                expect_text(look->missing[i].reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input in = { .bytes = data, .size = size };
        uint8_t changes = (uint8_t)take(&in, 1), flags = (uint8_t)take(&in, 1);
        struct look_files files = {};
        struct look_options options = { .cpu_ms = PART_MS, .wall_ms = LOOK_MS, .types_most = TYPES_MOST_TOLD,
                                        .containers_most = CONTAINERS_MOST_TOLD, .without_symbols = flags & 1,
                                        .read = answer, .read_context = &in };
        char *maps, *smaps;
        struct error err = {};
        struct look look;
        int64_t cpu_ns;

        read_input(&in);
        maps = change_text(&in, snapshot.maps, changes & 128 ? changes & 15 : 0);
        smaps = change_text(&in, snapshot.smaps, changes & 128 ? changes >> 4 & 7 : 0);
        files.maps = fmemopen(maps, strlen(maps) + 1, "r");
        files.smaps = flags & 2 ? NULL : fmemopen(smaps, strlen(smaps) + 1, "r");
        files.smaps_errno = EACCES;
        memcpy(files.exe, snapshot.exe, sizeof files.exe);
        expect(files.maps != NULL, "fmemopen");
        cpu_ns = clock_cpu_ns();
        expect(look_take(&files, 1, &options, &look, &err) == 0, "it says that memory is short");
        expect(clock_cpu_ns() - cpu_ns < LOOK_MS * INT64_C(1000000), "it went on beyond its budget");
        expect_look(&look);
        if (!size) { /* libFuzzer's first input: nothing is spoilt */
                expect(look.n_missing == 0 && look.n_containers > 10 && look.n_types > 10, "the heap was not read");
        }
        look_done(&look);
        look_close(&files);
        free(maps);
        free(smaps);
        return 0;
}

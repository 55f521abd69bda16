/* The interpreter in a process's memory. */
#include "pyheap/find.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pyheap/elf_memory.h"
#include "pyheap/object.h"

#define OBJECTS_MOST 4096     /* loaded ELF objects that are asked for symbols */
#define WORDS_A_READ 512
#define SCAN_MOST (64 << 20)  /* bytes of data searched where there are no symbols; Debian's python has 1.3 MiB */
#define MODULES_SEARCHED 20000
#define INTERP_WORDS_MOST 65536 /* an interpreter's state is under 400 KB */

void python_version_format(uint32_t version, char ret[static 32])
{
        static const char *const levels[16] = { [0xa] = "a", [0xb] = "b", [0xc] = "rc" };
        const char *level = levels[version >> 4 & 15];
        int n = snprintf(ret, 32, "%u.%u.%u", version >> 24, version >> 16 & 255, version >> 8 & 255);

        if (level && n > 0 && n < 32)
                snprintf(ret + n, 32 - (size_t)n, "%s%u", level, version & 15);
}

/* An exact dict: its type is called dict, and the type of that is PyType_Type, which is its own. */
static bool is_dict(struct remote *r, struct python *p, uint64_t object)
{
        uint64_t type, meta, own, name;
        char text[8];

        if (!object || object % 8 || !remote_peek_word(r, object + OBJECT_TYPE, &type))
                return false;
        if (p->dict_type)
                return type == p->dict_type;
        if (type % 8 || !remote_peek_word(r, type + OBJECT_TYPE, &meta) || meta % 8 ||
            !remote_peek_word(r, meta + OBJECT_TYPE, &own) || own != meta || (p->type_type && meta != p->type_type) ||
            !remote_peek_word(r, type + TYPE_NAME, &name) || !remote_peek_text(r, name, text, sizeof text) ||
            strcmp(text, "dict") != 0)
                return false;
        p->dict_type = type;
        p->type_type = meta;
        return true;
}

/* The check that decides whether a row holds: three exact dicts, and sys among the modules. */
static bool holds(struct remote *r, struct python *p, const struct layout *l, uint64_t interp)
{
        uint64_t modules, sysdict, builtins;

        return interp && interp % 8 == 0 &&
               remote_peek_word(r, interp + l->modules, &modules) && is_dict(r, p, modules) &&
               remote_peek_word(r, interp + l->sysdict, &sysdict) && is_dict(r, p, sysdict) &&
               remote_peek_word(r, interp + l->builtins, &builtins) && is_dict(r, p, builtins) &&
               object_find_entry(r, l, modules, "sys", MODULES_SEARCHED);
}

/* Where a row does not hold: the first dict in the interpreter with sys and builtins among its keys is sys.modules, and sys'
 * own dict has what else is needed. */
static bool calibrate_modules(struct remote *r, struct python *p, struct layout *l, uint64_t interp)
{
        for (unsigned i = 0; i < INTERP_WORDS_MOST / 8 && remote_go_on(r); i++) {
                uint64_t word, sys;

                if (!remote_peek_word(r, interp + i * 8, &word))
                        return false;
                if (!is_dict(r, p, word))
                        continue;
                sys = object_find_entry(r, l, word, "sys", MODULES_SEARCHED);
                if (!sys || !object_find_entry(r, l, word, "builtins", MODULES_SEARCHED))
                        continue;
                l->modules = (uint16_t)(i * 8);
                p->moved = true;
                return true;
        }
        return false;
}

static uint32_t read_hexversion(struct remote *r, const struct layout *l, uint64_t interp)
{
        uint64_t sysdict, value;
        int64_t version;

        if (!remote_peek_word(r, interp + l->sysdict, &sysdict))
                return 0;
        value = object_find_entry(r, l, sysdict, "hexversion", MODULES_SEARCHED);
        return value && object_read_int(r, l, value, &version) && version >> 24 == 3 ? (uint32_t)version : 0;
}

/* Which row fits an interpreter of unknown version: 3.9 and 3.10 have the same offsets here, so sys.hexversion decides. */
static uint32_t try_rows(struct remote *r, struct python *p, uint64_t interp)
{
        for (unsigned minor = LAYOUT_OLDEST; minor <= LAYOUT_NEWEST; minor++) {
                const struct layout *l = layout_of(minor);
                uint32_t version = holds(r, p, l, interp) ? read_hexversion(r, l, interp) : 0;

                if (version && layout_of(version >> 16 & 255))
                        return version;
        }
        return 0;
}

/* What _PyRuntime says of itself from 3.13 on; false where there is no such table. */
static bool read_debug_offsets(struct remote *r, uint64_t runtime, uint64_t words[static 15])
{
        return remote_peek(r, runtime, words, 15 * sizeof *words) && memcmp(words, DEBUG_COOKIE, 8) == 0;
}

static int take_row(struct remote *r, struct python *p, struct error *err)
{
        unsigned minor = p->version >> 16 & 255;
        const struct layout *row = layout_of(minor);
        uint64_t words[15] = {};
        char version[32];

        python_version_format(p->version, version);
        if (p->version >> 24 != 3 || !row)
                return error_set(err, ENOTSUP, "it is CPython %s, whose heap is not known here: 3.%d to 3.%d are", version,
                                 LAYOUT_OLDEST, LAYOUT_NEWEST);
        p->layout = *row;
        if (minor < 13 || !p->runtime || !read_debug_offsets(r, p->runtime, words))
                return 0;
        if (words[DEBUG_FREE_THREADED / 8] == 1)
                return error_set(err, ENOTSUP, "it is CPython %s without the GIL, whose heap has another form", version);
        if (words[DEBUG_INTERPRETERS_HEAD / 8] < UINT16_MAX && words[DEBUG_INTERP_NEXT / 8] < UINT16_MAX) {
                const uint64_t *at = words + debug_gc_at(minor) / 8;

                p->layout.interpreters_head = (uint16_t)words[DEBUG_INTERPRETERS_HEAD / 8];
                p->layout.interp_next = (uint16_t)words[DEBUG_INTERP_NEXT / 8];
                if (at[0] < UINT16_MAX && at[1] < UINT16_MAX && at[2] < UINT16_MAX && at[3] < UINT16_MAX) {
                        p->layout.gc_at = (uint16_t)at[0];
                        p->layout.modules = (uint16_t)at[1];
                        p->layout.sysdict = (uint16_t)at[2];
                        p->layout.builtins = (uint16_t)at[3];
                }
        }
        return 0;
}

/* The newest interpreter stands first, the main one last. */
static void list_interpreters(struct remote *r, struct python *p, uint64_t head)
{
        uint64_t found[INTERPRETERS_MOST];
        unsigned n = 0;

        while (head && head % 8 == 0 && n < INTERPRETERS_MOST) {
                found[n++] = head;
                if (!remote_peek_word(r, head + p->layout.interp_next, &head))
                        break;
        }
        for (unsigned i = 0; i < n; i++)
                p->interpreters[i] = found[n - 1 - i];
        p->n_interpreters = n;
}

static int read_interpreters(struct remote *r, struct python *p, uint64_t head, struct error *err)
{
        list_interpreters(r, p, head);
        if (!p->n_interpreters)
                return error_set(err, EAGAIN, "its interpreter has not started yet, or is ending");
        if (!holds(r, p, &p->layout, p->interpreters[0]) && !calibrate_modules(r, p, &p->layout, p->interpreters[0]))
                return error_set(err, EAGAIN, "its interpreter is starting or ending, or is not laid out like CPython 3.%u",
                                 p->layout.minor);
        for (unsigned i = 0; i < p->n_interpreters; i++)
                if (!remote_peek_word(r, p->interpreters[i] + p->layout.modules, &p->modules[i]) ||
                    !is_dict(r, p, p->modules[i]))
                        p->modules[i] = 0;
        return 0;
}

static uint32_t read_version(struct remote *r, struct python *p, uint64_t version_at, uint64_t *ret_head)
{
        uint64_t words[15];
        uint32_t version = 0;

        *ret_head = 0;
        if (version_at && remote_peek(r, version_at, &version, sizeof version) && version >> 24 == 3)
                return version;
        if (read_debug_offsets(r, p->runtime, words))
                return (uint32_t)words[DEBUG_VERSION / 8];
        for (unsigned minor = LAYOUT_OLDEST; minor <= LAYOUT_NEWEST; minor++)
                if (remote_peek_word(r, p->runtime + layout_of(minor)->interpreters_head, ret_head)) {
                        version = try_rows(r, p, *ret_head);
                        if (version)
                                return version;
                }
        return 0;
}

static int open_runtime(struct remote *r, struct python *p, uint64_t version_at, struct error *err)
{
        uint64_t head;
        int res;

        p->version = read_version(r, p, version_at, &head);
        if (!p->version)
                return error_set(err, EAGAIN, "its interpreter has not started yet, is ending, or is of a version unknown here");
        res = take_row(r, p, err);
        if (res < 0)
                return res;
        if (!remote_peek_word(r, p->runtime + p->layout.interpreters_head, &head))
                return error_set(err, EFAULT, "its interpreter could not be read");
        return read_interpreters(r, p, head, err);
}

/* No symbols: the first word of the data that points to something with three dicts at a row's places is interpreters.head,
 * for it stands before all else that points there. From 3.13 on the cookie says where _PyRuntime is. */
static bool scan_data(struct remote *r, const struct mappings *m, const struct elf_memory *elf, struct python *p)
{
        uint64_t words[WORDS_A_READ], end = elf->data_end;

        if (end - elf->data_start > SCAN_MOST)
                end = elf->data_start + SCAN_MOST;
        for (uint64_t at = elf->data_start / 8 * 8; at < end && remote_go_on(r); at += sizeof words) {
                size_t n = end - at < sizeof words ? (end - at) / 8 : WORDS_A_READ;

                if (!remote_read(r, at, words, n * 8))
                        continue;
                for (size_t i = 0; i < n; i++) {
                        if (memcmp(&words[i], DEBUG_COOKIE, 8) == 0) {
                                p->runtime = at + i * 8;
                                return true;
                        }
                        if (words[i] % 8 || !mappings_writable(m, words[i]))
                                continue;
                        p->version = try_rows(r, p, words[i]);
                        if (p->version) {
                                p->runtime = at + i * 8 - layout_of(p->version >> 16 & 255)->interpreters_head;
                                return true;
                        }
                }
        }
        return false;
}

static bool is_named_python(const struct mapping *m, const char *exe)
{
        const char *name = m->path ? strrchr(m->path, '/') : NULL;

        return m->path && ((exe && strcmp(m->path, exe) == 0) || (name && strstr(name, "python")));
}

/* What was met on the way, for the sentence when nothing is found. */
struct search {
        bool pypy, old, other_machine;
};

/* One loaded object. Positive: it is not here. */
static int try_object(struct remote *r, const struct mappings *m, const struct mapping *object, bool scan,
                      const struct find_options *options, struct python *p, struct search *s, struct error *err)
{
        struct elf_memory elf;
        enum elf_verdict verdict = elf_memory_open(r, object->start, &elf);

        s->other_machine |= verdict == ELF_OTHER_MACHINE;
        if (verdict != ELF_READ)
                return 1;
        if (scan)
                return scan_data(r, m, &elf, p) ? open_runtime(r, p, 0, err) : 1;
        if (options->without_symbols)
                return 1;
        p->runtime = elf_memory_symbol(r, &elf, "_PyRuntime");
        p->type_type = elf_memory_symbol(r, &elf, "PyType_Type");
        if (!p->runtime) {
                s->old |= p->type_type != 0;
                return 1;
        }
        return open_runtime(r, p, elf_memory_symbol(r, &elf, "Py_Version"), err);
}

static int refuse(const struct remote *r, const struct search *s, struct error *err)
{
        if (r->denied == EPERM)
                return error_set(err, EPERM, "its memory may not be read: that takes its user's rights or CAP_SYS_PTRACE, and "
                                 "Yama's ptrace_scope may ask for more");
        if (r->denied)
                return error_set(err, r->denied, "it has exited");
        if (r->over)
                return error_set(err, ETIME, "its interpreter was not found in the time allowed");
        if (s->pypy)
                return error_set(err, ENOTSUP, "it is PyPy, whose heap has another form");
        if (s->old)
                return error_set(err, ENOTSUP, "it is CPython before 3.7, whose heap is not known here: 3.%d to 3.%d are",
                                 LAYOUT_OLDEST, LAYOUT_NEWEST);
        if (s->other_machine)
                return error_set(err, ENOTSUP, "it is no 64-bit x86 program");
        return error_set(err, ENOENT, "no CPython interpreter was found in it");
}

/* First those that are named like it, then all others; first by symbols, then, those named like it alone, by their data. */
enum find_verdict find_python(struct remote *r, const struct mappings *m, const struct find_options *options,
                              struct python *ret, struct error *err)
{
        struct search s = {};
        unsigned tried = 0;

        for (unsigned pass = 0; pass < 3; pass++)
                for (size_t i = 0; i < m->n && tried < OBJECTS_MOST && remote_go_on(r); i++) {
                        const struct mapping *object = &m->v[i];
                        struct python p = {};
                        int res;

                        if (!object->path || object->offset || !object->readable ||
                            is_named_python(object, options->exe) != (pass != 1))
                                continue;
                        tried++;
                        s.pypy |= strstr(object->path, "pypy") != NULL;
                        res = try_object(r, m, object, pass == 2, options, &p, &s, err);
                        if (res == 0)
                                *ret = p;
                        if (res <= 0 && (res == 0 || !r->denied))
                                return res == 0 ? FIND_PYTHON : FIND_REFUSED;
                }
        refuse(r, &s, err);
        return FIND_REFUSED;
}

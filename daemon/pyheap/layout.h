/* Where things stand inside CPython, one row a minor version, 64-bit with the GIL. CPython promises none of this: offsets
 * were taken with offsetof against the headers of 3.7.16, 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1, 3.13.0, 3.14.10 and
 * 3.15.2, and move even within a minor version (3.13.0 to 3.13.5). A row is a hint, checked against each process by find.h
 * and gc.h and refused where it doesn't hold. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYOUT_OLDEST 7
#define LAYOUT_NEWEST 15

/* How an instance of a class keeps its attributes. */
enum layout_attributes {
        ATTRIBUTES_DICT, /* a dict at tp_dictoffset */
        ATTRIBUTES_3_11, /* the dict before the object by 24 bytes, else the values by 32 */
        ATTRIBUTES_3_12, /* one word before it by 24: values where its lowest bit is set, else the dict */
        ATTRIBUTES_3_13, /* the dict before it by 24, else the values behind it */
};

struct layout {
        uint16_t minor;
        /* _PyRuntime and the interpreter's state */
        uint16_t interpreters_head, interp_next, modules, sysdict, builtins;
        /* the collector's state: in _PyRuntime or in the interpreter */
        bool gc_in_runtime;
        uint16_t gc_at, gc_size, gc_enabled, gc_generations, gc_generation_size, gc_threshold, gc_permanent, gc_collecting, gc_garbage;
        uint16_t gc_head_size;
        /* objects */
        uint16_t ht_qualname, ht_cached_keys;
        bool keys_compact; /* log2 of the size in a byte, rather than the size */
        uint16_t keys_nentries, keys_indices, values_at, tuple_items, str_ascii, str_compact;
        uint16_t function_code, function_defaults, function_closure, function_dict, code_freevars, code_nlocalsplus, code_nfreevars;
        enum layout_attributes attributes;
        uint16_t pool_size;
};

/* The same in all of them. */
#define OBJECT_TYPE 8
#define OBJECT_SIZE 16
#define TYPE_NAME 24
#define TYPE_BASICSIZE 32
#define TYPE_FLAGS 168
#define TYPE_BASE 256
#define TYPE_DICT 264
#define TYPE_DICTOFFSET 288
#define DICT_USED 16
#define DICT_KEYS 32
#define DICT_VALUES 40
#define LIST_ITEMS 24
#define LIST_ALLOCATED 32
#define DEQUE_LEFT 24
#define SET_USED 24
#define SET_MASK 32
#define SET_TABLE 40
#define SET_SLOT 16 /* key, hash */
#define STR_LENGTH 16
#define STR_STATE 32
#define INT_DIGITS 24
#define MODULE_DICT 16
#define CELL_CONTENTS 16
#define METHOD_CALLABLE 16 /* staticmethod and classmethod */
#define MEMBER_DEFINITION 40 /* of a member_descriptor: its PyMemberDef: name, int type, offset */
#define MEMBER_OBJECT 16     /* the type of what __slots__ makes, T_OBJECT_EX */
#define LRU_CACHE 72 /* in 3.7 too: seen in 3.7.16 */

#define FLAG_INLINE_VALUES (UINT64_C(1) << 2) /* 3.13+ */
#define FLAG_MANAGED_DICT (UINT64_C(1) << 4)  /* 3.11+ */
#define FLAG_HEAP (UINT64_C(1) << 9)
#define FLAG_READY (UINT64_C(1) << 12)
#define FLAG_GC (UINT64_C(1) << 14)
#define FLAG_LIST (UINT64_C(1) << 25)
#define FLAG_TUPLE (UINT64_C(1) << 26)
#define FLAG_STR (UINT64_C(1) << 28)
#define FLAG_DICT (UINT64_C(1) << 29)
#define FLAG_TYPE (UINT64_C(1) << 31)

/* _Py_DebugOffsets, with which _PyRuntime begins from 3.13 on: 8 bytes of cookie, then words. */
#define DEBUG_COOKIE "xdebugpy"
#define DEBUG_VERSION 8
#define DEBUG_FREE_THREADED 16
#define DEBUG_INTERPRETERS_HEAD 40
#define DEBUG_INTERP_NEXT 64

/* Where the debug offsets of this minor version (13 or later) say where gc, modules, sysdict and builtins are: four words. */
static inline uint16_t debug_gc_at(unsigned minor)
{
        return minor < 14 ? 80 : 88; /* 3.14 put threads_main before them */
}

/* The row of 3.MINOR, or NULL. */
const struct layout *layout_of(unsigned minor);

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "fake_memory.h"
#include "pyheap/find.h"

#define PROGRAM UINT64_C(0x400000)
#define DATA UINT64_C(0x600000)
#define SIZE 65536

struct scene {
        struct fake_memory memory;
        struct remote remote;
        struct mapping mapping[2];
        struct error err;
};

/* A program without symbols: an ELF header, and data that begin with what _PyRuntime says of itself from 3.13 on. */
static void begin(struct scene *s, uint16_t machine, uint64_t version, uint64_t free_threaded)
{
        const Elf64_Ehdr head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB }, .e_type = ET_EXEC, .e_machine = machine,
                                  .e_phoff = sizeof head, .e_phnum = 1, .e_phentsize = sizeof(Elf64_Phdr) };
        const Elf64_Phdr segment = { .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = DATA, .p_memsz = SIZE };

        *s = (struct scene){};
        fake_memory_map(&s->memory, PROGRAM, 4096);
        fake_memory_map(&s->memory, DATA, SIZE);
        fake_memory_put_bytes(&s->memory, PROGRAM, &head, sizeof head);
        fake_memory_put_bytes(&s->memory, PROGRAM + sizeof head, &segment, sizeof segment);
        if (version) {
                fake_memory_put_bytes(&s->memory, DATA + 4096, DEBUG_COOKIE, 8);
                fake_memory_put(&s->memory, DATA + 4096 + DEBUG_VERSION, version);
                fake_memory_put(&s->memory, DATA + 4096 + DEBUG_FREE_THREADED, free_threaded);
        }
        s->mapping[0] = (struct mapping){ .start = PROGRAM, .end = PROGRAM + 4096, .readable = true, .kind = MAPPING_FILE,
                                          .path = (char *)"/usr/bin/python3" };
        s->mapping[1] = (struct mapping){ .start = DATA, .end = DATA + SIZE, .readable = true, .writable = true };
        remote_init(&s->remote, fake_memory_read, &s->memory);
        remote_allow(&s->remote, &GENEROUS);
}

static const char *refusal(struct scene *s)
{
        const struct mappings m = { .v = s->mapping, .n = 2 };
        struct python p;

        assert_int_equal(find_python(&s->remote, &m, &(struct find_options){ .exe = s->mapping[0].path }, &p, &s->err), FIND_REFUSED);
        remote_done(&s->remote);
        fake_memory_done(&s->memory);
        return s->err.text;
}

static void each_refusal_has_its_reason(void **state)
{
        static const struct { uint16_t machine; uint64_t version, free_threaded; const char *path, *reason; } cases[] = {
                { EM_X86_64, 0x030e0af0, 1, NULL, "it is CPython 3.14.10 without the GIL" },
                { EM_X86_64, 0x031000a2, 0, NULL, "it is CPython 3.16.0a2, whose heap is not known here: 3.7 to 3.15 are" },
                { EM_X86_64, 0x030d05f0, 0, NULL, "its interpreter is starting or ending" },
                { EM_X86_64, 0, 0, NULL, "no CPython interpreter was found in it" },
                { EM_X86_64, 0, 0, "/usr/bin/pypy3.11", "it is PyPy, whose heap has another form" },
                { EM_AARCH64, 0, 0, NULL, "it is no 64-bit x86 program" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct scene s;

                begin(&s, cases[i].machine, cases[i].version, cases[i].free_threaded);
                if (cases[i].path)
                        s.mapping[0].path = (char *)cases[i].path;
                assert_ptr_equal(strstr(refusal(&s), cases[i].reason), s.err.text);
        }
}

static void without_the_right_to_read_it_says_so(void **state)
{
        struct scene s;

        (void)state;
        begin(&s, EM_X86_64, 0, 0);
        s.memory.answer = -1; /* EPERM */
        assert_non_null(strstr(refusal(&s), "CAP_SYS_PTRACE"));
        begin(&s, EM_X86_64, 0, 0);
        s.memory.answer = -3; /* ESRCH */
        assert_string_equal(refusal(&s), "it has exited");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_refusal_has_its_reason),
                cmocka_unit_test(without_the_right_to_read_it_says_so),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The dynamic symbols of a loaded object, from memory. */
#include "pyheap/elf_memory.h"

#include <elf.h>
#include <string.h>

#define SEGMENTS_MOST 64
#define DYNAMIC_MOST 512 /* entries; a large program has 40 */
#define CHAIN_MOST 4096  /* symbols that share a bucket; some 10 in practice */
#define PAGE 4096

/* The program headers: where it was loaded, where its data are, where the dynamic section is. */
static uint64_t read_segments(struct remote *r, const Elf64_Ehdr *head, uint64_t start, struct elf_memory *elf)
{
        Elf64_Phdr segment[SEGMENTS_MOST];
        uint64_t lowest = UINT64_MAX, dynamic = 0;

        if (head->e_phnum == 0 || head->e_phnum > SEGMENTS_MOST || head->e_phentsize != sizeof *segment ||
            !remote_peek(r, start + head->e_phoff, segment, head->e_phnum * sizeof *segment))
                return 0;
        for (unsigned i = 0; i < head->e_phnum; i++)
                if (segment[i].p_type == PT_LOAD && segment[i].p_vaddr < lowest)
                        lowest = segment[i].p_vaddr;
        if (lowest == UINT64_MAX)
                return 0;
        elf->bias = head->e_type == ET_EXEC ? 0 : start - lowest / PAGE * PAGE;
        for (unsigned i = 0; i < head->e_phnum; i++) {
                uint64_t at = elf->bias + segment[i].p_vaddr, end = at + segment[i].p_memsz;

                if (segment[i].p_type == PT_DYNAMIC)
                        dynamic = at;
                if (segment[i].p_type != PT_LOAD || !(segment[i].p_flags & PF_W) || end < at)
                        continue;
                if (!elf->data_start || at < elf->data_start)
                        elf->data_start = at;
                if (end > elf->data_end)
                        elf->data_end = end;
        }
        return dynamic;
}

static void read_dynamic(struct remote *r, uint64_t dynamic, uint64_t start, struct elf_memory *elf)
{
        for (unsigned i = 0; i < DYNAMIC_MOST; i++) {
                Elf64_Dyn entry;
                uint64_t value;

                if (!remote_peek(r, dynamic + i * sizeof entry, &entry, sizeof entry) || entry.d_tag == DT_NULL)
                        return;
                value = entry.d_un.d_ptr;
                if (value < start) /* musl leaves them as they are in the file, glibc relocates them */
                        value += elf->bias;
                if (entry.d_tag == DT_SYMTAB)
                        elf->symbols = value;
                else if (entry.d_tag == DT_STRTAB)
                        elf->strings = value;
                else if (entry.d_tag == DT_GNU_HASH)
                        elf->gnu_hash = value;
        }
}

enum elf_verdict elf_memory_open(struct remote *r, uint64_t start, struct elf_memory *ret)
{
        Elf64_Ehdr head;
        uint64_t dynamic;

        *ret = (struct elf_memory){};
        if (!remote_peek(r, start, &head, sizeof head) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
                return ELF_NONE;
        if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB || head.e_machine != EM_X86_64)
                return ELF_OTHER_MACHINE;
        dynamic = read_segments(r, &head, start, ret);
        if (dynamic)
                read_dynamic(r, dynamic, start, ret);
        return ret->data_end ? ELF_READ : ELF_NONE;
}

static uint32_t gnu_hash(const char *name)
{
        uint32_t h = 5381;

        for (; *name; name++)
                h = h * 33 + (unsigned char)*name;
        return h;
}

static bool symbol_matches(struct remote *r, const struct elf_memory *elf, uint32_t index, const char *name, uint64_t *ret)
{
        char here[64];
        Elf64_Sym symbol;
        size_t size = strlen(name) + 1;

        if (size > sizeof here || !remote_peek(r, elf->symbols + (uint64_t)index * sizeof symbol, &symbol, sizeof symbol) ||
            !symbol.st_shndx || !symbol.st_value ||
            !remote_peek(r, elf->strings + symbol.st_name, here, size) || memcmp(here, name, size) != 0)
                return false;
        *ret = elf->bias + symbol.st_value;
        return true;
}

uint64_t elf_memory_symbol(struct remote *r, const struct elf_memory *elf, const char *name)
{
        struct { uint32_t buckets, first, bloom_words, bloom_shift; } head;
        uint32_t hash = gnu_hash(name), index, link;
        uint64_t buckets, address = 0;

        if (!elf->gnu_hash || !elf->symbols || !elf->strings || !remote_peek(r, elf->gnu_hash, &head, sizeof head) ||
            !head.buckets)
                return 0;
        buckets = elf->gnu_hash + sizeof head + (uint64_t)head.bloom_words * 8;
        if (!remote_peek(r, buckets + (uint64_t)(hash % head.buckets) * 4, &index, sizeof index) || index < head.first)
                return 0;
        for (unsigned i = 0; i < CHAIN_MOST; i++, index++) {
                uint64_t at = buckets + (uint64_t)head.buckets * 4 + (uint64_t)(index - head.first) * 4;

                if (!remote_peek(r, at, &link, sizeof link))
                        return 0;
                if ((link | 1) == (hash | 1) && symbol_matches(r, elf, index, name, &address))
                        return address;
                if (link & 1)
                        return 0;
        }
        return 0;
}

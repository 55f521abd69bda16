/* Which processes are one app, and what it is called. */
#include "model/app.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/text.h"

enum {
        NAME_PART_MAX = 120, /* bytes of a name's part: a script's path may have 4096 */
};

/* Units that go by another name after the next start say nothing about which app it is: scopes (sessions, containers)
 * and what systemd-run made up. */
static bool unit_lasts(const char *unit)
{
        return unit && text_ends(unit, ".service") && !text_starts(unit, "run-");
}

/* A container's id is another one as soon as the container is made anew; a name somebody chose stays. */
static bool container_lasts(const char *container)
{
        return container && !(strlen(container) == 12 && strspn(container, "0123456789abcdef") == 12);
}

static bool is_relative(const char *path)
{
        return path[0] != '/';
}

/* Its length stands before each part, so that no part can pass for two. */
static void add_part(struct buffer *b, const char *part)
{
        if (!part) {
                buffer_add_text(b, "-;");
                return;
        }
        buffer_add_int(b, (int64_t)strlen(part));
        buffer_add_char(b, ':');
        buffer_add_text(b, part);
        buffer_add_char(b, ';');
}

char *app_key(const struct identity *who)
{
        _cleanup_(buffer_done) struct buffer b = {};

        add_part(&b, unit_lasts(who->unit) ? who->unit : NULL);
        add_part(&b, container_lasts(who->container) ? who->container : NULL);
        buffer_add_int(&b, who->uid);
        buffer_add_char(&b, ';');
        add_part(&b, who->framework);
        add_part(&b, who->application);
        add_part(&b, is_relative(who->application) ? who->folder : NULL);
        return buffer_take(&b, NULL);
}

void app_id(const char *key, unsigned attempt, char ret[static APP_ID_SIZE])
{
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (const unsigned char *p = (const unsigned char *)key; *p; p++)
                hash = (hash ^ *p) * UINT64_C(0x100000001b3);
        for (; attempt; attempt--)
                hash = (hash ^ 0xff) * UINT64_C(0x100000001b3); /* 0xff is in no UTF-8, so in no key */
        /* Folded, as the FNV authors advise for fewer bits than 64. */
        hash = (hash >> 48) ^ (hash & UINT64_C(0xffffffffffff));
        snprintf(ret, APP_ID_SIZE, "%012" PRIx64, hash);
}

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash && slash[1] ? slash + 1 : path;
}

static void add_bounded(struct buffer *b, const char *text)
{
        size_t size = strlen(text);

        if (size > NAME_PART_MAX) {
                for (size = NAME_PART_MAX; size && ((unsigned char)text[size] & 0xc0) == 0x80;)
                        size--;
                buffer_add(b, text, size);
                buffer_add_text(b, "…");
        } else
                buffer_add(b, text, size);
}

/* Where it runs, to set it apart: the first of these that is known. */
static bool add_place(struct buffer *b, const struct identity *who)
{
        const char *application = who->application, *slash = strrchr(application, '/');

        if (unit_lasts(who->unit))
                add_bounded(b, who->unit);
        else if (container_lasts(who->container))
                add_bounded(b, who->container);
        else if (is_relative(application) && who->folder)
                add_bounded(b, who->folder);
        else if (slash > application && slash - application <= NAME_PART_MAX)
                buffer_add(b, application, (size_t)(slash - application));
        else if (who->user)
                add_bounded(b, who->user);
        else
                return false;
        return true;
}

char *app_name(const struct identity *who, unsigned attempt)
{
        _cleanup_(buffer_done) struct buffer b = {}, place = {};
        bool placed = attempt && add_place(&place, who);

        if (who->framework) {
                buffer_add_text(&b, who->framework);
                buffer_add_text(&b, ": ");
        }
        add_bounded(&b, *who->application ? base_name(who->application) : who->name);
        if (placed) {
                buffer_add_text(&b, " (");
                buffer_add(&b, place.data, place.size);
                buffer_add_char(&b, ')');
                attempt--;
        }
        if (attempt) {
                buffer_add_text(&b, " #");
                buffer_add_int(&b, (int64_t)attempt + 1);
        }
        b.failed |= place.failed;
        return buffer_take(&b, NULL);
}

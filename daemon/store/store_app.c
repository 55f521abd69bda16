/* Apps: found again by their key, in memory or in the file; new ones get an id and a name that no other has. */
#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"

static uint64_t hash_text(const char *text)
{
        uint64_t h = UINT64_C(0xcbf29ce484222325);

        for (; *text; text++)
                h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
        return h;
}

static struct app *app_free(struct app *a)
{
        if (a) {
                free(a->key);
                free(a->name);
                free(a->framework);
                free(a->unit);
                free(a->container);
        }
        free(a);
        return NULL;
}
DEFINE_CLEANUP(struct app *, app_free)

static struct app *keep(struct store *s, struct app **a)
{
        if (s->n_apps == s->apps_room) {
                size_t room = s->apps_room ? 2 * s->apps_room : 16;
                struct app **more = realloc(s->apps, room * sizeof(struct app *));

                if (!more)
                        return NULL;
                s->apps = more;
                s->apps_room = room;
        }
        s->apps[s->n_apps++] = *a;
        return take_ptr(*a);
}

void app_drop(struct store *s, struct app *a)
{
        if (!a || --a->users > 0)
                return;
        for (size_t i = 0; i < s->n_apps; i++)
                if (s->apps[i] == a)
                        s->apps[i] = s->apps[--s->n_apps];
        app_free(a);
}

/* Is one text the value of an app's column in the file already? */
static bool taken_in_file(struct store *s, enum statement which, const char *text)
{
        sqlite3_stmt *q = store_sql(s, which);

        if (!q)
                return false;
        sql_bind_text(q, 1, text);
        return store_int(s, which, 0) != 0;
}

static bool copy(char **to, const unsigned char *from)
{
        *to = from ? strdup((const char *)from) : NULL;
        return !from || *to;
}

/* From a row of SQL_FIND_APP_*. NULL when there is none. */
static struct app *from_file(struct store *s, enum statement which, const char *value)
{
        _cleanup_(app_freep) struct app *a = NULL;
        sqlite3_stmt *q = store_sql(s, which);
        bool fine = false;

        if (!q)
                return NULL;
        sql_bind_text(q, 1, value);
        if (sqlite3_step(q) == SQLITE_ROW)
                a = calloc(1, sizeof *a);
        if (a) {
                const char *id = (const char *)sqlite3_column_text(q, 1);

                a->no = (uint32_t)sqlite3_column_int64(q, 0);
                fine = id && strlen(id) < sizeof a->id;
                if (fine)
                        memcpy(a->id, id, strlen(id) + 1);
                fine &= copy(&a->key, sqlite3_column_text(q, 2)) && copy(&a->name, sqlite3_column_text(q, 3));
                fine &= copy(&a->framework, sqlite3_column_text(q, 4)) && copy(&a->unit, sqlite3_column_text(q, 5));
                fine &= copy(&a->container, sqlite3_column_text(q, 6)) && a->key && a->name;
        }
        sqlite3_reset(q);
        if (!fine)
                return NULL;
        a->hash = hash_text(a->key);
        return keep(s, &a);
}

static struct app *by_key(struct store *s, const char *key)
{
        uint64_t hash = hash_text(key);

        for (size_t i = 0; i < s->n_apps; i++)
                if (s->apps[i]->hash == hash && strcmp(s->apps[i]->key, key) == 0)
                        return s->apps[i];
        return from_file(s, SQL_FIND_APP_KEY, key);
}

struct app *app_find(struct store *s, const char *id)
{
        for (size_t i = 0; i < s->n_apps; i++)
                if (strcmp(s->apps[i]->id, id) == 0)
                        return s->apps[i];
        return from_file(s, SQL_FIND_APP_ID, id);
}

const char *store_app_name(struct store *s, const char *app_id)
{
        const struct app *a = app_find(s, app_id);

        return a ? a->name : "";
}

static bool name_taken(struct store *s, const char *name)
{
        for (size_t i = 0; i < s->n_apps; i++)
                if (strcmp(s->apps[i]->name, name) == 0)
                        return true;
        return taken_in_file(s, SQL_FIND_APP_NAME, name);
}

static bool id_taken(struct store *s, const char *id)
{
        return app_find(s, id) != NULL;
}

static void queue_app(struct store *s, struct app *a)
{
        struct op *op = queue_add(s, OP_APP, 0);

        if (op) {
                op->of.app = a;
                a->users++;
        }
}

static struct app *app_make(struct store *s, const struct identity *who, char **key)
{
        _cleanup_(app_freep) struct app *a = calloc(1, sizeof *a);

        if (!a)
                return NULL;
        a->hash = hash_text(*key);
        a->key = take_ptr(*key);
        for (unsigned attempt = 0; attempt == 0 || id_taken(s, a->id); attempt++)
                app_id(a->key, attempt, a->id);
        for (unsigned attempt = 0; attempt == 0 || (a->name && name_taken(s, a->name)); attempt++) {
                free(a->name);
                a->name = app_name(who, attempt);
        }
        if (!a->name || !copy(&a->framework, (const unsigned char *)who->framework) ||
            !copy(&a->unit, (const unsigned char *)who->unit) ||
            !copy(&a->container, (const unsigned char *)who->container))
                return NULL;
        a->no = s->next_app++;
        return keep(s, &a);
}

void store_put_app(struct store *s, const struct identity *who, char ret_id[static APP_ID_SIZE])
{
        _cleanup_(freep) char *key = app_key(who);
        struct app *a = key ? by_key(s, key) : NULL;

        ret_id[0] = '\0';
        if (!key)
                return;
        if (!a) {
                a = app_make(s, who, &key);
                if (!a)
                        return;
                queue_app(s, a);
        }
        memcpy(ret_id, a->id, sizeof a->id);
}

/* After another file was opened: each app's number there, or its row once more. Ids and names stay as they are known
 * outside; where the other file has one of them already, that app is left without a row of its own. */
void apps_place_again(struct store *s)
{
        for (size_t i = 0; i < s->n_apps; i++) {
                struct app *a = s->apps[i];
                sqlite3_stmt *q = store_sql(s, SQL_FIND_APP_KEY);
                int64_t no;

                if (!q)
                        return;
                sql_bind_text(q, 1, a->key);
                no = store_int(s, SQL_FIND_APP_KEY, 0);
                a->no = no ? (uint32_t)no : s->next_app++;
                if (!no)
                        queue_app(s, a);
        }
}

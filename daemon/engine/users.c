/* Names of users, remembered. */
#include "engine/users.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define USERS_KEPT 256 /* more uids than run Python on any machine we have seen; beyond it the oldest entry goes */
#define ASK_AGAIN_MS 60000

struct user {
        int64_t uid, asked_ms;
        char *name;
};

struct users {
        struct user known[USERS_KEPT];
        size_t n, next; /* next: which goes once all are taken */
};

struct users *users_new(void)
{
        return calloc(1, sizeof(struct users));
}

struct users *users_free(struct users *u)
{
        for (size_t i = 0; u && i < u->n; i++)
                free(u->known[i].name);
        free(u);
        return NULL;
}

static char *ask(int64_t uid)
{
        struct passwd entry, *found = NULL;
        char text[4096];

        if (getpwuid_r((uid_t)uid, &entry, text, sizeof text, &found) != 0 || !found)
                return NULL;
        return strdup(found->pw_name);
}

const char *users_name(struct users *u, int64_t uid, int64_t now_ms)
{
        struct user *user = NULL;

        if (uid < 0)
                return NULL;
        for (size_t i = 0; i < u->n && !user; i++)
                if (u->known[i].uid == uid)
                        user = &u->known[i];
        if (user && (user->name || now_ms - user->asked_ms < ASK_AGAIN_MS))
                return user->name;
        if (!user && u->n < USERS_KEPT)
                user = &u->known[u->n++];
        if (!user) {
                user = &u->known[u->next++ % USERS_KEPT];
                free(user->name);
        }
        *user = (struct user){ .uid = uid, .asked_ms = now_ms, .name = ask(uid) };
        return user->name;
}

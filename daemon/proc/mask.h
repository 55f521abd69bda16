/* Values in command lines that look like secrets, shown as "***". Pure. What it knows:
 *
 *   --password V, --db-password=V, -token V      an option whose name has a secret's word in it, and its value
 *   DB_PASSWORD=V, X-Api-Key: V                  the same as a variable or a header
 *   password = "V", {"token": "V"}, f(secret=V)  the same within other text: code after -c, JSON
 *   ?token=V&x=1                                 the same in a URL
 *   scheme://user:V@host                         user info in a URL, all of it
 *   Authorization: V, Bearer V
 *
 * The words: password, passwd, passphrase, token, secret, api-key (also with _ or nothing between). Names of files
 * (--token-file) and words that only begin like it (tokenizer, --max-tokens) are left alone. */
#pragma once

#include <stddef.h>

/* Masks in place; an argument that changes is freed and allocated anew. Returns 0 or -ENOMEM (then the arguments are
 * still valid, some of them maybe unmasked: not to be shown). */
int mask_args(char **args, size_t n);

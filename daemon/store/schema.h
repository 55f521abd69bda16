/* What marks a file as ours. */
#pragma once

#define STORE_APPLICATION_ID 0x6d746465 /* "mtde" */
#define STORE_VERSION 3

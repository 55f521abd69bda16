#!/bin/sh
# Prints each .sql file as a C string: schema_NAME.
for file; do
  printf 'static const char schema_%s[] =\n' "$(basename "$file" .sql)"
  sed 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$/\\n"/' "$file"
  echo ';'
done

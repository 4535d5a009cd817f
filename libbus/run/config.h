/* The configuration: monitoring.conf, read strictly, all its errors at once.
 *
 * Shell assignments (KEY=value, 'single' and "double" quotes, # comments, also behind a value), read by us and never run by
 * a shell. A "$" outside single quotes is an error, not a substitution: what we would read is what a shell would see. */
#pragma once
#include "libbus/base/error.h"
#include "libbus/base/memory.h"
#include "libbus/base/text.h"
#include "libbus/contract/keys.h"

#define BX_CONFIG_BYTES_MAX (256 * 1024)

struct bx_config;

/* Reads the file at `path`; NULL: $BITAXE_CONFIG, else /etc/bitaxe/monitoring.conf, else defaults alone. NULL: *problems
 * has a line for each thing wrong: file, line, what, what is allowed, the nearest known key. */
struct bx_config *bx_config_read(const char *path, struct bx_text *problems);
/* The same of a text, called `name` in problems. */
struct bx_config *bx_config_parse(const char *name, const char *text, size_t size, struct bx_text *problems);
void bx_config_free(struct bx_config *config);
BX_OWNED_BY(struct bx_config, bx_config_free)

/* BX_NUMBER and BX_BYTES. */
int64_t bx_config_number(const struct bx_config *config, enum bx_key key);
bool bx_config_is_on(const struct bx_config *config, enum bx_key key);
/* Every type, in its plain form; paths under STATE_DIR are whole. Good as long as the config. */
const char *bx_config_text(const struct bx_config *config, enum bx_key key);
/* Was it given, or is it the default? */
bool bx_config_is_given(const struct bx_config *config, enum bx_key key);
/* The file that was read, "" for defaults alone. */
const char *bx_config_path(const struct bx_config *config);

/* What is printed from the contract for other people: the broker's ACL, the default monitoring.conf, the bus's description
 * and its payloads' schemas. bx-contract writes them to files, `bxctl up` gives its broker an ACL of its own site. */
#pragma once
#include "libbus/base/text.h"
#include "libbus/contract/payloads.h"

/* The broker's users. */
extern const char *const bx_roles[]; /* "suite", "gateway", "bxctl", "homeassistant", "monitor", NULL */

void bx_print_acl(struct bx_text *text, const char *site);
void bx_print_config(struct bx_text *text); /* monitoring.conf: every key, commented, with its default */
void bx_print_asyncapi(struct bx_text *text); /* AsyncAPI 3.0, YAML */
/* JSON Schema of a payload; of BX_VALUES one for each scope. False: this payload has none. */
bool bx_print_schema(struct bx_text *text, enum bx_payload payload, enum bx_scope scope);
void bx_print_catalog(struct bx_text *text); /* the catalogue as JSON: what /monitoring/api/catalog gives */

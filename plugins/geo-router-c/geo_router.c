// Picks a target group by the client's country: the same router as `geo-router`, in C.
//
// Strings that the host gives are ours to free. Strings in the decision are freed by the bindings after the call, so
// each one is a copy from malloc.

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/router.h"

#define MOST_GROUPS 64

typedef struct {
  char country[64];
  char group[64];
} entry_t;

static char header[64] = "x-country";
static char default_country[64] = "unknown";
static entry_t groups[MOST_GROUPS];
static size_t group_count = 0;

// --- configuration: {"header": "…", "default-country": "…", "groups": {"au": "…"}}, all of it optional ---

typedef struct {
  const char *at, *end;
} cursor_t;

static char next(cursor_t *c) {
  while (c->at < c->end && isspace((unsigned char)*c->at)) c->at++;
  return c->at < c->end ? *c->at : 0;
}

static bool take(cursor_t *c, char wanted) {
  if (next(c) != wanted) return false;
  c->at++;
  return true;
}

// A JSON string without escapes: names of fields, countries and groups need none.
static bool take_string(cursor_t *c, char text[64]) {
  if (!take(c, '"')) return false;
  size_t length = 0;
  while (c->at < c->end && *c->at != '"') {
    if (*c->at == '\\' || length == 63) return false;
    text[length++] = *c->at++;
  }
  text[length] = 0;
  return take(c, '"');
}

typedef bool (*member_t)(cursor_t *, const char *name);

static bool take_object(cursor_t *c, member_t member) {
  char name[64];
  if (!take(c, '{')) return false;
  if (take(c, '}')) return true;
  do {
    if (!take_string(c, name) || !take(c, ':') || !member(c, name)) return false;
  } while (take(c, ','));
  return take(c, '}');
}

static bool take_group(cursor_t *c, const char *country) {
  if (group_count == MOST_GROUPS) return false;
  entry_t *entry = &groups[group_count++];
  strcpy(entry->country, country);
  return take_string(c, entry->group);
}

static bool take_setting(cursor_t *c, const char *name) {
  if (!strcmp(name, "header")) return take_string(c, header);
  if (!strcmp(name, "default-country")) return take_string(c, default_country);
  if (!strcmp(name, "groups")) return take_object(c, take_group);
  return false;
}

bool exports_equipoise_plugin_configuration_configure(router_string_t *config, router_string_t *err) {
  cursor_t cursor = {(const char *)config->ptr, (const char *)config->ptr + config->len};
  bool ok = take_object(&cursor, take_setting) && next(&cursor) == 0;
  if (!ok) router_string_dup(err, "expected {\"header\": text, \"default-country\": text, \"groups\": {country: group}}");
  router_string_free(config);
  return ok;
}

// --- routing ---

// Copies a country in lower case; the default when the text is no country.
static void set_country(char country[64], const uint8_t *text, size_t length) {
  bool sound = length > 0 && length < 64;
  for (size_t n = 0; sound && n < length; n++) sound = isalnum(text[n]);
  if (!sound) {
    strcpy(country, default_country);
    return;
  }
  for (size_t n = 0; n < length; n++) country[n] = (char)tolower(text[n]);
  country[length] = 0;
}

static void find_country(char country[64]) {
  router_string_t name = {(uint8_t *)header, strlen(header)};
  router_list_u8_t value;
  if (equipoise_plugin_request_header(&name, &value)) {
    set_country(country, value.ptr, value.len);
    router_list_u8_free(&value);
    return;
  }
  strcpy(country, default_country);
  router_string_t query;
  if (!equipoise_plugin_request_query(&query)) return;
  const uint8_t *at = query.ptr, *end = query.ptr + query.len;
  while (at < end) {
    const uint8_t *stop = memchr(at, '&', (size_t)(end - at));
    if (!stop) stop = end;
    if (stop - at > 8 && !memcmp(at, "country=", 8)) {
      set_country(country, at + 8, (size_t)(stop - at) - 8);
      break;
    }
    at = stop + 1;
  }
  router_string_free(&query);
}

static void set_field(exports_equipoise_plugin_routing_list_header_edit_t *edits, const char *name, const char *value) {
  exports_equipoise_plugin_routing_header_edit_t *edit = malloc(sizeof *edit);
  if (!edit) abort();
  router_string_t bytes;
  router_string_dup(&bytes, value);
  edit->tag = EQUIPOISE_PLUGIN_TYPES_HEADER_EDIT_SET;
  router_string_dup(&edit->val.set.name, name);
  edit->val.set.value = (router_list_u8_t){bytes.ptr, bytes.len};
  edits->ptr = edit;
  edits->len = 1;
}

void exports_equipoise_plugin_routing_route(exports_equipoise_plugin_routing_decision_t *decision) {
  char country[64];
  find_country(country);
  memset(decision, 0, sizeof *decision);
  decision->action.tag = EXPORTS_EQUIPOISE_PLUGIN_ROUTING_ACTION_CONTINUE;
  for (size_t n = 0; n < group_count; n++) {
    if (strcmp(groups[n].country, country)) continue;
    decision->action.tag = EXPORTS_EQUIPOISE_PLUGIN_ROUTING_ACTION_FORWARD;
    router_string_dup(&decision->action.val.forward, groups[n].group);
    break;
  }
  set_field(&decision->request_edits, "x-geo-country", country);
  set_field(&decision->response_edits, "x-routed-by", "geo-router/c");
}

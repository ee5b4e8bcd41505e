/* fuzz_image.c - any bytes as an image.
 *
 * The first byte says whether the header is put right (sizes, magic, hash), so
 * that the fuzzer gets beyond it. An image that loads is read in full: every
 * index it gives has to be a good one. Its machines, which may do anything, are
 * explored.
 */
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "image_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
  if (!condition)
    abort();
}

static void put_right(char *block, size_t size) {
  static const size_t sizes[] = {sizeof(maty__role_t),   sizeof(maty__state_t),
                                 sizeof(maty__action_t), sizeof(maty__transition_t),
                                 sizeof(maty__field_t),  sizeof(maty__type_t),
                                 sizeof(maty__key_t),    1};
  maty__header_t header;
  if (size < sizeof header)
    return;
  memcpy(&header, block, sizeof header);
  header.magic = MATY__IMAGE_MAGIC;
  header.version = MATY__IMAGE_VERSION;
  header.size = (uint32_t)size;
  maty__table_t *tables[] = {&header.roles,  &header.states, &header.actions, &header.transitions,
                             &header.fields, &header.types,  &header.keys,    &header.strings};
  uint64_t offset = sizeof header;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    uint64_t room = size > offset ? (size - offset) / sizes[i] : 0;
    if (tables[i]->count > room || i + 1 == sizeof sizes / sizeof *sizes)
      tables[i]->count = (uint32_t)room;
    tables[i]->offset = (uint32_t)offset;
    offset += (tables[i]->count * sizes[i] + 7) & ~(uint64_t)7;
  }
  memcpy(block, &header, sizeof header);
  block[size - 1] = '\0';
  header.hash = maty__image_hash(block, header.size);
  memcpy(block, &header, sizeof header);
}

static void read_payload(const maty_image_t *image, const maty_transition_info_t *transition) {
  for (uint32_t i = 0; i < transition->arity; i++) {
    const char *name;
    uint32_t type;
    char buffer[64];
    require(maty_image_field(image, transition->first_field + i, &name, &type) == MATY_OK);
    size_t length = maty_image_type_text(image, type, buffer, sizeof buffer);
    require(length > 0 && strlen(buffer) == (length < 63 ? length : 63) && strlen(name) < 256);
  }
}

static void read_role(const maty_image_t *image, uint32_t index) {
  maty_role_info_t role;
  require(maty_image_role(image, index, &role) == MATY_OK && strlen(role.name) < 256);
  require(role.initial - role.first_state < role.state_count);
  for (uint32_t i = 0; i < role.action_count; i++) {
    maty_action_info_t action, peer;
    require(maty_image_action(image, index, i, &action) == MATY_OK);
    require(maty_image_action(image, action.peer, action.peer_action, &peer) == MATY_OK);
    require(peer.peer == index && peer.peer_action == i && peer.direction != action.direction);
    require(strcmp(peer.label, action.label) == 0 && peer.look == action.look);
  }
  for (uint32_t i = 0; i < role.state_count; i++) {
    maty_state_info_t state;
    require(maty_image_state(image, role.first_state + i, &state) == MATY_OK);
    require((state.phase == MATY_PHASE_FINAL) == (state.transition_count == 0));
    for (uint32_t j = 0; j < state.transition_count; j++) {
      maty_transition_info_t transition;
      require(maty_image_transition(image, role.first_state + i, j, &transition) == MATY_OK);
      require(transition.action < role.action_count);
      require(transition.target - role.first_state < role.state_count);
      read_payload(image, &transition);
    }
  }
}

static void explore(const maty_image_t *image) {
  maty_config_t config = maty_config_default();
  for (uint32_t bound = 1; bound <= 40; bound += 39) {
    maty_explore_options_t options = {
        .bound = bound, .max_states = 500, .fairness = MATY_FAIRNESS_UNFAIR};
    maty_verdict_t *verdict;
    maty_status status = maty_explore(&verdict, image, &options, &config);
    require(status == MATY_OK || status == MATY_EREJECTED || status == MATY_ELIMIT);
    require((status == MATY_OK) == (maty_verdict_diagnostic_count(verdict) == 0));
    maty_verdict_free(verdict);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  maty_allocator_t allocator = maty_allocator_default();
  maty_image_t *image;
  if (size == 0)
    return 0;
  char *block = malloc(size);
  require(block != NULL);
  memcpy(block, data + 1, size - 1);
  size_t length = size - 1;
  if (data[0] % 2 == 1) {
    length -= length % 8;
    put_right(block, length);
  }
  maty_status status = maty_image_load(&image, block, length, &allocator);
  free(block);
  require(status == MATY_OK || status == MATY_EIMAGE);
  if (status != MATY_OK)
    return 0;
  require(strlen(maty_image_protocol(image)) < 256 && maty_image_source(image) != NULL);
  for (uint32_t i = 0; i < maty_image_role_count(image); i++)
    read_role(image, i);
  explore(image);
  maty_image_release(image);
  return 0;
}

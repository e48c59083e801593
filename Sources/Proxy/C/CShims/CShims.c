#define OPENSSL_SUPPRESS_DEPRECATED
#include "CShims.h"

void shim_sha256_begin(shim_sha256_state *state) { SHA256_Init(&state->context); }
void shim_sha256_add(shim_sha256_state *state, const void *bytes, size_t count) {
  SHA256_Update(&state->context, bytes, count);
}
void shim_sha256_end(shim_sha256_state *state, unsigned char *digest) { SHA256_Final(digest, &state->context); }
void shim_sha256(const void *bytes, size_t count, unsigned char *digest) {
  shim_sha256_state state;
  shim_sha256_begin(&state);
  shim_sha256_add(&state, bytes, count);
  shim_sha256_end(&state, digest);
}

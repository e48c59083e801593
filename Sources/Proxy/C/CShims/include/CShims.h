// Names for OpenSSL macros that Swift cannot import. No logic lives here.
#ifndef PORTHOLE_CSHIMS_H
#define PORTHOLE_CSHIMS_H

#include <openssl/bio.h>
#include <openssl/ssl.h>

// Certificates
#include <openssl/evp.h>
#include <openssl/x509v3.h>

static inline EVP_PKEY *porthole_ec_key_generate(const char *curve) { return EVP_EC_gen(curve); }
static inline int porthole_general_names_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
static inline const GENERAL_NAME *porthole_general_names_at(const GENERAL_NAMES *names, int index) {
  return sk_GENERAL_NAME_value(names, index);
}
static inline void porthole_general_names_free(GENERAL_NAMES *names) { GENERAL_NAMES_free(names); }
// Certificates end

#endif

// Names for OpenSSL macros that Swift cannot import. No logic lives here.
#ifndef PORTHOLE_CSHIMS_H
#define PORTHOLE_CSHIMS_H

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

// TLS

static inline int shim_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_min_proto_version(context, version);
}
static inline int shim_SSL_CTX_set_max_proto_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_max_proto_version(context, version);
}
static inline void shim_SSL_CTX_set_mode(SSL_CTX *context, long mode) { SSL_CTX_set_mode(context, mode); }
static inline int shim_SSL_CTX_set1_groups_list(SSL_CTX *context, const char *groups) {
  return (int)SSL_CTX_set1_groups_list(context, groups);
}
static inline void shim_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
  SSL_CTX_set_session_cache_mode(context, mode);
}
static inline int shim_SSL_CTX_add1_chain_cert(SSL_CTX *context, X509 *certificate) {
  return (int)SSL_CTX_add1_chain_cert(context, certificate);
}
static inline void shim_SSL_CTX_set_servername_callback(SSL_CTX *context, int (*callback)(SSL *, int *, void *)) {
  SSL_CTX_set_tlsext_servername_callback(context, callback);
}
static inline void shim_SSL_CTX_set_status_callback(SSL_CTX *context, int (*callback)(SSL *, void *)) {
  SSL_CTX_set_tlsext_status_cb(context, callback);
}
// Takes ownership of `response`, which came from shim_OPENSSL_memdup.
static inline int shim_SSL_set_status_response(SSL *session, void *response, long count) {
  return (int)SSL_set_tlsext_status_ocsp_resp(session, response, count);
}
static inline void *shim_OPENSSL_memdup(const void *bytes, size_t count) { return OPENSSL_memdup(bytes, count); }
static inline int shim_SSL_set_host_name(SSL *session, const char *name) {
  return (int)SSL_set_tlsext_host_name(session, name);
}
static inline void shim_BIO_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }

static const uint64_t shim_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t shim_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t shim_SSL_OP_NO_TICKET = SSL_OP_NO_TICKET;
static const unsigned long shim_XN_FLAG_RFC2253 = XN_FLAG_RFC2253;

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

// SHA-256 without OpenSSL 3's lookup of an algorithm for each digest. The functions are marked as deprecated since 3.0;
// what replaces them allocates.
#include <openssl/sha.h>
typedef struct { SHA256_CTX context; } shim_sha256_state;
void shim_sha256_begin(shim_sha256_state *state);
void shim_sha256_add(shim_sha256_state *state, const void *bytes, size_t count);
void shim_sha256_end(shim_sha256_state *state, unsigned char *digest);
void shim_sha256(const void *bytes, size_t count, unsigned char *digest);

#endif

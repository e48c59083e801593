// Names for OpenSSL macros that Swift cannot import. No logic lives here.
#ifndef PORTHOLE_CSHIMS_H
#define PORTHOLE_CSHIMS_H

#include <openssl/bio.h>
#include <openssl/ssl.h>

#endif

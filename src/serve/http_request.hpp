// A request as libevent has read it.
#pragma once

#include <event2/http.h>
#include <string>

#include "mnist/serve/http_server.hpp"

namespace mnist {

// What is wrong with the lengths or the host in the headers, which libevent does not check. A proxy may read such a
// request otherwise: its end, and so where the next request begins (RFC 9112, 6.3 and 11.2). Empty: nothing.
std::string framing_error(evhttp_request* request);

// Takes the body out of the request.
HttpRequest request_of(evhttp_request* request);

}  // namespace mnist

// A request as libevent has read it.
#pragma once

#include <event2/http.h>
#include <string>

#include "mnist/serve/http_server.hpp"

namespace mnist {

// Takes the body out of the request.
HttpRequest request_of(evhttp_request* request);

}  // namespace mnist

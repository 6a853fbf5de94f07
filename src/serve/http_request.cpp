#include "http_request.hpp"

#include <algorithm>
#include <cstdlib>
#include <event2/buffer.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <memory>
#include <sstream>
#include <string_view>

#include "mnist/core/text.hpp"

#include "libevent_handles.hpp"

namespace mnist {
namespace {

std::string decoded(const std::string& text, bool plus_is_blank) {
  std::size_t size = 0;
  const std::unique_ptr<char, FreeBy<std::free>> bytes(evhttp_uridecode(text.c_str(), plus_is_blank ? 1 : 0, &size));
  return bytes == nullptr ? "" : std::string(bytes.get(), size);
}

// libevent's own parser gives up at a name without a value.
std::map<std::string, std::string> query_of(const evhttp_uri* uri) {
  std::map<std::string, std::string> query;
  const char* const text = uri == nullptr ? nullptr : evhttp_uri_get_query(uri);
  std::istringstream parts(text == nullptr ? "" : text);
  for (std::string part; std::getline(parts, part, '&');) {
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string value = equals == part.size() ? "" : part.substr(equals + 1);
    query[decoded(part.substr(0, equals), true)] = decoded(value, true);
  }
  return query;
}

const char* method_of(evhttp_request* request) {
  switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET:
      return "GET";
    case EVHTTP_REQ_POST:
      return "POST";
    case EVHTTP_REQ_HEAD:
      return "HEAD";
    case EVHTTP_REQ_PUT:
      return "PUT";
    case EVHTTP_REQ_DELETE:
      return "DELETE";
    case EVHTTP_REQ_OPTIONS:
      return "OPTIONS";
    case EVHTTP_REQ_PATCH:
      return "PATCH";
    default:
      return "OTHER";
  }
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// What is wrong with the lengths or the host in the headers, which libevent does not check. Empty: nothing.
std::string framing_error(evhttp_request* request) {
  int lengths = 0;
  int hosts = 0;
  bool is_chunked = false;
  bool has_body = false;
  const evkeyvalq* const headers = evhttp_request_get_input_headers(request);
  for (const evkeyval* header = headers->tqh_first; header != nullptr; header = header->next.tqe_next) {
    const std::string name = lower_case(header->key);
    if (name.find_first_of(" \t") != std::string::npos) return "a header's name has a blank";
    if (name == "host") ++hosts;
    if (name == "content-length") {
      ++lengths;
      if (!is_number(header->value)) return "Content-Length is not a number";
      has_body = has_body || std::strtoull(header->value, nullptr, 10) > 0;
    }
    if (name == "transfer-encoding") {
      is_chunked = true;
      if (lower_case(header->value) != "chunked") return "only the Transfer-Encoding chunked is supported";
    }
  }
  if (lengths > 1) return "there is more than one Content-Length";
  if (lengths > 0 && is_chunked) return "there are both Content-Length and Transfer-Encoding";
  // libevent would take the body for the next request.
  if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD && (has_body || is_chunked)) return "HEAD has a body";
  const bool needs_host = request->major > 1 || request->minor > 0;
  if (hosts > 1 || (hosts == 0 && needs_host)) return "there must be one header Host";
  return {};
}

}  // namespace

HttpRequest request_of(evhttp_request* request) {
  HttpRequest result;
  result.error = framing_error(request);
  result.method = method_of(request);
  result.target = evhttp_request_get_uri(request);
  const evhttp_uri* const uri = evhttp_request_get_evhttp_uri(request);
  if (const char* const path = uri == nullptr ? nullptr : evhttp_uri_get_path(uri)) result.path = decoded(path, false);
  result.query = query_of(uri);
  const evkeyvalq* const headers = evhttp_request_get_input_headers(request);
  for (const evkeyval* header = headers->tqh_first; header != nullptr; header = header->next.tqe_next) {
    result.headers[lower_case(header->key)] = header->value;
  }
  evbuffer* const body = evhttp_request_get_input_buffer(request);
  result.body.resize(evbuffer_get_length(body));
  evbuffer_remove(body, result.body.data(), result.body.size());
  char* peer = nullptr;
  ev_uint16_t port = 0;
  evhttp_connection_get_peer(evhttp_request_get_connection(request), &peer, &port);
  result.peer = peer == nullptr ? "" : peer;
  return result;
}

}  // namespace mnist

#include "http_request.hpp"

#include <cstdlib>
#include <event2/buffer.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <string_view>

#include "mnist/core/text.hpp"

#include "libevent_handles.hpp"

namespace mnist {
namespace {

std::string decoded(const char* text) {
  std::size_t size = 0;
  const std::unique_ptr<char, FreeBy<std::free>> bytes(evhttp_uridecode(text, /*decode_plus=*/0, &size));
  return bytes == nullptr ? "" : std::string(bytes.get(), size);
}

std::map<std::string, std::string> query_of(const evhttp_uri* uri) {
  std::map<std::string, std::string> query;
  const char* const text = uri == nullptr ? nullptr : evhttp_uri_get_query(uri);
  evkeyvalq pairs{};
  if (text == nullptr || evhttp_parse_query_str(text, &pairs) != 0) return query;
  for (const evkeyval* pair = pairs.tqh_first; pair != nullptr; pair = pair->next.tqe_next) {
    query[decoded(pair->key)] = pair->value;
  }
  evhttp_clear_headers(&pairs);
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
    default:
      return "OTHER";
  }
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string framing_error(evhttp_request* request) {
  int lengths = 0;
  int hosts = 0;
  bool is_chunked = false;
  const evkeyvalq* const headers = evhttp_request_get_input_headers(request);
  for (const evkeyval* header = headers->tqh_first; header != nullptr; header = header->next.tqe_next) {
    const std::string name = lower_case(header->key);
    if (name.find_first_of(" \t") != std::string::npos) return "a header's name has a blank";
    if (name == "host") ++hosts;
    if (name == "content-length") {
      ++lengths;
      if (!is_number(header->value)) return "Content-Length is not a number";
    }
    if (name == "transfer-encoding") {
      is_chunked = true;
      if (lower_case(header->value) != "chunked") return "only the Transfer-Encoding chunked is supported";
    }
  }
  if (lengths > 1) return "there is more than one Content-Length";
  if (lengths > 0 && is_chunked) return "there are both Content-Length and Transfer-Encoding";
  const bool needs_host = request->major > 1 || request->minor > 0;
  if (hosts > 1 || (hosts == 0 && needs_host)) return "there must be one header Host";
  return {};
}

HttpRequest request_of(evhttp_request* request) {
  HttpRequest result;
  result.method = method_of(request);
  result.target = evhttp_request_get_uri(request);
  const evhttp_uri* const uri = evhttp_request_get_evhttp_uri(request);
  if (const char* const path = uri == nullptr ? nullptr : evhttp_uri_get_path(uri)) result.path = decoded(path);
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

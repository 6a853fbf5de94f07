// Owners of libevent's objects.
#pragma once

#include <event2/event.h>
#include <event2/http.h>
#include <memory>

namespace mnist {

template <auto function>
struct FreeBy {
  template <typename T>
  void operator()(T* object) const {
    function(object);
  }
};

using EventBase = std::unique_ptr<event_base, FreeBy<event_base_free>>;
using Event = std::unique_ptr<event, FreeBy<event_free>>;
using Http = std::unique_ptr<evhttp, FreeBy<evhttp_free>>;

}  // namespace mnist

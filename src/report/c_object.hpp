// Owners of objects of C libraries, which are destroyed by a function: std::unique_ptr<cairo_t, DestroyedBy<...>>.
#pragma once

namespace mnist {

template <auto Destroy>
struct DestroyedBy {
  template <class T>
  void operator()(T* object) const {
    Destroy(object);
  }
};

}  // namespace mnist

// A vector register of floats, with GCC's and Clang's vector types: the same source for all instruction sets.
//
// This file and the files that include it use an unnamed namespace and call no function of the standard library. The
// linker keeps only one copy of an inline function, which must not be the one that is compiled for AVX-512.
#pragma once

#include <cstdint>

namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;  // SSE2, NEON
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef std::int32_t IntVec __attribute__((vector_size(kLanes * 4)));
typedef std::uint8_t ByteVec __attribute__((vector_size(kLanes)));

// For loads and stores at any address, with aliasing of other types.
typedef Vec VecInMemory __attribute__((aligned(4), may_alias));
typedef ByteVec ByteVecInMemory __attribute__((aligned(1), may_alias));

inline Vec load(const float* from) {
  return *reinterpret_cast<const VecInMemory*>(from);
}

inline void store(float* to, Vec values) {
  *reinterpret_cast<VecInMemory*>(to) = values;
}

inline IntVec load_bytes(const std::uint8_t* from) {
  return __builtin_convertvector(*reinterpret_cast<const ByteVecInMemory*>(from), IntVec);
}

inline void store_bytes(std::uint8_t* to, IntVec values) {
  *reinterpret_cast<ByteVecInMemory*>(to) = __builtin_convertvector(values, ByteVec);
}

inline Vec splat(float value) {
  return value - Vec{};
}

}  // namespace

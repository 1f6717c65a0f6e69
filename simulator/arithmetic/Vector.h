//===- Vector.h - Several lanes at a time -------------------------*- C++ -*-===//
//
// Vectors of GCC and Clang, for the loops that compilers do not find by themselves.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_ARITHMETIC_VECTOR_H
#define MOEC_SIMULATOR_ARITHMETIC_VECTOR_H

#include <cmath>
#include <cstdint>
#include <cstring>
#ifdef __FMA__
#include <immintrin.h>
#endif

namespace moec::cudasim {

using Float8 = float __attribute__((vector_size(32)));
using Int8 = int32_t __attribute__((vector_size(32)));
using UInt4 = uint32_t __attribute__((vector_size(16)));
using UInt8 = uint32_t __attribute__((vector_size(32)));

template <class Vector>
inline Vector loadVector(const void *from) {
  Vector result;
  std::memcpy(&result, from, sizeof(result));
  return result;
}
template <class Vector>
inline void storeVector(void *to, Vector value) {
  std::memcpy(to, &value, sizeof(value));
}

inline Float8 fma8(float a, Float8 b, Float8 c) {
#ifdef __FMA__
  return (Float8)_mm256_fmadd_ps(_mm256_set1_ps(a), (__m256)b, (__m256)c);
#else
  for (unsigned i = 0; i < 8; ++i)
    c[i] = std::fma(a, b[i], c[i]);
  return c;
#endif
}

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_ARITHMETIC_VECTOR_H

//===- Format.h - Quantities for people -----------------------------------===//
#ifndef MOEC_RUNTIME_FORMAT_H
#define MOEC_RUNTIME_FORMAT_H

#include <cstddef>
#include <cstdio>
#include <iterator>
#include <string>

namespace moec {

/// "3.7 MiB".
inline std::string formatBytes(double bytes) {
  const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(units); ++unit)
    bytes /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes,
                units[unit]);
  return text;
}

/// "12.3 G": a count with a decimal prefix.
inline std::string formatCount(double count) {
  const char *units[] = {"", " k", " M", " G", " T"};
  size_t unit = 0;
  for (; count >= 1000 && unit + 1 < std::size(units); ++unit)
    count /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f%s" : "%.1f%s", count,
                units[unit]);
  return text;
}

} // namespace moec

#endif // MOEC_RUNTIME_FORMAT_H

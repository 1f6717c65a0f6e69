//===- Format.h - Quantities for people -----------------------------------===//
#ifndef MOEC_RUNTIME_FORMAT_H
#define MOEC_RUNTIME_FORMAT_H

#include <cstdio>
#include <initializer_list>
#include <string>

namespace moec {

/// A quantity in the greatest unit that leaves at least 1 of it; units grow by
/// `base`.
inline std::string formatQuantity(double value, double base,
                                  std::initializer_list<const char *> units) {
  const char *const *unit = units.begin();
  for (; value >= base && unit + 1 != units.end(); ++unit)
    value /= base;
  char text[32];
  std::snprintf(text, sizeof text, unit == units.begin() ? "%.0f%s" : "%.1f%s",
                value, *unit);
  return text;
}

/// "3.7 MiB".
inline std::string formatBytes(double bytes) {
  return formatQuantity(bytes, 1024, {" B", " KiB", " MiB", " GiB", " TiB"});
}

/// "12.3 G": a count with a decimal prefix.
inline std::string formatCount(double count) {
  return formatQuantity(count, 1000, {"", " k", " M", " G", " T"});
}

} // namespace moec

#endif // MOEC_RUNTIME_FORMAT_H

//===- ProgressBar.h - How far long work has come ---------------------------------===//
#ifndef MOEC_TOOLS_MOEC_PROGRESSBAR_H
#define MOEC_TOOLS_MOEC_PROGRESSBAR_H

#include <chrono>
#include <cstdint>
#include <string>

namespace moec {

/// A line on the terminal that standard error is, with the rate and the time
/// left; nothing if it is none. The line goes with the object.
class ProgressBar {
public:
  explicit ProgressBar(std::string what);
  ProgressBar(const ProgressBar &) = delete;
  ProgressBar &operator=(const ProgressBar &) = delete;
  ~ProgressBar();

  /// Bytes done so far and in all.
  void update(uint64_t done, uint64_t total);

private:
  using Clock = std::chrono::steady_clock;

  std::string what;
  bool isTerminal;
  Clock::time_point start, drawn;
};

} // namespace moec

#endif // MOEC_TOOLS_MOEC_PROGRESSBAR_H

//===- Progress.h - "12 of 193 windows" on a terminal ---------------------===//
#ifndef MOEC_RUNTIME_PROGRESS_H
#define MOEC_RUNTIME_PROGRESS_H

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <unistd.h>

namespace moec {

/// A line on stderr that is rewritten at most ten times a second and gone at
/// the end; silent in a pipe.
class Progress {
public:
  Progress(size_t total, const char *what)
      : total(total), what(what), visible(isatty(STDERR_FILENO) != 0) {}
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;
  ~Progress() {
    if (visible)
      std::fputs("\r\033[K", stderr);
  }

  void update(size_t done) {
    auto now = Clock::now();
    if (!visible || now - last < std::chrono::milliseconds(100))
      return;
    last = now;
    std::fprintf(stderr, "\r\033[K%zu of %zu %s", done, total, what);
    std::fflush(stderr);
  }

private:
  using Clock = std::chrono::steady_clock;
  size_t total;
  const char *what;
  bool visible;
  Clock::time_point last{};
};

} // namespace moec

#endif // MOEC_RUNTIME_PROGRESS_H

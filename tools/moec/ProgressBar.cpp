//===- ProgressBar.cpp - How far long work has come -------------------------------===//

#include "tools/moec/ProgressBar.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace moec;

static constexpr std::chrono::milliseconds kInterval(100);
static constexpr unsigned kWidth = 24;

ProgressBar::ProgressBar(std::string what)
    : what(std::move(what)),
      isTerminal(llvm::sys::Process::StandardErrIsDisplayed()),
      start(Clock::now()), drawn(start - kInterval) {}

ProgressBar::~ProgressBar() {
  // Back to the start of the line, and clear it.
  if (isTerminal)
    llvm::errs() << "\r\033[K";
}

void ProgressBar::update(uint64_t done, uint64_t total) {
  Clock::time_point now = Clock::now();
  if (!isTerminal || total == 0 || (now - drawn < kInterval && done != total))
    return;
  drawn = now;
  double seconds = std::chrono::duration<double>(now - start).count();
  double rate = done / std::max(seconds, 1e-6);
  uint64_t left = rate > 0 ? uint64_t((total - done) / rate) : 0;
  unsigned filled = unsigned(double(done) / total * kWidth);
  llvm::errs() << llvm::formatv(
      "\r{0} [{1}{2}] {3:f1} of {4:f1} GB, {5:f2} GB/s, {6}:{7,0+2} left\033[K",
      what, std::string(filled, '#'), std::string(kWidth - filled, '.'),
      done / 1e9, total / 1e9, rate / 1e9, left / 60, left % 60);
}

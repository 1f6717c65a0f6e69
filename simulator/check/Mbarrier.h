//===- Mbarrier.h - The 64-bit barrier object in shared memory ---*- C++ -*-===//
//
// PTX ISA 9.0, "mbarrier". The object holds expected and pending arrivals (20 bits each), the transaction count (21 bits, signed), the
// parity of the current phase, and a mark that tells a live object from other data. Nothing is kept beside it, so copying or overwriting the 64 bits
// does what it would do on hardware, and is noticed where the mark is lost.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_CHECK_MBARRIER_H
#define MOEC_SIMULATOR_CHECK_MBARRIER_H

#include <cstdint>
#include <string_view>

namespace moec::cudasim {

class Mbarrier {
public:
  static constexpr uint32_t MaxCount = (1u << 20) - 1;

  /// A view of the object at `bits`.
  explicit Mbarrier(uint64_t &bits) : bits(bits) {}

  /// Of every operation: what is wrong, or null; and whether the phase completed by it.
  struct Outcome {
    const char *error = nullptr;
    bool phaseCompleted = false;
  };

  /// `mbarrier.init`. Over a live object it is an error.
  Outcome init(uint32_t count);
  Outcome invalidate();
  /// `mbarrier.arrive` with `count`; `noComplete` says that it must not complete the phase.
  Outcome arrive(uint32_t count, bool noComplete = false);
  /// `mbarrier.arrive_drop`: also later phases expect `count` fewer.
  Outcome arriveDrop(uint32_t count, bool noComplete = false);
  /// `.expect_tx`, without an arrival.
  Outcome expectTransactions(uint32_t bytes);
  /// `complete_tx`, without an arrival.
  Outcome completeTransactions(uint32_t bytes);
  /// `.pending_count` of a state that `state()` gave.
  static uint32_t pendingCount(uint64_t state) {
    return uint32_t(state >> 20) & MaxCount;
  }

  /// The opaque state that `arrive` returns: the object before the arrival.
  uint64_t state() const { return bits; }
  /// Whether the phase of `state` has completed. It is the current phase or the one before: one bit of parity cannot tell more.
  Outcome test(uint64_t state, bool &done) const;
  /// Whether the phase with this parity has completed: the current one has the other parity.
  Outcome testParity(uint32_t parity, bool &done) const;

  bool live() const { return bits >> 62 == Mark; }
  uint32_t expected() const { return uint32_t(bits) & MaxCount; }
  uint32_t pending() const { return uint32_t(bits >> 20) & MaxCount; }
  /// Expected bytes minus completed ones.
  int32_t transactions() const { return int32_t(int64_t(bits << 3) >> 43); }
  uint32_t parity() const { return uint32_t(bits >> 61) & 1; }

private:
  static constexpr uint64_t Mark = 2;
  void set(uint32_t expected, uint32_t pending, int32_t transactions,
           uint32_t parity);
  Outcome settle();

  uint64_t &bits;
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_CHECK_MBARRIER_H

//===- Mbarrier.cpp - The 64-bit barrier object in shared memory ----------===//
//
// Bits: 19-0 expected arrivals, 39-20 pending arrivals, 60-40 transactions (two's complement), 61 parity of the phase, 63-62 mark.
//
//===----------------------------------------------------------------------===//
#include "simulator/check/Mbarrier.h"

namespace moec::cudasim {

static constexpr const char *NotLive =
    "there is no mbarrier here: it was not initialised, was invalidated, or "
    "its 64 bits were overwritten";

void Mbarrier::set(uint32_t expected, uint32_t pending, int32_t transactions,
                   uint32_t parity) {
  bits = uint64_t(expected) | uint64_t(pending) << 20 |
         (uint64_t(uint32_t(transactions)) & 0x1fffff) << 40 |
         uint64_t(parity) << 61 | Mark << 62;
}

/// Completes the phase if nothing is pending.
Mbarrier::Outcome Mbarrier::settle() {
  if (pending() != 0 || transactions() != 0)
    return {};
  set(expected(), expected(), 0, parity() ^ 1);
  return {nullptr, true};
}

Mbarrier::Outcome Mbarrier::init(uint32_t count) {
  if (live())
    return {
        "mbarrier.init over a live mbarrier, without mbarrier.inval before"};
  if (count == 0 || count > MaxCount)
    return {"mbarrier.init with a count outside 1…1048575"};
  set(count, count, 0, 0);
  return {};
}

Mbarrier::Outcome Mbarrier::invalidate() {
  if (!live())
    return {NotLive};
  bits = 0;
  return {};
}

Mbarrier::Outcome Mbarrier::arrive(uint32_t count, bool noComplete) {
  if (!live())
    return {NotLive};
  if (count == 0 || count > MaxCount)
    return {"arrival with a count outside 1…1048575"};
  if (count > pending())
    return {"more arrivals than the phase still expects"};
  if (noComplete && count == pending() && transactions() == 0)
    return {"arrival with .noComplete completes the phase"};
  set(expected(), pending() - count, transactions(), parity());
  return settle();
}

Mbarrier::Outcome Mbarrier::arriveDrop(uint32_t count, bool noComplete) {
  if (!live())
    return {NotLive};
  if (count == 0 || count > pending() || count > expected())
    return {"arrive_drop of more arrivals than the phase expects"};
  if (noComplete && count == pending() && transactions() == 0)
    return {"arrival with .noComplete completes the phase"};
  set(expected() - count, pending() - count, transactions(), parity());
  return settle();
}

Mbarrier::Outcome Mbarrier::expectTransactions(uint32_t bytes) {
  if (!live())
    return {NotLive};
  if (bytes > MaxCount || transactions() + int64_t(bytes) > int64_t(MaxCount))
    return {"expect_tx raises the transaction count beyond 1048575"};
  set(expected(), pending(), transactions() + int32_t(bytes), parity());
  return {};
}

Mbarrier::Outcome Mbarrier::completeTransactions(uint32_t bytes) {
  if (!live())
    return {NotLive};
  if (bytes > MaxCount || transactions() - int64_t(bytes) < -int64_t(MaxCount))
    return {"complete_tx lowers the transaction count below -1048575"};
  set(expected(), pending(), transactions() - int32_t(bytes), parity());
  return settle();
}

Mbarrier::Outcome Mbarrier::test(uint64_t state, bool &done) const {
  if (!live())
    return {NotLive};
  uint64_t other = state;
  if (!Mbarrier(other).live())
    return {"the state is not one that an arrival returned"};
  return testParity(Mbarrier(other).parity(), done);
}

Mbarrier::Outcome Mbarrier::testParity(uint32_t parity, bool &done) const {
  if (!live())
    return {NotLive};
  if (parity > 1)
    return {"the parity of a phase is 0 or 1"};
  done = this->parity() != parity;
  return {};
}

} // namespace moec::cudasim

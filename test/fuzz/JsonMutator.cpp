//===- JsonMutator.cpp - Changes of documents that stay documents ---------===//
//
// Of changed bytes of JSON hardly any are JSON. This changes a value, so that
// most inputs come past the parser. What follows the first zero byte is no
// part of the document.
//
//===----------------------------------------------------------------------===//

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <vector>

using Json = nlohmann::ordered_json;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace {

class Mutator {
public:
  explicit Mutator(unsigned seed) : random(seed) {}

  size_t below(size_t count) { return random() % count; }

  /// Libfuzzer's own change, with its dictionary.
  std::string changeBytes(std::string bytes, size_t maxSize) {
    const size_t size = bytes.size();
    bytes.resize(std::max(maxSize, size));
    bytes.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t *>(bytes.data()),
                                  size, bytes.size()));
    return bytes;
  }

  void changeDocument(Json &document) {
    std::vector<Json *> values;
    collect(document, values);
    // Keys and elements come and go, or a value becomes another.
    Json &value = *values[below(values.size())];
    if (value.is_structured() && !value.empty() && below(2))
      changeMembers(value, *values[below(values.size())]);
    else if (below(3) == 0)
      value = Json(*values[below(values.size())]);
    else
      changeValue(value);
  }

private:
  static void collect(Json &value, std::vector<Json *> &values) {
    values.push_back(&value);
    if (value.is_structured())
      for (Json &member : value)
        collect(member, values);
  }

  void changeMembers(Json &value, Json other) {
    const auto member =
        std::next(value.begin(), std::ptrdiff_t(below(value.size())));
    if (below(2))
      value.erase(member);
    else if (value.is_array())
      value.insert(member, std::move(other));
    else
      value[changeBytes(member.key(), 32)] = std::move(other);
  }

  void changeValue(Json &value) {
    static const Json others[] = {
        nullptr,   true,      false, 0,  1,
        -1,        1e308,     1e-30, "", Json::array(),
        INT64_MAX, INT64_MIN, 0.5,   2,  Json::object()};
    if (value.is_string() && below(4)) {
      value = changeBytes(value.get<std::string>(), 64);
    } else if (value.is_number_integer() && below(4)) {
      const uint64_t number = uint64_t(value.get<int64_t>());
      const uint64_t near[] = {number + 1, number - 1, number * 2, number / 2,
                               0 - number};
      value = int64_t(near[below(std::size(near))]);
    } else {
      value = others[below(std::size(others))];
    }
  }

  std::minstd_rand random;
};

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  Mutator mutator(seed);
  const std::string_view input(reinterpret_cast<const char *>(data), size);
  const size_t end = std::min(input.find('\0'), size);
  Json document = Json::parse(input.substr(0, end), nullptr,
                              /*allow_exceptions=*/false);
  if (document.is_discarded() || mutator.below(8) == 0)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::string rest(input.substr(end));
  if (!rest.empty() && mutator.below(2)) {
    rest = '\0' + mutator.changeBytes(rest.substr(1), 256);
  } else {
    mutator.changeDocument(document);
  }
  const std::string output = document.dump(-1, ' ', /*ensure_ascii=*/false,
                                           Json::error_handler_t::replace) +
                             rest;
  if (output.size() > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::copy(output.begin(), output.end(), data);
  return output.size();
}

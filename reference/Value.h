//===- Value.h - Values of the reference interpreter ----------------------===//
//
// What the types of the moe dialect stand for while a module is interpreted.
// Values are immutable once made and shared, so that passing one costs nothing.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_REFERENCE_VALUE_H
#define MOEC_REFERENCE_VALUE_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Types.h"
#include "mlir/Support/LLVM.h"

#include <map>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace moec::reference {

/// A dense tensor. Elements are f32: stored bf16 and f16 are extended, which is
/// exact.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<float> data;

  /// Zeros.
  explicit Tensor(std::vector<int64_t> shape);

  int64_t size(unsigned dimension) const { return shape[dimension]; }

  float &operator()(int64_t i) { return data[i]; }
  float operator()(int64_t i) const { return data[i]; }
  float &operator()(int64_t i, int64_t j) { return data[i * shape[1] + j]; }
  float operator()(int64_t i, int64_t j) const {
    return data[i * shape[1] + j];
  }
  float operator()(int64_t i, int64_t j, int64_t k) const {
    return data[(i * shape[1] + j) * shape[2] + k];
  }
};

/// The tokens of a step; `outputs` are the rows whose logits are wanted.
struct Batch {
  std::vector<int64_t> tokens, positions, slots, outputs;

  int64_t size() const { return tokens.size(); }
};

/// What a layer remembers: a row, the concatenation of its parts, for each
/// (slot, position) that it has seen.
struct Cache {
  std::vector<int64_t> parts;
  std::map<std::pair<int64_t, int64_t>, std::vector<float>> rows;
};

/// The experts of each token. Choice `c = t * topK + i` is the i-th expert of
/// token t, in ascending order of experts.
class Routing {
public:
  /// Takes the choices of a token in any order.
  Routing(int64_t experts, int64_t topK, std::vector<int64_t> chosen,
          std::vector<float> weights);

  int64_t experts() const { return expertCount; }
  int64_t topK() const { return choicesPerToken; }
  int64_t tokens() const { return chosen.size() / choicesPerToken; }

  int64_t expert(int64_t choice) const { return chosen[choice]; }
  float weight(int64_t choice) const { return weights[choice]; }
  int64_t token(int64_t choice) const { return choice / choicesPerToken; }
  /// The choices sorted by expert, within an expert by token: the order of
  /// dispatched rows.
  mlir::ArrayRef<int64_t> rows() const { return choiceOfRow; }

private:
  int64_t expertCount, choicesPerToken;
  std::vector<int64_t> chosen;
  std::vector<float> weights;
  std::vector<int64_t> choiceOfRow;
};

/// A value of any type.
class Value {
public:
  Value() = default;
  Value(Tensor value) : storage(share(std::move(value))) {}
  Value(Batch value) : storage(share(std::move(value))) {}
  Value(Cache value) : storage(share(std::move(value))) {}
  Value(Routing value) : storage(share(std::move(value))) {}

  /// The value as a T, which the type of the operand guarantees.
  template <typename T>
  const T &as() const {
    return *std::get<std::shared_ptr<const T>>(storage);
  }
  template <typename T>
  bool is() const {
    return std::holds_alternative<std::shared_ptr<const T>>(storage);
  }

  /// Whether an SSA value of this type may have this value.
  bool conformsTo(mlir::Type type) const;

private:
  template <typename T>
  static std::shared_ptr<const T> share(T value) {
    return std::make_shared<const T>(std::move(value));
  }

  std::variant<std::monostate, std::shared_ptr<const Tensor>,
               std::shared_ptr<const Batch>, std::shared_ptr<const Cache>,
               std::shared_ptr<const Routing>>
      storage;
};

/// The elements of a constant.
Tensor tensorOf(mlir::DenseFPElementsAttr elements);

} // namespace moec::reference

#endif // MOEC_REFERENCE_VALUE_H

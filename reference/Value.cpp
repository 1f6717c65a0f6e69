//===- Value.cpp - Values of the reference interpreter --------------------===//

#include "reference/Value.h"

#include "dialects/moe/Moe.h"

#include "llvm/ADT/STLExtras.h"

#include <functional>
#include <numeric>

namespace moec::reference {

Tensor::Tensor(std::vector<int64_t> shape)
    : shape(std::move(shape)),
      data(std::accumulate(this->shape.begin(), this->shape.end(), int64_t(1),
                           std::multiplies<int64_t>())) {}

Routing::Routing(int64_t experts, int64_t topK,
                 std::vector<int64_t> chosenExperts,
                 std::vector<float> theirWeights)
    : expertCount(experts), choicesPerToken(topK), chosen(chosenExperts.size()),
      weights(chosenExperts.size()), choiceOfRow(chosenExperts.size()) {
  std::vector<int64_t> order(chosen.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return std::make_pair(token(a), chosenExperts[a]) <
           std::make_pair(token(b), chosenExperts[b]);
  });
  for (auto [choice, from] : llvm::enumerate(order)) {
    chosen[choice] = chosenExperts[from];
    weights[choice] = theirWeights[from];
  }
  std::iota(choiceOfRow.begin(), choiceOfRow.end(), 0);
  llvm::stable_sort(
      choiceOfRow, [&](int64_t a, int64_t b) { return chosen[a] < chosen[b]; });
}

static bool conforms(mlir::ArrayRef<int64_t> shape,
                     mlir::RankedTensorType type) {
  return int64_t(shape.size()) == type.getRank() &&
         llvm::all_of(llvm::zip(shape, type.getShape()), [](auto sizes) {
           auto [size, declared] = sizes;
           return mlir::ShapedType::isDynamic(declared) || size == declared;
         });
}

bool Value::conformsTo(mlir::Type type) const {
  if (auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type))
    return is<Tensor>() &&
           mlir::isa<mlir::FloatType, moe::ScaledType>(
               tensor.getElementType()) &&
           conforms(as<Tensor>().shape, tensor);
  if (auto cache = mlir::dyn_cast<moe::CacheType>(type))
    return is<Cache>() && mlir::ArrayRef(as<Cache>().parts) == cache.getParts();
  if (auto routing = mlir::dyn_cast<moe::RoutingType>(type))
    return is<Routing>() && as<Routing>().experts() == routing.getExperts() &&
           as<Routing>().topK() == routing.getTopK();
  return mlir::isa<moe::BatchType>(type) && is<Batch>();
}

Tensor tensorOf(mlir::DenseFPElementsAttr elements) {
  Tensor tensor(elements.getType().getShape());
  for (auto [to, from] : llvm::zip(tensor.data, elements)) {
    llvm::APFloat value = from;
    bool inexact;
    value.convert(llvm::APFloat::IEEEsingle(),
                  llvm::APFloat::rmNearestTiesToEven, &inexact);
    to = value.convertToFloat();
  }
  return tensor;
}

} // namespace moec::reference

//===- InterpretedModel.cpp - A checkpoint, interpreted -------------------===//

#include "tools/moec/InterpretedModel.h"

#include "frontend/Import.h"
#include "frontend/Weights.h"
#include "passes/Passes.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace moec {

FailureOr<reference::Tensor>
loadInterpretedWeight(moe::WeightOp weight,
                      const SafeTensorsFolder &checkpoint) {
  Result<TensorData> data = loadWeight(weight, checkpoint);
  if (!data.ok())
    return weight.emitError() << data.message();
  TensorView view{weight.getSymName().str(), data->dtype,       data->shape,
                  data->data.data(),         data->data.size(), ""};
  Result<std::vector<float>> elements = readFloats(view);
  if (!elements.ok())
    return weight.emitError() << elements.message();
  reference::Tensor tensor(data->shape);
  tensor.data = std::move(*elements);
  return tensor;
}

InterpretedModel::InterpretedModel(SafeTensorsFolder checkpoint)
    : checkpoint(std::move(checkpoint)),
      context(MLIRContext::Threading::DISABLED) {}

Result<std::unique_ptr<InterpretedModel>>
InterpretedModel::import(const std::string &folder, int64_t quantizeBits) {
  MOEC_ASSIGN_OR_RETURN(SafeTensorsFolder checkpoint,
                        SafeTensorsFolder::open(folder));
  std::unique_ptr<InterpretedModel> model(
      new InterpretedModel(std::move(checkpoint)));
  MOEC_ASSIGN_OR_RETURN(model->module,
                        importCheckpoint(model->context, folder));
  if (quantizeBits)
    MOEC_RETURN_IF_ERROR(model->quantize(quantizeBits));
  model->stepFunction =
      model->module->lookupSymbol<func::FuncOp>(moe::kStepFunction);
  model->interpreter = std::make_unique<reference::Interpreter>(
      *model->module,
      [model = model.get()](moe::WeightOp weight) {
        return loadInterpretedWeight(weight, model->checkpoint);
      },
      [model = model.get()](const reference::Evaluation &evaluation) {
        model->observe(evaluation);
      });
  model->reset();
  return model;
}

Status InterpretedModel::quantize(int64_t bits) {
  std::string errors;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    errors += (errors.empty() ? "" : "; ") + diagnostic.str();
  });
  PassManager manager(&context);
  manager.addPass(createQuantizeWeightsPass({bits}));
  return failed(manager.run(*module)) ? Status::error(errors)
                                      : Status::success();
}

void InterpretedModel::reset() {
  caches.clear();
  for (Type type : stepFunction.getArgumentTypes().drop_front())
    caches.push_back(
        reference::Cache{cast<moe::CacheType>(type).getParts(), {}});
  trace.assign(llvm::range_size(stepFunction.getOps<func::CallOp>()), {});
}

void InterpretedModel::observe(const reference::Evaluation &evaluation) {
  if (evaluation.path.empty() && isa<func::CallOp>(evaluation.op)) {
    const auto &hidden = evaluation.results[0].as<reference::Tensor>();
    llvm::append_range(trace[layer++].hidden, hidden.data);
  } else if (isa<moe::RouteOp>(evaluation.op)) {
    const auto &routing = evaluation.results[0].as<reference::Routing>();
    for (int64_t c = 0; c < int64_t(routing.rows().size()); ++c) {
      trace[layer].experts.push_back(routing.expert(c));
      trace[layer].weights.push_back(routing.weight(c));
    }
  }
}

Result<reference::Tensor>
InterpretedModel::step(const reference::Batch &batch) {
  std::string errors;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    errors += (errors.empty() ? "" : "; ") + diagnostic.str();
  });
  layer = 0;
  reference::Values arguments = {batch};
  arguments.append(caches);
  FailureOr<reference::Values> results =
      interpreter->call(stepFunction, arguments);
  if (failed(results))
    return Status::error(errors);
  caches.assign(results->begin() + 1, results->end());
  return results->front().as<reference::Tensor>();
}

} // namespace moec

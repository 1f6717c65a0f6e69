//===- PassValidator.cpp - Passes against the interpreter ---------------------===//

#include "tools/moec/PassValidator.h"

#include "tools/moec/InterpretedModel.h"

#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;
using namespace moec;

/// Of the greatest logit, for passes that change roundings.
static constexpr double kTolerance = 1e-5;
/// Tokens of a sequence in the first step and in each after it.
static constexpr int64_t kPrompt = 7;
static constexpr int64_t kSteps = 3;
static constexpr int64_t kSequences = 2;

namespace {

/// What Passes.td promises.
enum class Promise { Exact, Reassociating, AnotherModel };

Promise promiseOf(Pass &pass) {
  return llvm::StringSwitch<Promise>(pass.getArgument())
      .Case("moe-absorb-mla", Promise::Reassociating)
      .Cases({"moe-quantize-weights", "moe-round-activations"},
             Promise::AnotherModel)
      .Default(Promise::Exact);
}

struct Instrumentation : PassInstrumentation {
  explicit Instrumentation(PassValidator &validator) : validator(validator) {}
  void runAfterPass(Pass *pass, Operation *op) override {
    validator.check(*pass, op);
  }
  PassValidator &validator;
};

/// Random tokens in a few steps: two sequences begin at once, then both go on.
std::vector<reference::Batch> makeSteps(int64_t vocab) {
  std::minstd_rand random;
  std::vector<reference::Batch> steps(1 + kSteps);
  for (int64_t step = 0; step <= kSteps; ++step)
    for (int64_t slot = 0; slot < kSequences; ++slot) {
      int64_t begin = step ? kPrompt + step - 1 : 0;
      for (int64_t position = begin; position < kPrompt + step; ++position) {
        reference::Batch &batch = steps[step];
        batch.outputs.push_back(batch.size());
        batch.tokens.push_back(random() % vocab);
        batch.positions.push_back(position);
        batch.slots.push_back(slot);
      }
    }
  return steps;
}

/// The greatest difference relative to the greatest expected value; infinite if some are not finite.
double differenceOf(ArrayRef<float> found, ArrayRef<float> expected) {
  double difference = 0, magnitude = 0;
  for (auto [x, y] : llvm::zip_equal(found, expected)) {
    if (!std::isfinite(x) || !std::isfinite(y))
      return std::numeric_limits<double>::infinity();
    difference = std::max(difference, std::abs(double(x) - y));
    magnitude = std::max(magnitude, std::abs(double(y)));
  }
  return difference ? difference / magnitude : 0;
}

} // namespace

Result<std::vector<float>> PassValidator::interpret(ModuleOp module) const {
  auto step = module.lookupSymbol<func::FuncOp>(moe::kStepFunction);
  auto model = module->getAttrOfType<DictionaryAttr>(moe::kModelAttr);
  auto vocab = model ? model.getAs<IntegerAttr>("vocab") : IntegerAttr();
  if (!step || !vocab || vocab.getInt() < 1)
    return Status::error("--validate-passes: expected a model with a function "
                         "@step and its vocabulary");
  std::string errors;
  ScopedDiagnosticHandler handler(
      module.getContext(), [&](Diagnostic &diagnostic) {
        errors += (errors.empty() ? "" : "; ") + diagnostic.str();
      });
  reference::Interpreter interpreter(module, [&](moe::WeightOp weight) {
    return loadInterpretedWeight(weight, checkpoint);
  });
  reference::Values caches;
  for (Type type : step.getArgumentTypes().drop_front())
    if (auto cache = dyn_cast<moe::CacheType>(type))
      caches.push_back(reference::Cache{cache.getParts(), {}});
  std::vector<float> all;
  for (const reference::Batch &batch : makeSteps(vocab.getInt())) {
    reference::Values arguments = {batch};
    arguments.append(caches);
    FailureOr<reference::Values> results = interpreter.call(step, arguments);
    if (failed(results))
      return Status::error("--validate-passes: " + errors);
    caches.assign(results->begin() + 1, results->end());
    llvm::append_range(all, results->front().as<reference::Tensor>().data);
  }
  return all;
}

Status PassValidator::attach(PassManager &manager, ModuleOp module) {
  MOEC_ASSIGN_OR_RETURN(logits, interpret(module));
  manager.addInstrumentation(std::make_unique<Instrumentation>(*this));
  return Status::success();
}

void PassValidator::check(Pass &pass, Operation *op) {
  // Those that only run others have no name.
  if (status.ok() && !pass.getArgument().empty())
    status = compare(pass, op);
}

Status PassValidator::compare(Pass &pass, Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    module = op->getParentOfType<ModuleOp>();
  std::string name = "pass '" + pass.getArgument().str() + "'";
  if (auto function = dyn_cast<func::FuncOp>(op))
    name += " on @" + function.getName().str();
  MOEC_ASSIGN_OR_RETURN(std::vector<float> found, interpret(module));
  if (found.size() != logits.size())
    return Status::error(name + ": expected " + std::to_string(logits.size()) +
                         " logits, found " + std::to_string(found.size()));
  Promise promise = promiseOf(pass);
  bool isEqual = std::memcmp(found.data(), logits.data(),
                             found.size() * sizeof(float)) == 0;
  double difference = differenceOf(found, logits);
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.3g", difference);
  if (promise == Promise::Exact && !isEqual)
    return Status::error(name +
                         ": expected the same logits bit for bit, found "
                         "a difference of " +
                         text + " of the greatest");
  // Not a number is no difference either.
  if (promise == Promise::Reassociating && !(difference <= kTolerance))
    return Status::error(name +
                         ": expected logits within 1e-5 of the "
                         "greatest, found a difference of " +
                         text);
  llvm::errs() << name << ": "
               << (isEqual ? "the same logits"
                           : "logits differ by " + text + " of the greatest")
               << (promise == Promise::AnotherModel ? " (another model)" : "")
               << '\n';
  logits = std::move(found);
  return Status::success();
}

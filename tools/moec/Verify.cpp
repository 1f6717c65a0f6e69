//===- Verify.cpp - moec verify -------------------------------------------===//
//
// Answers "did we understand this model?" before anything is compiled: the
// imported module is interpreted on the inputs of a golden file, made by the
// model's own implementation, and compared with it layer by layer. The file's
// tensors:
//
//   input_ids [B,T] -> logits [B,T,V], hidden.<layer> [B,T,D],
//   router_indices.<layer> and router_weights.<layer> [B*T,k] generated_ids*
//   [1,N]: a prompt and its greedy continuation; the prompt's length is in
//   NAME.prompt_len, or as prompt_len in a JSON file beside the golden, or one
//   token (the beginning of the sequence)
//
//===----------------------------------------------------------------------===//

#include "tools/moec/Verify.h"

#include "support/Json.h"
#include "tools/moec/Compile.h"
#include "tools/moec/InterpretedModel.h"
#include "tools/moec/QuantizationCost.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <CLI/CLI.hpp>

#include <cmath>

using namespace llvm;

namespace moec {
namespace {

struct VerifyOptions {
  std::string folder;
  std::string golden;
  /// What an executable computed, to be compared instead of the golden outputs.
  std::string executable;
  int64_t chunk = 0;
  double tolerance = 1e-4;
  /// Tells the cost of weights of so many bits instead; 0: verifies.
  int64_t quantizeBits = 0;
};

/// One table row for each comparison, printed as it is known.
class Report {
public:
  explicit Report(double tolerance) : tolerance(tolerance) {}

  /// Every comparison of floats has the same bar: relative to the greatest of
  /// the expected values.
  void compare(StringRef name, ArrayRef<float> found, ArrayRef<float> expected);
  void compare(StringRef name, ArrayRef<int64_t> found,
               ArrayRef<int64_t> expected);

  Status verdict() const;

  static constexpr unsigned kNameWidth = 20;

private:
  void row(StringRef name, bool good, const Twine &text) {
    ++rows;
    wrong += !good;
    outs() << left_justify(name, kNameWidth) << "  " << text
           << (good ? "\n" : "  <- differs\n");
    outs().flush();
  }

  double tolerance;
  unsigned rows = 0, wrong = 0;
};

void Report::compare(StringRef name, ArrayRef<float> found,
                     ArrayRef<float> expected) {
  if (found.size() != expected.size())
    return row(name, false,
               Twine(expected.size()) + " elements expected, " +
                   Twine(found.size()) + " found");
  double difference = 0, magnitude = 0;
  bool finite = true;
  for (auto [x, y] : zip_equal(found, expected)) {
    difference = std::max(difference, std::abs(double(x) - y));
    magnitude = std::max(magnitude, std::abs(double(y)));
    finite &= std::isfinite(x) && std::isfinite(y);
  }
  std::string text;
  raw_string_ostream os(text);
  os << format("%16.3g  %.3g", difference,
               difference ? difference / magnitude : 0.0);
  if (!finite)
    os << " and values that are not finite";
  row(name, finite && difference <= tolerance * magnitude, text);
}

void Report::compare(StringRef name, ArrayRef<int64_t> found,
                     ArrayRef<int64_t> expected) {
  if (found == expected)
    return row(name, true, Twine(expected.size()) + " equal");
  if (found.size() != expected.size())
    return row(name, false,
               Twine(expected.size()) + " expected, " + Twine(found.size()) +
                   " found");
  auto [x, y] = std::mismatch(found.begin(), found.end(), expected.begin());
  row(name, false,
      "element " + Twine(x - found.begin()) + ": " + Twine(*y) + " expected, " +
          Twine(*x) + " found");
}

Status Report::verdict() const {
  std::string bar;
  raw_string_ostream(bar) << format("%g", tolerance);
  if (wrong)
    return Status::error("verify: " + std::to_string(wrong) + " of " +
                         std::to_string(rows) +
                         " comparisons differ by more than " + bar);
  outs() << "verified: " << rows << " comparisons within " << bar << '\n';
  return Status::success();
}

/// The comparison of one model with one golden file.
class Verifier {
public:
  Verifier(const VerifyOptions &options, InterpretedModel &model,
           const SafeTensorsFile &golden)
      : options(options), model(model), golden(golden),
        report(options.tolerance) {}

  Status run();

private:
  Status runInputs(const TensorView &inputs);
  Status runGeneration(const TensorView &sequence);
  Result<int64_t> promptLength(const TensorView &sequence);
  /// Compares with the golden tensor of this name, if there is one.
  Status compareFloats(const std::string &name, ArrayRef<float> found);
  Status compareInts(const std::string &name, ArrayRef<int64_t> found);

  const VerifyOptions &options;
  InterpretedModel &model;
  const SafeTensorsFile &golden;
  Report report;
};

Status Verifier::compareFloats(const std::string &name, ArrayRef<float> found) {
  const TensorView *tensor = golden.find(name);
  if (!tensor)
    return Status::success();
  MOEC_ASSIGN_OR_RETURN(std::vector<float> expected, readFloats(*tensor));
  report.compare(name, found, expected);
  return Status::success();
}

Status Verifier::compareInts(const std::string &name, ArrayRef<int64_t> found) {
  const TensorView *tensor = golden.find(name);
  if (!tensor)
    return Status::success();
  MOEC_ASSIGN_OR_RETURN(std::vector<int64_t> expected, readInts(*tensor));
  report.compare(name, found, expected);
  return Status::success();
}

/// Each row of the inputs is a sequence; all their tokens, one sequence after
/// another, are cut into steps.
Status Verifier::runInputs(const TensorView &inputs) {
  if (inputs.shape.size() != 2 || !inputs.numElements())
    return Status::error(inputs.file +
                         ": tensor 'input_ids': expected [sequences, tokens]");
  MOEC_ASSIGN_OR_RETURN(std::vector<int64_t> tokens, readInts(inputs));
  int64_t count = tokens.size(), length = inputs.shape[1];
  int64_t chunk = options.chunk ? options.chunk : count;
  outs() << inputs.shape[0] << " sequences of " << length << " tokens, "
         << std::min(chunk, count) << " tokens a step\n"
         << left_justify("", Report::kNameWidth)
         << "  max |difference|  relative to max |expected|\n";

  model.reset();
  std::vector<float> logits;
  for (int64_t begin = 0; begin < count; begin += chunk) {
    reference::Batch batch;
    for (int64_t i = begin; i < std::min(begin + chunk, count); ++i) {
      batch.outputs.push_back(batch.size());
      batch.tokens.push_back(tokens[i]);
      batch.positions.push_back(i % length);
      batch.slots.push_back(i / length);
    }
    MOEC_ASSIGN_OR_RETURN(reference::Tensor result, model.step(batch));
    append_range(logits, result.data);
  }

  for (auto [i, layer] : enumerate(model.layers())) {
    std::string suffix = "." + std::to_string(i);
    MOEC_RETURN_IF_ERROR(compareInts("router_indices" + suffix, layer.experts));
    MOEC_RETURN_IF_ERROR(
        compareFloats("router_weights" + suffix, layer.weights));
    MOEC_RETURN_IF_ERROR(compareFloats("hidden" + suffix, layer.hidden));
  }
  size_t layers = model.layers().size();
  if (golden.find("hidden." + std::to_string(layers)))
    return Status::error(inputs.file + ": expected " + std::to_string(layers) +
                         " layers, found a tensor 'hidden." +
                         std::to_string(layers) + "'");
  return compareFloats("logits", logits);
}

Result<int64_t> Verifier::promptLength(const TensorView &sequence) {
  if (const TensorView *tensor = golden.find(sequence.name + ".prompt_len")) {
    MOEC_ASSIGN_OR_RETURN(std::vector<int64_t> value, readInts(*tensor));
    if (value.size() != 1)
      return Status::error(tensor->file + ": tensor '" + tensor->name +
                           "': expected one element, found " +
                           std::to_string(value.size()));
    return value.front();
  }
  SmallString<128> path(options.golden);
  sys::path::replace_extension(path, "json");
  if (!sys::fs::exists(path))
    return int64_t(1);
  MOEC_ASSIGN_OR_RETURN(Json json, readJsonFile(path.str().str()));
  return getMember<int64_t>(json, "prompt_len", path.str().str());
}

static int64_t argmax(ArrayRef<float> values) {
  return max_element(values) - values.begin();
}

/// The prompt in one step, then a token a step, each the most likely after
/// those before it.
Status Verifier::runGeneration(const TensorView &sequence) {
  MOEC_ASSIGN_OR_RETURN(std::vector<int64_t> expected, readInts(sequence));
  MOEC_ASSIGN_OR_RETURN(int64_t prompt, promptLength(sequence));
  int64_t count = expected.size();
  if (prompt < 1 || prompt >= count)
    return Status::error(sequence.file + ": tensor '" + sequence.name +
                         "': expected a prompt shorter than " +
                         std::to_string(count) + " tokens, got " +
                         std::to_string(prompt));
  model.reset();
  std::vector<int64_t> found(expected.begin(), expected.begin() + prompt);
  for (int64_t done = 0; int64_t(found.size()) < count;) {
    reference::Batch batch;
    for (; done < int64_t(found.size()); ++done) {
      batch.tokens.push_back(found[done]);
      batch.positions.push_back(done);
      batch.slots.push_back(0);
    }
    batch.outputs.push_back(batch.size() - 1);
    MOEC_ASSIGN_OR_RETURN(reference::Tensor logits, model.step(batch));
    found.push_back(argmax(logits.data));
  }
  report.compare(sequence.name, found, expected);
  return Status::success();
}

Status Verifier::run() {
  const TensorView *inputs = golden.find("input_ids");
  if (inputs)
    MOEC_RETURN_IF_ERROR(runInputs(*inputs));
  bool generates = false;
  for (const auto &[name, tensor] : golden.tensors())
    if (StringRef(name).starts_with("generated_ids") &&
        !StringRef(name).ends_with(".prompt_len")) {
      generates = true;
      MOEC_RETURN_IF_ERROR(runGeneration(tensor));
    }
  if (!inputs && !generates)
    return Status::error(
        options.golden +
        ": expected a tensor 'input_ids' or 'generated_ids', found neither");
  return report.verdict();
}

/// The logits of an executable against those of the interpreter.
Status verifyExecutable(const VerifyOptions &options,
                        const SafeTensorsFile &golden) {
  MOEC_ASSIGN_OR_RETURN(SafeTensorsFile file,
                        SafeTensorsFile::open(options.executable));
  const TensorView *tensor = file.find("logits");
  if (!tensor)
    return Status::error(options.executable +
                         ": expected a tensor 'logits', found none");
  MOEC_ASSIGN_OR_RETURN(std::vector<float> found, readFloats(*tensor));
  MOEC_ASSIGN_OR_RETURN(
      std::vector<float> expected,
      interpretLogits(options.folder, options.quantizeBits, golden));
  Report report(options.tolerance);
  report.compare("logits", found, expected);
  return report.verdict();
}

Status verify(const VerifyOptions &options) {
  MOEC_ASSIGN_OR_RETURN(SafeTensorsFile golden,
                        SafeTensorsFile::open(options.golden));
  if (!options.executable.empty())
    return verifyExecutable(options, golden);
  if (options.quantizeBits)
    return reportQuantizationCost(options.folder, options.quantizeBits, golden);
  MOEC_ASSIGN_OR_RETURN(std::unique_ptr<InterpretedModel> model,
                        InterpretedModel::import(options.folder));
  return Verifier(options, *model, golden).run();
}

} // namespace

void addVerifyCommand(CLI::App &app, Command &command) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App *verb = app.add_subcommand(
      "verify", "Interpret a model and compare it with its golden outputs");
  verb->add_option("model", options->folder, "Folder of the checkpoint")
      ->required();
  verb->add_option(
      "--golden", options->golden,
      "Golden outputs (default: golden.safetensors in the folder)");
  verb->add_option(
      "--executable", options->executable,
      "What an executable's --eval wrote for the golden inputs, to "
      "be compared with the interpreter's logits");
  verb->add_option("--chunk", options->chunk,
                   "Tokens a step (default: all at once)")
      ->check(CLI::PositiveNumber);
  verb->add_option("--tolerance", options->tolerance,
                   "Greatest difference relative to the greatest value")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  addQuantizeOption(*verb, options->quantizeBits);
  verb->footer(
      "With --quantize, the model so quantised is compared with the model "
      "itself on the\ngolden inputs. Over a text: moec compile --quantize, "
      "then "
      "run it with --perplexity.");
  verb->callback([options, &command] {
    if (options->golden.empty()) {
      SmallString<128> path(options->folder);
      sys::path::append(path, "golden.safetensors");
      options->golden = path.str().str();
    }
    command = [options] { return verify(*options); };
  });
}

} // namespace moec

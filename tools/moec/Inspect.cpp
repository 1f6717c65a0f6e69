//===- Inspect.cpp - moec inspect -------------------------------------------===//
//
// What a model is made of and what a step of it costs, before anything is
// compiled. Everything is counted from the imported module.
//
//===----------------------------------------------------------------------===//

#include "tools/moec/Inspect.h"

#include "frontend/Import.h"
#include "frontend/Summary.h"
#include "support/Json.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <CLI/CLI.hpp>

#include <cmath>
#include <memory>

using namespace llvm;

namespace moec {
namespace {

/// Sequences that decode together.
constexpr int64_t kBatches[] = {1, 4, 16, 64, 256};

struct InspectOptions {
  std::string source;
  bool json = false;
};

/// A folder's tensors say their types; without them the configuration does.
Result<ModelSummary> readSummary(StringRef source) {
  ImportOptions import;
  std::string folder = source.str();
  if (sys::fs::is_directory(source)) {
    import.configOnly =
        !sys::fs::exists(source + "/model.safetensors") &&
        !sys::fs::exists(source + "/model.safetensors.index.json");
  } else {
    import.configOnly = true;
    import.config = sys::path::filename(source).str();
    folder = sys::path::parent_path(source).str();
    if (folder.empty())
      folder = ".";
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  MOEC_ASSIGN_OR_RETURN(auto module, importCheckpoint(context, folder, import));
  Result<ModelSummary> summary = summarize(*module);
  return summary.ok()
             ? summary
             : Result<ModelSummary>(summary.status().withContext(source.str()));
}

//===----------------------------------------------------------------------===//
// For programs
//===----------------------------------------------------------------------===//

Json toJson(const ModelSummary &summary) {
  Json parts = Json::object();
  for (unsigned i = 0; i < kNumModelParts; ++i) {
    const PartSummary &part = summary.parts[i];
    parts[modelPartName(ModelPart(i)).str()] = {
        {"parameters", part.parameters},
        {"active_parameters", part.activeParameters},
        {"bytes", part.bytes}};
  }
  Json layers = Json::array();
  int64_t experts = 0, topK = 0;
  for (const LayerSummary &layer : summary.layers) {
    layers.push_back({{"kind", layer.kind},
                      {"count", layer.count},
                      {"parameters", layer.parameters},
                      {"cache_bytes_per_token", layer.cacheBytesPerToken},
                      {"experts", layer.experts},
                      {"top_k", layer.topK}});
    experts = std::max(experts, layer.experts);
    topK = std::max(topK, layer.topK);
  }
  Json decode = Json::array();
  for (int64_t batch : kBatches) {
    double bytes = summary.weightBytesPerStep(batch);
    decode.push_back({{"batch", batch},
                      {"experts_per_layer",
                       experts ? expectedExperts(experts, topK, batch) : 0.0},
                      {"weight_bytes_per_step", std::llround(bytes)},
                      {"weight_bytes_per_token", std::llround(bytes / batch)}});
  }
  PartSummary total = summary.total();
  return {
      {"name", summary.name},
      {"type", summary.type},
      {"vocab", summary.vocab},
      {"max_positions", summary.maxPositions},
      {"parameters", total.parameters},
      {"active_parameters", total.activeParameters},
      {"weight_bytes", total.bytes},
      {"weight_bytes_per_token", std::llround(summary.weightBytesPerStep(1))},
      {"cache_bytes_per_token", summary.cacheBytesPerToken()},
      {"experts", experts},
      {"top_k", topK},
      {"parts", std::move(parts)},
      {"layers", std::move(layers)},
      {"decode", std::move(decode)}};
}

//===----------------------------------------------------------------------===//
// For people
//===----------------------------------------------------------------------===//

/// "1.34 TB", in powers of 1000.
std::string bytesText(double bytes) {
  static constexpr StringLiteral units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  unsigned power = 0;
  for (; bytes >= 1000 && power + 1 < std::size(units); ++power)
    bytes /= 1000;
  return formatv(power ? "{0:F2} {1}" : "{0:F0} {1}", bytes, units[power])
      .str();
}

void printParts(const ModelSummary &summary, raw_ostream &os) {
  os << formatv("{0,-16}{1,19}{2,8}{3,18}{4,12}\n", "part", "parameters",
                "share", "active", "stored");
  PartSummary total = summary.total();
  auto row = [&](StringRef name, const PartSummary &part) {
    os << formatv(
        "{0,-16}{1,19:N}{2,8}{3,18:N}{4,12}\n", name, part.parameters,
        formatv("{0:P1}", double(part.parameters) /
                              double(std::max<int64_t>(total.parameters, 1))),
        part.activeParameters, bytesText(double(part.bytes)));
  };
  for (unsigned i = 0; i < kNumModelParts; ++i)
    if (summary.parts[i].parameters)
      row(modelPartName(ModelPart(i)), summary.parts[i]);
  row("all", total);
}

void printLayers(const ModelSummary &summary, raw_ostream &os) {
  os << formatv("\n{0,-16}{1,19}{2,8}{3,18}{4,12}\n", "layer", "parameters",
                "count", "cache a token", "experts");
  for (const LayerSummary &layer : summary.layers) {
    std::string experts =
        layer.experts ? formatv("{0} of {1}", layer.topK, layer.experts).str()
                      : "-";
    os << formatv("{0,-16}{1,19:N}{2,8}{3,18}{4,12}\n", layer.kind,
                  layer.parameters, layer.count,
                  formatv("{0:N} B", layer.cacheBytesPerToken), experts);
  }
  int64_t cache = summary.cacheBytesPerToken();
  os << formatv("cache: {0:N} bytes a token, {1} for {2:N} positions\n", cache,
                bytesText(double(cache) * double(summary.maxPositions)),
                summary.maxPositions);
}

void printDecode(const ModelSummary &summary, raw_ostream &os) {
  os << formatv("\n{0,-16}{1,19}{2,19}{3,19}\n", "decoding", "experts a layer",
                "read a step", "read a token");
  for (int64_t batch : kBatches) {
    std::string experts = "-";
    for (const LayerSummary &layer : summary.layers)
      if (layer.experts)
        experts = formatv("{0:F1} of {1}",
                          expectedExperts(layer.experts, layer.topK, batch),
                          layer.experts)
                      .str();
    double bytes = summary.weightBytesPerStep(batch);
    os << formatv("{0,-16}{1,19}{2,19}{3,19}\n",
                  formatv("{0} sequence{1}", batch, batch == 1 ? "" : "s"),
                  experts, bytesText(bytes), bytesText(bytes / double(batch)));
  }
  os << "(experts chosen independently and uniformly)\n";
}

void print(const ModelSummary &summary, raw_ostream &os) {
  PartSummary total = summary.total();
  os << formatv("{0} ({1}): {2:N} parameters, {3:N} active for a token\n\n",
                summary.name, summary.type, total.parameters,
                total.activeParameters);
  printParts(summary, os);
  printLayers(summary, os);
  printDecode(summary, os);
}

Status inspect(const InspectOptions &options) {
  MOEC_ASSIGN_OR_RETURN(ModelSummary summary, readSummary(options.source));
  if (options.json)
    outs() << toJson(summary).dump(2) << '\n';
  else
    print(summary, outs());
  return Status::success();
}

} // namespace

void addInspectCommand(CLI::App &app, Command &command) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App *verb = app.add_subcommand(
      "inspect", "Parameters, experts, memory and cost per token of a model");
  verb->add_option("source", options->source,
                   "Checkpoint folder, or config.json alone")
      ->required();
  verb->add_flag("--json", options->json, "The same for programs");
  verb->callback([options, &command] {
    command = [options] { return inspect(*options); };
  });
}

} // namespace moec

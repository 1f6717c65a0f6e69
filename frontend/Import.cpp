//===- Import.cpp - A checkpoint folder becomes a moe module --------------===//

#include "frontend/Import.h"

#include "frontend/Family.h"
#include "frontend/ModelBuilder.h"
#include "frontend/Quantization.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cstring>

using namespace moec;
using namespace mlir;

/// Keys of any model that do not change what a step computes: training,
/// defaults of the application, provenance.
static constexpr llvm::StringLiteral kIgnoredKeys[] = {
    "_name_or_path",
    "architectures",
    "attention_dropout",
    "auto_map",
    "aux_loss_alpha",
    "bos_token_id",
    "dtype",
    "eos_token_id",
    "ep_size",
    "initializer_range",
    "output_attentions",
    "output_hidden_states",
    "output_router_logits",
    "pad_token_id",
    "pretraining_tp",
    "router_aux_loss_coef",
    "seq_aux",
    "tokenizer_class",
    "torch_dtype",
    "transformers_version",
    "use_cache",
};

llvm::ArrayRef<llvm::StringLiteral> moec::ignoredKeys() { return kIgnoredKeys; }

/// The element type that the configuration announces; what the tensors say is
/// preferred where there are some.
static Type announcedType(ConfigObject &config, MLIRContext &context) {
  StringRef key = config.has("dtype") ? "dtype" : "torch_dtype";
  std::string name = config.textOr(key, "bfloat16");
  if (name == "float32")
    return Float32Type::get(&context);
  if (name == "float16")
    return Float16Type::get(&context);
  config.expect(name == "bfloat16", key,
                "\"bfloat16\", \"float16\" or \"float32\"");
  return BFloat16Type::get(&context);
}

static Result<Model> describe(Config &config, const Family &family,
                              MLIRContext &context) {
  ConfigObject &root = config.root();
  root.ignore(kIgnoredKeys);
  Model model = family.describe(root, context);
  root.finish();
  MOEC_RETURN_IF_ERROR(config.status());
  return model;
}

static Result<const Family *> readFamily(Config &config) {
  ConfigObject &root = config.root();
  std::string type = root.text("model_type");
  const Family *family = findFamily(type);
  std::string known;
  for (const Family &candidate : families())
    known += (known.empty() ? "" : ", ") + candidate.modelType.str();
  root.expect(family, "model_type", "one of " + known);
  MOEC_RETURN_IF_ERROR(config.status());
  return family;
}

//===----------------------------------------------------------------------===//
// Tensors that are no part of the model
//===----------------------------------------------------------------------===//

/// The N of `model.layers.N.…`.
static std::optional<int64_t> layerOf(StringRef tensor) {
  int64_t index;
  if (!tensor.consume_front("model.layers.") ||
      tensor.consumeInteger(10, index) || !tensor.starts_with("."))
    return std::nullopt;
  return index;
}

static bool mayIgnore(const TensorView &tensor, const Model &model) {
  StringRef name = tensor.name;
  // Buffers that old versions of transformers saved.
  if (name.ends_with(".rotary_emb.inv_freq"))
    return true;
  // checkTiedHead has looked at it.
  if (name == "lm_head.weight")
    return model.tiedEmbeddings;
  std::optional<int64_t> layer = layerOf(name);
  int64_t layers = model.layers.size();
  return layer && *layer >= layers && *layer < layers + model.extraLayers;
}

/// Some checkpoints of tied models hold the head as well. If it is not the
/// embedding, one of the two claims is wrong.
static Status checkTiedHead(const SafeTensorsFolder &checkpoint,
                            const Model &model) {
  const TensorView *head = checkpoint.find("lm_head.weight");
  const TensorView *embed = checkpoint.find("model.embed_tokens.weight");
  if (!model.tiedEmbeddings || !head || !embed)
    return Status::success();
  if (head->dtype == embed->dtype && head->bytes == embed->bytes &&
      !std::memcmp(head->data, embed->data, head->bytes))
    return Status::success();
  return Status::error(head->file +
                       ": tensor 'lm_head.weight': expected to be equal to "
                       "'model.embed_tokens.weight' because the key "
                       "'tie_word_embeddings' is true, found other values");
}

//===----------------------------------------------------------------------===//
// Import
//===----------------------------------------------------------------------===//

/// The last component of the folder's path, however it is written.
static std::string folderName(StringRef folder) {
  SmallString<256> path(folder);
  if (llvm::sys::fs::make_absolute(path))
    return folder.str();
  llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/true);
  return llvm::sys::path::filename(path).str();
}

static DictionaryAttr modelAttribute(const Model &model, StringRef name,
                                     StringRef type, MLIRContext &context) {
  Builder builder(&context);
  return builder.getDictionaryAttr({
      builder.getNamedAttr("name", builder.getStringAttr(name)),
      builder.getNamedAttr("type", builder.getStringAttr(type)),
      builder.getNamedAttr("vocab", builder.getI64IntegerAttr(model.vocab)),
      builder.getNamedAttr("max_positions",
                           builder.getI64IntegerAttr(model.maxPositions)),
  });
}

/// The families check what they read, so this finds mistakes of ours.
static Status verifyModule(ModuleOp module, const std::string &source) {
  std::string text;
  ScopedDiagnosticHandler handler(
      module.getContext(), [&](Diagnostic &diagnostic) {
        text += (text.empty() ? "" : "; ") + diagnostic.str();
        return success();
      });
  if (failed(verify(module)))
    return Status::error(source +
                         ": the imported module is not valid: " + text);
  return Status::success();
}

Result<OwningOpRef<ModuleOp>>
moec::importCheckpoint(MLIRContext &context, const std::string &folder,
                       const ImportOptions &options) {
  context.loadDialect<moe::MoeDialect, func::FuncDialect>();
  std::string path = folder + "/" + options.config;
  MOEC_ASSIGN_OR_RETURN(Config config, Config::read(path));
  MOEC_ASSIGN_OR_RETURN(const Family *family, readFamily(config));
  std::optional<PublishedBlocks> blocks = readQuantization(config.root());
  MOEC_ASSIGN_OR_RETURN(Model model, describe(config, *family, context));

  std::optional<SafeTensorsFolder> checkpoint;
  Type assumed = BFloat16Type::get(&context);
  if (options.configOnly) {
    assumed = options.dtype ? elementTypeOf(*options.dtype, context)
                            : announcedType(config.root(), context);
    MOEC_RETURN_IF_ERROR(config.status());
  } else {
    MOEC_ASSIGN_OR_RETURN(checkpoint, SafeTensorsFolder::open(folder));
    MOEC_RETURN_IF_ERROR(checkTiedHead(*checkpoint, model));
  }

  TensorCatalog catalog(checkpoint ? &*checkpoint : nullptr, folder, assumed,
                        std::move(blocks));
  OwningOpRef<ModuleOp> module = buildModel(model, catalog, context);
  catalog.finish(
      [&](const TensorView &tensor) { return mayIgnore(tensor, model); });
  MOEC_RETURN_IF_ERROR(catalog.status());
  (*module)->setAttr(
      moe::kModelAttr,
      modelAttribute(model, folderName(folder), family->modelType, context));
  MOEC_RETURN_IF_ERROR(verifyModule(*module, path));
  return module;
}

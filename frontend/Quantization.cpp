//===- Quantization.cpp - Checkpoints that are published quantised --------===//

#include "frontend/Quantization.h"

#include "dialects/moe/Moe.h"

#include "llvm/ADT/STLExtras.h"

using namespace moec;
using llvm::StringRef;

std::string moec::scaleTensor(StringRef tensor) {
  return tensor.ends_with(".weight") ? tensor.str() + "_scale_inv" : "";
}

bool PublishedBlocks::cover(StringRef tensor) const {
  StringRef module = tensor;
  if (!module.consume_back(".weight"))
    return false;
  // No one quantises these; not all configurations say so.
  if (module == "model.embed_tokens" || module == "lm_head" ||
      module.ends_with(".gate"))
    return false;
  // A name stands for the module and all inside, and may be a last part only.
  return llvm::none_of(kept, [&](StringRef name) {
    return ("." + module + ".").str().find(("." + name + ".").str()) !=
           std::string::npos;
  });
}

std::optional<PublishedBlocks> moec::readQuantization(ConfigObject &config) {
  std::optional<ConfigObject> object = config.object("quantization_config");
  if (!object)
    return std::nullopt;
  std::string method = object->text("quant_method");
  object->expect(method == "fp8", "quant_method",
                 "\"fp8\", the only kind that is supported");
  // The same type under two names.
  std::string format = object->textOr("fmt", "e4m3");
  object->expect(format == "e4m3" || format == "float8_e4m3fn", "fmt",
                 "\"e4m3\" or \"float8_e4m3fn\"");
  // Activations are not quantised here, which loses nothing; a static scheme
  // would come with tensors of its own.
  object->only("activation_scheme", "dynamic");
  object->only("scale_fmt", "ue8m0");
  object->ignore({"dequantize"});

  PublishedBlocks blocks;
  std::vector<int64_t> size =
      object->integersOr("weight_block_size", {}, {1, moe::kMaxBlock});
  object->expect(size.size() == 2, "weight_block_size",
                 "the rows and columns of a block");
  size.resize(2, 1);
  blocks.rows = size[0];
  blocks.columns = size[1];
  blocks.kept = object->texts("modules_to_not_convert");
  object->finish();
  return blocks;
}

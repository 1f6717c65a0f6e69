//===- Model.h - What a family says about its model -----------------------===//
//
// The vocabulary in which families describe models: plain values, no IR.
// ModelBuilder.h turns a description into a module. Names of tensors are those
// of the Hugging Face checkpoints.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_FRONTEND_MODEL_H
#define MOEC_FRONTEND_MODEL_H

#include "dialects/moe/Moe.h"
#include "frontend/Rope.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace moec {

/// What the norms of the projected query and key span, if there are any. They
/// precede the rotary embedding.
enum class QueryKeyNorm { None, Head, Row };

/// Grouped-query attention: separate q, k, v and o projections. Of each head of
/// the query and the key the first elements rotate, as many as the model's rope
/// is wide.
struct GroupedQueryAttention {
  int64_t heads = 0;
  int64_t kvHeads = 0;
  int64_t headDim = 0;
  QueryKeyNorm norm = QueryKeyNorm::None;
  moe::RopePairs pairs = moe::RopePairs::Half;
  double scale = 0;
  /// Whether q, k and v, and o, add a bias.
  bool inputBias = false;
  bool outputBias = false;

  /// What a position leaves in the cache: keys and values.
  std::vector<int64_t> cacheParts() const {
    return {kvHeads * headDim, kvHeads * headDim};
  }
};

/// Multi-head latent attention (DeepSeek-V2).
struct LatentAttention {
  int64_t heads = 0;
  /// Rank of the query's projection; absent when it is a single matrix.
  std::optional<int64_t> queryRank;
  int64_t latent = 0;
  int64_t nope = 0;
  int64_t rope = 0;
  int64_t value = 0;
  moe::RopePairs pairs = moe::RopePairs::Interleaved;
  double scale = 0;
  /// Of the norms of the query's and the key's latent.
  double normEps = 0;

  /// What a position leaves in the cache: the latent and the rotary key.
  std::vector<int64_t> cacheParts() const { return {latent, rope}; }
};

using Attention = std::variant<GroupedQueryAttention, LatentAttention>;

/// How a checkpoint spells the matrices of a gated MLP, below the name of its
/// layer: `PREFIX.GATE.weight` and so on. In the prefix of experts `{expert}`
/// stands for the number of the expert.
struct MlpNames {
  std::string prefix;
  std::string gate = "gate_proj";
  std::string up = "up_proj";
  std::string down = "down_proj";
};

struct DenseMlp {
  int64_t width = 0;
  bool bias = false;
};

/// The MLP that every token passes through beside those of its experts.
struct SharedExpert {
  int64_t width = 0;
  MlpNames names = {"mlp.shared_experts"};
  /// The matrix of one row: the sigmoid of its product with the token scales
  /// the MLP's result. Absent when nothing does.
  std::optional<std::string> gate;
};

struct MixtureOfExperts {
  int64_t experts = 0;
  int64_t topK = 0;
  /// Of one expert.
  int64_t width = 0;
  MlpNames names = {"mlp.experts.{expert}"};
  /// The name of the router's matrix and of its bias, without their suffixes.
  std::string router = "mlp.gate";
  std::optional<SharedExpert> shared;
  moe::Score score = moe::Score::Softmax;
  /// Whether a bias takes part in the choice.
  bool choiceBias = false;
  moe::GroupsAttr groups;
  bool renormalize = false;
  double scale = 1;
};

using FeedForward = std::variant<DenseMlp, MixtureOfExperts>;

struct Layer {
  /// What layers of this kind are called; layers of one name may still differ.
  std::string kind;
  Attention attention;
  FeedForward mlp;
};

struct Model {
  int64_t hidden = 0;
  int64_t vocab = 0;
  int64_t maxPositions = 0;
  double normEps = 0;
  bool tiedEmbeddings = false;
  Rope rope;
  std::vector<Layer> layers;
  /// Layers that the checkpoint holds after those of the model, to predict
  /// further tokens (MTP); they are not imported.
  int64_t extraLayers = 0;
};

} // namespace moec

#endif // MOEC_FRONTEND_MODEL_H

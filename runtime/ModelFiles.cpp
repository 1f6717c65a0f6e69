//===- ModelFiles.cpp - What an executable carries beside its code --------===//

#include "runtime/ModelFiles.h"

#include <climits>
#include <unistd.h>

using namespace moec;

/// The running program under the name it has now, for messages and for what
/// lies beside it.
static std::string selfPath() {
  char buffer[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", buffer, sizeof buffer);
  return length > 0 ? std::string(buffer, static_cast<size_t>(length))
                    : std::string("/proc/self/exe");
}

static Status checkId(const Bundle &bundle, const std::string &path,
                      const moert_model &model) {
  bool takesAny = *model.weights_id == '\0';
  if (takesAny || bundle.id() == model.weights_id)
    return Status::success();
  return Status::error(path + ": belongs to another compilation: its id is '" +
                       bundle.id() + "', the code's is '" + model.weights_id +
                       "'");
}

Status ModelFiles::openExecutable(const moert_model &model,
                                  const moert_options &options) {
  executableName =
      options.executable_path ? options.executable_path : selfPath();
  Result<Bundle> bundle =
      Bundle::open(options.executable_path ? executableName : "/proc/self/exe");
  if (!bundle.ok()) {
    executableProblem = bundle.message();
    return Status::success();
  }
  MOEC_RETURN_IF_ERROR(checkId(*bundle, executableName, model));
  executable = std::move(*bundle);
  return Status::success();
}

Status ModelFiles::openWeights(const moert_model &model,
                               const moert_options &options) {
  const BundleSection *section = nullptr;
  if (!options.weights_path && executable)
    section = executable->find("weights");
  if (section) {
    weightFile = executableName;
  } else {
    weightFile = options.weights_path ? options.weights_path
                                      : executableName + ".weights";
    Result<Bundle> bundle = Bundle::open(weightFile);
    if (!bundle.ok()) {
      std::string message = "cannot load the weights: " + bundle.message();
      if (!options.weights_path && !executable)
        message += "; " + executableProblem;
      return Status::error(message);
    }
    MOEC_RETURN_IF_ERROR(checkId(*bundle, weightFile, model));
    separate = std::move(*bundle);
    section = separate->find("weights");
    if (!section)
      return Status::error(weightFile + ": has no section 'weights'");
  }
  if (section->bytes != static_cast<uint64_t>(model.weights_bytes))
    return Status::error(weightFile + ": the section 'weights' has " +
                         std::to_string(section->bytes) + " bytes, expected " +
                         std::to_string(model.weights_bytes));
  weightData = section->data;
  return Status::success();
}

Result<ModelFiles> ModelFiles::open(const moert_model &model,
                                    const moert_options &options) {
  ModelFiles files;
  MOEC_RETURN_IF_ERROR(files.openExecutable(model, options));
  if (model.weights_bytes > 0)
    MOEC_RETURN_IF_ERROR(files.openWeights(model, options));
  return files;
}

std::optional<std::string_view>
ModelFiles::find(const std::string &name) const {
  const BundleSection *section = executable ? executable->find(name) : nullptr;
  if (!section)
    return std::nullopt;
  return std::string_view(reinterpret_cast<const char *>(section->data),
                          section->bytes);
}

Result<std::string_view> ModelFiles::section(const std::string &name) const {
  if (std::optional<std::string_view> found = find(name))
    return *found;
  return Status::error(executable
                           ? executableName + ": has no section '" + name + "'"
                           : executableProblem);
}

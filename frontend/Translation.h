//===- Translation.h - moe-translate --import-checkpoint ------------------===//
#ifndef MOEC_FRONTEND_TRANSLATION_H
#define MOEC_FRONTEND_TRANSLATION_H

namespace moec {

/// `moe-translate --import-checkpoint FOLDER/config.json` prints the module of
/// the checkpoint in FOLDER; with
/// `--config-only` without looking at weight files.
void registerImportTranslation();

} // namespace moec

#endif // MOEC_FRONTEND_TRANSLATION_H

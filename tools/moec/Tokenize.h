//===- Tokenize.h - moec tokenize -----------------------------------------===//
#ifndef MOEC_TOOLS_MOEC_TOKENIZE_H
#define MOEC_TOOLS_MOEC_TOKENIZE_H

#include "tools/moec/Command.h"

namespace CLI {
class App;
} // namespace CLI

namespace moec {

/// `moec tokenize DIR`: texts to token ids or back, a line of JSON each.
void addTokenizeCommand(CLI::App &app, Command &command);

} // namespace moec

#endif // MOEC_TOOLS_MOEC_TOKENIZE_H

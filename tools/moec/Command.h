//===- Command.h - Subcommands of moec ------------------------------------===//
//
// A subcommand declares its options to CLI11; when it is the one that was
// given, its callback sets the command that main then runs. So nothing but
// parsing happens while options are parsed.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_TOOLS_MOEC_COMMAND_H
#define MOEC_TOOLS_MOEC_COMMAND_H

#include "support/Status.h"

#include <functional>

namespace moec {

using Command = std::function<Status()>;

} // namespace moec

#endif // MOEC_TOOLS_MOEC_COMMAND_H

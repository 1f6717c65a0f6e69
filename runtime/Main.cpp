//===- Main.cpp - Entry of a compiled executable --------------------------===//

#include "runtime/Commands.h"
#include "runtime/moert.h"

int main(int argc, char **argv) {
  return moec::runMain(argc, argv, moec_model);
}

//===- CudaBigramApp.cpp - The model for a GPU as a program ---------------===//

#include "CudaBigramModel.h"
#include "runtime/Commands.h"

int main(int argc, char **argv) {
  return moec::runMain(argc, argv, moec::test::cudaBigramModel());
}

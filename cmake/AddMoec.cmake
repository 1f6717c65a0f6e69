# Helpers shared by every room.

# All own code is compiled with these warnings; upstream headers are SYSTEM includes.
add_library(moec_options INTERFACE)
target_compile_options(moec_options INTERFACE -Wall -Wextra -Wno-unused-parameter)
# GCC 12 sees uninitialised std::optional where there is none.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(moec_options INTERFACE -Wno-maybe-uninitialized)
endif()
if(MOEC_FUZZ)
  set(MOEC_SANITIZE address,undefined)
endif()
if(MOEC_SANITIZE)
  add_compile_options(-fsanitize=${MOEC_SANITIZE} -fno-sanitize=vptr -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MOEC_SANITIZE})
endif()
if(MOEC_FUZZ)
  # Also in libraries: coverage is what guides the fuzzer.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

find_program(LLD_LINKER NAMES ld.lld HINTS /usr/lib/llvm-22/bin)
if(LLD_LINKER)
  # GCC has no --ld-path; -fuse-ld=lld wants `ld.lld` on a -B path. Clang takes both.
  get_filename_component(LLD_DIR ${LLD_LINKER} DIRECTORY)
  add_link_options(-fuse-ld=lld -B${LLD_DIR})
endif()

# moec_add_library(name SOURCES... [LINK libs...]): a static library of one room.
function(moec_add_library name)
  cmake_parse_arguments(ARG "" "" "LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK} PRIVATE moec_options)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# moec_add_mlir_library: the same, against the MLIR and LLVM dylibs (never a static MLIR library:
# two copies of MLIR in one process do not share their type ids).
function(moec_add_mlir_library name)
  moec_add_library(${name} ${ARGN})
  target_link_libraries(${name} PUBLIC MLIR LLVM)
  # Tables from ODS must exist before any file that includes them is compiled.
  add_dependencies(${name} moec-tablegen)
endfunction()

function(moec_add_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} moec_options)
  install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()

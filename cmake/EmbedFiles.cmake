# Writes {"PREFIX/name", text} for each file of SOURCES, for `#include` in an initialiser list. In pieces, since compilers bound
# the length of one literal. The text begins with its absolute name: compilers complete a relative one with the working folder,
# and line tables would depend on it.
set(text "")
foreach(source ${SOURCES})
  get_filename_component(name ${source} NAME)
  file(READ ${source} content)
  string(LENGTH "${content}" length)
  set(at 0)
  string(APPEND text "{\"${PREFIX}${name}\",\n\"#line 1 \\\"/${PREFIX}${name}\\\"\\n\"\n")
  while(at LESS length)
    string(SUBSTRING "${content}" ${at} 8000 piece)
    string(APPEND text "R\"moec(${piece})moec\"\n")
    math(EXPR at "${at} + 8000")
  endwhile()
  string(APPEND text "},\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")

# Writes the text of SOURCES as one C++ raw string literal per file, for `#include` in an initialiser list.
# In pieces, since compilers bound the length of one literal.
set(text "")
foreach(source ${SOURCES})
  file(READ ${source} content)
  string(LENGTH "${content}" length)
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${content}" ${at} 8000 piece)
    string(APPEND text "R\"moec(${piece})moec\"\n")
    math(EXPR at "${at} + 8000")
  endwhile()
endforeach()
file(WRITE ${OUTPUT} "${text}")

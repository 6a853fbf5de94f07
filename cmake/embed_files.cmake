# Writes text files as string constants of C++: draw.html as kDrawHtml.
#
#   cmake -D OUTPUT=HEADER -D "FILES=FILE;FILE" -P embed_files.cmake
cmake_minimum_required(VERSION 3.25)

# Compilers need not take longer literals than 65535 bytes, and MSVC takes 16380 in one piece.
set(most 8000)
set(content "#pragma once\n\n#include <string_view>\n\nnamespace mnist {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  string(REGEX MATCHALL "[a-z]+" words "${name}")
  set(constant k)
  foreach(word IN LISTS words)
    string(SUBSTRING "${word}" 0 1 first)
    string(SUBSTRING "${word}" 1 -1 rest)
    string(TOUPPER "${first}" first)
    string(APPEND constant "${first}${rest}")
  endforeach()
  file(READ "${file}" text)
  # A browser hashes lines without carriage returns, which a checkout may add.
  string(REPLACE "\r" "" text "${text}")
  string(FIND "${text}" ")text\"" end)
  if(NOT end EQUAL -1)
    message(FATAL_ERROR "${file} contains the end of the literal, )text\"")
  endif()
  string(APPEND content "\ninline constexpr std::string_view ${constant} =")
  string(LENGTH "${text}" left)
  while(left GREATER most)
    string(SUBSTRING "${text}" 0 ${most} piece)
    string(FIND "${piece}" "\n" size REVERSE)  # at the end of a line, which is no middle of a character
    math(EXPR size "${size} + 1")
    string(SUBSTRING "${text}" 0 ${size} piece)
    string(SUBSTRING "${text}" ${size} -1 text)
    string(APPEND content "\n    R\"text(${piece})text\"")
    string(LENGTH "${text}" left)
  endwhile()
  string(APPEND content "\n    R\"text(${text})text\";\n")
endforeach()
file(WRITE "${OUTPUT}" "${content}\n}  // namespace mnist\n")

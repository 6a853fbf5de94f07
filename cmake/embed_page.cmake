# Gives `target` the private header draw_page_files.hpp: the files of the page in src/serve/page as string constants.
# The target mnist_draw_page_header makes it alone, for tools that read the sources without building them.
function(mnist_draw_page_header target)
  set(header "${PROJECT_BINARY_DIR}/generated/draw_page_files.hpp")
  set(script "${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake")
  set(page "${PROJECT_SOURCE_DIR}/src/serve/page")
  set(files "${page}/draw.html" "${page}/draw.css" "${page}/ask.js" "${page}/answer.js" "${page}/pad.js"
            "${page}/draw.js")
  add_custom_command(OUTPUT "${header}" DEPENDS ${files} "${script}"
                     COMMAND "${CMAKE_COMMAND}" -D "OUTPUT=${header}" -D "FILES=${files}" -P "${script}"
                     COMMENT "" VERBATIM)
  add_custom_target(mnist_draw_page_header DEPENDS "${header}")
  add_dependencies(${target} mnist_draw_page_header)
  target_include_directories(${target} PRIVATE "${PROJECT_BINARY_DIR}/generated")
endfunction()

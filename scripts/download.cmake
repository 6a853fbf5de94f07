# Included by fetch_data.cmake: a download with check, and the error if it fails.

# A mirror that sends nothing for so long is given up, so that a machine without network has its answer in seconds.
set(patience_seconds 10)

# stop(MESSAGE HINT) ends the script with these two lines.
function(stop message hint)
  message(NOTICE "error: ${message}\nhint: ${hint}")
  if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.29)
    cmake_language(EXIT 3)
  endif()
  message(FATAL_ERROR "stopped")
endfunction()

# download(FILE SHA256 URL...) makes FILE have that hash: kept if it has, else fetched from the first URL that delivers
# it. Without a known hash pass "" (a whole download is then all that can be asked for).
function(download file sha256)
  if(EXISTS "${file}" AND sha256)
    file(SHA256 "${file}" found)
    if(found STREQUAL sha256)
      message(STATUS "${file}: already exists, SHA-256 is correct")
      return()
    endif()
    message(STATUS "${file}: damaged or another version, downloading it again")
  endif()
  set(partial "${file}.partial")
  set(failures "")
  foreach(url IN LISTS ARGN)
    message(STATUS "${url}")
    # One byte first: INACTIVITY_TIMEOUT does not count the time to connect, and where a firewall swallows packets that
    # would be minutes.
    file(DOWNLOAD "${url}" RANGE_START 0 RANGE_END 0 TIMEOUT ${patience_seconds} TLS_VERIFY ON STATUS status)
    list(GET status 0 code)
    if(code EQUAL 0)
      file(DOWNLOAD "${url}" "${partial}" SHOW_PROGRESS INACTIVITY_TIMEOUT ${patience_seconds} TLS_VERIFY ON
           STATUS status)
    endif()
    list(POP_FRONT status code reason)
    if(code EQUAL 0)
      file(SHA256 "${partial}" found)
      if(NOT sha256 OR found STREQUAL sha256)
        file(RENAME "${partial}" "${file}")
        message(STATUS "${file}: SHA-256 ${found}")
        return()
      endif()
      set(reason "came with SHA-256 ${found}, expected ${sha256}")
    endif()
    file(REMOVE "${partial}")
    list(JOIN reason " " reason)
    string(APPEND failures "\n  ${url}: ${reason}")
  endforeach()
  stop("no mirror delivered ${file}:${failures}" "check the network, or put the file there yourself")
endfunction()

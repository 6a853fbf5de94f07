# Downloads a data set or ImageNet weights, and checks the files. Written in CMake's script language, because all
# environments of this project have CMake, including Windows.
#
#   cmake -P scripts/fetch_data.cmake -- mnist|fashion-mnist|hymenoptera|NETWORK [--dir DIR]
#
# For folders and checks see scripts/fetch_data --help. On a failure it prints one message and exits with 3; before
# CMake 3.29, which introduced exit codes, with 1.
cmake_minimum_required(VERSION 3.25)

include("${CMAKE_CURRENT_LIST_DIR}/download.cmake")

# The file `stem` of an MNIST-like set in another form than the published one. Not with file(GLOB) or a list: the folder
# may have any name.
function(find_other_form dir name stem result)
  set(${result} "" PARENT_SCOPE)
  string(REPLACE "-idx" ".idx" dotted "${stem}")
  foreach(file IN ITEMS "${name}/raw/${stem}" "${name}/raw/${dotted}" "${name}/raw/${dotted}.gz" "${stem}" "${dotted}"
                        "${stem}.gz" "${dotted}.gz")
    if(EXISTS "${dir}/${file}")
      set(${result} "${dir}/${file}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# The four files of an MNIST-like set into DIR/NAME/raw; hashes in the order of `stems`. A file that is there in another
# form that mnist reads (unpacked, right in DIR) is left as it is: only the published packed ones have a known hash.
function(download_idx dir name mirrors)
  set(stems train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1)
  foreach(stem sha256 IN ZIP_LISTS stems ARGN)
    set(published "${dir}/${name}/raw/${stem}-ubyte.gz")
    find_other_form("${dir}" "${name}" "${stem}-ubyte" other)
    if(other AND NOT EXISTS "${published}")
      message(STATUS "${other}: already there, kept as it is")
      continue()
    endif()
    set(urls ${mirrors})
    list(TRANSFORM urls APPEND "${stem}-ubyte.gz")
    download("${published}" ${sha256} ${urls})
  endforeach()
endfunction()

function(fetch_mnist dir)
  set(mirrors https://ossci-datasets.s3.amazonaws.com/mnist/ https://storage.googleapis.com/cvdf-datasets/mnist/)
  download_idx("${dir}" MNIST "${mirrors}"
               440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
               3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c
               8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6
               f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6)
endfunction()

function(fetch_fashion_mnist dir)
  # Its publisher serves it without TLS; the hashes below are what makes it safe.
  set(mirrors http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/)
  download_idx("${dir}" FashionMNIST "${mirrors}"
               3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84
               a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845
               346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073
               67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5)
endfunction()

# The files of published weights, as the table of networks (src/model/registry.cpp) names them. The digits in a name are
# the first 32 bits of the file's SHA-256; the whole one, if it is known, is <name>_sha256.
set(resnet18_sha256 f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec)
set(weights resnet18-f37072fd.pth resnet34-b627a593.pth resnet50-0676ba61.pth mobilenet_v3_small-047dcff4.pth)
set(weights_names "")
foreach(file IN LISTS weights)
  string(REGEX REPLACE "-.*" "" name ${file})
  list(APPEND weights_names ${name})
endforeach()

# Whether a file has the SHA-256 `whole`; if that is empty, the first bits that its name gives.
function(has_its_hash path whole result)
  set(wanted "${whole}")
  if(NOT wanted)
    string(REGEX REPLACE ".*-([0-9a-f]+)\\.pth" "\\1" wanted "${path}")
  endif()
  set(${result} FALSE PARENT_SCOPE)
  if(EXISTS "${path}")
    file(SHA256 "${path}" sha256)
    string(FIND ${sha256} ${wanted} position)
    if(position EQUAL 0)
      set(${result} TRUE PARENT_SCOPE)
    endif()
  endif()
endfunction()

function(fetch_weights dir name)
  list(FIND weights_names ${name} index)
  list(GET weights ${index} file)
  set(path "${dir}/weights/${file}")
  has_its_hash("${path}" "${${name}_sha256}" good)
  if(good)
    message(STATUS "${path}: already there")
    return()
  endif()
  if(NOT ${name}_sha256)
    message(STATUS "${file}: only the first 32 bits of its SHA-256 are known, and checked")
  endif()
  download("${path}" "${${name}_sha256}" https://download.pytorch.org/models/${file})
  has_its_hash("${path}" "${${name}_sha256}" good)
  if(NOT good)
    file(REMOVE "${path}")
    stop("${path} came with another SHA-256 than its name has" "try again; what came is removed")
  endif()
endfunction()

# The number of pictures that a folder of class folders holds, by the endings that training accepts.
function(count_pictures folder result)
  string(REPLACE "[" "[[]" pattern "${folder}")  # which the folder's name may have
  file(GLOB pictures RELATIVE "${folder}" "${pattern}/*/*.jpg" "${pattern}/*/*.jpeg")
  list(LENGTH pictures count)
  set(${result} ${count} PARENT_SCOPE)
endfunction()

function(fetch_hymenoptera dir)
  set(target "${dir}/hymenoptera_data")
  count_pictures("${target}/train" train)
  count_pictures("${target}/val" val)
  if(train EQUAL 244 AND val EQUAL 153)
    message(STATUS "${target}: already there, 244 + 153 pictures")
    return()
  endif()
  if(EXISTS "${target}")
    stop("${target} has ${train} + ${val} pictures, the data set has 244 + 153" "move it away and run this again")
  endif()
  # No hash of the archive is published: it comes over TLS from its publisher, and what it holds is counted.
  set(unpacked "${dir}/hymenoptera_data.partial")
  set(archive "${dir}/hymenoptera_data.zip")
  download("${archive}" "" https://download.pytorch.org/tutorial/hymenoptera_data.zip)
  file(REMOVE_RECURSE "${unpacked}")
  file(ARCHIVE_EXTRACT INPUT "${archive}" DESTINATION "${unpacked}")
  file(REMOVE "${archive}")
  count_pictures("${unpacked}/hymenoptera_data/train" train)
  count_pictures("${unpacked}/hymenoptera_data/val" val)
  if(NOT train EQUAL 244 OR NOT val EQUAL 153)
    file(REMOVE_RECURSE "${unpacked}")
    stop("the archive held ${train} + ${val} pictures, the data set has 244 + 153"
         "try again; if it stays so, the publisher has changed the data set")
  endif()
  file(RENAME "${unpacked}/hymenoptera_data" "${target}")
  file(REMOVE_RECURSE "${unpacked}")
  message(STATUS "${target}: 244 + 153 pictures")
endfunction()

# The arguments after `--`: NAME [--dir DIR]. Not as a list, which a semicolon in the name of a folder would split.
set(dir "$ENV{MNIST_DATA_DIR}")
set(what "")
set(place "before")
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(index RANGE ${last})
  set(argument "${CMAKE_ARGV${index}}")
  if(place STREQUAL "before")
    if(argument STREQUAL "--")
      set(place "name")
    endif()
  elseif(place STREQUAL "folder")
    set(dir "${argument}")
    set(place "name")
  elseif(argument STREQUAL "--dir")
    set(place "folder")
  else()
    string(APPEND what "${argument}")
  endif()
endforeach()
if(dir STREQUAL "")
  set(dir data)
endif()
file(REAL_PATH "${dir}" dir)

if(what STREQUAL "mnist")
  fetch_mnist("${dir}")
elseif(what STREQUAL "fashion-mnist")
  fetch_fashion_mnist("${dir}")
elseif(what STREQUAL "hymenoptera")
  fetch_hymenoptera("${dir}")
elseif(what IN_LIST weights_names)
  fetch_weights("${dir}" ${what})
else()
  list(JOIN weights_names ", " known)
  stop("unknown data set '${what}'" "known: mnist, fashion-mnist, hymenoptera, ${known}")
endif()

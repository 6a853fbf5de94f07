// Before each unit in the check of the syntax for Windows (scripts/elsewhere/windows): what LibTorch's headers for Linux
// expect of glibc, and __declspec, by which they would import functions.
#pragma once

extern "C" void __assert_fail(const char*, const char*, unsigned, const char*);

#include <cstddef>
#include <windows.h>
#undef __declspec
#define __declspec(x)
